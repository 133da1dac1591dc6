"""Why a segment begins where it does and shows what it does: decided again, not remembered."""

from beatstitch_timeline.explain.segment import explain

__all__ = ["explain"]
