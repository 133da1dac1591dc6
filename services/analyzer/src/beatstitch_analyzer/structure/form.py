"""Everything that is heard of a song besides its beats."""

from __future__ import annotations

from dataclasses import dataclass

from beatstitch_analyzer.beats.model import Doubles, Floats, Tracking
from beatstitch_analyzer.structure.doubts import doubts_about
from beatstitch_analyzer.structure.dynamics import beat_onsets, beat_rms, relative
from beatstitch_analyzer.structure.sections import Stretch, find_sections
from beatstitch_analyzer.structure.sound import hear_sound


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """The form of a song.

    Attributes:
        energy: RMS of each beat in relation to the loudest, 0 to 1; (beats,).
        onsets: Onset strength at each beat below 200 Hz, up to 2 kHz and above, each in relation to
            the band's strongest, 0 to 1; (3, beats).
        sections: Without gaps over the whole song.
        doubts: Codes for warnings.
    """

    energy: Doubles
    onsets: Doubles
    sections: list[Stretch]
    doubts: list[str]


def hear_form(samples: Floats, sample_rate: int, tracking: Tracking) -> Form:
    """Hears the form of a song whose beats are known.

    Args:
        samples: Mono float32, (m,), full scale ±1; may be mapped from a file.
        sample_rate: In Hz.
        tracking: The beats.
    """
    sound = hear_sound(samples, sample_rate)
    rms = beat_rms(samples, sample_rate, tracking.times)
    return Form(
        energy=relative(rms),
        onsets=beat_onsets(sound, tracking.times),
        sections=find_sections(sound, tracking, rms, len(samples) / sample_rate),
        doubts=doubts_about(tracking, sound),
    )
