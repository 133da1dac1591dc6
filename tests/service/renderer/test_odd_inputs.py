"""Clips and pictures as people have them: turned, variable, deep, transparent, cut off."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from beatstitch.v1 import edl_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.opening import clip_stream, opened
from beatstitch_media.sniff import sniff
from beatstitch_renderer.compositor.clip import Clip, ClipError
from beatstitch_renderer.compositor.moving import MovingPicture
from beatstitch_renderer.compositor.planes import Planes, filled
from beatstitch_renderer.compositor.sources import SourceError
from beatstitch_renderer.compositor.still import StillPicture
from beatstitch_samples import odd, odd_images
from beatstitch_samples.coded import coded_image, decode_frame_code
from beatstitch_samples.coded_clips import VARIANTS, coded_clip, coded_variant

if TYPE_CHECKING:
    from pathlib import Path

FRAME = (320, 180)
# What the sniffer doesn't let in, and what takes long to write.
LEFT_OUT = {"mpeg2"}
SHORTER = {"frames": 45, "size": FRAME}


def rgb_of(planes: Planes) -> np.ndarray:
    flat = np.concatenate([np.ascontiguousarray(plane).reshape(-1) for plane in planes.all])
    stacked = flat.reshape(planes.size[1] * 3 // 2, planes.size[0])
    return cv2.cvtColor(stacked, cv2.COLOR_YUV2RGB_I420)


def expected(clip, time_us: int) -> int:
    """The frame on the screen at a time: the last that has begun, a millisecond's grace."""
    shown = [f for f, t in zip(clip.frames, clip.times, strict=True) if t * 10**6 <= time_us + 1000]
    return shown[-1] if shown else clip.frames[0]


def variant(folder: Path, name: str):
    settings = VARIANTS[name].settings
    changes = {key: value for key, value in SHORTER.items() if key not in settings}
    return coded_variant(folder, name, **changes)


@pytest.mark.parametrize("name", sorted(VARIANTS.keys() - LEFT_OUT))
def test_any_clip_shows_the_right_frame_forwards_and_backwards(tmp_path, name):
    clip = variant(tmp_path, name)
    ground = filled(*FRAME, 0)
    source = MovingPicture(clip.path, sniff(clip.path).demuxer, ground, 0)
    end = int(clip.times[-1] * 1_000_000)
    forwards = list(range(0, end + 40_000, 33_333))
    jumps = [end, 0, end // 2, end // 3, end // 2 + 50_000, end - 1, 1, end // 5, end + 10**7]
    try:
        for time_us in forwards + jumps:
            code = decode_frame_code(rgb_of(source.picture(time_us, edl_pb2.FIT_CONTAIN)))
            assert code == (clip.source_id, expected(clip, time_us)), time_us
    finally:
        source.close()


@pytest.mark.parametrize("suffix", [".gif"])
def test_a_gif_moves_over_the_background(tmp_path, suffix):
    path = tmp_path / f"moving{suffix}"
    square = np.zeros((90, 160, 4), np.uint8)
    pictures = []
    for i in range(5):
        picture = square.copy()
        picture[30:60, 20 * i : 20 * i + 30] = (255, 255, 255, 255)
        pictures.append(Image.fromarray(picture))
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=100, disposal=2, loop=0
    )
    ground = filled(*FRAME, 0x00FF00)
    source = MovingPicture(path, "gif", ground, 0x00FF00)
    for i in range(5):
        rgb = rgb_of(source.picture(i * 100_000 + 20_000, edl_pb2.FIT_COVER))
        assert rgb[90, 40 * i + 30].min() > 200
        assert rgb[20, 300][1] > 200
        assert rgb[20, 300][0] < 60
    source.close()


def test_colours_are_right_whatever_matrix_and_range(tmp_path):
    """601 and 709, studio and full range, tagged or not: the same RGB comes out."""
    colours = [(200, 40, 40), (40, 180, 60), (40, 60, 200), (220, 220, 30), (128, 128, 128)]
    rgb = np.zeros((180, 320, 3), np.uint8)
    for i, colour in enumerate(colours):
        rgb[:, i * 64 : i * 64 + 64] = colour
    for matrix, tag, full in ((5, 5, 1), (5, 5, 2), (1, 1, 1), (1, 1, 2), (5, 2, 1), (9, 9, 1)):
        path = tmp_path / f"{matrix}-{tag}-{full}.mp4"
        with av.open(str(path), "w") as file:
            stream = file.add_stream("libx264", rate=30, options={"crf": "5"})
            stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
            context = stream.codec_context
            context.colorspace, context.color_range = tag, full
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
                format="yuv420p", dst_colorspace=matrix, dst_color_range=full, src_color_range=2
            )
            frame.colorspace, frame.color_range = tag, full
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        source = MovingPicture(path, "mov", filled(*FRAME, 0), 0)
        planes = source.picture(0, edl_pb2.FIT_COVER)
        shown = av.VideoFrame(320, 180, "yuv420p")
        for plane, data in zip(shown.planes, planes.all, strict=True):
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            rows[: data.shape[0], : data.shape[1]] = data
        back = shown.reformat(
            format="rgb24", src_colorspace=1, src_color_range=1, dst_color_range=2
        ).to_ndarray()
        for i, colour in enumerate(colours):
            assert np.abs(back[90, i * 64 + 32].astype(int) - colour).max() <= 6, (path.name, i)
        source.close()


def test_pixels_that_are_not_square_are_stretched(tmp_path):
    path = tmp_path / "anamorphic.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 360, 288, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(64, 45)
        squeezed = Image.fromarray(coded_image(4, 0, (512, 288))).resize((360, 288))
        frame = av.VideoFrame.from_image(squeezed)
        file.mux(stream.encode(frame.reformat(format="yuv420p")))
        file.mux(stream.encode(None))
    source = MovingPicture(path, "mov", filled(512, 288, 0), 0)
    assert decode_frame_code(rgb_of(source.picture(0, edl_pb2.FIT_CONTAIN))) == (4, 0)
    source.close()


def test_a_transparent_picture_shows_the_background(tmp_path):
    pixels = np.asarray(Image.open(odd_images.alpha_png(tmp_path / "a.png", source_id=3)))
    still = StillPicture(lambda: pixels, filled(*FRAME, 0x0000FF), 0x0000FF)
    picture = still.picture(edl_pb2.FIT_COVER)
    rgb = rgb_of(picture)
    assert decode_frame_code(rgb) == (3, 0)
    assert rgb[90, 0][2] > 200
    assert rgb[90, 0][0] < 60


def test_a_move_glides_without_wobble():
    """A soft spot under a slow pan follows a straight line, a tenth of a pixel to either side."""
    y, x = np.mgrid[0:900, 0:1600]
    spot = 200 * np.exp(-((x - 800) ** 2 + (y - 450) ** 2) / (2 * 60**2))
    pixels = np.repeat(spot.astype(np.uint8)[..., None], 3, axis=2)
    picture = StillPicture(lambda: pixels, filled(640, 360, 0), 0)
    move = edl_pb2.KenBurns()
    getattr(move, "from").CopyFrom(edl_pb2.UnitRect(x=0, y=4_000, w=56_000, h=56_000))
    move.to.CopyFrom(edl_pb2.UnitRect(x=6_000, y=6_000, w=56_000, h=56_000))
    centres = []
    for step in range(60):
        luma = picture.moved(move, step, 59, edl_pb2.FIT_COVER).y.astype(float) - 16
        xs = (luma.sum(0) * np.arange(640)).sum() / luma.sum()
        ys = (luma.sum(1) * np.arange(360)).sum() / luma.sum()
        centres.append((xs, ys))
    path = np.array(centres)
    assert np.abs(path - np.linspace(path[0], path[-1], 60)).max() < 0.1
    assert np.abs(path[-1] - path[0]).min() > 5


def test_a_clip_cut_off_stands_on_its_last_frame(tmp_path):
    whole = coded_clip(tmp_path / "whole.mkv", source_id=1, frames=60, size=FRAME)
    path = odd.truncated(tmp_path / "half.mkv", whole.path)
    source = MovingPicture(path, "matroska", filled(*FRAME, 0), 0)
    last = decode_frame_code(rgb_of(source.picture(10**8, edl_pb2.FIT_COVER)))
    assert last is not None
    assert 5 < last[1] < 59
    source.close()


@pytest.mark.parametrize("make", [odd.empty, odd.text, odd.random_bytes, odd.sound_only_mp4])
def test_what_is_no_clip_is_refused(tmp_path, make):
    path = make(tmp_path / "bad.mp4")
    with pytest.raises(ClipError):
        Clip(path, "mov").frame_at(0)


def test_a_codec_that_nobody_knows_is_refused(tmp_path):
    """PyAV opens such a file, and has no codec for its stream."""
    clip = coded_clip(tmp_path / "a.mp4", source_id=1, frames=10, size=FRAME)
    path = tmp_path / "unknown.mp4"
    path.write_bytes(clip.path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(ClipError, match="codec"):
        Clip(path, "mov").frame_at(0)
    with opened(path, "mov") as container, pytest.raises(BeatStitchError, match="no moving"):
        clip_stream(container)


def test_a_playlist_in_disguise_reads_no_other_file(tmp_path):
    secret = coded_clip(tmp_path / "secret.mp4", source_id=9, frames=10, size=FRAME)
    for make in (odd.hls_playlist, odd.ffconcat_playlist):
        path = make(tmp_path / "innocent.mp4", str(secret.path))
        with pytest.raises(ClipError):
            Clip(path, "mov").frame_at(0)


def test_a_bad_source_is_named_by_its_checksum(studio, tmp_path):
    good = coded_clip(tmp_path / "a.mp4", source_id=1, frames=10, size=FRAME)
    bad = odd.truncated(tmp_path / "b.mp4", good.path, 0.6)
    shot = studio.Shot(bad, 10, 0, 300_000)
    with pytest.raises(SourceError) as caught:
        studio.render([shot], studio.edl([shot]))
    assert caught.value.sha256 == shot.sha256
