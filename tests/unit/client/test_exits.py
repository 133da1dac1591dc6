"""Exit codes and the words that go with them."""

from __future__ import annotations

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch.v1.job_pb2 import Job
from beatstitch_client.cli import exits
from beatstitch_client.connection import worth_retrying
from beatstitch_client.errors import (
    DETAILS_KEY,
    JobCancelledError,
    JobFailedError,
    ServerUnreachableError,
    raise_for_end,
    translate,
)
from beatstitch_core.error_details import status_of
from beatstitch_core.errors import REASONS, BeatStitchError

R = failure_pb2


def failed(reason, origin) -> JobFailedError:
    job = Job(id="j", state=job_pb2.JOB_STATE_FAILED)
    job.failure.reason, job.failure.origin, job.failure.message = reason, origin, "song.mp3: bad"
    return JobFailedError(job)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (exits.UsageError("no"), 2),
        (FileNotFoundError("x"), 2),
        (exits.UnavailableError("no stack"), 3),
        (ServerUnreachableError("refused"), 3),
        (BeatStitchError(R.ERROR_REASON_DRAINING, "bye"), 3),
        (BeatStitchError(R.ERROR_REASON_DEPENDENCY_DOWN, "no database"), 3),
        (BeatStitchError(R.ERROR_REASON_FIELD_INVALID, "bad"), 2),
        (BeatStitchError(R.ERROR_REASON_UNAUTHENTICATED, "who?"), 2),
        (BeatStitchError(R.ERROR_REASON_INTERNAL, "oops"), 1),
        (failed(R.ERROR_REASON_INPUT_CORRUPT, R.FAILURE_ORIGIN_USER), 2),
        (failed(R.ERROR_REASON_FFMPEG_FAILED, R.FAILURE_ORIGIN_SYSTEM), 1),
        (failed(R.ERROR_REASON_WORKER_LOST, R.FAILURE_ORIGIN_SYSTEM), 1),
        (JobCancelledError(Job(id="j")), 1),
        (TimeoutError(), 1),
        (ValueError("bug"), 1),
    ],
)
def test_exit_codes(error: Exception, code: int):
    assert exits.code_of(error) == code


def test_every_reason_has_words_and_a_code():
    for reason in REASONS:
        error = BeatStitchError(reason, "message")
        assert "message" in exits.explain(error)
        assert exits.code_of(error) in {1, 2, 3}


def test_wrong_fields_are_named_one_by_one():
    violations = [FieldViolation(field=f"f{i}", description=f"d{i}") for i in range(2)]
    text = exits.explain(
        BeatStitchError(R.ERROR_REASON_FIELD_INVALID, "all", violations=violations)
    )
    assert text.splitlines()[1:] == ["  f0: d0", "  f1: d1"]


def test_a_failed_child_has_its_last_word():
    error = BeatStitchError(R.ERROR_REASON_FFMPEG_FAILED, "failed", stderr_tail="a\nb: bad\n")
    assert "last words: b: bad" in exits.explain(error)


def test_a_missing_file_is_named():
    assert exits.explain(FileNotFoundError("song.mp3")) == "no such file: song.mp3"
    error = FileNotFoundError(2, "No such file or directory", "song.mp3")
    assert exits.explain(error) == "no such file: song.mp3"


def rpc_error(code: grpc.StatusCode, details: str, packed: bytes | None = None) -> AioRpcError:
    trailing = Metadata() if packed is None else Metadata((DETAILS_KEY, packed))
    return AioRpcError(code, Metadata(), trailing, details)


def test_an_error_comes_through_whole():
    sent = BeatStitchError(
        R.ERROR_REASON_EDL_HASH_MISMATCH,
        "stale",
        metadata={"provided": "a", "current": "b"},
        retry_after_s=1.5,
    )
    packed = status_of(sent).SerializeToString()
    got = translate(rpc_error(grpc.StatusCode.ABORTED, "stale", packed))
    assert (got.reason, got.message, got.metadata) == (sent.reason, "stale", sent.metadata)
    assert got.retry_after_s == 1.5


def test_errors_that_are_not_ours():
    got = translate(rpc_error(grpc.StatusCode.UNAVAILABLE, "connection refused"))
    assert isinstance(got, ServerUnreachableError)
    # grpc/grpc#36066: the server's status was lost, so the call is made again to hear it.
    got = translate(rpc_error(grpc.StatusCode.INTERNAL, "Internal error from Core"))
    assert isinstance(got, ServerUnreachableError)
    got = translate(rpc_error(grpc.StatusCode.UNAUTHENTICATED, "proxy says no"))
    assert got.reason == R.ERROR_REASON_UNAUTHENTICATED
    got = translate(rpc_error(grpc.StatusCode.DATA_LOSS, "?", b"\xff\xff garbage"))
    assert got.reason == R.ERROR_REASON_INTERNAL


def test_what_is_tried_again():
    assert worth_retrying(ServerUnreachableError("x"))
    assert worth_retrying(BeatStitchError(R.ERROR_REASON_QUEUE_FULL, "x"))
    assert not worth_retrying(BeatStitchError(R.ERROR_REASON_INTERNAL, "x"))
    assert not worth_retrying(BeatStitchError(R.ERROR_REASON_QUOTA_EXCEEDED, "x"))


def test_a_jobs_end():
    raise_for_end(Job(state=job_pb2.JOB_STATE_SUCCEEDED))
    raise_for_end(Job(state=job_pb2.JOB_STATE_RUNNING))
    with pytest.raises(JobCancelledError):
        raise_for_end(Job(state=job_pb2.JOB_STATE_CANCELLED))
    with pytest.raises(JobFailedError) as caught:
        raise_for_end(Job(state=job_pb2.JOB_STATE_FAILED))
    assert caught.value.reason == R.ERROR_REASON_INTERNAL
