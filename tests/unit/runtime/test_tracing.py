"""Spans: whose child they are, what they say, and that they cost nothing when nobody asked."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import use_span

from beatstitch.v1 import failure_pb2
from beatstitch_core import spans
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime import tracing
from beatstitch_runtime.rpc.channel import outgoing_metadata
from beatstitch_runtime.traceparent import checked, trace_id, traceparent

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"
SECRET = "holiday with Anna.mp4"


@pytest.fixture
def exported():
    exporter = InMemorySpanExporter()
    tracing.export_to(exporter, "test")

    def finished():
        tracing.flush()
        return {span.name: span for span in exporter.get_finished_spans()}

    yield finished
    tracing.shutdown()


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (CALLER, True),
        (CALLER.replace("00-", "ff-", 1), False),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (CALLER.upper(), False),
        (CALLER + "-more", False),
        ("", False),
        (None, False),
        (b"bytes", False),
    ],
)
def test_contexts_are_looked_at(text, good):
    assert checked(text) == (text if good else "")


def test_without_a_tracer_the_callers_context_is_carried_on():
    with tracing.span("a", parent=CALLER) as span:
        span.note(beatstitch__job_id="j")
        with tracing.span("b"), spans.span("c"):
            assert traceparent() == CALLER
            assert ("traceparent", CALLER) in outgoing_metadata()
    assert traceparent() == ""
    assert [key for key, _ in outgoing_metadata()] == ["x-request-id"]


def test_without_a_collector_the_sdk_is_not_loaded():
    code = (
        "import sys, beatstitch_runtime.service, beatstitch_runtime.jobs.worker\n"
        "from beatstitch_runtime import tracing\n"
        "from beatstitch_runtime.settings import ServiceSettings\n"
        "tracing.configure(ServiceSettings(), 'x')\n"
        "with tracing.span('a'): pass\n"
        "assert not [m for m in sys.modules if m.startswith('opentelemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_children_of_children(exported):
    with tracing.span("call", kind="server", parent=CALLER):
        context = traceparent()
        assert trace_id(context) == TRACE
        assert context != CALLER
    with tracing.span("job", kind="consumer", parent=context), spans.span("child ffmpeg"):
        pass
    found = exported()
    assert {f"{span.context.trace_id:032x}" for span in found.values()} == {TRACE}
    assert f"{found['call'].parent.span_id:016x}" == "b7ad6b7169203331"
    assert found["job"].parent.span_id == found["call"].context.span_id
    assert found["child ffmpeg"].parent.span_id == found["job"].context.span_id


def test_a_call_without_a_context_begins_a_trace(exported):
    with tracing.span("a", parent="nonsense"):
        assert checked(traceparent())
    assert exported()["a"].parent is None


def test_whatever_span_a_library_has_open_is_not_ours(exported):
    theirs = TracerProvider(shutdown_on_exit=False).get_tracer("x").start_span("theirs")
    with use_span(theirs), tracing.span("a", parent=""):
        pass
    assert exported()["a"].parent is None


def test_what_the_caller_does_not_keep_is_not_kept(exported):
    with tracing.span("a", parent=CALLER[:-2] + "00"):
        assert traceparent().endswith("-00")
        assert trace_id(traceparent()) == TRACE
    assert exported() == {}


async def test_tasks_side_by_side_keep_their_own(exported):
    async def one(name):
        with tracing.span(name, parent=""):
            await asyncio.sleep(0)
            with tracing.span(f"in {name}"):
                await asyncio.sleep(0)

    await asyncio.gather(*(one(str(n)) for n in range(10)))
    found = exported()
    for n in range(10):
        assert found[f"in {n}"].parent.span_id == found[str(n)].context.span_id


def test_a_failure_says_its_reason_and_not_its_message(exported):
    error = BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, f"{SECRET} is broken")
    with pytest.raises(BeatStitchError), tracing.span("known"):
        raise error
    with pytest.raises(KeyError), tracing.span("unknown"):
        raise KeyError(SECRET)
    found = exported()
    assert found["known"].attributes["error.type"] == "INPUT_CORRUPT"
    assert found["unknown"].attributes["error.type"] == "KeyError"
    for span in found.values():
        assert not span.status.is_ok
        assert not span.events
        assert SECRET not in span.to_json()


async def test_a_cancelled_block_is_no_failure(exported):
    with pytest.raises(asyncio.CancelledError), tracing.span("a"):
        raise asyncio.CancelledError
    assert exported()["a"].status.is_unset


@pytest.mark.parametrize("name", ["filename", "url__full", "beatstitch__object_key"])
def test_other_attributes_are_refused_even_without_a_tracer(name):
    with tracing.span("a") as span, pytest.raises(ValueError, match="not an attribute"):
        span.note(**{name: "x"})
