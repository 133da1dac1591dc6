"""Goes when nobody imports it any more: see `rules`."""

from beatstitch_timeline.rules import Span, Trim

__all__ = ["Span", "Trim"]
