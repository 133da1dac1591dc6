"""What this service takes from the queue."""

from __future__ import annotations

from beatstitch.v1 import job_pb2
from beatstitch_analyzer.beat_job import BeatAnalysis
from beatstitch_analyzer.ingest_job import MediaIngest
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_core.limits import PROBE_TIMEOUT_S
from beatstitch_runtime.jobs.worker import Slot

_LANES = (job_pb2.JOB_LANE_INTERACTIVE, job_pb2.JOB_LANE_BATCH)
# For the download, the probe and the decode, before the child's own time begins.
_BEFORE_S = 600.0


def slots(settings: AnalyzerSettings) -> list[Slot]:
    """Songs and media apart, so that a long analysis keeps no thumbnail waiting."""
    songs, media = BeatAnalysis(settings), MediaIngest(settings)
    found = []
    for lane in _LANES:
        if settings.analysis_slots:
            found.append(
                Slot(
                    type=job_pb2.JOB_TYPE_BEAT_ANALYSIS,
                    lane=lane,
                    handler=songs.run,
                    concurrency=settings.analysis_slots,
                    timeout_s=settings.analysis_timeout_s + _BEFORE_S,
                )
            )
        if settings.ingest_slots:
            found.append(
                Slot(
                    type=job_pb2.JOB_TYPE_THUMBNAIL_GEN,
                    lane=lane,
                    handler=media.run,
                    concurrency=settings.ingest_slots,
                    timeout_s=3 * settings.ingest_timeout_s + PROBE_TIMEOUT_S + _BEFORE_S,
                )
            )
    return found
