"""Render profiles: their list, several at once, and the shape of a stitch."""

from __future__ import annotations

from beatstitch.v1 import timeline_rules_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.profiles import render_profiles
from beatstitch_gateway.renders.shape import in_length

MINUTE_US = 60_000_000


async def test_all_are_listed(house):
    listed = (await house.client.ListRenderProfiles()).profiles
    assert [item.name for item in listed] == [*render_profiles()]
    assert {"youtube-1080p", "youtube-4k", "tiktok", "prores-master", "gif-preview"} <= {
        item.name for item in listed
    }
    for item in listed:
        assert item.title
        assert item.codec
        assert item.container


async def test_several_at_once(house):
    project_id, _song, _pictures = await house.ready(1)
    edl_hash = await house.timeline(project_id)
    body = {
        "project_id": project_id,
        "edl_hash": edl_hash,
        "profiles": ["preview", "final"],
        "request_id": "r",
    }
    made = await house.client.CreateRenders(**body)
    assert await house.client.CreateRenders(**body) == made
    assert [item.render.profile for item in made.renders] == ["preview", "final"]
    for item in made.renders:
        assert item.render.rendered_edl_hash == edl_hash
        assert (await house.finish(item.job.id)).render
    for profiles in ([], ["final", "final"], ["nonsense"], [""], ["final"] * 21):
        error = await house.client.refused(
            house.client.CreateRenders(project_id=project_id, edl_hash=edl_hash, profiles=profiles),
            "FIELD_INVALID",
        )
        assert all(item.field.startswith("profiles") for item in error.violations)


async def test_a_stitch_is_built_in_the_profiles_shape(house):
    project_id, _song, _pictures = await house.ready(1)
    job = (await house.client.Stitch(project_id=project_id, profile="tiktok")).job
    built = await house.client.GetJob(job_id=job.id)
    (timeline,) = [stage for stage in built.job.stages if stage.name == "timeline"]
    spec = await house.take(timeline.job_ids[0])
    output = spec.timeline_build.settings.output
    assert (output.width, output.height) == (1080, 1920)
    error = await house.client.refused(
        house.client.Stitch(
            project_id=project_id,
            profile="tiktok",
            settings=TimelineSettings(output=OutputFormat(width=640)),
        ),
        "FIELD_INVALID",
    )
    assert [item.field for item in error.violations] == ["settings.output.width"]


def test_a_place_that_takes_a_minute_gets_a_minute():
    reel = render_profiles()["instagram-feed"]
    start = TimelineSettings(audio_start_us=5_000_000)
    short = in_length(start, reel, song_us=4 * MINUTE_US)
    assert short.audio_end_us == 5_000_000 + MINUTE_US
    assert short.end_align == timeline_rules_pb2.END_ALIGN_BEAT
    assert in_length(start, reel, song_us=MINUTE_US) == start
    asked = TimelineSettings(audio_end_us=MINUTE_US // 2)
    assert in_length(asked, reel, song_us=4 * MINUTE_US) == asked
