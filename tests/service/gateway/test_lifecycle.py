"""From the upload to the video, as a client sees it."""

from __future__ import annotations

from beatstitch.v1 import asset_pb2, job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO, MEDIA_TYPE_IMAGE


async def test_a_song_and_pictures_become_a_video(house):
    project_id, song_id, pictures = await house.ready(2)
    song = (await house.client.GetAsset(asset_id=song_id)).asset
    assert song.state == asset_pb2.ASSET_STATE_READY
    assert song.sha256
    assert song.info.duration_us == 8_000_000
    picture = (await house.client.GetAsset(asset_id=pictures[0])).asset
    assert picture.has_thumbnail
    assert (await house.client.GetThumbnail(asset_id=pictures[0])).image == b"thumbnail"
    grid = await house.client.GetBeatGrid(asset_id=song_id)
    assert len(grid.beat_grid.beats) == 16
    assert len(grid.beat_grid_sha256) == 64

    edl_hash = await house.timeline(project_id)
    timeline = (await house.client.GetTimeline(project_id=project_id)).timeline
    assert timeline.revision == 1
    assert timeline.edl_hash == edl_hash
    assert [s.media_asset_id for s in timeline.edl.segments] == pictures

    made = await house.render(project_id, edl_hash, video=b"v" * 600_000)
    assert made.job.type == job_pb2.JOB_TYPE_RENDER_FINAL
    render = (await house.client.GetRender(render_id=made.render.id)).render
    assert render.sync_report.expected_frames == 240
    assert render.timeline_id == timeline.id
    parts = [
        part
        async for part in house.client.DownloadOutput(render_id=render.id, offset_bytes=100_000)
    ]
    assert b"".join(part.chunk for part in parts) == b"v" * 500_000
    assert parts[0].total_bytes == 600_000
    assert max(len(part.chunk) for part in parts) <= 256 * 1024
    link = await house.client.CreateOutputDownloadLink(render_id=render.id)
    assert render.id in link.url
    job = (await house.client.GetJob(job_id=made.job.id)).job
    assert job.render.render_id == render.id
    assert job.progress_percent == 100
    listed = await house.client.ListRenders(project_id=project_id)
    assert [item.id for item in listed.renders] == [render.id]
    assert not listed.renders[0].HasField("manifest")


async def test_specs_carry_everything(house):
    project_id, song_id, pictures = await house.ready(1)
    job = (await house.client.GenerateTimeline(project_id=project_id)).job
    spec = await house.take(job.id)
    build = spec.timeline_build
    assert spec.key_prefix == "t/default/"
    assert build.audio.asset_id == song_id
    assert build.audio.object.sha256
    assert build.beat_grid.sha256
    assert [item.asset_id for item in build.media] == pictures
    assert build.media[0].filename == "0.jpg"


async def test_revisions_are_numbered_and_listed_without_edls(house):
    project_id, _song, _pictures = await house.ready(1)
    for seed in (1, 2, 3):
        reply = await house.client.GenerateTimeline(project_id=project_id, settings={"seed": seed})
        await house.finish(reply.job.id)
    first = await house.client.ListRevisions(project_id=project_id, page_size=2)
    assert [item.revision for item in first.timelines] == [3, 2]
    assert not first.timelines[0].HasField("edl")
    rest = await house.client.ListRevisions(
        project_id=project_id, page_size=2, page_token=first.next_page_token
    )
    assert [item.revision for item in rest.timelines] == [1]
    assert not rest.next_page_token
    second = await house.client.GetTimeline(project_id=project_id, revision=2)
    assert second.timeline.settings.seed == 2
    await house.client.refused(
        house.client.GetTimeline(project_id=project_id, revision=9), "TIMELINE_NOT_FOUND"
    )


async def test_a_render_wants_the_newest_hash(house):
    project_id, _song, pictures = await house.ready(1)
    missing = await house.client.refused(
        house.client.CreateRender(project_id=project_id), "FIELD_INVALID"
    )
    assert [v.field for v in missing.violations] == ["edl_hash"]
    await house.client.refused(
        house.client.CreateRender(project_id=project_id, edl_hash="0" * 64), "TIMELINE_NOT_FOUND"
    )
    old = await house.timeline(project_id)
    reply = await house.client.GenerateTimeline(project_id=project_id, settings={"seed": 5})
    new = (await house.finish(reply.job.id)).timeline_build.edl_hash
    error = await house.client.refused(
        house.client.CreateRender(project_id=project_id, edl_hash=old), "EDL_HASH_MISMATCH"
    )
    assert error.metadata["provided"] == old
    assert error.metadata["current"] == new
    made = await house.client.CreateRender(project_id=project_id, edl_hash=new, profile="preview")
    assert made.job.type == job_pb2.JOB_TYPE_RENDER_PREVIEW
    assert made.job.lane == job_pb2.JOB_LANE_INTERACTIVE
    await house.client.refused(
        house.client.DownloadOutput(render_id=made.render.id), "OUTPUT_NOT_AVAILABLE"
    )
    await house.client.DeleteAsset(asset_id=pictures[0])
    await house.client.refused(
        house.client.CreateRender(project_id=project_id, edl_hash=new), "ASSET_NOT_FOUND"
    )


async def test_a_timeline_wants_what_is_ready(house):
    project_id = await house.project()
    generate = house.client.GenerateTimeline
    await house.client.refused(generate(project_id=project_id), "NO_READY_AUDIO")
    song = await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO)
    error = await house.client.refused(
        generate(project_id=project_id, audio_asset_id=song.asset.id), "ASSET_NOT_READY"
    )
    assert error.metadata == {"asset_id": song.asset.id, "state": "PROCESSING"}
    await house.finish(song.job.id)
    await house.client.refused(generate(project_id=project_id), "NO_READY_MEDIA")
    picture = await house.upload(project_id, "p.jpg", MEDIA_TYPE_IMAGE)
    await house.client.refused(generate(project_id=project_id), "NO_READY_MEDIA")
    await house.client.refused(
        generate(project_id=project_id, media_asset_ids=[picture.asset.id]), "ASSET_NOT_READY"
    )
    await house.client.refused(
        generate(project_id=project_id, media_asset_ids=[song.asset.id]), "FIELD_INVALID"
    )


async def test_all_wrong_settings_are_told_at_once(house):
    project_id = await house.project()
    error = await house.client.refused(
        house.client.GenerateTimeline(
            project_id=project_id,
            settings={
                "beats_per_cut": 65,
                "output": {"width": 15, "height": 7682, "frame_rate": {"num": 121, "den": 1}},
                "audio_start_us": -1,
            },
        ),
        "FIELD_INVALID",
    )
    assert [v.field for v in error.violations] == [
        "settings.beats_per_cut",
        "settings.output.width",
        "settings.output.height",
        "settings.output.frame_rate",
        "settings.audio_start_us",
    ]
