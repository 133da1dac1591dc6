"""Whether a failed job is tried again."""

from __future__ import annotations

import errno

import pytest

from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch_core.errors import REASONS, BeatStitchError
from beatstitch_runtime.jobs.outcome import (
    GiveUp,
    Retry,
    as_error,
    decide,
    deliveries_allowed,
    lost_error,
    timeout_error,
)

CORRUPT = BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, "")
PASSING = BeatStitchError(failure_pb2.ERROR_REASON_FFMPEG_FAILED, "")
BUG = BeatStitchError(failure_pb2.ERROR_REASON_INTERNAL, "")


def verdict(error, delivery, **options):
    return decide(error, delivery, **{"max_deliver": 5, "base_s": 2.0, "max_s": 60.0, **options})


@pytest.mark.parametrize(
    ("error", "delivery", "kind"),
    [
        (CORRUPT, 1, GiveUp),
        (BUG, 1, Retry),
        (BUG, 2, GiveUp),
        (PASSING, 1, Retry),
        (PASSING, 4, Retry),
        (PASSING, 5, GiveUp),
        (PASSING, 6, GiveUp),
    ],
)
def test_deliveries(error, delivery, kind):
    assert isinstance(verdict(error, delivery), kind)


@pytest.mark.parametrize("reason", REASONS, ids=failure_pb2.ErrorReason.Name)
def test_every_reason_is_given_up_in_the_end(reason):
    error = BeatStitchError(reason, "")
    assert 1 <= deliveries_allowed(error, 5) <= 5
    assert verdict(error, 5) == GiveUp(error)
    assert verdict(error, 1, max_deliver=1) == GiveUp(error)


def test_pauses_double_up_to_the_longest():
    for delivery, middle in ((1, 2), (2, 4), (3, 8), (4, 16)):
        for _ in range(50):
            assert 0.75 * middle <= verdict(PASSING, delivery).delay_s <= 1.25 * middle
    assert verdict(PASSING, 4, max_s=3.0).delay_s <= 3.75


def test_a_pause_that_the_error_asks_for():
    error = BeatStitchError(failure_pb2.ERROR_REASON_DEPENDENCY_DOWN, "", retry_after_s=10)
    assert 7.5 <= verdict(error, 1).delay_s <= 12.5


def test_timeouts_are_named_by_the_job():
    error = timeout_error(job_pb2.JOB_TYPE_RENDER_CHUNK, 120)
    assert error.reason == failure_pb2.ERROR_REASON_RENDER_TIMEOUT
    assert error.message == "took longer than 120 s"
    assert lost_error(5).reason == failure_pb2.ERROR_REASON_WORKER_LOST


def test_any_exception_becomes_an_error():
    assert as_error(CORRUPT) is CORRUPT
    assert as_error(OSError(errno.ENOSPC, "")).reason == failure_pb2.ERROR_REASON_DISK_FULL
    assert as_error(MemoryError()).reason == failure_pb2.ERROR_REASON_OUT_OF_MEMORY
    unforeseen = as_error(OSError(errno.EIO, "/secret/path"))
    assert unforeseen.reason == failure_pb2.ERROR_REASON_INTERNAL
    assert "secret" not in unforeseen.message
    assert unforeseen.metadata["error_id"]
