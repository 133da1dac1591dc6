"""Which picture or clip a segment shows, which part of it, and what it does when it is too short."""

from beatstitch_timeline.choice.choose import choose, choose_all
from beatstitch_timeline.choice.pick import Pick

__all__ = ["Pick", "choose", "choose_all"]
