"""What is wrong with how segments look: transitions, fits, moves, accents."""

from __future__ import annotations

from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Accent
from beatstitch_core.edl.ways_in import CUTS, DIRECTED
from support.broken_edls.kit import CLIP, I32, IMAGE, UNIT, break_rectangle, mutation, outside, pick
from support.broken_edls.segments import in_frame
from support.edls import length_of


@mutation
def transition_unknown(data, sample):
    segment, at = pick(data, sample)
    segment.transition_in.type = outside(data, 0, max(edl_pb2.TransitionType.values()))
    return f"{at}.transition_in.type"


@mutation
def transition_into_the_first(data, sample):
    way = sample.edl.segments[0].transition_in
    way.type, way.frames = edl_pb2.TRANSITION_TYPE_ZOOM, data.draw(st.integers(0, 5))
    return "segments[0].transition_in.type"


@mutation
def transition_too_long(data, sample):
    segment, at = pick(data, sample, first=1)
    way, before = segment.transition_in, sample.edl.segments[segment.index - 1]
    way.Clear()
    way.type = data.draw(st.sampled_from(sorted(set(edl_pb2.TransitionType.values()) - CUTS)))
    way.align = data.draw(st.sampled_from(edl_pb2.TransitionAlign.values()))
    most = min(length_of(before), length_of(segment)) // 2
    way.frames = outside(data, 1, max(most, 1)) if most else data.draw(st.integers(*I32))
    return f"{at}.transition_in.frames"


@mutation
def cut_that_takes_time(data, sample):
    segment, at = pick(data, sample)
    segment.transition_in.Clear()
    segment.transition_in.type = data.draw(st.sampled_from(sorted(CUTS)))
    name = data.draw(st.sampled_from(["frames", "align", "direction"]))
    setattr(segment.transition_in, name, data.draw(st.integers(1, 3)))
    return f"{at}.transition_in.{name}"


@mutation
def alignment_unknown(data, sample):
    segment, at = pick(data, sample)
    segment.transition_in.align = outside(data, 0, 3)
    return f"{at}.transition_in.align"


@mutation
def direction_unknown(data, sample):
    segment, at = pick(data, sample)
    segment.transition_in.direction = outside(data, 0, 4)
    return f"{at}.transition_in.direction"


@mutation
def direction_of_what_stands(data, sample):
    segment, at = pick(data, sample)
    still = sorted(set(edl_pb2.TransitionType.values()) - DIRECTED)
    segment.transition_in.type = data.draw(st.sampled_from(still))
    segment.transition_in.direction = data.draw(st.integers(1, 4))
    return f"{at}.transition_in.direction"


@mutation
def fit_unknown(data, sample):
    segment, at = pick(data, sample)
    segment.fit = outside(data, 0, max(edl_pb2.Fit.values()))
    return f"{at}.fit"


@mutation
def fill_of_the_builder(data, sample):
    segment, at = pick(data, sample)
    segment.fill = outside(data, 0, edl_pb2.FILL_POLICY_HOLD)
    return f"{at}.fill"


@mutation
def focus_missing(data, sample):
    segment, at = pick(data, sample)
    segment.fit = edl_pb2.FIT_FOCUS
    segment.ClearField("focus")
    return f"{at}.focus"


@mutation
def focus_of_another_fit(data, sample):
    segment, at = pick(data, sample)
    segment.fit = data.draw(st.integers(0, edl_pb2.FIT_BLUR))
    segment.focus.SetInParent()
    return f"{at}.focus"


@mutation
def focus_outside(data, sample):
    segment, at = pick(data, sample)
    segment.fit = edl_pb2.FIT_FOCUS
    side = data.draw(st.sampled_from(["x", "y"]))
    setattr(segment.focus, side, outside(data, 0, UNIT))
    return f"{at}.focus.{side}"


@mutation
def rectangle_outside(data, sample):
    segment, at = pick(data, sample, IMAGE)
    move = segment.effect.ken_burns
    for name in ("from", "to"):
        getattr(move, name).w = getattr(move, name).h = UNIT
    name = data.draw(st.sampled_from(["from", "to"]))
    break_rectangle(data, getattr(move, name))
    return f"{at}.effect.ken_burns.{name}"


@mutation
def clip_that_moves_like_a_picture(data, sample):
    segment, at = pick(data, sample, CLIP)
    segment.effect.ken_burns.SetInParent()
    return f"{at}.effect.ken_burns"


def accent(data, sample):
    """Puts an accent before a segment's own; returns it, its path and the segment's length."""
    segment, at = pick(data, sample)
    whole = Accent(type=edl_pb2.ACCENT_TYPE_FLASH, frame=0, frames=1, amount=1)
    segment.accents.insert(0, whole)
    return segment.accents[0], f"{at}.accents[0]", length_of(segment)


@mutation
def accent_unknown(data, sample):
    blow, at, _ = accent(data, sample)
    blow.type = outside(data, 1, 2)
    return f"{at}.type"


@mutation
def accent_outside(data, sample):
    blow, at, length = accent(data, sample)
    blow.frame = outside(data, 0, length - 1)
    return f"{at}.frame"


@mutation
def accent_longer_than_the_segment(data, sample):
    blow, at, length = accent(data, sample)
    blow.frames = outside(data, 1, length)
    return f"{at}.frames"


@mutation
def accent_of_nothing(data, sample):
    blow, at, _ = accent(data, sample)
    blow.amount = outside(data, 1, UNIT)
    return f"{at}.amount"


@mutation
def accents_backwards(data, sample):
    segments = sample.edl.segments
    long = [s for s in segments if length_of(s) > 1]
    if not long:
        return in_frame(data, sample)
    segment = data.draw(st.sampled_from(long))
    del segment.accents[:]
    for frame in (data.draw(st.integers(1, length_of(segment) - 1)), 0):
        segment.accents.add(type=edl_pb2.ACCENT_TYPE_FLASH, frame=frame, frames=1, amount=1)
    return f"segments[{segment.index}].accents[1].frame"
