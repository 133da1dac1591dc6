"""An edit that can't be done, and why."""

from __future__ import annotations

from beatstitch_core.timebase import US_PER_S


class Refused(Exception):  # noqa: N818 - an answer to a person, not a fault
    """An edit can't be done; its text tells a person what is wrong and what is allowed."""


def seconds(time_us: int) -> str:
    """A time for people, for example "12.500 s"."""
    return f"{time_us / US_PER_S:.3f} s"
