"""What customers order: few songs and pictures, many small videos of them."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beatstitch.v1.common_pb2 import Rational
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_samples import coded_clip, compose, write_photo

if TYPE_CHECKING:
    from pathlib import Path

SONGS = 2
BEATS_PER_CUT = (1, 2, 4)
# Larger than `single_put_bytes` of the room, so that it goes up in parts. It is noise: no picture.
NOISE_BYTES = 5 * 1024 * 1024 + 12_345


@dataclass(frozen=True)
class Recipe:
    """One video; equal recipes make equal bytes.

    Attributes:
        song: Which song.
        media: Which pictures and clips, in this order.
        beats_per_cut: How fast it is cut.
        seed: What decides where the rules leave a choice.
    """

    song: int
    media: tuple[int, ...]
    beats_per_cut: int
    seed: int

    @property
    def settings(self) -> TimelineSettings:
        """For a few frames that are quickly made."""
        output = OutputFormat(width=128, height=72, frame_rate=Rational(num=12, den=1))
        return TimelineSettings(beats_per_cut=self.beats_per_cut, seed=self.seed, output=output)


class Material:
    """The files.

    Attributes:
        songs: A few seconds each.
        media: Pictures and a clip.
        noise: What only calls itself a picture.
    """

    def __init__(self, folder: Path) -> None:
        self.songs = [
            compose(bars=3, bpm=120.0 + 10 * number, seed=number).write(
                folder / f"song{number}.wav"
            )
            for number in range(SONGS)
        ]
        photos = [
            write_photo(folder / f"photo{n}.jpg", motif, seed=n, size=(96, 64))
            for n, motif in enumerate(("mountains", "city", "poster"))
        ]
        clip = coded_clip(folder / "clip.mp4", source_id=5, frames=30, size=(160, 90)).path
        self.media = [*photos, clip]
        self.noise = folder / "noise.png"
        self.noise.write_bytes(random.Random(5).randbytes(NOISE_BYTES))

    @property
    def files(self) -> list[Path]:
        """All of it."""
        return [*self.songs, *self.media, self.noise]

    def sha256(self, path: Path) -> str:
        """Of a file."""
        return hashlib.sha256(path.read_bytes()).hexdigest()


def draw(rng: random.Random, material: Material) -> Recipe:
    """Any recipe."""
    media = rng.sample(range(len(material.media)), rng.randint(1, 2))
    return Recipe(
        song=rng.randrange(SONGS),
        media=tuple(media),
        beats_per_cut=rng.choice(BEATS_PER_CUT),
        seed=rng.randrange(1000),
    )
