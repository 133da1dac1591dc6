"""The frames of one segment, and the part of the song that is heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Cut, Transition


class Trim(NamedTuple):
    """The part of the song that is heard; microseconds from its first sample."""

    start_us: int
    end_us: int

    @property
    def duration_us(self) -> int:
        """Its length."""
        return self.end_us - self.start_us


class Span(NamedTuple):
    """The frames of one segment, the beat it begins on, and why there.

    Attributes:
        begin: First frame.
        end: One past the last frame.
        cut: The beat, or the start of the video.
        section_index: The section of the song that it begins in; -1 for none.
        rule_path: The rule that cut here, as a path in the settings; empty for the start. For
            people: not in the EDL.
        transition: The way in that the section's rule asks for; None: as in the settings.
    """

    begin: int
    end: int
    cut: Cut
    section_index: int = -1
    rule_path: str = ""
    transition: Transition | None = None

    @property
    def frames(self) -> int:
        """Its length."""
        return self.end - self.begin
