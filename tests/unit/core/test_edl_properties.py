"""Whatever the EDL: a valid one passes, and each way to break it is found and named by its path."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.broken_edls import FITS, MUTATIONS, NEEDS_ASSETS
from support.edls import Sample, edls, length_of
from support.messages import messages

from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.canonical import canonical_json, parse_json
from beatstitch_core.edl.settings import check_settings, merged_settings, with_defaults
from beatstitch_core.edl.warn import edl_warnings
from beatstitch_core.edl.ways_in import reach
from beatstitch_core.edl_invariants import validate_edl

if TYPE_CHECKING:
    pass

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=150)


def fields(sample: Sample, *, known: bool = True) -> set[str]:
    return {v.field for v in validate_edl(sample.edl, sample.media if known else None)}


@MANY
@given(edls())
def test_a_valid_edl_passes(sample: Sample):
    assert not validate_edl(sample.edl)
    assert not validate_edl(sample.edl, sample.media)
    edl_warnings(sample.edl, sample.media)


@MANY
@given(edls(least_segments=2))
def test_transitions_never_meet_inside_a_segment(sample: Sample):
    segments = sample.edl.segments
    for segment, after in pairwise(segments):
        meeting = reach(segment.transition_in).after + reach(after.transition_in).before
        assert meeting <= length_of(segment)


@MANY
@given(edls())
def test_the_canonical_form_reads_back_as_the_same_edl(sample: Sample):
    assert parse_json(canonical_json(sample.edl), Edl()) == sample.edl


@MANY
@given(messages(Edl), edls(), st.booleans())
def test_no_document_makes_the_checks_raise(hostile: Edl, sample: Sample, countable: bool):
    if countable:  # a rate, or nothing on the axis is looked at
        hostile.output.frame_rate.num, hostile.output.frame_rate.den = 30_000, 1_001
    for media in (None, sample.media):
        validate_edl(hostile, media)
        edl_warnings(hostile, media)
    mixed = Edl()
    mixed.CopyFrom(sample.edl)
    mixed.MergeFrom(hostile)
    validate_edl(mixed, sample.media)
    edl_warnings(mixed, sample.media)


@MANY
@given(messages(TimelineSettings), messages(TimelineSettings))
def test_no_settings_make_the_checks_raise(one: TimelineSettings, other: TimelineSettings):
    check_settings(one, song_us=1_000_000)
    merged = merged_settings(one, other)
    check_settings(merged)
    assert merged_settings(merged, other) == merged
    full = with_defaults(merged)
    assert with_defaults(full) == full
    assert check_settings(full) == check_settings(merged)


@pytest.mark.parametrize("name", MUTATIONS)
@FEW
@given(sample=edls(least_segments=2, most_segments=3), data=st.data())
def test_a_broken_invariant_is_named(name: str, sample: Sample, data: st.DataObject):
    path = MUTATIONS[name](data, sample)
    assert path in fields(sample)
    assert name in NEEDS_ASSETS or path in fields(sample, known=False)


@MANY
@given(
    sample=edls(least_segments=2, most_segments=3),
    name=st.sampled_from(sorted(MUTATIONS)),
    data=st.data(),
)
def test_one_violation_hides_no_other(sample: Sample, name: str, data: st.DataObject):
    sample.edl.version, sample.edl.project_id, sample.edl.audio.ducked = "2.0", "", -1
    sample.edl.segments[1].fit = 99
    broken = {"version", "project_id", "audio.ducked", "segments[1].fit"}
    path = MUTATIONS[name](data, sample)
    if name in {"segment_left_out", "segment_twice", "no_segments"}:
        broken = {"version", "project_id", "audio.ducked"}
    elif name in {"fit_unknown", "audio.ducked", "version"} | FITS:
        broken = {"project_id"}
    assert broken | {path} <= fields(sample)
