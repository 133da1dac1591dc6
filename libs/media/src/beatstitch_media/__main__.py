"""`python -m beatstitch_media`: which ffmpeg is used, and what the sandbox can do here, as JSON."""

import json
import sys

from beatstitch_media.binaries import ffmpeg, ffmpeg_build, ffprobe
from beatstitch_media.sandbox import sandbox_report

if __name__ == "__main__":
    facts = {
        "ffmpeg": str(ffmpeg()),
        "ffprobe": str(ffprobe()),
        "build": ffmpeg_build(),
        "sandbox": sandbox_report(),
    }
    sys.stdout.write(json.dumps(facts, indent=2) + "\n")
