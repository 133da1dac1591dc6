"""Single frames of timelines, composed as a render would show them, by warm children."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

from beatstitch.internal.v1.renderer_engine_service_pb2 import RenderFrameResponse
from beatstitch.v1 import failure_pb2, render_service_pb2
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_core.profiles import PREVIEW, render_profiles
from beatstitch_renderer.frame_room import FrameRoom
from beatstitch_renderer.planning.overlays import marks_of
from beatstitch_renderer.planning.plan import frame_content
from beatstitch_renderer.planning.proxies import blamed, proxy_keys, stand_ins
from beatstitch_renderer.together import together

if TYPE_CHECKING:
    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
    from beatstitch.internal.v1.renderer_engine_service_pb2 import RenderFrameRequest
    from beatstitch_renderer.cache import InputCache
    from beatstitch_renderer.settings import RendererSettings
    from beatstitch_runtime.storage import Storage

_FORMATS = {
    render_service_pb2.PICTURE_FORMAT_UNSPECIFIED: "jpeg",
    render_service_pb2.PICTURE_FORMAT_JPEG: "jpeg",
    render_service_pb2.PICTURE_FORMAT_PNG: "png",
}
_TRIES = 3


class _ChildLostError(BeatStitchError):
    """A child that had worked ended by itself."""


class Frames:
    """Answers RenderFrame.

    Args:
        settings: Limits.
        cache: Downloaded inputs.
        storage: Where they come from.
    """

    def __init__(self, settings: RendererSettings, cache: InputCache, storage: Storage) -> None:
        self._settings, self._cache, self._storage = settings, cache, storage
        self._rooms: OrderedDict[str, FrameRoom] = OrderedDict()
        self._leaving: set[asyncio.Task[None]] = set()

    async def frame(self, request: RenderFrameRequest) -> RenderFrameResponse:
        """One frame of an EDL, or of the part of one that is around it.

        Up to a preview's size clips are shown by their proxies, as in previews.

        Raises:
            BeatStitchError: FIELD_INVALID, ASSET_NOT_FOUND, INPUT_CORRUPT naming the asset,
                OBJECT_MISSING, MEDIA_TIMEOUT, OUT_OF_MEMORY, FFMPEG_FAILED, DEPENDENCY_DOWN.
        """
        picture_format = _FORMATS.get(request.format)
        if picture_format is None:
            raise field_error("format", "is not a known format")
        _check(request)
        preview = render_profiles()[PREVIEW]
        height = min(request.max_height or request.edl.output.height, request.edl.output.height)
        keys = proxy_keys(preview, request.media) if height <= preview.max_height else set()
        proxies = stand_ins(request.media, keys)
        try:
            made = await self._made(request, proxies, picture_format)
        except BeatStitchError as error:
            if not blamed(error, proxies.values()):
                raise
            made = await self._made(request, {}, picture_format)
        return RenderFrameResponse(content=made, content_type=f"image/{picture_format}")

    async def close(self) -> None:
        """Ends all children."""
        rooms = list(self._rooms.values())
        self._rooms.clear()
        await asyncio.gather(*(room.close() for room in rooms), *self._leaving)

    async def _made(
        self, request: RenderFrameRequest, proxies: dict[str, ReadyMedia], picture_format: str
    ) -> bytes:
        content = frame_content(request.edl, request.frame, request.max_height, proxies)
        needed = _needed(content, request, proxies)
        try:
            return await self._asked(content, needed, request.edl.project_id, picture_format)
        except _ChildLostError:
            # It had made frames before: what ended it need not be this one. A new one must tell.
            return await self._asked(content, needed, request.edl.project_id, picture_format)

    async def _asked(
        self,
        content: ChunkContent,
        needed: dict[str, ReadyMedia],
        project_id: str,
        picture_format: str,
    ) -> bytes:
        room = await self._room(project_id)
        was_good = room.has_answered
        try:
            await together(
                self._cache.fetch(self._storage, item.object, room.inputs / sha256)
                for sha256, item in needed.items()
                if not (room.inputs / sha256).exists()
            )
            return await room.frame(content, picture_format)
        except BeatStitchError as error:
            if was_good and room.lost:
                raise _ChildLostError(error.reason, error.message) from error
            asset = needed.get(error.metadata.pop("media_sha256", ""))
            if asset is not None:
                error.metadata["asset_id"] = asset.asset_id
            raise
        finally:
            room.lock.release()

    async def _room(self, project_id: str) -> FrameRoom:
        """The project's child, a new one where it has none; its lock is held."""
        for _ in range(_TRIES):
            room = self._rooms.get(project_id)
            if room is None or not room.usable:
                room = self._open(project_id)
            await room.lock.acquire()
            if room.usable and self._rooms.get(project_id) is room:
                break
            room.lock.release()
        else:
            # What keeps its children from living is what the caller is told.
            room = self._open(project_id)
            await room.lock.acquire()
        if project_id in self._rooms:
            self._rooms.move_to_end(project_id)
        return room

    def _open(self, project_id: str) -> FrameRoom:
        """A new child for the project; those that must go for it go when they are done."""
        leaving = [self._rooms.pop(project_id, None)]
        while len(self._rooms) >= self._settings.frame_rooms:
            idle = (key for key, room in self._rooms.items() if not room.lock.locked())
            leaving.append(self._rooms.pop(next(idle, next(iter(self._rooms)))))
        for room in leaving:
            if room is not None:
                task = asyncio.create_task(_leave(room))
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)
        made = FrameRoom(
            self._settings.work_dir,
            self._settings.chunk_memory_bytes,
            self._settings.frame_timeout_s,
        )
        self._rooms[project_id] = made
        return made


async def _leave(room: FrameRoom) -> None:
    async with room.lock:
        await room.close()


def _check(request: RenderFrameRequest) -> None:
    """Refuses frames that no segment of the EDL has."""
    edl = request.edl
    if not edl.segments or min(edl.output.width, edl.output.height) < 1:
        raise field_error("edl.segments", "must be an EDL's")
    if edl.output.frame_rate.num < 1 or edl.output.frame_rate.den < 0:
        raise field_error("edl.output.frame_rate", "must be given")
    begin, end = edl.segments[0].timeline_in_frame, edl.segments[-1].timeline_out_frame
    if not begin <= request.frame < end:
        raise field_error("frame", f"must be {begin} to {end - 1}, not {request.frame}")
    if request.max_height < 0:
        raise field_error("max_height", f"must be 0 or more, not {request.max_height}")


def _needed(
    content: ChunkContent, request: RenderFrameRequest, proxies: dict[str, ReadyMedia]
) -> dict[str, ReadyMedia]:
    """What a frame shows, by sha256.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND.
    """
    given = {item.object.sha256: item for item in (*request.media, *proxies.values())}
    shown = {segment.media_sha256 for segment in content.segments} | marks_of(content.overlays)
    for sha256 in shown - given.keys():
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_ASSET_NOT_FOUND,
            "the frame shows an asset that wasn't given",
            metadata={"media_sha256": sha256},
        )
    return {sha256: given[sha256] for sha256 in sorted(shown)}
