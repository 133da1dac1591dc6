"""Single frames through the engine: what a render would show, by warm children of one project."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image
from support.composed import composed
from support.everything import everything
from support.renderer_room import Room

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.internal.v1.renderer_engine_service_pb2 import RenderFrameRequest
from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch.v1.render_service_pb2 import PICTURE_FORMAT_PNG
from beatstitch_renderer.compositor.pictures import to_rgb
from beatstitch_runtime.rpc.errors import error_from_rpc
from beatstitch_samples.coded import decode_frame_code
from beatstitch_samples.coded_clips import coded_clip

IMAGE, VIDEO = common_pb2.MEDIA_TYPE_IMAGE, common_pb2.MEDIA_TYPE_VIDEO


def pixels(answer) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


async def request_of(room: Room, edl, shots) -> RenderFrameRequest:
    asked = RenderFrameRequest(edl=edl, format=PICTURE_FORMAT_PNG)
    for path, still in {shot.path: shot.is_still for shot in shots}.items():
        asked.media.append(await room.upload(path, IMAGE if still else VIDEO))
    return asked


async def frame(room: Room, asked: RenderFrameRequest, number: int, **changes):
    one = RenderFrameRequest()
    one.CopyFrom(asked)
    one.MergeFrom(RenderFrameRequest(frame=number, **changes))
    return await room.engine.RenderFrame(one, timeout=60)


async def refused(call, reason):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = error_from_rpc(caught.value, "renderer")
    assert error.reason == reason, error
    return error


async def test_each_frame_is_what_a_render_shows(room: Room, studio, tmp_path):
    shots, edl = everything(studio, tmp_path)
    title = edl.overlays.add(in_frame=5, out_frame=60, fade_frames=10).text
    title.text, title.line_height, title.rgb, title.veil_opacity = "Ωmega", 9000, 0xFFFF00, 20_000
    title.centre.x = title.centre.y = 32_768
    wanted = composed(shots, edl)
    asked = await request_of(room, edl, shots)
    count = edl.segments[-1].timeline_out_frame
    worst = 0.0
    # Forwards, backwards and far apart: what was open before must not show.
    for number in [*range(0, count, 7), *range(count - 1, 0, -11), 3, count - 1, 0, 9]:
        got = pixels(await frame(room, asked, number))
        assert got.shape == (*wanted[number].y.shape, 3)
        worst = max(worst, np.abs(got.astype(int) - to_rgb(wanted[number])).mean())
    # This process lets OpenCV use all that the CPU has, the child doesn't: the last bit may differ.
    assert worst < 0.2


async def test_sizes_and_formats(room: Room, studio, tmp_path):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=30, size=(640, 360))
    shots = [studio.Shot(clip.path, 20, 0, 900_000)]
    asked = await request_of(room, studio.edl(shots, size=(640, 360)), shots)
    asked.ClearField("format")
    for height, size in ((0, (640, 360)), (180, (320, 180)), (91, (160, 90)), (5000, (640, 360))):
        answer = await frame(room, asked, 4, max_height=height)
        assert answer.content_type == "image/jpeg"
        assert Image.open(io.BytesIO(answer.content)).size == size
    answer = await frame(room, asked, 4, format=PICTURE_FORMAT_PNG)
    assert answer.content_type == "image/png"
    assert answer.content.startswith(b"\x89PNG")


async def test_small_frames_are_made_of_proxies_where_these_are(room: Room, studio, tmp_path):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=30, size=(640, 360))
    copy = coded_clip(tmp_path / "p.mp4", source_id=101, frames=30, size=(320, 180))
    shots = [studio.Shot(clip.path, 20, 0, 900_000)]
    asked = await request_of(room, studio.edl(shots, size=(1280, 720)), shots)
    asked.media[0].proxy.CopyFrom((await room.upload(copy.path, VIDEO)).object)
    seen = {}
    for height in (180, 720):
        got = pixels(await frame(room, asked, 7, max_height=height))
        seen[height] = decode_frame_code(got)
    assert seen == {180: (101, 7), 720: (1, 7)}
    await room.storage.delete([asked.media[0].proxy.key])
    asked.edl.project_id = "another"
    await asyncio.to_thread(remove_cached, room.settings.cache_dir())
    got = pixels(await frame(room, asked, 7, max_height=180))
    assert decode_frame_code(got) == (1, 7)


def remove_cached(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


async def test_what_cannot_be_asked_for_is_refused(room: Room, studio, tmp_path):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=30, size=(64, 36))
    shots = [studio.Shot(clip.path, 20, 0, 900_000)]
    asked = await request_of(room, studio.edl(shots), shots)
    invalid = failure_pb2.ERROR_REASON_FIELD_INVALID
    for number in (-1, 20, 10**9):
        error = await refused(frame(room, asked, number), invalid)
        assert [v.field for v in error.violations] == ["frame"]
    await refused(frame(room, asked, 0, format=9), invalid)
    await refused(frame(room, asked, 0, max_height=-5), invalid)
    await refused(room.engine.RenderFrame(RenderFrameRequest()), invalid)
    del asked.media[:]
    await refused(frame(room, asked, 0), failure_pb2.ERROR_REASON_ASSET_NOT_FOUND)


async def test_a_damaged_source_costs_its_own_frames_only(room: Room, studio, tmp_path):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=30, size=(320, 180))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    shots = [studio.Shot(clip.path, 20, 0, 900_000), studio.Shot(broken, 20)]
    asked = await request_of(room, studio.edl(shots), shots)
    for _ in range(2):
        assert decode_frame_code(pixels(await frame(room, asked, 3))) == (1, 3)
        error = await refused(frame(room, asked, 30), failure_pb2.ERROR_REASON_INPUT_CORRUPT)
        assert error.metadata["asset_id"] == "broken.png"


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def frame_children() -> list[int]:
    here = []
    for pid in children_of(os.getpid()):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"beatstitch_renderer.children.frame_child" in words:
            here.append(pid)
    return here


async def test_a_child_is_kept_for_its_project_and_replaced_when_it_dies(
    room: Room, studio, tmp_path
):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=30, size=(320, 180))
    shots = [studio.Shot(clip.path, 20, 0, 900_000)]
    asked = await request_of(room, studio.edl(shots), shots)
    await frame(room, asked, 0)
    (first,) = frame_children()
    await asyncio.gather(*(frame(room, asked, number) for number in range(10)))
    assert frame_children() == [first]
    os.kill(first, signal.SIGKILL)
    assert decode_frame_code(pixels(await frame(room, asked, 5))) == (1, 5)
    (second,) = frame_children()
    assert second != first
    for number, project in enumerate("abcd"):
        asked.edl.project_id = project
        assert decode_frame_code(pixels(await frame(room, asked, number))) == (1, number)
    assert len(frame_children()) <= room.settings.frame_rooms + 1
    await room.service.stop(1.0)
    assert frame_children() == []


async def test_assets_that_a_frame_does_not_show_are_not_fetched(room: Room, studio, tmp_path):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=30, size=(320, 180))
    shots = [studio.Shot(clip.path, 20, 0, 900_000)]
    asked = await request_of(room, studio.edl(shots), shots)
    absent = ReadyMedia(asset_id="absent")
    absent.object.key, absent.object.sha256 = "nowhere", "ab" * 32
    asked.media.append(absent)
    assert decode_frame_code(pixels(await frame(room, asked, 3))) == (1, 3)
