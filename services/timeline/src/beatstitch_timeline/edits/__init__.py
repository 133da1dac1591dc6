"""What people change in a built EDL: slots on the song, pictures in the slots."""

from beatstitch_timeline.edits.apply import Edited, apply_edits
from beatstitch_timeline.edits.replay import Replayed, replay

__all__ = ["Edited", "Replayed", "apply_edits", "replay"]
