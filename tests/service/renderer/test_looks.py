"""Speeds, blows on beats, fits; and that the number of pieces changes no pixel of any of it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from support.composed import composed, equal, rgb_of
from support.everything import everything, picture, tall_photo

from beatstitch.v1 import edl_pb2
from beatstitch_renderer.compositor.planes import filled
from beatstitch_renderer.compositor.still import StillPicture
from beatstitch_renderer.planning.borders import PieceSizes
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_samples.coded import coded_image, decode_frame_code
from beatstitch_samples.coded_clips import coded_clip

SIZE = (320, 180)
PUNCH, FLASH = edl_pb2.ACCENT_TYPE_PUNCH_IN, edl_pb2.ACCENT_TYPE_FLASH
WHOLE = 65_536


def us(frame: int, rate=Fraction(30)) -> int:
    return round(frame / rate * 1_000_000)


def codes(frames) -> list[int | None]:
    found = [decode_frame_code(rgb_of(frame)) for frame in frames]
    return [code and code[1] for code in found]


def area(points: list[tuple[int, int]], frame: int) -> Fraction:
    """Frames of normal speed run through, by trapezoids between whole frames."""
    ends = [*points, (10**6, points[-1][1])]

    def rate(at: int) -> Fraction:
        (f0, r0), (f1, r1) = next(p for p in pairwise(ends) if p[0][0] <= at <= p[1][0])
        return r0 + Fraction((r1 - r0) * (at - f0), f1 - f0)

    return sum(((rate(k) + rate(k + 1)) / 2 for k in range(frame)), Fraction(0)) / WHOLE


@pytest.mark.parametrize(
    "points",
    [
        [(0, 16_384)],
        [(0, 32_768)],
        [(0, 131_072)],
        [(0, 262_144), (30, 16_384)],
        [(0, 16_384), (40, 196_608), (50, 65_536)],
        [(0, 65_536), (20, 655_360), (24, 6_554)],
    ],
    ids=str,
)
@pytest.mark.parametrize("rate", [Fraction(24), Fraction(30000, 1001), Fraction(60)], ids=str)
@pytest.mark.parametrize("fill", [edl_pb2.FILL_POLICY_LOOP, edl_pb2.FILL_POLICY_HOLD])
def test_a_speed_shows_the_source_frame_of_each_moment(studio, tmp_path, points, rate, fill):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=130, size=SIZE, gop=40)
    first, count = 8, 120
    shots = [studio.Shot(clip.path, 70, us(first), us(first + count), fill=fill)]
    edl = studio.edl(shots, rate)
    for frame, value in points:
        edl.segments[0].speed.points.add(frame=frame, rate=value)
    wanted = []
    for f in range(70):
        # The source's frame on the screen at that moment; its container has a millisecond's grace.
        at = ((area(points, f) / rate + Fraction(1, 1000)) * 30).__floor__()
        loops = fill == edl_pb2.FILL_POLICY_LOOP
        wanted.append(first + (at % count if loops else min(at, count - 1)))
    assert codes(composed(shots, edl)) == wanted


def two_spots(folder, middle: tuple[float, float] = (160, 90)):
    y, x = np.mgrid[0:180, 0:320]
    rgb = np.full((180, 320, 3), 40.0)
    for dx in (-50, 50):
        rgb += 160 * np.exp(-((x - middle[0] - dx) ** 2 + (y - middle[1]) ** 2) / 72)[..., None]
    return picture(folder, "spots", np.clip(rgb, 0, 255).astype(np.uint8))


def spots(frame) -> list[tuple[float, float]]:
    """Centres of the two bright spots, left and right, in pixels from the frame's corner."""
    luma = frame.y.astype(float)
    labels, count = ndimage.label(luma > 100)
    assert count == 2
    found = ndimage.center_of_mass(luma - 100, labels, [1, 2])
    return sorted((x + 0.5, y + 0.5) for y, x in found)


def test_a_punch_in_jumps_to_its_full_size_and_settles_linearly(studio, tmp_path):
    shots = [studio.Shot(two_spots(tmp_path), 20)]
    edl = studio.edl(shots)
    edl.segments[0].accents.add(type=PUNCH, frame=5, frames=8, amount=13_107)
    frames = composed(shots, edl)
    rest = frames[0]
    (x0, y0), (x1, _) = spots(rest)
    for f, frame in enumerate(frames):
        scale = 1 + 0.2 * (8 - (f - 5)) / 8 if 5 <= f < 13 else 1
        (left, top), (right, _) = spots(frame)
        assert (right - left) / (x1 - x0) == pytest.approx(scale, abs=0.002)
        assert (left + right) / 2 - 160 == pytest.approx(scale * ((x0 + x1) / 2 - 160), abs=0.05)
        assert top - 90 == pytest.approx(scale * (y0 - 90), abs=0.05)
        if scale == 1:
            assert frame is rest


@pytest.mark.parametrize("focus", [(10_000, 30_000), (32_768, 32_768), (60_000, 65_000)])
def test_a_punch_in_keeps_the_focus_where_it_is(studio, tmp_path, focus):
    """In a wide panorama of which the frame shows a part around the focus."""
    y, x = np.mgrid[0:180, 0:800]
    at = focus[0] / WHOLE * 800, focus[1] / WHOLE * 180
    spot = 40 + 200 * np.exp(-((x + 0.5 - at[0]) ** 2 + (y + 0.5 - at[1]) ** 2) / 72)
    path = picture(tmp_path, "wide", np.repeat(spot.astype(np.uint8)[..., None], 3, axis=2))
    shots = [studio.Shot(path, 12, fit=edl_pb2.FIT_FOCUS)]
    edl = studio.edl(shots)
    edl.segments[0].focus.x, edl.segments[0].focus.y = focus
    edl.segments[0].accents.add(type=PUNCH, frame=0, frames=10, amount=WHOLE // 2)
    frames = composed(shots, edl)
    left = min(max(at[0] - 160, 0), 480)
    for frame in frames:
        row, column = np.unravel_index(np.argmax(frame.y), frame.y.shape)
        assert column + 0.5 == pytest.approx(at[0] - left, abs=1.6)
        assert row + 0.5 == pytest.approx(at[1], abs=1.6)
    bright = [(frame.y > 120).sum() for frame in frames]
    assert bright[0] > 1.8 * bright[10]
    assert bright[:10] == sorted(bright[:10], reverse=True)


def test_a_flash_brings_every_value_towards_white(studio, tmp_path):
    clip = coded_clip(tmp_path / "c.mp4", source_id=1, frames=40, size=SIZE)
    shots = [studio.Shot(clip.path, 30, 0, us(40))]
    edl = studio.edl(shots)
    plain = composed(shots, edl)
    edl.segments[0].accents.add(type=FLASH, frame=10, frames=5, amount=WHOLE)
    edl.segments[0].accents.add(type=FLASH, frame=22, frames=8, amount=WHOLE // 2)
    amounts = {10 + i: (5 - i) / 5 for i in range(5)} | {22 + i: (8 - i) / 16 for i in range(8)}
    for f, (frame, before) in enumerate(zip(composed(shots, edl), plain, strict=True)):
        amount = amounts.get(f, 0)
        for plane, old, white in zip(frame.all, before.all, (235, 128, 128), strict=True):
            assert np.abs(plane - (old * (1 - amount) + white * amount)).max() <= 1
        if amount == 1:
            assert (frame.y == 235).all()


def test_blows_on_clips_wait_for_their_segment_and_end_with_it(studio, tmp_path):
    """None is seen while the segment comes in, none while it goes out."""
    clips = [
        coded_clip(tmp_path / f"{i}.mp4", source_id=i, frames=80, size=SIZE) for i in (1, 2, 3)
    ]
    shots = [studio.Shot(clip.path, 20, us(20), us(80)) for clip in clips]
    edl = studio.edl(shots)
    for index, align in ((1, edl_pb2.TRANSITION_ALIGN_END), (2, edl_pb2.TRANSITION_ALIGN_START)):
        way_in = edl.segments[index].transition_in
        way_in.type, way_in.frames, way_in.align = edl_pb2.TRANSITION_TYPE_WIPE, 7, align
    plain = composed(shots, edl)
    for frame in (0, 16):
        edl.segments[1].accents.add(type=PUNCH, frame=frame, frames=4, amount=20_000)
        edl.segments[1].accents.add(type=FLASH, frame=frame, frames=4, amount=20_000)
    changed = [
        f
        for f, (a, b) in enumerate(zip(plain, composed(shots, edl), strict=True))
        if not equal(a, b)
    ]
    assert changed == [20, 21, 22, 23, 36, 37, 38, 39]


def test_blur_shows_all_of_the_picture_before_itself(studio, tmp_path):
    path = tall_photo(tmp_path)
    frames = {}
    for fit in (edl_pb2.FIT_BLUR, edl_pb2.FIT_CONTAIN, edl_pb2.FIT_COVER):
        shots = [studio.Shot(path, 3, fit=fit)]
        frames[fit] = composed(shots, studio.edl(shots, size=(640, 360)))
    blur, contain, cover = (frames[fit][0] for fit in frames)
    assert frames[edl_pb2.FIT_BLUR][2] is blur
    # 540 × 960 in 360 lines: 202 columns from 218 on.
    assert np.array_equal(blur.y[:, 218:420], contain.y[:, 218:420])
    assert np.array_equal(blur.u[:, 109:210], contain.u[:, 109:210])
    for side in (slice(0, 218), slice(420, 640)):
        behind, sharp = blur.y[:, side].astype(float), cover.y[:, side].astype(float)
        assert behind.std() > 2
        assert 0.4 < (behind.mean() - 16) / (sharp.mean() - 16) < 0.75
        assert np.abs(np.diff(behind)).max() <= 2
        assert np.abs(np.diff(behind, axis=0)).max() <= 3
    edge = ndimage.uniform_filter(blur.u.astype(float), 31)[90, 5]
    assert (edge - 128) * (ndimage.uniform_filter(cover.u.astype(float), 31)[90, 5] - 128) >= 0


def test_blur_of_a_clip_follows_the_clip_and_looks_alike_in_any_size(studio, tmp_path):
    clip = coded_clip(tmp_path / "c.mp4", source_id=2, frames=20, size=(360, 640))
    shots = [studio.Shot(clip.path, 20, 0, us(20), fit=edl_pb2.FIT_BLUR)]
    small = composed(shots, studio.edl(shots, size=(320, 180)))
    large = composed(shots, studio.edl(shots, size=(1280, 720)))
    assert codes(small) == list(range(20))
    assert not np.array_equal(small[0].y[:, :60], small[19].y[:, :60])
    for one, other in zip(small, large, strict=True):
        shrunk = other.y.reshape(180, 4, 320, 4).mean(axis=(1, 3))
        assert np.abs(shrunk[:, :100] - one.y[:, :100]).mean() < 2
        assert one.y[:, :100].min() > 16


def test_a_picture_of_the_frames_shape_has_nothing_behind_it(studio, tmp_path):
    path = picture(tmp_path, "wide", coded_image(3, 0, (640, 360)))
    fits = (edl_pb2.FIT_BLUR, edl_pb2.FIT_COVER)
    one, other = (
        composed(shots, studio.edl(shots))[0]
        for shots in ([studio.Shot(path, 1, fit=fit)] for fit in fits)
    )
    assert equal(one, other)


@pytest.mark.parametrize("fit", [edl_pb2.FIT_CONTAIN, edl_pb2.FIT_BLUR])
def test_a_move_over_a_picture_seen_whole_has_steady_edges(fit):
    """The picture's left edge glides on a straight line, also within a pixel."""
    pixels = np.full((900, 600, 3), 255, np.uint8)
    still = StillPicture(lambda: pixels, filled(640, 360, 0), 0)
    move = edl_pb2.KenBurns()
    getattr(move, "from").CopyFrom(edl_pb2.UnitRect(w=WHOLE, h=WHOLE))
    move.to.CopyFrom(edl_pb2.UnitRect(x=3_277, y=3_277, w=58_982, h=58_982))
    edges = []
    for step in range(90):
        line = still.moved(move, step, 89, fit).y[180].astype(float)
        behind = line[0]
        edges.append(((235 - line[:320]) / (235 - behind)).sum())
    # The picture's width is 360 × 600 / 900 / side, of which the left half is seen here.
    off = np.array(edges) - (320 - 120 / np.linspace(1, 58_982 / WHOLE, 90))
    assert np.abs(off).max() < 0.5
    assert np.abs(np.diff(off)).max() < 0.03


@pytest.mark.parametrize("fit", [edl_pb2.FIT_COVER, edl_pb2.FIT_CONTAIN, edl_pb2.FIT_BLUR])
@pytest.mark.parametrize(("begin", "end"), [(0, 6_000), (1_000, 1_500)])
def test_a_pan_has_no_jitter(fit, begin, end):
    """Position by the phase of a wave, to a thousandth of a pixel: equal steps in every frame."""
    waves = 128 + 100 * np.sin(2 * np.pi * np.arange(1800) / 23.7)
    pixels = np.repeat(np.repeat(waves.astype(np.uint8)[None, :, None], 1012, 0), 3, 2)
    still = StillPicture(lambda: pixels, filled(1280, 720, 0), 0)
    move, side = edl_pb2.KenBurns(), 56_000
    getattr(move, "from").CopyFrom(edl_pb2.UnitRect(x=begin, y=3_000, w=side, h=side))
    move.to.CopyFrom(edl_pb2.UnitRect(x=end, y=3_000, w=side, h=side))
    turns = np.exp(-2j * np.pi * np.arange(1280) / (23.7 * 1280 * WHOLE / side / 1800))
    phases = []
    for step in range(60):
        line = still.moved(move, step, 89, fit).y.mean(axis=0)
        phases.append(np.angle(((line - line.mean()) * np.hanning(1280) * turns).sum()))
    at = np.unwrap(phases) / (2 * np.pi) * 23.7 * 1280 * WHOLE / side / 1800
    step = (end - begin) / side * 1280 / 89
    assert np.diff(at) == pytest.approx(step, abs=0.02)
    assert np.abs(np.diff(at, 2)).max() < 0.02


def test_the_closest_view_of_a_move_is_as_sharp_as_the_picture(studio, tmp_path):
    """A quarter of the picture, which has as many pixels as the frame: each is the picture's."""
    y, x = np.mgrid[0:720, 0:1280]
    checks = (40 + 170 * ((x // 2 + y // 2) % 2)).astype(np.uint8)
    path = picture(tmp_path, "checks", np.repeat(checks[..., None], 3, axis=2))
    move = edl_pb2.KenBurns()
    getattr(move, "from").CopyFrom(edl_pb2.UnitRect(w=WHOLE, h=WHOLE))
    move.to.CopyFrom(edl_pb2.UnitRect(x=WHOLE // 2, y=WHOLE // 4, w=WHOLE // 4, h=WHOLE // 4))
    shots = [studio.Shot(path, 10, move=move)]
    last = composed(shots, studio.edl(shots))[9].y
    wanted = 16 + checks[180:360, 640:960].astype(float) * 219 / 255
    assert np.abs(last - wanted).max() <= 2


@pytest.mark.parametrize(("x", "left"), [(0, 0), (20_000, 84), (32_768, 240), (65_536, 480)])
def test_focus_chooses_what_is_cut_off(studio, tmp_path, x, left):
    """A panorama 800 wide, of which 320 are shown around the focus, as far as it reaches."""
    ramp = np.repeat(np.linspace(0, 255, 800)[None, :, None], 180, 0).repeat(3, 2)
    path = picture(tmp_path, "ramp", ramp.astype(np.uint8))
    shots = [studio.Shot(path, 1, fit=edl_pb2.FIT_FOCUS)]
    edl = studio.edl(shots)
    edl.segments[0].focus.x = x
    luma = composed(shots, edl)[0].y[90].astype(float)
    wanted = 16 + 219 * np.arange(left, left + 320) / 799
    assert np.abs(luma - wanted).max() < 2
    edl.segments[0].ClearField("focus")
    middle = composed(shots, edl)[0].y[90].astype(float)
    assert np.abs(middle - (16 + 219 * np.arange(240, 560) / 799)).max() < 2


def test_focus_in_a_turned_clip_counts_in_the_picture_as_seen(studio, tmp_path):
    clip = coded_clip(tmp_path / "c.mp4", source_id=2, frames=4, size=(360, 640), rotation=90)
    shots = [studio.Shot(clip.path, 4, 0, us(4), fit=edl_pb2.FIT_FOCUS)]
    edl = studio.edl(shots)
    shifts = {}
    for y in (0, 32_768, 65_536):
        edl.segments[0].focus.x, edl.segments[0].focus.y = 32_768, y
        shifts[y] = composed(shots, edl)[0]
    assert decode_frame_code(rgb_of(shifts[32_768])) == (2, 0)
    # 569 lines of which 180 are shown: nothing of the code's middle is seen at the top.
    assert not np.array_equal(shifts[0].y, shifts[65_536].y)
    assert decode_frame_code(rgb_of(shifts[0])) is None


def test_one_piece_or_many_show_the_same_in_every_value(studio, tmp_path):
    shots, edl = everything(studio, tmp_path)
    whole = composed(shots, edl)
    for sizes in (PieceSizes(10, 25, 30), PieceSizes(40, 60, 200)):
        borders = [c.start_frame for c in plan_render(edl, studio.profile(), "f", sizes).chunks]
        assert len(borders) > 7
        found = composed(shots, edl, sizes)
        assert len(found) == len(whole)
        different = [
            f for f, (a, b) in enumerate(zip(whole, found, strict=True)) if not equal(a, b)
        ]
        assert not different


def test_the_smallest_frame_shows_everything_too(studio, tmp_path):
    shots, edl = everything(studio, tmp_path)
    edl.output.width, edl.output.height = 16, 18
    frames = composed(shots, edl)
    assert len(frames) == edl.segments[-1].timeline_out_frame
    assert {(frame.y.shape, frame.u.shape, frame.v.shape) for frame in frames} == {
        ((18, 16), (9, 8), (9, 8))
    }
