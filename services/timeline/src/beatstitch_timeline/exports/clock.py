"""Frames as the formats count them: exact fractions of a second, timecode, timebase."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from beatstitch.v1.common_pb2 import Rational
from beatstitch_core.errors import field_error
from beatstitch_core.timebase import US_PER_S, rate_fraction

NTSC = Fraction(1000, 1001)
MOST_TIMECODE_FPS = 99
DAY_S = 86_400


class Clock(NamedTuple):
    """A frame rate.

    Attributes:
        rate: Frames per second.
    """

    rate: Fraction

    @classmethod
    def of(cls, rate: Rational) -> Clock:
        """The clock of an output's frame rate."""
        return cls(rate_fraction(rate))

    @property
    def timebase(self) -> int:
        """Frames that a second of timecode counts: 30 for 29.97."""
        return -(-self.rate.numerator // self.rate.denominator)

    @property
    def is_ntsc(self) -> bool:
        """Whether it is 1000/1001 of a whole rate."""
        return self.rate == self.timebase * NTSC

    def seconds(self, frames: int | Fraction) -> Fraction:
        """Frames in seconds, exactly."""
        return Fraction(frames) / self.rate

    def length_of(self, duration_us: int) -> Fraction:
        """How many frames a length that was rounded to microseconds may have at most."""
        return Fraction(2 * duration_us + 1, 2 * US_PER_S) * self.rate

    def frames_in(self, duration_us: int) -> int:
        """Whole frames in a length that was rounded to microseconds."""
        return int(self.length_of(duration_us))

    def check_timebase(self, format_name: str) -> None:
        """Refuses rates that a format can't count.

        Raises:
            BeatStitchError: FIELD_INVALID.
        """
        if self.rate != self.timebase and not self.is_ntsc:
            raise field_error(
                "format",
                f"{format_name} can't count {self.rate.numerator}/{self.rate.denominator} frames "
                "per second; use OTIO or FCPXML",
            )

    def timecode(self, frame: int) -> str:
        """A frame as non-drop-frame timecode, hh:mm:ss:ff."""
        seconds, frames = divmod(frame, self.timebase)
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frames:02}"
