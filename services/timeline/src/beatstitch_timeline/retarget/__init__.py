"""The same cuts and pictures at another size, shape or frame rate, or shorter."""

from beatstitch_timeline.retarget.retarget import retarget

__all__ = ["retarget"]
