"""What traces show of a job in hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch_runtime import tracing
from beatstitch_runtime.jobs.context import Slot
from beatstitch_runtime.jobs.subjects import lane_name, type_name


@contextmanager
def job_span(slot: Slot, spec: JobSpec, delivery: int) -> Iterator[tracing.Span]:
    """One hand-out of a job, inside the trace of the call that made it.

    Args:
        slot: Where it runs.
        spec: The job.
        delivery: Which hand-out this is; 1 for the first.
    """
    kind = type_name(slot.type)
    with tracing.span(f"job {kind}", kind="consumer", parent=spec.traceparent) as span:
        span.note(
            messaging__system="nats",
            messaging__message__delivery=delivery,
            beatstitch__job_id=spec.job_id,
            beatstitch__job_type=kind,
            beatstitch__job_lane=lane_name(slot.lane),
            beatstitch__tenant=spec.tenant,
            beatstitch__project_id=spec.project_id,
        )
        yield span
