"""OpenTelemetry spans: calls, jobs, child processes; sent to a collector when one is named.

Without BEATSTITCH_OTLP_ENDPOINT the SDK isn't even imported; contexts that clients send are carried
on all the same, so their own traces hold together. Attributes are numbers, ids of ours and names
out of our code: no key of an object, no link, no name that a client gave to a file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final

from beatstitch_core import spans
from beatstitch_core.errors import BeatStitchError, reason_name
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.traceparent import checked, traceparent, within

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan

# All that a span may say: anything else is a mistake, found by the first test that runs it.
ATTRIBUTES: Final = frozenset(
    {
        "rpc.system",
        "rpc.service",
        "rpc.method",
        "rpc.grpc.status_code",
        "error.type",
        "messaging.system",
        "messaging.message.delivery",
        "beatstitch.request_id",
        "beatstitch.tenant",
        "beatstitch.project_id",
        "beatstitch.job_id",
        "beatstitch.job_type",
        "beatstitch.job_lane",
        "beatstitch.job_outcome",
        "beatstitch.event",
    }
)
_NAMES: Final = {name.replace(".", "__"): name for name in ATTRIBUTES}
EXPORT_TIMEOUT_S: Final = 5.0

_provider: TracerProvider | None = None


class Span:
    """A span being measured; without a tracer it forgets what it is told."""

    __slots__ = ("_span", "settled")

    def __init__(self, span: OtelSpan | None = None) -> None:
        self._span = span
        # Whether it is said how it ended, so that an exception on its way out says nothing more.
        self.settled = False

    def note(self, **attributes: str | int) -> None:
        """Add attributes; "__" in a name stands for ".".

        Raises:
            ValueError: It isn't one of `ATTRIBUTES`.
        """
        for key, value in attributes.items():
            name = _NAMES.get(key)
            if name is None:
                raise ValueError(f"not an attribute that a span may have: {key}")
            if self._span is not None:
                self._span.set_attribute(name, value)

    def fail(self, kind: str) -> None:
        """What is measured failed, for a reason of this name."""
        self.settled = True
        self.note(error__type=kind)
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - only with a tracer

            self._span.set_status(Status(StatusCode.ERROR, kind))


@contextmanager
def span(name: str, *, kind: str = "internal", parent: str | None = None) -> Iterator[Span]:
    """Measure a block.

    Args:
        name: What is done: one of few, no ids in it.
        kind: "internal", "server", "client", "producer" or "consumer".
        parent: The trace context it was asked for in; when None, that of the block around it.
    """
    context = traceparent() if parent is None else checked(parent)
    if _provider is None:
        with within(context):
            yield Span()
        return
    measured = _start(_provider, name, kind, context)
    with within(_text_of(measured)):
        handle = Span(measured)
        try:
            yield handle
        except asyncio.CancelledError:
            if not handle.settled:
                handle.note(error__type="cancelled")
            raise
        except GeneratorExit:
            raise
        except BaseException as error:
            # Messages may hold names of files: the reason says enough.
            if not handle.settled:
                handle.fail(_kind_of(error))
            raise
        finally:
            measured.end()


def configure(settings: ServiceSettings, service: str) -> None:
    """Begin to trace, if the settings name a collector.

    Args:
        settings: Where the collector is.
        service: How traces call this process: "gateway".
    """
    if not settings.otlp_endpoint:
        return
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - heavy
        OTLPSpanExporter,
    )

    exporter = OTLPSpanExporter(
        endpoint=settings.otlp_endpoint,
        insecure=not settings.otlp_endpoint.startswith("https://"),
        timeout=EXPORT_TIMEOUT_S,
    )
    export_to(exporter, service, instance=settings.worker_name, ratio=settings.otlp_sample_ratio)


def export_to(
    exporter: SpanExporter, service: str, *, instance: str = "", ratio: float = 1.0
) -> None:
    """Begin to trace, and hand finished spans to the exporter.

    Args:
        exporter: Who sends them on, from a thread of its own.
        service: How traces call this process.
        instance: Which of its replicas it is.
        ratio: Share of traces begun here that are kept; those begun elsewhere say it themselves.
    """
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - heavy, only with a tracer
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415

    global _provider  # noqa: PLW0603 - one process, one tracer
    about = {
        "service.name": f"beatstitch-{service}",
        "service.namespace": "beatstitch",
        "service.instance.id": instance,
    }
    provider = TracerProvider(
        resource=Resource(about),
        sampler=ParentBasedTraceIdRatio(ratio),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _provider = provider
    spans.use_tracer(_inner)


def flush() -> None:
    """Send what is finished; blocks, for a few seconds at most."""
    if _provider is not None:
        _provider.force_flush(int(EXPORT_TIMEOUT_S * 1000))


def shutdown() -> None:
    """Send what is finished, and trace no more; blocks, for a few seconds at most."""
    global _provider
    provider, _provider = _provider, None
    spans.use_tracer(None)
    if provider is not None:
        provider.shutdown()


def _kind_of(error: BaseException) -> str:
    return reason_name(error.reason) if isinstance(error, BeatStitchError) else type(error).__name__


def _inner(name: str) -> AbstractContextManager[object]:
    return span(name)


def _start(provider: TracerProvider, name: str, kind: str, parent: str) -> OtelSpan:
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 - only with a tracer

    tracer = provider.get_tracer("beatstitch")
    return tracer.start_span(name, context=_context_of(parent), kind=SpanKind[kind.upper()])


def _context_of(parent: str) -> Context:
    from opentelemetry.context import Context  # noqa: PLC0415 - only with a tracer
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
        TraceContextTextMapPropagator,
    )

    # Never the SDK's own current span: ours follows the tasks, and generators don't confuse it.
    empty = Context()
    if not parent:
        return empty
    return TraceContextTextMapPropagator().extract({"traceparent": parent}, context=empty)


def _text_of(measured: OtelSpan) -> str:
    ids = measured.get_span_context()
    return f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{int(ids.trace_flags) & 1:02x}"
