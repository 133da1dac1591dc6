"""The edit that says for one segment what the settings say for all."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2, timeline_pb2
from beatstitch.v1.edl_pb2 import Speed, SpeedPoint, Transition
from beatstitch.v1.timeline_edit_pb2 import Accents
from beatstitch_core.edl.findings import Findings
from beatstitch_core.edl.pictures import UNIT
from beatstitch_core.edl.rule_checks import check_accent, check_transition
from beatstitch_core.edl.rule_defaults import fill_accent, fill_transition
from beatstitch_core.edl.speed import NORMAL
from beatstitch_timeline.choice.fill import filled, slowed
from beatstitch_timeline.edits.blows import blows
from beatstitch_timeline.edits.edges import check_out, trim_out
from beatstitch_timeline.edits.material import set_motion
from beatstitch_timeline.edits.refused import Refused, seconds
from beatstitch_timeline.edits.shots import need_us
from beatstitch_timeline.framing import focus_of
from beatstitch_timeline.moves import reshaped
from beatstitch_timeline.sound import in_units
from beatstitch_timeline.transitions import shortened

if TYPE_CHECKING:
    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import Fit
    from beatstitch.v1.timeline_edit_pb2 import OverrideSegment
    from beatstitch_timeline.edits.draft import Draft
    from beatstitch_timeline.edits.shots import Shot

MIN_SPEED, MAX_SPEED = 100, 10_000
MAX_BEATS, MAX_ACCENT_RULES = 64, 8


def override(draft: Draft, edit: OverrideSegment) -> None:
    """Changes what is set; the rest stays."""
    index = draft.check(edit.segment_index)
    way, rules = _way(draft, index, edit), _rules(edit)
    item = draft.context.media.get(draft.shots[index].segment.media_asset_id)
    _check_looks(draft, index, edit, item)
    end_beat = _end_beat(draft, index, edit.duration_beats)
    if edit.fill == edl_pb2.FILL_POLICY_NO_REPEAT:
        end = draft.axis.end_of(index) if end_beat is None else draft.context.frame_of(end_beat)
        _check_length(draft, index, edit, end - draft.begin(index))

    if end_beat is not None:
        trim_out(draft, index, end_beat)
    if way is not None:
        draft.axis.set_way(index, way)
    shot = draft.shot(index)
    _set_looks(draft, index, shot, edit, item)
    if shot.is_clip:
        _set_pace(draft, shot, edit)
    draft.refit(index)
    if rules is not None:
        slot, end = draft.axis.slots[index], draft.axis.end_of(index)
        draft.axis.set_blows(index, blows(rules.rules, draft.context, slot.beat, slot.begin, end))


def _way(draft: Draft, index: int, edit: OverrideSegment) -> Transition | None:
    """The wanted way in, all fields given; None where it stays."""
    if not edit.HasField("transition_in"):
        return None
    if index == 0:
        raise Refused("transition_in: the first segment has no segment before it to come from")
    way, found = Transition(), Findings()
    way.CopyFrom(edit.transition_in)
    fill_transition(way, draft.context.rate)
    check_transition(way, "transition_in", found)
    _refuse(found)
    return shortened(way, 2 * way.frames, 2 * way.frames)


def _rules(edit: OverrideSegment) -> Accents | None:
    """The wanted accents, all fields given; None where they stay."""
    if not edit.HasField("accents"):
        return None
    accents, found = Accents(), Findings()
    accents.CopyFrom(edit.accents)
    most = f"must be at most {MAX_ACCENT_RULES}, not {len(accents.rules)}"
    found.expect(len(accents.rules) <= MAX_ACCENT_RULES, "accents.rules", most)
    for k, rule in enumerate(accents.rules):
        fill_accent(rule)
        check_accent(rule, f"accents.rules[{k}]", found)
    _refuse(found)
    return accents


def _check_looks(draft: Draft, index: int, edit: OverrideSegment, item: ReadyMedia | None) -> None:
    shot, found = draft.shots[index], Findings()
    found.expect_known(edit.fit, edl_pb2.Fit.values(), "fit")
    found.expect_known(edit.image_motion, timeline_pb2.ImageMotion.values(), "image_motion")
    found.expect_known(edit.fill, edl_pb2.FillPolicy.values(), "fill")
    if edit.HasField("focus"):
        for name, value in (("x", edit.focus.x), ("y", edit.focus.y)):
            found.expect_range(value, 0, UNIT, f"focus.{name}")
        fit = edit.fit or shot.segment.fit
        found.expect(fit == edl_pb2.FIT_FOCUS, "focus", "must be given for FIT_FOCUS only")
    if shot.is_clip:
        found.expect(not edit.image_motion, "image_motion", "this segment shows a clip")
        if edit.speed_permille:
            found.expect_range(edit.speed_permille, MIN_SPEED, MAX_SPEED, "speed_permille")
    else:
        found.expect(not edit.speed_permille, "speed_permille", "this segment shows a picture")
        found.expect(not edit.fill, "fill", "this segment shows a picture")
        gone = item is None and edit.image_motion != timeline_pb2.IMAGE_MOTION_UNSPECIFIED
        found.expect(not gone, "image_motion", "the picture is no longer in the project")
    _refuse(found)


def _end_beat(draft: Draft, index: int, beats: int) -> int | None:
    """The beat at which a segment is to end; None where its end stays."""
    if not beats:
        return None
    if not 1 <= beats <= MAX_BEATS:
        raise Refused(f"duration_beats: must be 1 to {MAX_BEATS}, or 0 to stay, not {beats}")
    times, first = draft.context.beats.times, draft.axis.slots[index].beat
    if first < 0:
        # The lead-in belongs to the first segment and is no beat.
        first = bisect_left(times, draft.context.offset_us)
    beat = first + beats
    if beat >= len(times):
        raise Refused(f"duration_beats: the song has beats 0 to {len(times) - 1}, not {beat}")
    check_out(draft, index, beat, "duration_beats")
    return beat


def _check_length(draft: Draft, index: int, edit: OverrideSegment, frames: int) -> None:
    """Refuses to promise that nothing repeats where the clip is too short."""
    shot = draft.shot(index)
    speed = shot.segment.speed
    if edit.speed_permille:
        speed = Speed(points=[SpeedPoint(rate=in_units(edit.speed_permille))])
    have, need = _have(draft, shot), need_us(speed, frames, draft.context)
    if need > have:
        raise Refused(
            f"fill: the clip has {seconds(have)} from its first frame on, NO_REPEAT needs "
            f"{seconds(need)}"
        )


def _set_looks(
    draft: Draft, index: int, shot: Shot, edit: OverrideSegment, item: ReadyMedia | None
) -> None:
    segment = shot.segment
    if edit.fit and edit.fit != segment.fit:
        _set_fit(draft, shot, edit.fit, item)
    if edit.HasField("focus"):
        segment.focus.CopyFrom(edit.focus)
    if edit.image_motion and item is not None:
        set_motion(draft.context, segment, item, index, edit.image_motion)


def _set_fit(draft: Draft, shot: Shot, fit: Fit.ValueType, item: ReadyMedia | None) -> None:
    segment, output = shot.segment, draft.context.output
    if segment.effect.HasField("ken_burns"):
        size = (item.info.width, item.info.height) if item else (0, 0)
        move = reshaped(segment.effect.ken_burns, size, (output, segment.fit), (output, fit))
        segment.effect.ken_burns.CopyFrom(move)
    segment.fit = fit
    if fit != edl_pb2.FIT_FOCUS:
        segment.ClearField("focus")
    elif not segment.HasField("focus"):
        middle = edl_pb2.UnitPoint(x=UNIT // 2, y=UNIT // 2)
        segment.focus.CopyFrom(focus_of(item) if item is not None else middle)


def _set_pace(draft: Draft, shot: Shot, edit: OverrideSegment) -> None:
    segment = shot.segment
    if edit.speed_permille:
        _set_speed(shot, in_units(edit.speed_permille))
    if edit.fill:
        segment.fill = filled(edit.fill)
    if edit.fill == edl_pb2.FILL_POLICY_SPEED_FIT:
        have, place = _have(draft, shot), shot.place
        if need_us(segment.speed, place.frames, draft.context) > have:
            fitting = slowed(have, place.frames + place.tail, draft.context.rate)
            _set_speed(shot, fitting.points[0].rate)


def _have(draft: Draft, shot: Shot) -> int:
    """How much of its clip a shot could show, in microseconds."""
    segment = shot.segment
    limit = draft.context.limit_us(segment.media_asset_id, segment.source_in_us)
    return (limit or segment.source_out_us) - segment.source_in_us


def _set_speed(shot: Shot, rate: int) -> None:
    shot.by_rule = False
    shot.segment.ClearField("speed")
    if rate != NORMAL:
        shot.segment.speed.points.add(rate=rate)


def _refuse(found: Findings) -> None:
    if found.violations:
        raise Refused("; ".join(f"{item.field}: {item.description}" for item in found.violations))
