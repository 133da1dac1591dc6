"""MoviePy 2 on the bench's timeline: `PYTHON moviepy_peer.py SHOTS.json OUT.mp4`, in its own venv.

Stills and clips fill the frame and fade as in the timeline; stills don't move, which favours it.
"""

import json
import sys

from moviepy import ImageClip, VideoFileClip, vfx
from moviepy.video.compositing.CompositeVideoClip import CompositeVideoClip


def main() -> None:
    """Renders."""
    job = json.load(open(sys.argv[1]))  # noqa: PTH123, SIM115
    width, height = job["size"]
    rate = job["rate"]
    layers = []
    for shot in job["shots"]:
        early = shot["fade"] / rate
        begin, end = shot["in"] / rate, shot["out"] / rate
        length = end - begin + early
        if shot["still"]:
            clip = ImageClip(shot["path"]).with_duration(length)
        else:
            start = max(0.0, shot["source_in_us"] / 1e6 - early)
            clip = VideoFileClip(shot["path"], audio=False).subclipped(start, start + length)
        scale = max(width / clip.w, height / clip.h)
        if scale != 1:
            clip = clip.resized(scale)
        clip = clip.cropped(x_center=clip.w / 2, y_center=clip.h / 2, width=width, height=height)
        if early:
            clip = clip.with_effects([vfx.CrossFadeIn(early)])
        layers.append(clip.with_start(begin - early))
    video = CompositeVideoClip(layers, size=(width, height)).with_duration(job["frames"] / rate)
    video.write_videofile(
        sys.argv[2],
        fps=rate,
        codec="libx264",
        preset=job["preset"],
        audio=False,
        threads=job["threads"],
        ffmpeg_params=["-crf", str(job["crf"])],
        logger=None,
    )


if __name__ == "__main__":
    main()
