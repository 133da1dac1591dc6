"""Every transition, wherever it lies: which frames of which clips, how much of each, and where.

What is composed is held against floats computed here from the clips' own frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from support.composed import ONE_PIECE, composed, equal, rgb_of

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_renderer.compositor.moving import MovingPicture
from beatstitch_renderer.compositor.planes import Planes, filled, frame_planes
from beatstitch_renderer.piece import read_header, read_pictures
from beatstitch_samples.coded import coded_image, decode_frame_code
from beatstitch_samples.coded_clips import CodedClip, coded_clip

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (320, 180)
LENGTH = 40
FRAMES = 9
CUT, END, CENTRE, START = LENGTH, *list(edl_pb2.TransitionAlign.values())[1:]
REACH = {END: range(31, 40), CENTRE: range(35, 44), START: range(40, 49)}
FADE, BLACK, WHITE, WIPE, SLIDE, PUSH, ZOOM = edl_pb2.TransitionType.values()[2:]
COPIED = (WIPE, SLIDE, PUSH)
KINDS = [
    *[(kind, 0) for kind in (FADE, BLACK, WHITE, ZOOM)],
    *[(kind, direction) for kind in COPIED for direction in edl_pb2.Direction.values()[1:]],
]


@dataclass
class Footage:
    """A coded clip and its frames as finished pictures."""

    clip: CodedClip
    pictures: list[Planes]

    def __getitem__(self, number: int) -> Planes:
        return self.pictures[number]


def footage(folder: Path, source_id: int) -> Footage:
    clip = coded_clip(folder / f"c{source_id}.mp4", source_id=source_id, frames=90, size=SIZE)
    source = MovingPicture(clip.path, "mov", filled(*SIZE, 0), 0)
    pictures = [source.picture(us(n), edl_pb2.FIT_COVER) for n in range(90)]
    source.close()
    for n in (0, 33, 89):
        assert decode_frame_code(rgb_of(pictures[n])) == (source_id, n)
    return Footage(clip, pictures)


@pytest.fixture(scope="module")
def old(tmp_path_factory) -> Footage:
    return footage(tmp_path_factory.mktemp("old"), 1)


@pytest.fixture(scope="module")
def new(tmp_path_factory) -> Footage:
    return footage(tmp_path_factory.mktemp("new"), 2)


def us(frame: int) -> int:
    return round(Fraction(frame, 30) * 1_000_000)


def give(edl: Edl, index: int, kind: int, align: int, direction: int = 0, frames: int = FRAMES):
    way_in = edl.segments[index].transition_in
    way_in.type, way_in.frames, way_in.align, way_in.direction = kind, frames, align, direction


def grown(plane: np.ndarray, scale: float) -> np.ndarray:
    tall, wide = plane.shape
    rows, columns = np.indices(plane.shape) + 0.5
    at = [
        tall / 2 + (rows - tall / 2) / scale - 0.5,
        wide / 2 + (columns - wide / 2) / scale - 0.5,
    ]
    return ndimage.map_coordinates(plane.astype(float), at, order=1, mode="nearest")


def slid(plane: np.ndarray, right: int, down: int) -> np.ndarray:
    """Moved by whole pixels; NaN where nothing comes from."""
    out = np.full(plane.shape, np.nan)
    tall, wide = plane.shape
    out[max(0, down) : tall + min(0, down), max(0, right) : wide + min(0, right)] = plane[
        max(0, -down) : tall - max(0, down), max(0, -right) : wide - max(0, right)
    ]
    return out


def expected(kind: int, direction: int, a: np.ndarray, b: np.ndarray, colours, p: float):
    """One plane of a frame of a transition that is done by p, in floats."""
    a, b = a.astype(float), b.astype(float)
    if kind == FADE:
        return a * (1 - p) + b * p
    if kind == ZOOM:
        return grown(a, 1 + p) * (1 - p) + b * p
    if kind in {BLACK, WHITE}:
        share = 1 - abs(2 * p - 1)
        return (a if p < 0.5 else b) * (1 - share) + colours[kind == WHITE] * share
    tall, wide = a.shape
    away = {1: (-1, 0), 2: (1, 0), 3: (0, -1), 4: (0, 1)}[direction]
    done = round(p * wide) * away[0], round(p * tall) * away[1]
    to_come = done[0] - wide * away[0], done[1] - tall * away[1]
    comes = slid(b, *to_come)
    if kind == SLIDE:
        return np.where(np.isnan(comes), a, comes)
    if kind == PUSH:
        return np.where(np.isnan(comes), slid(a, *done), comes)
    return np.where(np.isnan(comes), a, b)


def assert_like(found: Planes, wanted, kind: int) -> None:
    for plane, right in zip(found.all, wanted, strict=True):
        assert not np.isnan(right).any()
        off = np.abs(plane - right)
        assert off.max() <= (0 if kind in COPIED else 3)
        assert off.mean() <= 0.6


@pytest.mark.parametrize("align", [END, CENTRE, START], ids=["end", "centre", "start"])
@pytest.mark.parametrize(("kind", "direction"), KINDS)
def test_each_frame_of_each_transition(studio, old, new, kind, direction, align):
    """Progress is (i + 1) / 10 in frame i: each edge is on a whole chroma pixel, none rounded."""
    shots = [
        studio.Shot(old.clip.path, LENGTH, us(5), us(90)),
        studio.Shot(new.clip.path, LENGTH, us(20), us(90)),
    ]
    edl = studio.edl(shots)
    give(edl, 1, kind, align, direction)
    frames = composed(shots, edl)
    assert len(frames) == 2 * LENGTH
    for f, found in enumerate(frames):
        if f not in REACH[align]:
            assert equal(found, old[f + 5] if f < CUT else new[f - CUT + 20]), f
            continue
        p = (f - REACH[align].start + 1) / (FRAMES + 1)
        colours = zip((16, 128, 128), (235, 128, 128), strict=True)
        planes = zip(old[f + 5].all, new[f - CUT + 20].all, colours, strict=True)
        assert_like(found, [expected(kind, direction, a, b, c, p) for a, b, c in planes], kind)


@pytest.mark.parametrize("fill", [edl_pb2.FILL_POLICY_LOOP, edl_pb2.FILL_POLICY_HOLD])
def test_what_has_no_handles_stands_or_begins_again(studio, old, new, fill):
    """The old clip ends with its segment, the new one has two frames before its in-point."""
    shots = [
        studio.Shot(old.clip.path, LENGTH, us(10), us(50), fill=fill),
        studio.Shot(new.clip.path, LENGTH, us(2), us(90)),
    ]
    edl = studio.edl(shots)
    give(edl, 1, WIPE, CENTRE, edl_pb2.DIRECTION_LEFT)
    frames = composed(shots, edl)
    loops = fill == edl_pb2.FILL_POLICY_LOOP
    for f in REACH[CENTRE]:
        edge = 320 - 32 * (f - 34)
        was = f + 10 if f < 40 else (f - 30 if loops else 49)
        assert np.array_equal(frames[f].y[:, :edge], old[was].y[:, :edge])
        assert np.array_equal(frames[f].y[:, edge:], new[max(0, f - 38)].y[:, edge:])


def test_a_clip_moves_into_itself_after_its_cut(studio, old):
    """Two decoders of one file: neither is taken from the other while both are seen."""
    shots = [studio.Shot(old.clip.path, 20, us(n), us(90)) for n in (60, 30, 0, 45)]
    edl = studio.edl(shots)
    for index, align in ((1, START), (2, CENTRE), (3, END)):
        give(edl, index, SLIDE, align, edl_pb2.DIRECTION_DOWN)
    frames = composed(shots, edl)
    starts = {20: (60, 30), 35: (30, 0), 51: (0, 45)}
    for begin, (before, after) in starts.items():
        cut = round(begin / 20) * 20
        for i in range(FRAMES):
            f, edge = begin + i, 18 * (i + 1)
            lower, upper = old[before + f - cut + 20], old[max(0, after + f - cut)]
            assert np.array_equal(frames[f].y[edge:], lower.y[edge:])
            assert np.array_equal(frames[f].y[:edge], upper.y[180 - edge :])


def test_what_is_composed_is_what_is_encoded_and_the_cut_is_a_place_to_enter(
    studio, old, new, tmp_path
):
    shots = [
        studio.Shot(old.clip.path, LENGTH, us(5), us(90)),
        studio.Shot(new.clip.path, LENGTH, us(20), us(90)),
    ]
    edl = studio.edl(shots)
    give(edl, 1, PUSH, CENTRE, edl_pb2.DIRECTION_UP)
    _, (piece,) = studio.render(shots, edl, ONE_PIECE)
    header = read_header(piece)
    assert {0, CUT} <= header.keys
    bare = tmp_path / "bare.h264"
    bare.write_bytes(header.headers + b"".join(read_pictures(piece, header)))
    with av.open(str(bare), "r", format="h264") as file:
        seen = [frame_planes(frame) for frame in file.decode(video=0)]
    wanted = composed(shots, edl)
    assert len(seen) == len(wanted) == 2 * LENGTH
    for found, right in zip(seen, wanted, strict=True):
        assert np.abs(found.y.astype(int) - right.y).mean() < 3


def test_stills_have_tails_and_rest_there(studio, tmp_path):
    """A move over a still picture rests at its last view while it goes out."""
    paths = []
    for i in (7, 8):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(coded_image(i, 0, (640, 360))).save(paths[-1])
    move = edl_pb2.KenBurns()
    getattr(move, "from").CopyFrom(edl_pb2.UnitRect(w=65_536, h=65_536))
    move.to.CopyFrom(edl_pb2.UnitRect(x=8_192, y=8_192, w=49_152, h=49_152))
    shots = [studio.Shot(path, LENGTH, move=move) for path in paths]
    edl = studio.edl(shots)
    give(edl, 1, WIPE, START, edl_pb2.DIRECTION_RIGHT)
    frames = composed(shots, edl)
    for i in range(FRAMES):
        edge = 32 * (i + 1)
        assert np.array_equal(frames[CUT + i].y[:, edge:], frames[CUT - 1].y[:, edge:])
    give(edl, 1, WIPE, END, edl_pb2.DIRECTION_RIGHT)
    frames = composed(shots, edl)
    for i in range(FRAMES):
        edge = 32 * (i + 1)
        assert np.array_equal(frames[CUT - FRAMES + i].y[:, :edge], frames[CUT].y[:, :edge])
