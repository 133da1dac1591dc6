"""Which picture or clip a segment shows, which part of it, and what a clip too short does."""

from beatstitch_timeline.choice.choose import Chooser, choose_all
from beatstitch_timeline.choice.pick import Pick

__all__ = ["Chooser", "Pick", "choose_all"]
