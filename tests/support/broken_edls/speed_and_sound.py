"""What is wrong with how clips run and sound."""

from __future__ import annotations

from hypothesis import strategies as st

from beatstitch.v1.edl_pb2 import SpeedPoint
from support.broken_edls.kit import CLIP, I32, IMAGE, UNIT, mutation, outside, pick
from support.edls import length_of


def run_at(segment, *points):
    segment.speed.Clear()
    segment.speed.SetInParent()
    segment.speed.points.extend(SpeedPoint(frame=frame, rate=rate) for frame, rate in points)


@mutation
def speed_of_a_picture(data, sample):
    segment, at = pick(data, sample, IMAGE)
    run_at(segment, (0, UNIT))
    return f"{at}.speed"


@mutation
def speed_without_points(data, sample):
    segment, at = pick(data, sample, CLIP)
    run_at(segment, *[(k, UNIT) for k in range(data.draw(st.sampled_from([0, 257])))])
    return f"{at}.speed.points"


@mutation
def speed_that_begins_late(data, sample):
    segment, at = pick(data, sample, CLIP)
    run_at(segment, (outside(data, 0, 0), UNIT))
    return f"{at}.speed.points[0].frame"


@mutation
def speed_backwards(data, sample):
    segment, at = pick(data, sample, CLIP)
    run_at(segment, (0, UNIT), (1, UNIT), (data.draw(st.integers(I32[0], 1)), UNIT))
    return f"{at}.speed.points[2].frame"


@mutation
def speed_after_the_segment(data, sample):
    segment, at = pick(data, sample, CLIP)
    run_at(segment, (0, UNIT), (outside(data, I32[0], length_of(segment)), UNIT))
    return f"{at}.speed.points[1].frame"


@mutation
def speed_out_of_range(data, sample):
    segment, at = pick(data, sample, CLIP)
    run_at(segment, (0, UNIT), (1, outside(data, 6_554, 655_360)))
    return f"{at}.speed.points[1].rate"


@mutation
def sound_of_a_picture(data, sample):
    segment, at = pick(data, sample, IMAGE)
    segment.sound.gain = UNIT
    return f"{at}.sound"


@mutation
def gain(data, sample):
    segment, at = pick(data, sample, CLIP)
    segment.sound.gain = outside(data, 1, 2 * UNIT)
    return f"{at}.sound.gain"
