"""What an edit costs: only the pieces that it touches, and how much was saved is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.renderer_room import Room, cutting

from beatstitch.v1 import job_pb2
from beatstitch_samples import signals
from beatstitch_samples.audio_files import write_audio

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Edl


@pytest.fixture
def long(studio, clips) -> Edl:
    """Two hundred segments in forty seconds."""
    return cutting(studio, clips, segments=200, frames=6)


def swap(edl: Edl, a: int, b: int) -> None:
    """What two segments show; cuts stay."""
    one, other = edl.segments[a], edl.segments[b]
    for name in ("media_asset_id", "media_sha256", "source_in_us"):
        kept = getattr(one, name)
        setattr(one, name, getattr(other, name))
        setattr(other, name, kept)


async def test_edits_of_two_hundred_segments(room: Room, studio, clips, song, long, tmp_path):
    media = [clip.path for clip in clips]

    async def render():
        job = await room.end_of(await room.spec(long, song, media, studio.profile()))
        details = {s.name: s.detail for p in job.progress for s in p.stages}
        return job.output, len(job.chunks), details["chunks"]

    first, made, told = await render()
    count = len(first.manifest.chunks)
    assert made == first.result.chunks_rendered == count >= 5
    assert first.result.saved_ms == 0
    assert told == f"{count} chunks: 0 cached, {count} rendered"

    again, made, _ = await render()
    assert (made, again.result.chunks_rendered) == (0, 0)
    everything_ms = again.result.saved_ms
    assert everything_ms > 0

    long.segments[100].source_in_us += 33_333
    changed, made, told = await render()
    assert (made, changed.result.chunks_rendered) == (1, 1)
    assert 0 < changed.result.saved_ms < everything_ms
    assert told.startswith(f"{count} chunks: {count - 1} cached, 1 rendered, ")
    assert told.endswith("s saved")

    swap(long, 3, 199)
    _, made, _ = await render()
    assert made == 2
    swap(long, 3, 199)
    long.segments[100].source_in_us -= 33_333
    back, made, _ = await render()
    assert made == 0
    assert back.result.saved_ms == everything_ms
    assert back.output.sha256 == first.output.sha256

    song = write_audio(tmp_path / "other.mp3", signals.click_track([0], 41_000_000), 48_000)
    other, made, told = await render()
    assert (made, other.result.chunks_rendered) == (0, 0)
    assert other.output.sha256 != first.output.sha256
    assert other.result.saved_ms == everything_ms
    assert f"{count} cached, 0 rendered" in told


async def test_a_moved_passage_is_found_where_it_is_now(room: Room, studio, clips, song):
    """A piece knows no absolute frame: what comes later in the next revision is not made again."""
    media = [clip.path for clip in clips]
    passage = [studio.Shot(clips[0].path, 150), studio.Shot(clips[1].path, 150)]
    for shot in passage:
        shot.source_out_us = 3_000_000
    lead = studio.Shot(clips[2].path, 150, 0, 3_000_000)
    tail = studio.Shot(clips[2].path, 150, 500_000, 3_000_000)
    profile = studio.profile()
    size = (320, 180)
    before = studio.edl([lead, *passage, tail], size=size)
    first = (await room.end_of(await room.spec(before, song, media, profile))).output
    after = studio.edl([*passage, lead, tail], size=size)
    second = (await room.end_of(await room.spec(after, song, media, profile))).output
    old = {chunk.chunk_hash for chunk in first.manifest.chunks}
    moved = [c for c in second.manifest.chunks if c.chunk_hash in old]
    assert moved
    assert all(chunk.cached for chunk in moved)
    assert second.result.chunks_rendered == len(second.manifest.chunks) - len(moved)


async def test_a_preview_of_a_later_revision_shares_pieces(room: Room, studio, clips, song):
    media = [clip.path for clip in clips]
    edl = cutting(studio, clips)
    profile = studio.profile(name="preview", max_height=90)

    async def preview():
        spec = await room.spec(edl, song, media, profile)
        spec.type, spec.lane = job_pb2.JOB_TYPE_RENDER_PREVIEW, job_pb2.JOB_LANE_INTERACTIVE
        return (await room.end_of(spec)).output.result

    first = await preview()
    assert first.chunks_rendered > 1
    edl.segments[20].source_in_us += 33_333
    second = await preview()
    assert (second.chunks_rendered, second.chunks_cached) == (1, first.chunks_rendered - 1)
    assert second.saved_ms > 0
