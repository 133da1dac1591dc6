"""thumbnail_gen: a picture or a clip in, what it is and what it is like out.

A thumbnail, for a clip a filmstrip and, where it is large or hard to seek in, a proxy.
"""

from __future__ import annotations

import logging
from pathlib import Path

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded, MediaIngestOutput
from beatstitch.internal.v1.job_spec_pb2 import MediaIngestSpec
from beatstitch.v1 import common_pb2
from beatstitch.v1.asset_pb2 import MediaInfo
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_analyzer.clips.look import Look, look, look_at_still
from beatstitch_analyzer.fingerprint import artefact, ingest_fingerprint
from beatstitch_analyzer.naming import about_file
from beatstitch_analyzer.records import read_record, write_record
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.limits import default_limits
from beatstitch_media.formats import IMAGE
from beatstitch_media.probe import probe
from beatstitch_media.thumbnail import thumbnail
from beatstitch_runtime.jobs.worker import JobContext
from beatstitch_runtime.storage import Storage

log = logging.getLogger(__name__)


class MediaIngest:
    """Handler of thumbnail_gen."""

    def __init__(self, settings: AnalyzerSettings) -> None:
        self._settings = settings

    async def run(self, job: JobContext) -> JobSucceeded:
        """Does one job; see `MediaIngestOutput`."""
        spec = job.spec.media_ingest
        with about_file(spec.asset_id, spec.filename):
            return JobSucceeded(media_ingest=await self._run(job, spec))

    async def _run(self, job: JobContext, spec: MediaIngestSpec) -> MediaIngestOutput:
        await job.progress(0, "fetching")
        path = job.work_dir / "media"
        media = await job.storage.fetch(spec.media, path)
        prefix, maker = job.spec.key_prefix, ingest_fingerprint()
        record_key = artefact(prefix, "probe", media.sha256, maker, ".json")
        found = await _find(job.storage, record_key)
        if found is not None:
            return _output(found, media, spec.asset_id, cached=True)
        await job.progress(30, "probing")
        probed = await probe(
            path,
            filename=spec.filename,
            asset_id=spec.asset_id,
            # Pictures and clips stand for each other: the content decides.
            expected=common_pb2.MEDIA_TYPE_VIDEO,
            limits=default_limits(),
            work_dir=job.work_dir,
        )
        await job.progress(40, "looking at it")
        small, seen = await self._see(job, path, probed.info)
        thumb_key = artefact(prefix, "thumb", media.sha256, maker, ".jpg")
        record = MediaIngestOutput(
            info=probed.info, thumbnail=await job.storage.put_file(thumb_key, small)
        )
        if seen is not None:
            await _store(job.storage, prefix, media.sha256, seen, record)
            await write_record(job.storage, record_key, record)
        return _output(record, media, spec.asset_id, cached=False)

    async def _see(self, job: JobContext, path: Path, info: MediaInfo) -> tuple[Path, Look | None]:
        """The thumbnail, and what was seen.

        A still picture is looked at by its thumbnail; of a clip the look makes both, since decoding
        is what takes long.
        """
        small = job.work_dir / "thumbnail.jpg"
        if info.media_type == IMAGE:
            await self._thumbnail(job, path, info, small)
            return small, await self._look(job, small, info)
        seen = await self._look(job, path, info)
        if seen is not None and seen.thumbnail is not None:
            return seen.thumbnail, seen
        await self._thumbnail(job, path, info, small)
        return small, seen

    async def _thumbnail(self, job: JobContext, path: Path, info: MediaInfo, out: Path) -> None:
        timeout_s = self._settings.ingest_timeout_s
        await thumbnail(path, info, out, work_dir=job.work_dir, timeout_s=timeout_s)

    async def _look(self, job: JobContext, path: Path, info: MediaInfo) -> Look | None:
        """What it is like; None where that can't be found out: it can be used without."""
        folder, timeout_s = job.work_dir / "look", self._settings.ingest_timeout_s
        folder.mkdir()
        try:
            if info.media_type == IMAGE:
                return await look_at_still(path, work_dir=folder, timeout_s=timeout_s)
            return await look(path, info, work_dir=folder, timeout_s=timeout_s)
        except BeatStitchError as error:
            log.warning("no traits: %s", error.message)
            return None


async def _store(
    storage: Storage, prefix: str, sha256: str, seen: Look, record: MediaIngestOutput
) -> None:
    """Puts what the look made, and names it in the record."""
    maker = ingest_fingerprint()
    record.traits.CopyFrom(seen.traits)
    if seen.filmstrip is not None:
        key = artefact(prefix, "strip", sha256, maker, ".jpg")
        record.filmstrip.CopyFrom(await storage.put_file(key, seen.filmstrip))
        record.filmstrip_frames = seen.filmstrip_frames
    if seen.proxy is not None:
        key = artefact(prefix, "proxy", sha256, maker, ".mp4")
        record.proxy.CopyFrom(await storage.put_file(key, seen.proxy))


async def _find(storage: Storage, key: str) -> MediaIngestOutput | None:
    """A finished ingest whose artefacts are still there."""
    record = await read_record(storage, key, MediaIngestOutput())
    if record is None:
        return None
    refs = (record.thumbnail, record.filmstrip, record.proxy)
    keys = {key, *(ref.key for ref in refs if ref.key)}
    return record if await storage.use_many(keys) == keys else None


def _output(
    record: MediaIngestOutput, media: ObjectRef, asset_id: str, *, cached: bool
) -> MediaIngestOutput:
    """The record as the answer for one asset."""
    output = MediaIngestOutput()
    output.CopyFrom(record)
    output.media.CopyFrom(media)
    output.result.asset_id = asset_id
    output.result.cached = cached
    return output
