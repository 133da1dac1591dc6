"""The jobs RENDER_PREVIEW and RENDER_FINAL: a build of pieces, watched over from plan to proof."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded, RenderOutput
from beatstitch.v1 import failure_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.job_pb2 import JOB_LANE_INTERACTIVE, RenderResult
from beatstitch_core.canonical import canonical_json, parse_json, sha256_hex
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.keys import artefact_key, proof_key
from beatstitch_media import sandbox
from beatstitch_renderer.children.finish_child import (
    CONTACT_SHEET,
    POSTER,
    VIDEO,
    pack,
    piece_name,
)
from beatstitch_renderer.coordinator_plan import Planned, plan_job
from beatstitch_renderer.gathering import Gathering, chunk_key
from beatstitch_renderer.measuring import Measured
from beatstitch_renderer.piece import read_header
from beatstitch_renderer.planning.encoding import suffix_of
from beatstitch_renderer.report import check, inner_cuts, manifest, sync_report
from beatstitch_renderer.sound import bring_sound
from beatstitch_renderer.stages import Stages
from beatstitch_renderer.together import together
from beatstitch_runtime.jobs.places import Places
from beatstitch_runtime.metrics import rendering as metrics

if TYPE_CHECKING:
    from pathlib import Path

    from beatstitch.internal.v1.job_spec_pb2 import JobSpec
    from beatstitch.internal.v1.render_plan_pb2 import RenderPlan
    from beatstitch.v1.render_pb2 import SyncReport
    from beatstitch_renderer.cache import InputCache
    from beatstitch_renderer.settings import RendererSettings
    from beatstitch_runtime.jobs.worker import JobContext

_CHILD = "beatstitch_renderer.children.finish_child"
_CHILD_THREADS = 2
# Joining and reading back is far faster than this for the longest video that is allowed.
_FINISH_TIMEOUT_S = 3600.0


@dataclass(slots=True)
class Pieces:
    """The pieces of a render, by hash.

    Attributes:
        cached: Those that were there.
        took_ms: How long each took when it was made.
    """

    cached: set[str] = field(default_factory=set)
    took_ms: dict[str, int] = field(default_factory=dict)

    @property
    def saved_ms(self) -> int:
        """How long those took that were there."""
        return sum(self.took_ms.get(hash_, 0) for hash_ in self.cached)

    @property
    def all_ms(self) -> int:
        """How long all took."""
        return sum(self.took_ms.values())


class RenderCoordinator:
    """Handles RENDER_PREVIEW and RENDER_FINAL jobs.

    Args:
        settings: Limits.
        cache: Downloaded inputs.
        fingerprint: This renderer's.
    """

    def __init__(self, settings: RendererSettings, cache: InputCache, fingerprint: str) -> None:
        self._settings, self._cache, self._fingerprint = settings, cache, fingerprint
        self._finishing = Places(settings.finishing_slots)

    async def run(self, context: JobContext) -> JobSucceeded:
        """Renders, proves, stores.

        Raises:
            BeatStitchError: EDL_INVALID; a piece's failure; VERIFICATION_FAILED; what storage,
                queue and sandbox raise.
        """
        stages = Stages(context)
        await stages.begin("plan", "planning")
        planned = await plan_job(context, self._fingerprint)
        edl, plan = planned.edl, planned.plan
        await stages.end("plan", f"{len(plan.chunks)} chunks")
        finished = await self._found(context, plan)
        if finished is not None:
            metrics.chunks(found=len({chunk.chunk_hash for chunk in plan.chunks}), missing=0)
            return JobSucceeded(render=finished)
        pieces = await self._parts(context, stages, planned)
        found = await self._finish(context, stages, edl, plan)
        report = sync_report(edl, plan, found)
        metrics.verified(report)
        check(edl, report, found)
        output = await self._store(context, plan, report, pieces)
        await stages.end("verify", "verified")
        return JobSucceeded(render=output)

    async def _found(self, context: JobContext, plan: RenderPlan) -> RenderOutput | None:
        """The finished video of an earlier, equal request."""
        storage, prefix = context.storage, context.spec.key_prefix
        proof = proof_key(prefix, plan.output_hash, plan.edl_hash)
        if not await storage.use_many([proof]):
            return None
        output = parse_json(await storage.get(proof), RenderOutput())
        if await storage.head(output.output.key) != output.output.size_bytes:
            return None
        # Of before there were pictures, or cleaned away: joining anew makes them.
        needed = {output.output.key, output.poster.key, output.contact_sheet.key}
        if "" in needed or await storage.use_many(needed) < needed:
            return None
        for chunk in output.manifest.chunks:
            chunk.cached = True
        output.result.CopyFrom(render_result(context.spec, output, output.result.saved_ms))
        return output

    async def _parts(
        self,
        context: JobContext,
        stages: Stages,
        planned: Planned,
    ) -> Pieces:
        """Pieces and sound, at the same time."""
        edl, plan = planned.edl, planned.plan
        gathering = Gathering(context, self._settings, plan, planned.media)
        pieces = Pieces()

        async def bring_pieces() -> None:
            async def progress(done: int, total: int) -> None:
                await stages.at("chunks", 100 * done // total, f"{done} of {total} chunks")

            try:
                pieces.cached = await gathering.run(progress)
            except BeatStitchError as error:
                raise await planned.unless_a_proxy_failed(error, context.storage) from error
            await together(
                self._fetch_piece(context, index, plan, pieces) for index in range(len(plan.chunks))
            )
            await stages.end("chunks", told(plan, pieces))

        async def sound() -> None:
            found = await bring_sound(context, self._cache, edl, plan, context.work_dir)
            await stages.end("audio", "found" if found else "encoded")

        await stages.begin("chunks", f"{len(plan.chunks)} chunks")
        await stages.begin("audio", "encoding the song")
        await together([bring_pieces(), sound()])
        return pieces

    async def _fetch_piece(
        self, context: JobContext, index: int, plan: RenderPlan, pieces: Pieces
    ) -> None:
        hash_ = plan.chunks[index].chunk_hash
        key = chunk_key(context.spec.key_prefix, plan.chunks[index])
        path = context.work_dir / piece_name(index)
        try:
            await context.storage.fetch(ObjectRef(key=key), path)
            header = await asyncio.to_thread(read_header, path)
            pieces.took_ms[hash_] = header.took_ms
        except BeatStitchError as error:
            if error.reason == failure_pb2.ERROR_REASON_VERIFICATION_FAILED:
                await context.storage.delete([key])
            elif error.reason != failure_pb2.ERROR_REASON_OBJECT_MISSING:
                raise
            # Cleaned away since it was found, or damaged: the next delivery makes it anew.
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
                "a piece went away while the video was being joined",
                metadata={"dependency": "storage", "key": key},
            ) from error

    async def _finish(
        self, context: JobContext, stages: Stages, edl: Edl, plan: RenderPlan
    ) -> Measured:
        """Joins and measures in a child."""
        async with self._finishing.held(first=context.spec.lane == JOB_LANE_INTERACTIVE):
            await stages.begin("assemble", "joining")
            done = await sandbox.run(
                sandbox.python_command(_CHILD),
                work_dir=context.work_dir,
                what="joining the video",
                timeout_s=_FINISH_TIMEOUT_S,
                timeout_reason=failure_pb2.ERROR_REASON_RENDER_TIMEOUT,
                threads=_CHILD_THREADS,
                stdin=pack(plan, inner_cuts(edl)),
            )
        await stages.end("assemble", "joined")
        await stages.begin("verify", "verifying")
        return Measured(**json.loads(done.stdout))

    async def _store(
        self, context: JobContext, plan: RenderPlan, report: SyncReport, pieces: Pieces
    ) -> RenderOutput:
        prefix = context.spec.key_prefix
        key = artefact_key(prefix, "out", plan.output_hash, suffix_of(plan.profile))
        stored = await context.storage.put_file(key, context.work_dir / VIDEO)
        output = RenderOutput(
            output=stored, manifest=manifest(plan, pieces.cached, stored), sync_report=report
        )
        for name, target in ((POSTER, output.poster), (CONTACT_SHEET, output.contact_sheet)):
            target.CopyFrom(await _store_picture(context, context.work_dir / name))
        # What is kept says what the next equal request saves.
        output.result.CopyFrom(render_result(context.spec, output, pieces.all_ms))
        # Last: where the proof is, the video is.
        await context.storage.put(
            proof_key(prefix, plan.output_hash, plan.edl_hash), canonical_json(output)
        )
        output.result.saved_ms = pieces.saved_ms
        return output


async def _store_picture(context: JobContext, path: Path) -> ObjectRef:
    """A picture, stored under the hash of its bytes."""
    data = await asyncio.to_thread(path.read_bytes)
    key = artefact_key(context.spec.key_prefix, "picture", sha256_hex(data), path.suffix)
    return await context.storage.put(key, data)


def told(plan: RenderPlan, pieces: Pieces) -> str:
    """How many pieces were found and made, for people."""
    found = sum(chunk.chunk_hash in pieces.cached for chunk in plan.chunks)
    count = len(plan.chunks)
    saved = f", {pieces.saved_ms / 1000:.1f} s saved" if found else ""
    return f"{count} chunks: {found} cached, {count - found} rendered{saved}"


def render_result(spec: JobSpec, output: RenderOutput, saved_ms: int) -> RenderResult:
    """The short form for the client; `saved_ms` is how long the pieces took that were there."""
    made = output.manifest
    cached = sum(chunk.cached for chunk in made.chunks)
    return RenderResult(
        render_id=spec.render.render_id,
        edl_hash=made.edl_hash,
        chunks_rendered=len(made.chunks) - cached,
        chunks_cached=cached,
        frame_count=made.frame_count,
        size_bytes=made.size_bytes,
        sha256=made.sha256,
        worst_cut_error_frames=output.sync_report.worst_cut_error_frames,
        saved_ms=saved_ms,
    )
