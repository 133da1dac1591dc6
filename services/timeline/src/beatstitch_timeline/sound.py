"""What is heard, by the settings' rules: how the song comes and goes, and the clips under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2
from beatstitch_core.edl.sound import FULL

if TYPE_CHECKING:
    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import AudioTrack
    from beatstitch.v1.timeline_pb2 import TimelineSettings

PERMILLE = 1000


def in_units(permille: int) -> int:
    """Thousandths as an EDL says them, in 1/65536."""
    return (2 * permille * FULL + PERMILLE) // (2 * PERMILLE)


def lay_sound(audio: AudioTrack, settings: TimelineSettings) -> None:
    """Writes fades and ducking into a song whose length is known.

    Fades that together are longer than what is heard share it in their proportion. How far the
    song steps back is said wherever the settings let clips be heard, even where no segment has a
    sound yet: an edit may bring one.
    """
    rules = settings.sound
    came, went = rules.fade_in_ms * 1000, rules.fade_out_ms * 1000
    if came + went > audio.duration_us:
        came = audio.duration_us * came // (came + went)
        went = audio.duration_us - came
    audio.fade_in_us, audio.fade_out_us = came, went
    if rules.clip_permille:
        audio.ducked = in_units(rules.ducked_permille)


def clip_gain(settings: TimelineSettings, item: ReadyMedia) -> int:
    """How loud the settings let a medium's own sound be, in 1/65536; 0 for what has none."""
    if item.info.media_type != common_pb2.MEDIA_TYPE_VIDEO or not item.info.has_audio:
        return 0
    return in_units(settings.sound.clip_permille)
