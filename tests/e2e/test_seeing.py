"""The whole system watched: pages of all services, and traces through all processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import use_span
from support.scrape import Collector, collecting, get, scrape

from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client
from beatstitch_samples import compose, write_photo
from beatstitch_stack import System

SETTINGS = TimelineSettings(
    beats_per_cut=2,
    output=OutputFormat(width=320, height=180),
)
SECRET = "holiday-with-anna"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def watched(tmp_path_factory, collector) -> Iterator[System]:
    """A system of its own: that of the session has no collector."""
    env = {"BEATSTITCH_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with asyncio.Runner() as runner:
        block = System.start(tmp_path_factory.mktemp("watched"), durable=False, env=env)
        running = runner.run(block.__aenter__())
        try:
            yield running
        finally:
            runner.run(block.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def stitched(watched, media_dir):
    """A stitch whose client traces; its job, and the id of the trace."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with Client(watched.gateway_address, watched.api_key) as client:
        project = client.create_project("watched")
        with use_span(tracer.start_span("the client's own")) as span:
            trace_id = f"{span.get_span_context().trace_id:032x}"
            client.upload(project.id, compose(bars=8).write(media_dir / f"{SECRET}.wav"))
            picture = write_photo(media_dir / f"{SECRET}.jpg", "ocean", size=(640, 360))
            client.upload(project.id, picture)
            job = client.wait_job(client.stitch(project.id, SETTINGS).id)
    return job, trace_id


@pytest.mark.slow
def test_every_service_tells_its_part(watched, stitched):
    job, _trace_id = stitched
    pages = {name: scrape(service.metrics_url) for name, service in watched.services.items()}
    gateway, renderer = pages["gateway-0"], pages["renderer-0"]
    ended = "beatstitch_jobs_ended_total"
    for kind in ("beat_analysis", "thumbnail_gen", "timeline_build", "stitch"):
        assert gateway.get(ended, type=kind, state="succeeded") == 1, kind
    assert gateway.get(ended) == 5  # and one render
    assert gateway.get("beatstitch_queue_depth") == 0
    assert gateway.get("beatstitch_jobs_unfinished") == 0
    assert pages["analyzer-0"].get("beatstitch_analysis_speed_ratio_count") == 1
    render = job.stitch.render
    assert renderer.get("beatstitch_render_frames_total") == render.frame_count > 0
    chunks = "beatstitch_render_chunks_total"
    assert renderer.get(chunks, result="missing") == render.chunks_rendered
    assert renderer.get(chunks, result="found") == render.chunks_cached == 0
    error = "beatstitch_render_worst_cut_error_frames"
    assert renderer.get(f"{error}_count") == renderer.get(f"{error}_bucket", le="0.0") == 1
    apart = renderer.get("beatstitch_render_worst_sync_error_seconds_sum")
    assert 0 <= apart <= 0.5 / 24
    for name, page in pages.items():
        assert page.get("process_cpu_seconds_total") > 0
        assert page.get("beatstitch_jobs_running") == 0
        assert page.get("beatstitch_rpc_handled_total", grpc_code="INTERNAL") == 0
        if name != "gateway-0":
            runs = "beatstitch_job_runs_total"
            assert page.get(runs) == page.get(runs, outcome="succeeded") > 0, name
            assert page.get("beatstitch_storage_call_seconds_count") > 0
        for path in ("livez", "readyz"):
            base = watched.services[name].metrics_url.removesuffix("metrics")
            assert get(base + path)[0] == 200


@pytest.mark.slow
def test_log_lines_of_all_services_name_the_job_and_its_trace(watched, stitched):
    _job, trace_id = stitched
    for name, service in watched.services.items():
        lines = [json.loads(line) for line in service.log_path.read_text().splitlines()]
        traced = [line for line in lines if line.get("trace_id") == trace_id]
        assert traced, name
        if name == "gateway-0":
            assert all(line["tenant"] == "default" for line in traced)
            assert all("request_id" in line or "job_id" in line for line in traced)
            continue
        for line in traced:
            if "job_id" in line:
                assert line["tenant"] == "default"
                assert {"request_id", "project_id"} <= set(line)
        assert any("job_id" in line for line in traced), name


@pytest.mark.slow
def test_one_trace_goes_through_every_process(watched, stitched, collector):
    _job, trace_id = stitched
    for service in watched.services.values():
        service.stop()  # sends what it still holds
    spans = collector.of_trace(trace_id)
    by_id = {span.span_id: span for span in spans}

    def above(span):
        while span is not None:
            yield span.service.removeprefix("beatstitch-"), span.name
            span = by_id.get(span.parent_id)

    chains = {tuple(above(span)) for span in spans}
    upload = ("gateway", "beatstitch.v1.AssetService/CompleteUpload")
    stitch = ("gateway", "beatstitch.v1.StitchService/Stitch")
    assert (("analyzer", "child track_child"), ("analyzer", "job beat_analysis"), upload) in chains
    assert (("gateway", "event"), ("analyzer", "job beat_analysis"), upload) in chains
    assert any(chain[-1] == stitch for chain in chains)
    kinds = {(chain[0], chain[1]) for chain in chains if len(chain) > 1}
    chunk = ("renderer", "job render_chunk")
    assert (("renderer", "child chunk_child"), chunk) in kinds
    assert any(one == chunk and other[1].startswith("job render_") for one, other in kinds)
    assert not any(SECRET.encode() in raw for raw in collector.raw)
    assert not any(b"X-Amz" in raw or b"/chunk/" in raw for raw in collector.raw)
