"""All that an EDL can say about pictures, from the queue to the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.everything import everything

from beatstitch.internal.v1.renderer_engine_service_pb2 import (
    GetRendererCapabilitiesRequest,
    PlanRenderRequest,
)
from beatstitch.v1 import edl_pb2
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_samples.measure import decode_frames

if TYPE_CHECKING:
    from support.renderer_room import Room


async def test_a_render_of_everything_is_proven_and_found_again(room: Room, studio, song, tmp_path):
    shots, edl = everything(studio, tmp_path)
    count = edl.segments[-1].timeline_out_frame
    media = sorted({shot.path for shot in shots})
    spec = await room.spec(edl, song, media, studio.profile())
    assert not validate_edl(edl)
    job = await room.end_of(spec)
    report = job.output.sync_report
    assert len(job.chunks) > 2
    assert [cut.measured_frame for cut in report.cuts] == [
        segment.timeline_in_frame for segment in edl.segments[1:]
    ]
    assert report.worst_cut_error_frames == 0
    assert report.counted_frames == report.expected_frames == count
    video = tmp_path / "got.mp4"
    await room.storage.fetch(job.output.output, video)
    assert sum(1 for _ in decode_frames(video)) == count

    # Another way in touches the pieces that it is seen in, and no other.
    later = edl.segments[9]
    later.transition_in.frames -= 1
    plan = await room.engine.PlanRender(
        PlanRenderRequest(edl=edl, profile=studio.profile(), key_prefix=room.prefix)
    )
    kept = set(plan.existing_chunk_hashes)
    touched = [chunk for chunk in plan.plan.chunks if chunk.chunk_hash not in kept]
    assert touched
    for chunk in touched:
        end = later.timeline_in_frame + later.transition_in.frames + 1
        assert chunk.start_frame < end
        assert chunk.end_frame > later.timeline_in_frame


async def test_capabilities_name_every_way_in(room: Room):
    found = await room.engine.GetRendererCapabilities(GetRendererCapabilitiesRequest())
    named = set(edl_pb2.TransitionType.values()) - {edl_pb2.TRANSITION_TYPE_UNSPECIFIED}
    assert set(found.transitions) == named
