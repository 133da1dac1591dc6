"""A sample clip is the same file each time it is written."""

from __future__ import annotations

from beatstitch_samples import coded_clip, write_clip


def test_a_clip_is_the_same_each_time(tmp_path):
    """Found by contact sheets that differed from drawing to drawing."""
    found = {
        write_clip(tmp_path / f"{n}.mp4", "rain", size=(320, 180), count=30).read_bytes()
        for n in range(8)
    }
    assert len(found) == 1


def test_a_coded_clip_is_the_same_each_time(tmp_path):
    found = {
        coded_clip(tmp_path / f"{n}.mp4", source_id=1, frames=30, size=(320, 180)).path.read_bytes()
        for n in range(4)
    }
    assert len(found) == 1
