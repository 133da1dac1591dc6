"""From a render's job to its plan: the EDL read, what it shows looked up, proxies chosen."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beatstitch.v1 import failure_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.stored_documents import read_stored
from beatstitch_renderer.planning.overlays import marks_of
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_renderer.planning.proxies import blamed, proxy_keys, stand_ins

if TYPE_CHECKING:
    from beatstitch.internal.v1.job_spec_pb2 import JobSpec, ReadyMedia
    from beatstitch.internal.v1.render_plan_pb2 import RenderPlan
    from beatstitch_runtime.jobs.worker import JobContext
    from beatstitch_runtime.storage import Storage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a render makes, and of what.

    Attributes:
        edl: The valid EDL.
        plan: Its pieces.
        media: What the pieces show, by the sha256 that the plan names.
        proxies: Those that are proxies.
    """

    edl: Edl
    plan: RenderPlan
    media: dict[str, ReadyMedia]
    proxies: tuple[ReadyMedia, ...]

    async def unless_a_proxy_failed(
        self, error: BeatStitchError, storage: Storage
    ) -> BeatStitchError:
        """The error of a piece, as it is; DEPENDENCY_DOWN where a proxy is gone or no good.

        A damaged one is deleted: the next delivery of the job then plans anew, with the original in
        the proxy's place, and so does everybody after it.
        """
        key = blamed(error, self.proxies)
        if not key:
            return error
        if error.reason != failure_pb2.ERROR_REASON_OBJECT_MISSING:
            log.warning("a proxy is damaged and was deleted: %s", key)
            await storage.delete([key])
        return BeatStitchError(
            failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
            "a proxy went away while the preview was being made",
            metadata={"dependency": "storage", "key": key},
        )


async def plan_job(context: JobContext, fingerprint: str) -> Planned:
    """Plans the job's render.

    Raises:
        BeatStitchError: EDL_INVALID, ASSET_NOT_FOUND; INTERNAL for a damaged EDL; what storage
            raises.
    """
    spec = context.spec
    edl = await _edl(context)
    media, profile = inputs(edl, spec), spec.render.profile
    stored = await context.storage.use_many(proxy_keys(profile, spec.render.media))
    proxies = stand_ins(spec.render.media, stored)
    plan = await asyncio.to_thread(plan_render, edl, profile, fingerprint, stand_ins=proxies)
    media |= {item.object.sha256: item for item in proxies.values()}
    return Planned(edl, plan, media, tuple(proxies.values()))


async def _edl(context: JobContext) -> Edl:
    ref = context.spec.render.edl
    data = await context.storage.get(ref.key)
    edl = await asyncio.to_thread(read_stored, data, ref, Edl(), "EDL")
    violations = await asyncio.to_thread(validate_edl, edl)
    if violations:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_EDL_INVALID,
            f"the timeline breaks {len(violations)} of its rules",
            violations=violations,
        )
    return edl


def inputs(edl: Edl, spec: JobSpec) -> dict[str, ReadyMedia]:
    """The pictures and clips that the EDL names, by sha256.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND when the job lacks one.
    """
    given = {item.object.sha256: item for item in spec.render.media}
    for segment in edl.segments:
        if segment.media_sha256 not in given:
            raise _missing(segment.media_asset_id)
    for overlay in edl.overlays:
        if not marks_of([overlay]) <= given.keys():
            raise _missing(overlay.picture.media_asset_id)
    if spec.render.audio.object.sha256 != edl.audio.sha256:
        raise _missing(edl.audio.asset_id)
    return given


def _missing(asset_id: str) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_ASSET_NOT_FOUND,
        "the timeline shows an asset that the render wasn't given",
        metadata={"asset_id": asset_id},
    )
