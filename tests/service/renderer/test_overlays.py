"""Titles and marks through plan, pieces and encoder: over everything, the same in any cutting."""

from __future__ import annotations

import numpy as np
from PIL import Image
from support.composed import composed, equal
from support.everything import everything
from support.renderer_room import Room, cutting

from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_renderer.planning.borders import PieceSizes
from beatstitch_samples.measure import read_codes


def titled(edl: Edl) -> None:
    end = edl.segments[-1].timeline_out_frame
    for begin, out in ((0, 40), (end - 30, end)):
        overlay = edl.overlays.add(in_frame=begin, out_frame=out, fade_frames=9)
        overlay.text.text, overlay.text.line_height = "Titel\nΩ Ж", 9000
        overlay.text.rgb, overlay.text.veil_opacity = 0xFFE000, 26_000
        overlay.text.centre.x = overlay.text.centre.y = 32_768


def test_pieces_show_overlays_as_one_video_does(studio, tmp_path):
    shots, edl = everything(studio, tmp_path)
    plain = composed(shots, edl)
    titled(edl)
    whole = composed(shots, edl)
    pieces = composed(shots, edl, PieceSizes(11, 17, 23))
    assert all(equal(a, b) for a, b in zip(whole, pieces, strict=True))
    end = len(whole)
    changed = [not equal(a, b) for a, b in zip(plain, whole, strict=True)]
    assert changed == [f < 40 or f >= end - 30 for f in range(end)]


async def test_a_mark_goes_with_the_job(room: Room, studio, clips, song, tmp_path):
    edl = cutting(studio, clips)
    logo = tmp_path / "logo.png"
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[5:35, 5:35] = (255, 0, 255, 255)
    Image.fromarray(pixels).save(logo)
    ready = await room.upload(logo, common_pb2.MEDIA_TYPE_IMAGE)
    mark = edl.overlays.add(in_frame=0, out_frame=edl.segments[-1].timeline_out_frame).picture
    mark.media_asset_id, mark.media_sha256 = ready.asset_id, ready.object.sha256
    mark.place.x = mark.place.y = 50_000
    mark.place.w, mark.place.h, mark.opacity = 12_000, 12_000, 65_536
    media = [clip.path for clip in clips]
    spec = await room.spec(edl, song, media, studio.profile())
    refused = await room.end_of(spec)
    assert refused.failure.reason == failure_pb2.ERROR_REASON_ASSET_NOT_FOUND
    spec = await room.spec(edl, song, media, studio.profile())
    spec.render.media.append(ready)
    made = (await room.end_of(spec)).output
    path = tmp_path / "out.mp4"
    await room.storage.fetch(made.output, path)
    assert len(read_codes(path)) == edl.segments[-1].timeline_out_frame
    poster = tmp_path / "poster.jpg"
    await room.storage.fetch(made.poster, poster)
    rgb = np.asarray(Image.open(poster).convert("RGB")).astype(int)
    high, wide = rgb.shape[:2]
    spot = rgb[int(high * 56_000 / 65_536), int(wide * 56_000 / 65_536)]
    assert np.abs(spot - [255, 0, 255]).max() < 40
