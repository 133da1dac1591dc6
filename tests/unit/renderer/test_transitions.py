"""The arithmetic of each transition, against floats written from the contract's words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Transition
from beatstitch_renderer.compositor.planes import Planes, blended, magnified, toned
from beatstitch_renderer.compositor.transitions import TRANSITIONS, between, edge_at

WIDTH, HEIGHT = 96, 54
STEPS = [1, 1_000, 9_362, 21_845, 32_768, 43_690, 60_000, 65_535]
DIRECTIONS = edl_pb2.Direction.values()[1:]
MOVING = [
    edl_pb2.TRANSITION_TYPE_WIPE,
    edl_pb2.TRANSITION_TYPE_SLIDE,
    edl_pb2.TRANSITION_TYPE_PUSH,
]


def picture(seed: int) -> Planes:
    rng = np.random.default_rng(seed)

    def plane(tall: int, wide: int) -> np.ndarray:
        rough = ndimage.gaussian_filter(rng.random((tall, wide)), 2)
        return (16 + 219 * (rough - rough.min()) / np.ptp(rough)).astype(np.uint8)

    half = HEIGHT // 2, WIDTH // 2
    return Planes(plane(HEIGHT, WIDTH), plane(*half), plane(*half))


OLD, NEW = picture(1), picture(2)


def drawn(kind: int, progress: int, direction: int = 0) -> Planes:
    way_in = Transition(type=kind, frames=9, direction=direction)
    return between(way_in, lambda: OLD, lambda: NEW, progress)


def never() -> Planes:
    raise AssertionError("a picture was drawn that is not seen")


def test_all_of_the_contract_can_be_rendered():
    named = set(edl_pb2.TransitionType.values()) - {edl_pb2.TRANSITION_TYPE_UNSPECIFIED}
    assert set(TRANSITIONS) == named
    assert TRANSITIONS[0] == edl_pb2.TRANSITION_TYPE_CUT


def test_a_blend_is_the_same_in_integers_for_all_values_and_shares():
    a = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 256, axis=1)
    b = np.ascontiguousarray(a.T)
    lower, upper = Planes(a, a[::2, ::2], a[::2, ::2]), Planes(b, b[::2, ::2], b[::2, ::2])
    for share in range(257):
        found = blended(lower, upper, share * 256)
        exact = (a.astype(int) * (256 - share) + b.astype(int) * share + 128) >> 8
        assert np.array_equal(found.y, exact)
        assert np.array_equal(found.v, exact[::2, ::2])


@pytest.mark.parametrize("progress", STEPS)
def test_a_crossfade_weighs(progress):
    p = progress / 65_536
    for a, b, found in zip(OLD.all, NEW.all, drawn(2, progress).all, strict=True):
        assert np.abs(found - (a * (1 - p) + b * p)).max() <= 1


@pytest.mark.parametrize("progress", STEPS)
@pytest.mark.parametrize(
    ("kind", "luma"),
    [(edl_pb2.TRANSITION_TYPE_FADE_BLACK, 16), (edl_pb2.TRANSITION_TYPE_FADE_WHITE, 235)],
)
def test_a_fade_goes_through_its_colour(kind, luma, progress):
    p = progress / 65_536
    first = p <= 0.5
    share = 2 * p if first else 2 - 2 * p
    way_in = Transition(type=kind, frames=9)
    found = between(
        way_in, (lambda: OLD) if first else never, never if first else (lambda: NEW), progress
    )
    for seen, colour, plane in zip(
        (OLD if first else NEW).all, (luma, 128, 128), found.all, strict=True
    ):
        assert np.abs(plane - (seen * (1 - share) + colour * share)).max() <= 1


def test_at_its_middle_a_fade_is_its_colour_alone():
    for kind, luma in (
        (edl_pb2.TRANSITION_TYPE_FADE_BLACK, 16),
        (edl_pb2.TRANSITION_TYPE_FADE_WHITE, 235),
    ):
        for plane, value in zip(drawn(kind, 32_768).all, (luma, 128, 128), strict=True):
            assert (plane == value).all()


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("kind", MOVING)
def test_pictures_move_as_the_contract_says(kind, direction):
    """Each pixel by itself: whose it is, and which of that picture's."""
    last = 0
    for progress in STEPS:
        found = drawn(kind, progress, direction)
        vertical = direction in {edl_pb2.DIRECTION_UP, edl_pb2.DIRECTION_DOWN}
        length = HEIGHT if vertical else WIDTH
        # Of the frame's pixels, in the direction's sense, so many are the new one's.
        edge = edge_at(progress, length)
        assert edge % 2 == 0
        assert abs(edge - length * progress / 65_536) <= 1
        assert last <= edge
        last = edge
        comes_from_the_end = direction in {edl_pb2.DIRECTION_LEFT, edl_pb2.DIRECTION_UP}
        for planes in zip(OLD.all, NEW.all, found.all, strict=True):
            across = [plane.T if vertical else plane for plane in planes]
            # Seen from the side that the new one comes from, all directions are alike.
            a, b, shown = (p[:, ::-1] if comes_from_the_end else p for p in across)
            own = edge * shown.shape[1] // length
            n = shown.shape[1]
            for x in range(n):
                if x < own:
                    from_x = x if kind == edl_pb2.TRANSITION_TYPE_WIPE else n - own + x
                    assert (shown[:, x] == b[:, from_x]).all()
                else:
                    from_x = x - own if kind == edl_pb2.TRANSITION_TYPE_PUSH else x
                    assert (shown[:, x] == a[:, from_x]).all()


def grown(plane: np.ndarray, scale: float, x: float, y: float) -> np.ndarray:
    """`scale` times as large around a point in pixels, bilinear, in floats."""
    rows, columns = np.indices(plane.shape) + 0.5
    at = [y + (rows - y) / scale - 0.5, x + (columns - x) / scale - 0.5]
    return ndimage.map_coordinates(plane.astype(float), at, order=1, mode="nearest")


@pytest.mark.parametrize("progress", STEPS)
def test_a_zoom_grows_the_old_one_while_it_fades(progress):
    p = progress / 65_536
    found = drawn(edl_pb2.TRANSITION_TYPE_ZOOM, progress)
    for a, b, plane in zip(OLD.all, NEW.all, found.all, strict=True):
        larger = grown(a, 1 + p, plane.shape[1] / 2, plane.shape[0] / 2)
        assert np.abs(plane - (larger * (1 - p) + b * p)).max() <= 2


@pytest.mark.parametrize("scale", [1.0, 1.004, 1.1, 1.7])
@pytest.mark.parametrize("anchor", [(48.0, 27.0), (0.0, 54.0), (20.3, 11.9)])
def test_a_picture_is_magnified_around_a_point_on_all_planes(scale, anchor):
    found = magnified(OLD, scale, anchor)
    for i, (plane, before) in enumerate(zip(found.all, OLD.all, strict=True)):
        x, y = anchor if i == 0 else (anchor[0] / 2, anchor[1] / 2)
        assert np.abs(plane - grown(before, scale, x, y)).max() <= 1.5


def test_a_tone_of_nothing_and_of_all():
    assert all(
        np.array_equal(a, b)
        for a, b in zip(toned(OLD, (235, 128, 128), 0).all, OLD.all, strict=True)
    )
    for weight in (65_536, 100_000):
        assert [int(p.min()) for p in toned(OLD, (235, 128, 128), weight).all] == [235, 128, 128]
