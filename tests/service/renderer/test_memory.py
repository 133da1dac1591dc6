"""What a piece holds while it is made: nothing that it doesn't show."""

from __future__ import annotations

import gc

import numpy as np
from PIL import Image
from support.composed import composed

from beatstitch.v1 import edl_pb2
from beatstitch_renderer.compositor.moving import MovingPicture
from beatstitch_renderer.compositor.planes import filled
from beatstitch_renderer.compositor.still import StillPicture
from beatstitch_samples.coded_clips import coded_clip

FRAME = (320, 180)
COUNT = 40


def test_frames_of_a_clip_are_freed_as_they_pass(tmp_path):
    """Of frames in cycles a hundred live on until the collector comes, and so does libav's pool."""
    clip = coded_clip(tmp_path / "clip.mp4", source_id=1, frames=COUNT, size=FRAME)
    source = MovingPicture(clip.path, "mov", filled(*FRAME, 0), 0)
    source.picture(0, edl_pb2.FIT_COVER)
    gc.collect()
    gc.disable()
    try:
        for frame in range(COUNT):
            source.picture(frame * 1_000_000 // 30, edl_pb2.FIT_COVER)
        assert gc.collect() < COUNT // 2
    finally:
        gc.enable()
        source.close()


def test_a_still_is_decoded_once_and_held_in_the_size_it_is_shown():
    decoded = []

    def decode() -> np.ndarray:
        decoded.append(1)
        return np.full((900, 1600, 3), 90, np.uint8)

    still = StillPicture(decode, filled(*FRAME, 0), 0)
    move = edl_pb2.KenBurns()
    getattr(move, "from").CopyFrom(edl_pb2.UnitRect(w=65_536, h=65_536))
    move.to.CopyFrom(edl_pb2.UnitRect(x=8_000, y=8_000, w=32_768, h=32_768))
    shown = [still.moved(move, step, 9, edl_pb2.FIT_COVER) for step in range(10)]
    assert still.size == (1600, 900)
    assert len(decoded) == 1
    assert len({id(picture) for picture in shown}) == 10
    assert still.held_bytes < 640 * 360 * 3
    still.picture(edl_pb2.FIT_BLUR)
    still.picture(edl_pb2.FIT_BLUR)
    assert len(decoded) == 2


def test_two_large_stills_that_fade_are_each_decoded_once(tmp_path, studio, monkeypatch):
    """Neither is dropped for the other, frame by frame, however little may be held."""
    monkeypatch.setattr("beatstitch_renderer.compositor.sources.MAX_STILL_BYTES", 1)
    decoded = []

    def counted(path, at_least):
        decoded.append(path.name)
        return np.asarray(Image.open(path))

    monkeypatch.setattr("support.composed.still_pixels", counted)
    paths = [tmp_path / f"{name}.png" for name in ("one", "two")]
    for value, path in enumerate(paths):
        Image.new("RGB", FRAME, (80 * value, 40, 10)).save(path)
    shots = [studio.Shot(paths[0], 12), studio.Shot(paths[1], 12, fade=6)]
    composed(shots, studio.edl(shots))
    assert sorted(decoded) == ["one.png", "two.png"]
