"""Posters, contact sheets and single frames, as clients ask for them."""

from __future__ import annotations

import pytest

from beatstitch.internal.v1.job_event_pb2 import JobStarted
from beatstitch.v1.edl_pb2 import Edl, Overlay, Segment
from beatstitch.v1.render_service_pb2 import (
    RENDER_PICTURE_CONTACT_SHEET,
    RENDER_PICTURE_POSTER,
)
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_gateway.renders.pictures import around_frame


async def test_poster_and_contact_sheet_are_kept_with_the_render(house):
    project_id, _song, _pictures = await house.ready(1)
    edl_hash = await house.timeline(project_id)
    made = await house.client.CreateRender(project_id=project_id, edl_hash=edl_hash)
    ask = house.client.GetRenderPicture
    render_id = made.render.id
    await house.client.refused(ask(render_id=render_id), "OUTPUT_NOT_AVAILABLE")
    spec = await house.take(made.job.id)
    await house.event(spec, started=JobStarted())
    done = await house.output(spec)
    for name in ("poster", "contact_sheet"):
        ref = await house.storage.put(f"{spec.key_prefix}test/{name}.jpg", name.encode())
        getattr(done.render, name).CopyFrom(ref)
    await house.event(spec, succeeded=done)
    await house.ended(made.job.id)
    for picture, name in (
        (0, "poster"),
        (RENDER_PICTURE_POSTER, "poster"),
        (RENDER_PICTURE_CONTACT_SHEET, "contact_sheet"),
    ):
        got = await ask(render_id=render_id, picture=picture)
        assert (got.content, got.content_type) == (name.encode(), "image/jpeg")
    await house.client.refused(ask(render_id=render_id, picture=9), "FIELD_INVALID")
    stranger = await house.new_tenant("stranger")
    await stranger.refused(stranger.GetRenderPicture(render_id=render_id), "RENDER_NOT_FOUND")
    await house.client.refused(ask(render_id=new_id()), "RENDER_NOT_FOUND")
    await house.storage.delete([f"{spec.key_prefix}test/poster.jpg"])
    await house.client.refused(ask(render_id=render_id), "OUTPUT_NOT_AVAILABLE")


async def test_a_render_of_before_has_no_pictures(house):
    project_id, _song, _pictures = await house.ready(1)
    made = await house.render(project_id, await house.timeline(project_id))
    await house.client.refused(
        house.client.GetRenderPicture(render_id=made.render.id), "OUTPUT_NOT_AVAILABLE"
    )


async def test_frames_that_no_timeline_has_are_refused(house):
    project_id, _song, _pictures = await house.ready(1)
    ask = house.client.RenderFrame
    await house.client.refused(ask(project_id=project_id), "TIMELINE_NOT_FOUND")
    await house.timeline(project_id)
    stranger = await house.new_tenant("stranger")
    await stranger.refused(stranger.RenderFrame(project_id=project_id), "PROJECT_NOT_FOUND")
    for fields, field in (
        ({"frame": -1}, "frame"),
        ({"frame": 10**6}, "frame"),
        ({"max_height": -1}, "max_height"),
        ({"format": 7}, "format"),
    ):
        error = await house.client.refused(ask(project_id=project_id, **fields), "FIELD_INVALID")
        assert [v.field for v in error.violations] == [field]
    await house.client.refused(ask(project_id=project_id, revision=9), "TIMELINE_NOT_FOUND")


@pytest.mark.parametrize(
    ("frame", "indices"), [(0, [0, 1]), (9, [0, 1]), (10, [0, 1, 2]), (49, [3, 4])]
)
def test_what_a_frame_can_show(frame, indices):
    edl = Edl(
        segments=[
            Segment(index=i, timeline_in_frame=10 * i, timeline_out_frame=10 * i + 10)
            for i in range(5)
        ],
        overlays=[Overlay(in_frame=0, out_frame=10), Overlay(in_frame=9, out_frame=50)],
    )
    around = around_frame(edl, frame)
    assert [segment.index for segment in around.segments] == indices
    assert len(around.overlays) == (2 if frame == 9 else 1)
    for beyond in (-1, 50):
        with pytest.raises(BeatStitchError):
            around_frame(edl, beyond)
