"""Measures a finished video against its EDL: every frame, every cut, every sample.

The sources carry a code in each frame, so what is on the screen is read, not guessed.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from beatstitch.v1 import common_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.render_pb2 import Render
from beatstitch_client import Client
from beatstitch_core.timebase import frame_at, rate_fraction
from beatstitch_samples.measure import check_grid, decode_audio, find_clicks, read_codes


def assert_every_frame_is_right(
    video: Path, edl: Edl, source_ids: dict[str, int], frame_rates: dict[str, Fraction]
) -> int:
    """Each frame shows the source, and of clips the very frame, that the EDL asks for.

    Args:
        video: The finished file.
        edl: What it was rendered from; without transitions.
        source_ids: Code of each asset by asset id.
        frame_rates: Frame rate of each clip by asset id; stills have none.

    Returns:
        How many inner cuts were measured.
    """
    fps = rate_fraction(edl.output.frame_rate)
    readings = read_codes(video)
    grid = check_grid(readings, fps)
    assert grid.frames == edl.segments[-1].timeline_out_frame
    assert not grid.off_grid
    assert grid.start == 0
    for segment in edl.segments:
        asset = segment.media_asset_id
        for frame in range(segment.timeline_in_frame, segment.timeline_out_frame):
            code = readings[frame].code
            assert code is not None, f"frame {frame} has no readable code"
            assert code[0] == source_ids[asset], f"frame {frame} shows source {code[0]}"
            if segment.media_type == common_pb2.MEDIA_TYPE_VIDEO:
                expected = expected_source_frame(segment, frame, fps, frame_rates[asset])
                assert code[1] == expected, f"frame {frame}: {code[1]} instead of {expected}"
    return assert_cuts_are_on_beats(edl)


def expected_source_frame(segment, frame: int, fps: Fraction, source_fps: Fraction) -> int:
    """The clip's frame on show: the last that begins at or before the frame's time in the clip.

    Clips that are too short begin again (FILL_POLICY_LOOP).
    """
    elapsed = Fraction(frame - segment.timeline_in_frame) / fps
    start = Fraction(segment.source_in_us, 1_000_000)
    length = Fraction(segment.source_out_us, 1_000_000) - start
    # A quarter of a source frame of tolerance: microseconds can't say 1/30 s exactly.
    at = start + elapsed % length + Fraction(1, 4) / source_fps
    return int(at * source_fps)


def assert_cuts_are_on_beats(edl: Edl) -> int:
    """Each inner cut is at round(beat × fps) on the absolute axis; returns how many there are."""
    inner = edl.segments[1:]
    for segment in inner:
        beat_us = segment.cut.beat_time_us - edl.audio.offset_us
        assert segment.timeline_in_frame == frame_at(beat_us, edl.output.frame_rate)
    return len(inner)


def click_errors_ms(video: Path, beats_us: list[int]) -> np.ndarray:
    """Distance of each audible click in the video's sound from its true time, in milliseconds."""
    samples, rate = decode_audio(video)
    clicks = np.array(find_clicks(samples, rate)) / rate * 1000
    truth = np.array(beats_us) / 1000
    truth = truth[truth < len(samples) / rate * 1000 - 5]
    assert len(clicks) == len(truth), f"{len(clicks)} clicks heard of {len(truth)}"
    return np.asarray(clicks - truth)


def rendered(client: Client, project_id: str, edl_hash: str, profile: str = "final") -> Render:
    """Renders a timeline and waits for it; returns the finished render."""
    job, render = client.create_render(project_id, edl_hash, profile)
    client.wait_job(job.id)
    return client.get_render(render.id)
