"""`make demo`: composes a song and pictures, makes a video of them with the command, shows it.

Leaves OUT.mp4, a contact sheet and the material in the output folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from beatstitch_samples import contact_sheet, write_demo_media
from beatstitch_samples.demo_set import DemoSet

BEATS_PER_CUT = 2
PICTURES = 24


def cut_times(demo: DemoSet) -> tuple[list[float], list[str]]:
    """A moment just after each of the first cuts, by the composer's own beats, with captions."""
    beats = list(enumerate(demo.beats_us))[BEATS_PER_CUT::BEATS_PER_CUT][:PICTURES]
    return (
        [time_us / 1e6 + 0.1 for _, time_us in beats],
        [f"beat {index}" for index, _ in beats],
    )


def main() -> int:
    """Runs the demo; returns the command's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo-out"))
    folder: Path = parser.parse_args().out
    begun = time.monotonic()

    print(f"Composing a song, painting pictures and clips into {folder / 'material'} …")
    demo = write_demo_media(folder / "material", lambda line: print(f"  {line}"))

    video = folder / "OUT.mp4"
    beatstitch = Path(sys.executable).parent / "beatstitch"
    command: list[str | Path] = [beatstitch, "stitch", demo.song, *demo.media]
    command += ["-o", video, "--beats-per-cut", str(BEATS_PER_CUT)]
    shown = f"beatstitch stitch {demo.song} {folder / 'material'}/… -o {video}"
    print(f"\n$ {shown} --beats-per-cut {BEATS_PER_CUT}", flush=True)
    code = subprocess.run(command, check=False).returncode
    if code != 0:
        return code

    times, captions = cut_times(demo)
    sheet = contact_sheet(
        video,
        folder / "contact-sheet.png",
        columns=6,
        width=240,
        times=times,
        captions=captions,
        title=f"{video.name}: 0.1 s after each cut ({demo.bpm:g} BPM, cut every {BEATS_PER_CUT})",
    )
    print(f"""
Made in {time.monotonic() - begun:.0f} s:
  {video}   watch it
  {sheet}   the picture after each cut
  {folder / "material"}   the song, photos and clips it was made of

How to go on:
  .venv/bin/beatstitch stitch SONG PHOTOS-AND-CLIPS... -o video.mp4    with your own material
  .venv/bin/beatstitch up                                              the whole system
  docs/grpcurl.md                                                      every step by hand
""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
