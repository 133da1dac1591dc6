"""How long jobs may take, from their acceptance to their end. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.job_pb2 import Job, JobType
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.settings import GatewaySettings

_NS = 1_000_000_000


def limits_s(settings: GatewaySettings) -> dict[JobType.ValueType, float]:
    """How long jobs of each type may take from their acceptance; 0 for as long as they like."""
    return {
        job_pb2.JOB_TYPE_BEAT_ANALYSIS: settings.deadline_beat_analysis_s,
        job_pb2.JOB_TYPE_TIMELINE_BUILD: settings.deadline_timeline_build_s,
        job_pb2.JOB_TYPE_THUMBNAIL_GEN: settings.deadline_thumbnail_gen_s,
        job_pb2.JOB_TYPE_RENDER_PREVIEW: settings.deadline_render_preview_s,
        job_pb2.JOB_TYPE_RENDER_FINAL: settings.deadline_render_final_s,
        job_pb2.JOB_TYPE_STITCH: settings.deadline_stitch_s,
    }


def set_deadline(job: Job, limits: Mapping[JobType.ValueType, float]) -> None:
    """Sets when a new job is given up: by its type, but not after the one it has already."""
    limit_s = limits.get(job.type, 0.0)
    if not limit_s:
        return
    end = job.create_time.ToNanoseconds() + int(limit_s * _NS)
    if job.HasField("deadline_time"):  # its stitch's
        end = min(end, job.deadline_time.ToNanoseconds())
    job.deadline_time.FromNanoseconds(end)


def too_late(job: Job) -> BeatStitchError:
    """JOB_TIMEOUT of a job that has a deadline."""
    given_s = (job.deadline_time.ToNanoseconds() - job.create_time.ToNanoseconds()) / _NS
    return BeatStitchError(
        failure_pb2.ERROR_REASON_JOB_TIMEOUT,
        f"not done within the {given_s:g} s that it had from its acceptance, waiting included",
        metadata={"deadline_seconds": f"{given_s:g}"},
    )
