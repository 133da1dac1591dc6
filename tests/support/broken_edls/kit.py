"""What mutations of EDLs are made with: each breaks a valid EDL in one place and says which."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from beatstitch.v1 import common_pb2
from support.edls import Sample

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Segment

I32, I64 = (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)
UNIT = 65_536
CLIP, IMAGE = common_pb2.MEDIA_TYPE_VIDEO, common_pb2.MEDIA_TYPE_IMAGE
NO_SHA256 = st.sampled_from(["x" * 64, "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", "٣" * 64])

# One mutation each: changes a valid EDL and returns the path that has to be named.
Mutation = Callable[[st.DataObject, Sample], str]
MUTATIONS: dict[str, Mutation] = {}


def mutation(change: Mutation) -> Mutation:
    MUTATIONS[change.__name__] = change
    return change


def outside(data: st.DataObject, least: int, most: int, bits: tuple[int, int] = I32) -> int:
    """A number that is not from `least` to `most`."""
    sides = []
    if least > bits[0]:
        sides += [st.just(least - 1), st.integers(bits[0], least - 1)]
    if most < bits[1]:
        sides += [st.just(most + 1), st.integers(most + 1, bits[1])]
    return data.draw(st.one_of(sides))


def pick(
    data: st.DataObject, sample: Sample, kind: int | None = None, first: int = 0
) -> tuple[Segment, str]:
    """One of the segments, of a type if one is given, and its path."""
    segments = sample.edl.segments
    fitting = [i for i in range(first, len(segments)) if kind in {None, segments[i].media_type}]
    i = data.draw(st.sampled_from(fitting))
    return segments[i], f"segments[{i}]"


def ranged(path: str, least: int, most: int, bits: tuple[int, int] = I32) -> None:
    """A mutation for a number of the document that has a range."""
    *keys, last = path.split(".")

    def change(data: st.DataObject, sample: Sample) -> str:
        target = sample.edl
        for key in keys:
            target = getattr(target, key)
        setattr(target, last, outside(data, least, most, bits))
        return path

    MUTATIONS[path] = change


def break_rectangle(data, rect):
    rect.x, rect.y, rect.w, rect.h = 1, 1, UNIT - 1, UNIT - 1
    side = data.draw(st.sampled_from(["x", "y", "w", "h"]))
    least, most = (1, UNIT - 1) if side in "wh" else (0, 1)
    setattr(rect, side, outside(data, least, most))
