"""The media of the demo: one song, eight pictures, four clips."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from beatstitch_samples.clips import write_clip
from beatstitch_samples.photos import write_photo
from beatstitch_samples.song import Section, demo_song

PHOTOS = ("mountains", "city", "ocean", "aurora", "dunes", "galaxy", "poster", "silk")
CLIPS = ("neon", "waves", "bokeh", "rain")
CLIP_FRAMES = 90


@dataclass(frozen=True)
class DemoSet:
    """What the demo is made of, and the truth about the song.

    Attributes:
        song: The song's file.
        media: Pictures and clips in an order that alternates well.
        bpm: Tempo of the song.
        beats_us: Every beat in microseconds.
        downbeats_us: First beats of the bars.
        sections: The song's sections.
        duration_us: Length of the song.
    """

    song: Path
    media: list[Path]
    bpm: float
    beats_us: list[int]
    downbeats_us: list[int]
    sections: list[Section]
    duration_us: int


def write_demo_media(
    folder: Path, report: Callable[[str], object] | None = None, *, song_suffix: str = ".wav"
) -> DemoSet:
    """Writes the demo's song, pictures and clips.

    Args:
        folder: Where to; made if missing.
        report: Called with a line for each file written.
        song_suffix: Format of the song: .wav, .mp3, .m4a, .flac, …

    Returns:
        The files and the song's truth.
    """
    say = report or (lambda _line: None)
    folder.mkdir(parents=True, exist_ok=True)
    song = demo_song()
    song_path = song.write(folder / f"night-drive{song_suffix}")
    say(f"{song_path.name}  {song.duration_us / 1e6:.1f} s, {song.bpm:g} BPM")
    photos, clips = [], []
    for motif in PHOTOS:
        photos.append(write_photo(folder / f"{motif}.jpg", motif))
        say(photos[-1].name)
    for scene in CLIPS:
        clips.append(write_clip(folder / f"{scene}.mp4", scene, count=CLIP_FRAMES))
        say(clips[-1].name)
    media: list[Path] = []
    for place, photo in enumerate(photos):
        media.append(photo)
        if place % 2 == 1 and place // 2 < len(clips):
            media.append(clips[place // 2])
    return DemoSet(
        song=song_path,
        media=media,
        bpm=song.bpm,
        beats_us=song.beats_us,
        downbeats_us=song.downbeats_us,
        sections=song.sections,
        duration_us=song.duration_us,
    )
