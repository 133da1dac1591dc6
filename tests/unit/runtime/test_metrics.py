"""What is counted, and how it is declared."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.render_pb2 import SyncReport
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.metrics import analysis, calls, jobs, rendering
from beatstitch_runtime.metrics.declare import REGISTRY, declared
from beatstitch_runtime.metrics.observers import Observers
from beatstitch_runtime.metrics.storage import measured, measured_parts
from beatstitch_runtime.settings import ServiceSettings

CHUNK, BATCH = job_pb2.JOB_TYPE_RENDER_CHUNK, job_pb2.JOB_LANE_BATCH


class Change:
    """How much a sample grows inside the block."""

    def __init__(self, name, **labels):
        self.name, self.labels = name, labels

    def __enter__(self):
        self.before = self._now()
        return self

    def __exit__(self, *_):
        self.by = self._now() - self.before

    def _now(self):
        return REGISTRY.get_sample_value(self.name, self.labels) or 0.0


def test_names_say_what_they_are():
    for metric in declared():
        assert metric.name.startswith("beatstitch_")
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert metric.help.endswith(".")


def test_labels_are_never_ids():
    for metric in declared():
        assert not any(label.endswith(("id", "_name", "key")) for label in metric.labels), metric


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_is_counted_once_and_closed(stream):
    labels = {"grpc_service": "a.B", "grpc_method": f"C{stream}"}
    count = Change("beatstitch_rpc_handled_total", **labels, grpc_code="OK")
    timed = Change("beatstitch_rpc_duration_seconds_count", **labels, grpc_code="OK")
    with count, timed:
        call = calls.Call(f"/a.B/C{stream}", stream=stream)
        assert REGISTRY.get_sample_value("beatstitch_rpc_in_flight", labels) == 1
        call.end("OK")
    assert count.by == 1
    assert timed.by == (0 if stream else 1)
    assert REGISTRY.get_sample_value("beatstitch_rpc_in_flight", labels) == 0


def test_only_a_first_hand_out_is_a_wait_and_none_is_below_nothing():
    labels = {"type": "render_chunk", "lane": "batch"}
    count = Change("beatstitch_job_wait_seconds_count", **labels)
    total = Change("beatstitch_job_wait_seconds_sum", **labels)
    again = Change("beatstitch_job_redeliveries_total", **labels)
    later = datetime.now(UTC) + timedelta(seconds=5)  # the server's clock goes before ours
    with count, total, again:
        jobs.taken(CHUNK, BATCH, 1, later)
        jobs.taken(CHUNK, BATCH, 2, later - timedelta(hours=1))
        jobs.left(CHUNK, BATCH, "succeeded", 0.1)
        jobs.left(CHUNK, BATCH, "succeeded", 0.1)
    assert (count.by, total.by, again.by) == (1, 0, 1)


def test_counters_of_alerts_exist_before_their_first_event():
    jobs.opened(CHUNK, BATCH, 2)
    jobs.opened(CHUNK, BATCH, -2)
    found = REGISTRY.get_sample_value(
        "beatstitch_job_failures_total", {"type": "render_chunk", "reason": "INTERNAL"}
    )
    assert found is not None
    assert REGISTRY.get_sample_value("beatstitch_render_worst_cut_error_frames_count") is not None


def test_a_cut_off_its_frame_is_not_in_the_lowest_bucket():
    right = Change("beatstitch_render_worst_cut_error_frames_bucket", le="0.0")
    every = Change("beatstitch_render_worst_cut_error_frames_count")
    apart = Change("beatstitch_render_worst_sync_error_seconds_sum")
    with right, every, apart:
        rendering.verified(SyncReport(worst_quantisation_us=16_000))
        rendering.verified(SyncReport(worst_cut_error_frames=1))
    assert (right.by, every.by) == (1, 2)
    assert apart.by == pytest.approx(0.016)


def test_speeds():
    frames = Change("beatstitch_render_frames_total")
    speed = Change("beatstitch_render_speed_frames_per_second_sum")
    song = Change("beatstitch_analysis_audio_seconds_total", backend="flux")
    ratio = Change("beatstitch_analysis_speed_ratio_sum", backend="flux")
    with frames, speed, song, ratio:
        rendering.rendered(60, 2.0)
        analysis.analysed("flux", 30_000_000, 0.5)
    assert (frames.by, speed.by, song.by, ratio.by) == (60, 30, 30, 60)


def storage_error():
    return BeatStitchError(failure_pb2.ERROR_REASON_DEPENDENCY_DOWN, "away")


def missing():
    return BeatStitchError(failure_pb2.ERROR_REASON_OBJECT_MISSING, "not there")


@pytest.mark.parametrize(
    ("raised", "timed", "failed"),
    [(None, 1, 0), (storage_error(), 1, 1), (missing(), 1, 0), (asyncio.CancelledError(), 0, 0)],
    ids=["well", "away", "missing", "cancelled"],
)
@pytest.mark.parametrize("parts", [False, True])
async def test_calls_of_the_storage(raised, timed, failed, parts):
    @measured("test")
    async def whole():
        if raised is not None:
            raise raised
        return b"x"

    @measured_parts("test")
    async def pieces():
        if raised is not None:
            raise raised
        yield b"x"
        yield b"y"

    async def run():
        return [part async for part in pieces()] if parts else await whole()

    count = Change("beatstitch_storage_call_seconds_count", operation="test")
    failures = Change(
        "beatstitch_storage_failures_total", operation="test", reason="DEPENDENCY_DOWN"
    )
    answers = Change("beatstitch_storage_failures_total", operation="test", reason="OBJECT_MISSING")
    with count, failures, answers:
        if raised is None:
            assert await run() == ([b"x", b"y"] if parts else b"x")
        else:
            with pytest.raises(type(raised)):
                await run()
    assert (count.by, failures.by, answers.by) == (timed, failed, 0)


async def test_a_stream_that_is_left_early_is_closed_and_counted_once():
    closed = []

    @measured_parts("left")
    async def pieces():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    with Change("beatstitch_storage_call_seconds_count", operation="left") as count:
        source = pieces()
        assert await anext(source) == 1
        await source.aclose()
    assert closed
    assert count.by == 1


class Asked:
    def __init__(self, error=None):
        self.name, self.error = "test", error
        self.times = self.forgotten = 0

    async def refresh(self):
        self.times += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error

    def forget(self):
        self.forgotten += 1


async def test_observers_are_asked_once_for_many():
    asked = Asked()
    observers = Observers([asked], pause_s=60)
    await asyncio.gather(*(observers.refresh() for _ in range(5)))
    assert asked.times == 1


async def test_an_observer_that_fails_takes_its_numbers_back_and_nobody_elses():
    well, ill = Asked(), Asked(OSError("away"))
    with Change("beatstitch_observer_failures_total", observer="test") as failures:
        await Observers([ill, well]).refresh()
    assert (well.times, well.forgotten, ill.forgotten, failures.by) == (1, 0, 1, 1)


def test_an_empty_port_is_none(monkeypatch):
    monkeypatch.setenv("BEATSTITCH_METRICS_PORT", "")
    assert ServiceSettings().metrics_port == 0
