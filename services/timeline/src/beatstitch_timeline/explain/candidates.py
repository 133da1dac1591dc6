"""What was weighed for a segment, and why one of them was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import edl_pb2, timeline_rules_pb2
from beatstitch.v1.timeline_service_pb2 import ChoiceCandidate, ScoreTerm
from beatstitch_core.edl.speed import NORMAL
from beatstitch_core.edl.warn import runs_out
from beatstitch_timeline.choice import Chooser
from beatstitch_timeline.explain.rule_text import seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import Segment
    from beatstitch_timeline.layout import Layout

MOST_CANDIDATES = 20
PERMILLE = 1000
ENDED_TURN = "has had its turn in this round"


class Weighed(NamedTuple):
    """What was weighed.

    Attributes:
        candidates: The chosen one, then the others, best first.
        reason: Why it was taken, in a sentence.
    """

    candidates: Sequence[ChoiceCandidate]
    reason: str


class _Look(NamedTuple):
    """What is known of one candidate before the choice."""

    terms: dict[str, int]
    excluded: str


def weigh(layout: Layout, media: Sequence[ReadyMedia], index: int) -> Weighed:
    """What was weighed for a segment, by choosing again up to it.

    Args:
        layout: What was decided; has a pick for the segment.
        media: What it was decided from.
        index: The segment.
    """
    chooser = Chooser(
        layout.spans, layout.ways_in, layout.grid, media, layout.settings, speeds=layout.speeds
    )
    for _ in range(index):
        chooser.next()
    looks = [_look(chooser, item) for item in range(len(chooser.pool))]
    chooser.next()
    chosen = chooser.newest
    if chooser.rounds is not None:
        looks = _in_line(looks, chooser.rounds.asked)
    reason = _reason(chooser, chosen, looks)
    looks[chosen] = _Look(looks[chosen].terms, "")
    candidates = [
        ChoiceCandidate(
            asset_id=candidate.media.asset_id,
            score_permille=sum(look.terms.values()),
            terms=[ScoreTerm(name=name, permille=value) for name, value in look.terms.items()],
            excluded=look.excluded,
        )
        for candidate, look in zip(chooser.pool, looks, strict=True)
    ]

    def rank(item: int) -> tuple[bool, bool, int, int]:
        candidate = candidates[item]
        return item != chosen, candidate.excluded != "", -candidate.score_permille, item

    best = sorted(range(len(candidates)), key=rank)[:MOST_CANDIDATES]
    return Weighed([candidates[item] for item in best], reason)


def part_text(segment: Segment, rate: Rational) -> str:
    """Which part of a clip a segment shows, and how, in a sentence; empty for an image.

    Args:
        segment: The segment.
        rate: The timeline's frames per second.
    """
    if not segment.source_out_us:
        return ""
    speed = ""
    if segment.HasField("speed"):
        rates = [(point.rate * 100 + NORMAL // 2) // NORMAL for point in segment.speed.points]
        speed = f" at {' to '.join(f'{rate} %' for rate in dict.fromkeys(rates))} of its speed"
    begin, end = seconds(segment.source_in_us), seconds(segment.source_out_us)
    if not runs_out(segment, segment.timeline_out_frame - segment.timeline_in_frame, rate):
        return f"It shows the clip from {begin} to {end}{speed}."
    then = "holds" if segment.fill == edl_pb2.FILL_POLICY_HOLD else "begins again"
    return f"It shows the clip from {begin}{speed}; at {end} it {then}."


def _look(chooser: Chooser, item: int) -> _Look:
    candidate = chooser.pool[item]
    excluded = ""
    if not chooser.is_usable(item):
        excluded = "window: its rule leaves nothing of it"
    elif not chooser.is_left(item):
        excluded = "weight: shown as often as it may be"
    elif not chooser.is_long_enough(item):
        need = seconds(chooser.need_us)
        excluded = f"too short: has {seconds(candidate.length_us)}, needs {need}"
    elif not chooser.is_free(item):
        ago = chooser.index - chooser.last[item]
        excluded = f"shown {ago} segment{'s' if ago > 1 else ''} ago"
    return _Look(chooser.terms(item), excluded)


def _in_line(looks: Sequence[_Look], asked: Sequence[int]) -> list[_Look]:
    """With POSITION and SHUFFLE the score is the place in the round that is left."""
    places: dict[int, int] = {}
    for place, item in enumerate(asked):
        places.setdefault(item, place)
    return [
        _Look(
            {"order": PERMILLE - PERMILLE * places[item] // len(asked) if item in places else 0},
            look.excluded or ("" if item in places else ENDED_TURN),
        )
        for item, look in enumerate(looks)
    ]


def _reason(chooser: Chooser, chosen: int, looks: Sequence[_Look]) -> str:
    look, name = looks[chosen], chooser.pool[chosen].media.filename
    if look.excluded:
        return f"{name!r} was {look.excluded}, but nothing that may be shown was shown longer ago."
    if chooser.rounds is None:
        best = sorted(look.terms.items(), key=lambda term: -term[1])
        parts = ", ".join(f"{term} {value:+d}" for term, value in best if value)
        return f"{name!r} has the best score, {sum(look.terms.values())} ({parts or 'all 0'})."
    shuffled = chooser.order == timeline_rules_pb2.CHOICE_ORDER_SHUFFLE
    order = "the shuffled order" if shuffled else "the given order"
    passed = look.terms["order"] < PERMILLE
    waits = "; those before it have to wait" if passed else ""
    return f"{name!r} is next in {order}{waits}."
