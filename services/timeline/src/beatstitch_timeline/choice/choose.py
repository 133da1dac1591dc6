"""The way through the segments: one picture or clip for each, in order."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

from beatstitch.v1 import edl_pb2, timeline_rules_pb2
from beatstitch_timeline.choice import lack
from beatstitch_timeline.choice.clips import clips_of
from beatstitch_timeline.choice.fill import filled, slowed
from beatstitch_timeline.choice.loudness import ranks
from beatstitch_timeline.choice.needs import Needs
from beatstitch_timeline.choice.pick import Pick
from beatstitch_timeline.choice.pool import pool_of
from beatstitch_timeline.choice.rounds import Rounds, turns
from beatstitch_timeline.choice.score import NEVER, Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.edl_pb2 import Speed, Transition
    from beatstitch.v1.timeline_pb2 import TimelineSettings
    from beatstitch_timeline.rules import Span

SCORE = timeline_rules_pb2.CHOICE_ORDER_SCORE
ENDS = timeline_rules_pb2.MEDIA_REUSE_END
FORBIDDEN = timeline_rules_pb2.MEDIA_REUSE_FORBID


def choose_all(
    spans: Sequence[Span],
    ways_in: Sequence[Transition],
    grid: BeatGrid,
    media: Sequence[ReadyMedia],
    settings: TimelineSettings,
    *,
    speeds: Sequence[Speed | None] | None = None,
) -> list[Pick]:
    """What each segment shows.

    Args:
        spans: The segments' frames, in order.
        ways_in: How each segment begins; as many as spans.
        grid: The song's beats, for their energy.
        media: Pictures and clips in the order to take them; not empty.
        settings: With all fields given.
        speeds: How fast a clip would run in each segment; it does where it has enough material.

    Returns:
        As many picks as spans; fewer, at least one, where the video is to end with the media.

    Raises:
        BeatStitchError: NOT_ENOUGH_MEDIA, naming the segment and, where it is too short, the asset.
    """
    chooser = Chooser(spans, ways_in, grid, media, settings, speeds=speeds)
    picks = []
    while (pick := chooser.next()) is not None:
        picks.append(pick)
    return picks


class Chooser:
    """Chooses segment by segment; arguments as `choose_all`.

    Attributes:
        index: The segment whose turn it is.
        pool: The candidates.
        last: For each candidate the segment that showed its asset last; NEVER for none.
        shown: For each candidate how often it was shown.
        window: So many segments nothing comes again, as far as it can be.
        order: POSITION, SHUFFLE or SCORE.
        newest: The candidate that the last segment shows; -1 before the first.
    """

    def __init__(
        self,
        spans: Sequence[Span],
        ways_in: Sequence[Transition],
        grid: BeatGrid,
        media: Sequence[ReadyMedia],
        settings: TimelineSettings,
        *,
        speeds: Sequence[Speed | None] | None = None,
    ) -> None:
        rules = settings.choice
        self._settings, self._count = settings, len(spans)
        self._once = rules.reuse in {ENDS, FORBIDDEN}
        self._needs = Needs(spans, ways_in, speeds, settings.output.frame_rate)
        self.index, self.newest, self.order = 0, -1, rules.order
        self.pool = pool_of(media, rules)
        self.last, self.shown = [NEVER] * len(self.pool), [0] * len(self.pool)
        usable = [item.length_us > 0 for item in self.pool]
        if not any(usable):
            raise lack.none_usable()
        self._same: dict[str, list[int]] = {}
        for number, candidate in enumerate(self.pool):
            if usable[number]:
                self._same.setdefault(candidate.media.asset_id, []).append(number)
        self.window = min(rules.no_repeat_window, len(self._same) - 1)
        self._matched = rules.order == SCORE and rules.match_motion_to_energy
        self._clips = clips_of(self.pool, avoid=rules.avoid_scene_cuts, match=self._matched)
        self.scores: Scores | None = None
        self.rounds: Rounds | None = None
        self._recent: deque[list[int]] = deque(maxlen=self.window)
        self._out = [item for item, can in enumerate(usable) if not can]
        self._by_length = sorted(range(len(self.pool)), key=lambda item: self.pool[item].length_us)
        self._lengths = [self.pool[item].length_us for item in self._by_length]
        self._loudness: Sequence[int] = ()
        if rules.order == SCORE:
            self._loudness = ranks(spans, grid, settings.audio_start_us)
            self.scores = Scores(self.pool, self._clips, rules)
        else:
            names = [item.media.asset_id for item in self.pool]
            weights = [
                item.weight if can else 0 for item, can in zip(self.pool, usable, strict=True)
            ]
            self.rounds = Rounds(names, weights, rules.order, settings.seed, once=self._once)

    def next(self) -> Pick | None:
        """What the next segment shows; None after the last, or where the video ends.

        Raises:
            BeatStitchError: NOT_ENOUGH_MEDIA.
        """
        if self.index >= self._count:
            return None
        item = self._next_item()
        if item is None:
            self._explain_lack()
            return None
        pick = self._pick(item)
        self.shown[item] += 1
        same = self._same[self.pool[item].media.asset_id]
        for number in same:
            self.last[number] = self.index
        self._recent.append(same)
        if not self.is_left(item):
            self._out.append(item)
        if self.scores is not None:
            self.scores.show(item)
        self.index, self.newest = self.index + 1, item
        return pick

    @property
    def need_us(self) -> int:
        """How long the segment is whose turn it is."""
        return self._needs.of(self.index).body_us

    def is_free(self, item: int) -> bool:
        """Whether a candidate was not shown too lately for the segment whose turn it is."""
        return self.index - self.last[item] > self.window

    def is_usable(self, item: int) -> bool:
        """Whether its rule leaves anything of a candidate."""
        return self.pool[item].length_us > 0

    def is_long_enough(self, item: int) -> bool:
        """Whether a candidate is long enough for the segment; always, unless NO_REPEAT."""
        if self._settings.fill != edl_pb2.FILL_POLICY_NO_REPEAT:
            return self.is_usable(item)
        return self.pool[item].length_us >= self.need_us

    def is_left(self, item: int) -> bool:
        """Whether a candidate may be shown again; always, unless each is shown once."""
        return not self._once or self.shown[item] < turns(self.pool[item].weight, 0)

    def points(self) -> list[int]:
        """With SCORE: each candidate's points for the segment whose turn it is."""
        if self.scores is None:
            return []
        need, loud = self.need_us, self._loudness[self.index]
        return self.scores.points(self.index, need, loud, self.last)

    def terms(self, item: int) -> dict[str, int]:
        """With SCORE: what a candidate's points are made of."""
        if self.scores is None:
            return {}
        need, loud = self.need_us, self._loudness[self.index]
        return self.scores.terms(item, self.index, need, loud, self.last)

    def _next_item(self) -> int | None:
        if self.rounds is not None:
            return self.rounds.take(self.is_free, self.is_long_enough, self.last)
        points = self.points()
        # Only what is out of the question is looked at, item by item: this is the inmost loop.
        for item in (*self._out, *self._too_short(), *chain.from_iterable(self._recent)):
            points[item] = NEVER
        best = max(points)
        if best > NEVER:
            return points.index(best)
        # There are not enough to keep the window: the one that was shown longest ago.
        allowed = [
            item
            for item in range(len(self.pool))
            if self.is_long_enough(item) and self.is_left(item)
        ]
        return min(allowed, key=self.last.__getitem__, default=None)

    def _too_short(self) -> Sequence[int]:
        if self._settings.fill != edl_pb2.FILL_POLICY_NO_REPEAT:
            return ()
        need = self.need_us
        return self._by_length[: bisect_left(self._lengths, need)]

    def _pick(self, item: int) -> Pick:
        candidate, fill = self.pool[item], self._settings.fill
        if not candidate.is_clip:
            return Pick(candidate.media)
        need, speed = self._needs.of(self.index), None
        ramped = self._needs.ramped(self.index)
        if ramped is not None and ramped[1].body_us <= candidate.length_us:
            speed, need = ramped
        loudness = self._loudness[self.index] if self._matched else None
        source = self._clips[item].take(need, loudness)
        if fill == edl_pb2.FILL_POLICY_SPEED_FIT and candidate.length_us < need.body_us:
            speed = slowed(candidate.length_us, need.frames, self._settings.output.frame_rate)
        return Pick(candidate.media, source.in_us, source.out_us, filled(fill), speed)

    def _explain_lack(self) -> None:
        """Raises unless the video may end here."""
        items = range(len(self.pool))
        left = [item for item in items if self.is_usable(item) and self.is_left(item)]
        if left:
            longest = max(left, key=lambda item: self.pool[item].length_us)
            raise lack.none_long_enough(self.index, self.need_us, self.pool[longest])
        if self._settings.choice.reuse == FORBIDDEN:
            raise lack.all_shown(self.index, self._count)
