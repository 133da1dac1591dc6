"""HDR, interlaced, transparent and mirrored clips, held against formulas of their own."""

from __future__ import annotations

import subprocess

import av
import numpy as np
import pytest

from beatstitch.v1 import edl_pb2
from beatstitch_media.binaries import ffmpeg
from beatstitch_media.sniff import sniff
from beatstitch_media.tone import to_709
from beatstitch_renderer.compositor.deinterlace import one_moment
from beatstitch_renderer.compositor.moving import MovingPicture
from beatstitch_renderer.compositor.pictures import to_rgb
from beatstitch_renderer.compositor.planes import filled
from beatstitch_renderer.compositor.turning import hold_by

FRAME = (320, 180)
COVER = edl_pb2.FIT_COVER
PQ, HLG = 16, 18


def shown(path, time_us: int = 0, background: int = 0) -> np.ndarray:
    source = MovingPicture(path, sniff(path).demuxer, filled(*FRAME, background), background)
    try:
        return to_rgb(source.picture(time_us, COVER))
    finally:
        source.close()


def run(*args) -> None:
    subprocess.run([str(ffmpeg()), "-v", "error", "-y", *map(str, args)], check=True, timeout=60)


# --- HDR, by the text of the standards, in double precision and without tables


def pq_of(nits: float) -> float:
    y = (max(nits, 0.0) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def nits_of(signal: float) -> float:
    e = signal ** (1 / 78.84375)
    return 10_000 * (max(e - 0.8359375, 0) / (18.8515625 - 18.6875 * e)) ** (1 / 0.1593017578125)


def hlg_of(scene: float) -> float:
    if scene <= 1 / 12:
        return (3 * scene) ** 0.5
    return 0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073


def eetf(nits: float) -> float:
    """BT.2390-10, 5.4.1, from 1000 to 203 cd/m², without black lift."""
    top, most = pq_of(1000), pq_of(203) / pq_of(1000)
    e1, ks = min(pq_of(nits) / top, 1), 1.5 * most - 0.5
    if e1 >= ks:
        t = (e1 - ks) / (1 - ks)
        e1 = (
            (2 * t**3 - 3 * t**2 + 1) * ks
            + (t**3 - 2 * t**2 + t) * (1 - ks)
            + (-2 * t**3 + 3 * t**2) * most
        )
    return nits_of(e1 * top)


def expected(light: np.ndarray) -> np.ndarray:
    """8-bit BT.709 of display light in BT.2020, in cd/m²."""
    brightest = max(light.max(), 1e-9)
    linear = np.minimum(light, 1000) * eetf(brightest) / brightest / 203
    to_709_matrix = np.array(
        [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
    )
    return 255 * np.clip(to_709_matrix @ linear, 0, 1) ** (1 / 2.4)


LIGHTS = [
    (0, 0, 0),
    (1, 1, 1),
    (20, 20, 20),
    (90, 90, 90),
    (203, 203, 203),
    (600, 600, 600),
    (1000, 1000, 1000),
    (100, 30, 10),
    (10, 80, 20),
    (800, 200, 100),
    (5, 10, 60),
]


def signal_of(light, curve: int) -> list[float]:
    if curve == PQ:
        return [pq_of(value) for value in light]
    y = float(np.dot([0.2627, 0.6780, 0.0593], light)) / 1000
    gain = y ** ((1 - 1.2) / 1.2) if y > 0 else 0.0
    return [hlg_of(value / 1000 * gain) for value in light]


@pytest.mark.parametrize("curve", [PQ, HLG])
@pytest.mark.parametrize("light", LIGHTS, ids=str)
def test_hdr_light_comes_out_as_the_standards_say(light, curve):
    signal = np.array(signal_of(light, curve))
    if signal.max() > 1:
        pytest.skip("HLG can't say this")
    deep = np.round(signal * 65_535).astype(np.uint16).reshape(1, 1, 3)
    found = to_709(np.repeat(deep, 4, 0), curve)[0, 0]
    wanted = expected(np.array(light, float))
    assert np.abs(found - wanted).max() <= (3 if min(light) > 0 else 5), (found, wanted)


def hdr_clip(path, curve: int, signals, container_tags=True) -> None:
    """Bars of HEVC in 10 bits, BT.2020."""
    rgb = np.zeros((180, 320, 3), np.uint16)
    wide = 320 // len(signals)
    for i, signal in enumerate(signals):
        rgb[:, i * wide : (i + 1) * wide] = np.round(np.array(signal) * 65_535)
    with av.open(str(path), "w") as file:
        # Of fewer frames than it may reorder, x265 gives decoding times out of unset memory.
        options = {"crf": "4", "preset": "ultrafast", "x265-params": "bframes=0:log-level=error"}
        stream = file.add_stream("libx265", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_range = 9, 1
        context.color_trc, context.color_primaries = curve, 9
        frame = av.VideoFrame.from_ndarray(rgb, "rgb48le").reformat(
            format="yuv420p10le", dst_colorspace=9, dst_color_range=1, src_color_range=2
        )
        frame.colorspace, frame.color_range = 9, 1
        frame.color_trc, frame.color_primaries = curve, 9
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


@pytest.mark.parametrize("curve", [PQ, HLG])
def test_an_hdr_clip_is_seen_as_its_light(tmp_path, curve):
    lights = [(20, 20, 20), (203, 203, 203), (100, 30, 10), (10, 80, 20)]
    path = tmp_path / "hdr.mp4"
    hdr_clip(path, curve, [signal_of(light, curve) for light in lights])
    rgb = shown(path)
    for i, light in enumerate(lights):
        found = rgb[90, i * 80 + 40].astype(float)
        assert np.abs(found - expected(np.array(light, float))).max() <= 7, (light, found)


def test_wide_colour_without_hdr_keeps_its_greys_and_gains_its_colours(tmp_path):
    path = tmp_path / "wide.mp4"
    hdr_clip(path, 14, [(0.5, 0.5, 0.5), (0.8, 0.3, 0.3)])
    rgb = shown(path).astype(float)
    assert np.abs(rgb[90, 80] - 127.5).max() <= 3
    linear = np.array([0.8, 0.3, 0.3]) ** 2.4
    red = 255 * (1.6605 * linear[0] - 0.5876 * linear[1] - 0.0728 * linear[2]) ** (1 / 2.4)
    assert abs(rgb[90, 240, 0] - red) <= 4
    assert rgb[90, 240, 0] > 0.8 * 255 + 5


# --- interlaced


def moving_bar(x: int) -> np.ndarray:
    picture = np.full((180, 320, 3), 40, np.uint8)
    picture[:, x : x + 24] = 220
    return picture


def write_raw(path, pictures) -> None:
    path.write_bytes(b"".join(picture.tobytes() for picture in pictures))


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_combs_are_gone_and_the_frame_is_the_right_one(tmp_path, codec):
    raw, path = tmp_path / "raw.rgb", tmp_path / "i.mkv"
    write_raw(raw, [moving_bar(20 + 8 * i) for i in range(30)])
    run(
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "320x180", "-r", "50", "-i", raw,
        "-vf", "tinterlace=interleave_top,setfield=tff", "-c:v", codec, "-pix_fmt", "yuv420p",
        "-flags", "+ildct+ilme", "-qscale:v", "2", path,
    )  # fmt: skip
    for index in range(2, 12):
        luma = shown(path, index * 40_000)[..., 1].astype(int)
        # Both fields of a frame were 8 pixels apart: now each line begins its bar at one place.
        begins = [int(np.argmax(line > 130)) for line in luma[8:-8]]
        assert max(begins) - min(begins) <= 1
        assert abs(begins[0] - (20 + 16 * index)) <= 1


def test_what_only_says_that_it_is_interlaced_stays_sharp(tmp_path):
    raw, path = tmp_path / "raw.rgb", tmp_path / "p.mkv"
    y = np.mgrid[0:180, 0:320][0]
    still = (128 + 80 * np.sin(y / 3)).astype(np.uint8)
    write_raw(raw, [np.dstack([still] * 3)] * 5)
    common = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "320x180", "-r", "25", "-i", raw)
    flags = ("-c:v", "libx264", "-crf", "1", "-pix_fmt", "yuv420p")
    run(*common, "-vf", "setfield=tff", *flags, "-flags", "+ildct+ilme", path)
    run(*common, *flags, tmp_path / "q.mkv")
    apart = np.abs(shown(path, 80_000).astype(int) - shown(tmp_path / "q.mkv", 80_000))
    assert apart.mean() < 1


def test_a_plane_without_combs_is_not_touched():
    smooth = np.tile((np.arange(64) * 3).astype(np.uint8)[:, None], (1, 32))
    assert one_moment(smooth, 8) is smooth


def test_a_combed_plane_becomes_its_upper_field():
    comb = np.zeros((64, 32), np.uint8)
    comb[0::2] = 60
    comb[1::2] = 200
    assert np.abs(one_moment(comb, 8).astype(int) - 60).max() <= 1
    deep = comb.astype(np.uint16) * 4
    assert np.abs(one_moment(deep, 10).astype(int) - 240).max() <= 1


# --- transparent, mirrored


@pytest.mark.parametrize("codec", ["libvpx-vp9", "libvpx"])
def test_a_transparent_webm_shows_the_background(tmp_path, codec):
    path = tmp_path / "alpha.webm"
    pictures = []
    for i in range(8):
        rgba = np.zeros((180, 320, 4), np.uint8)
        rgba[60:120, 20 + 30 * i : 60 + 30 * i] = (250, 250, 250, 255)
        pictures.append(rgba)
    raw = tmp_path / "raw.rgba"
    write_raw(raw, pictures)
    run(
        "-f", "rawvideo", "-pix_fmt", "rgba", "-s", "320x180", "-r", "25", "-i", raw,
        "-c:v", codec, "-pix_fmt", "yuva420p", "-b:v", "2M", "-auto-alt-ref", "0", path,
    )  # fmt: skip
    source = MovingPicture(path, "matroska,webm", filled(*FRAME, 0x00C000), 0x00C000)
    for index in (0, 3, 7, 2, 6, 0):  # back and forth
        rgb = to_rgb(source.picture(index * 40_000 + 5_000, COVER)).astype(int)
        assert rgb[90, 40 + 30 * index].min() > 225
        corner = rgb[10, 310]
        assert abs(corner[1] - 0xC0) < 8
        assert max(corner[0], corner[2]) < 12
    source.close()


FLIPS = {
    ("-display_hflip",): lambda p: p[:, ::-1],
    ("-display_vflip",): lambda p: p[::-1],
    ("-display_rotation", "90"): lambda p: np.rot90(p, 1),
    ("-display_rotation", "180"): lambda p: np.rot90(p, 2),
    ("-display_rotation", "90", "-display_hflip"): None,
}


@pytest.mark.parametrize("flags", FLIPS, ids=" ".join)
def test_a_clip_is_held_as_it_asks(tmp_path, flags):
    picture = np.zeros((180, 320, 3), np.uint8)
    picture[:90, :160], picture[:90, 160:] = (230, 30, 30), (30, 200, 30)
    picture[90:, :160], picture[90:, 160:] = (30, 30, 230), (220, 220, 40)
    raw, plain, path = tmp_path / "raw.rgb", tmp_path / "plain.mp4", tmp_path / "held.mp4"
    write_raw(raw, [picture] * 5)
    run(
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "320x180", "-r", "25", "-i", raw,
        "-c:v", "libx264", "-crf", "4", "-pix_fmt", "yuv420p", plain,
    )  # fmt: skip
    run(*flags, "-i", plain, "-c", "copy", path)
    turn = FLIPS[flags]
    if turn is None:  # what ffmpeg itself makes of it
        run("-i", path, "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", tmp_path / "o")
        size = (320, 180, 3) if "90" in flags else (180, 320, 3)
        wanted = np.frombuffer((tmp_path / "o").read_bytes(), np.uint8).reshape(size)
    else:
        wanted = turn(picture)
    source = MovingPicture(path, "mov", filled(*FRAME, 0), 0)
    got = to_rgb(source.picture(0, edl_pb2.FIT_CONTAIN)).astype(int)
    source.close()
    high, wide = wanted.shape[:2]
    scale = min(180 / high, 320 / wide)
    left, top = (320 - wide * scale) / 2, (180 - high * scale) / 2
    for fy in (0.25, 0.75):
        for fx in (0.25, 0.75):
            found = got[int(top + fy * high * scale), int(left + fx * wide * scale)]
            assert np.abs(found - wanted[int(fy * high), int(fx * wide)]).max() < 25, (fx, fy)


def test_matrices_are_read_as_the_standard_has_them():
    one = 65_536
    assert hold_by((one, 0, 0, 0, one, 0, 0, 0, 1 << 30)) == (False, 0)
    assert hold_by((0, one, 0, -one, 0, 0, 0, 0, 1 << 30)) == (False, 90)
    assert hold_by((-one, 0, 0, 0, -one, 0, 0, 0, 1 << 30)) == (False, 180)
    assert hold_by((0, -one, 0, one, 0, 0, 0, 0, 1 << 30)) == (False, 270)
    assert hold_by((-one, 0, 0, 0, one, 0, 0, 0, 1 << 30)) == (True, 0)
    assert hold_by((one, 0, 0, 0, -one, 0, 0, 0, 1 << 30)) == (True, 180)
