"""`python -m beatstitch_samples FOLDER` writes the demo's media."""

import argparse
import sys
from pathlib import Path

from beatstitch_samples.demo_set import write_demo_media


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line, writes the media, prints what was written."""
    parser = argparse.ArgumentParser(prog="python -m beatstitch_samples", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--song", default=".wav", help="format of the song (default: .wav)")
    chosen = parser.parse_args(arguments)
    write_demo_media(
        chosen.folder, lambda line: sys.stdout.write(line + "\n"), song_suffix=chosen.song
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
