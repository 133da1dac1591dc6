"""The stages of a stitch: their names, their order and their share of the whole. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import JobStage

INGEST = "ingest"
ANALYZE = "analyze"
TIMELINE = "timeline"
RENDER = "render"

# Per cent of the whole, by what each takes for a usual song.
WEIGHTS: dict[str, int] = {INGEST: 10, ANALYZE: 15, TIMELINE: 5, RENDER: 70}
_MOST = 99


def new_stages() -> list[JobStage]:
    """All stages, pending."""
    return [JobStage(name=name, state=job_pb2.JOB_STATE_PENDING) for name in WEIGHTS]


def overall_percent(stages: Iterable[JobStage]) -> int:
    """How far the whole is, 0 to 99: 100 is said by SUCCEEDED only."""
    done = sum(WEIGHTS.get(stage.name, 0) * stage.progress_percent for stage in stages)
    return min(done // 100, _MOST)
