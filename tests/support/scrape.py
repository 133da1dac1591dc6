"""Reads a service's page for Prometheus, and collects its spans, as the real ones would."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

_direct = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Scrape:
    """The samples of one page."""

    samples: tuple[tuple[str, dict[str, str], float], ...]

    def get(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that have these labels; 0 without any."""
        return sum(
            value
            for sample, found, value in self.samples
            if sample == name and labels.items() <= found.items()
        )

    def has(self, name: str) -> bool:
        return any(sample == name for sample, _, _ in self.samples)


def get(url: str) -> tuple[int, str]:
    """Status and body of a GET."""
    try:
        with _direct.open(url, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def scrape(url: str) -> Scrape:
    status, text = get(url)
    assert status == 200, text
    return Scrape(
        tuple(
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )
    )


async def scrape_port(port: int) -> Scrape:
    """Of a service in this process: not on its own loop."""
    return await asyncio.to_thread(scrape, f"http://127.0.0.1:{port}/metrics")


@dataclass(frozen=True)
class Seen:
    """A span that arrived.

    Attributes:
        service: Who made it.
        name: What it measured.
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        parent_id: The same of its parent; empty for none.
        attributes: As text.
        failed: Whether its status is an error.
    """

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str] = field(default_factory=dict)
    failed: bool = False


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """An OpenTelemetry collector: takes spans by OTLP over gRPC and keeps them."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.raw: list[bytes] = []
        self.endpoint = ""

    def Export(self, request, _context):  # noqa: N802
        self.raw.append(request.SerializeToString())
        for resource in request.resource_spans:
            about = _texts(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans += [
                    Seen(
                        service=about["service.name"],
                        name=span.name,
                        trace_id=span.trace_id.hex(),
                        span_id=span.span_id.hex(),
                        parent_id=span.parent_span_id.hex(),
                        attributes=_texts(span.attributes),
                        failed=span.status.code == 2,
                    )
                    for span in scope.spans
                ]
        return trace_service_pb2.ExportTraceServiceResponse()

    def of_trace(self, trace_id: str) -> list[Seen]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def by_id(self, span_id: str) -> Seen | None:
        return next((span for span in self.spans if span.span_id == span_id), None)


def _texts(attributes) -> dict[str, str]:
    texts = {}
    for item in attributes:
        kind = item.value.WhichOneof("value")
        texts[item.key] = str(getattr(item.value, kind)) if kind else ""
    return texts


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port, in threads of its own."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2), options=(("grpc.so_reuseport", 0),))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    collector.endpoint = f"http://127.0.0.1:{port}"
    try:
        yield collector
    finally:
        server.stop(1).wait()
