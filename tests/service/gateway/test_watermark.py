"""The watermark's picture: known to builders, shown by no segment unless it is named."""

from __future__ import annotations

from support.waiting import until

from beatstitch.v1.common_pb2 import MEDIA_TYPE_IMAGE
from beatstitch_core.ids import new_id


def marked(asset_id: str) -> dict:
    return {"watermark": {"media_asset_id": asset_id}}


def named(build) -> list[str]:
    return [item.asset_id for item in build.media]


async def test_a_watermark_is_no_medium_unless_it_is_named(house):
    project_id, _song, (logo, one, two) = await house.ready(3)
    generate = house.client.GenerateTimeline
    job = (await generate(project_id=project_id, settings=marked(logo))).job
    build = (await house.take(job.id)).timeline_build
    assert build.watermark.asset_id == logo
    assert build.watermark.object.sha256
    assert build.watermark.info.width == 640
    assert named(build) == [one, two]
    reply = await generate(
        project_id=project_id, settings=marked(logo), media_asset_ids=[two, logo]
    )
    build = (await house.take(reply.job.id)).timeline_build
    assert build.watermark.asset_id == logo
    assert named(build) == [two, logo]
    reply = await generate(project_id=project_id)
    build = (await house.take(reply.job.id)).timeline_build
    assert not build.HasField("watermark")
    assert named(build) == [logo, one, two]


async def test_a_template_may_name_it(house):
    project_id, _song, (logo, one) = await house.ready(2)
    made = await house.client.CreateTemplate(template={"name": "t", "settings": marked(logo)})
    reply = await house.client.GenerateTimeline(project_id=project_id, template_id=made.template.id)
    build = (await house.take(reply.job.id)).timeline_build
    assert (build.watermark.asset_id, named(build)) == (logo, [one])


async def test_refused_where_it_is_no_ready_picture(house):
    project_id, song, _pictures = await house.ready(1)
    late = await house.upload(project_id, "late.png", MEDIA_TYPE_IMAGE, b"late")
    for call in (house.client.GenerateTimeline, house.client.Stitch):
        await house.client.refused(
            call(project_id=project_id, settings=marked(new_id())), "ASSET_NOT_FOUND"
        )
        error = await house.client.refused(
            call(project_id=project_id, settings=marked(song)), "FIELD_INVALID"
        )
        assert [v.field for v in error.violations] == ["settings.watermark.media_asset_id"]
    await house.client.refused(
        house.client.GenerateTimeline(project_id=project_id, settings=marked(late.asset.id)),
        "ASSET_NOT_READY",
    )


async def test_only_a_watermark_is_no_video(house):
    project_id, _song, (logo,) = await house.ready(1)
    for call in (house.client.GenerateTimeline, house.client.Stitch):
        await house.client.refused(
            call(project_id=project_id, settings=marked(logo)), "NO_READY_MEDIA"
        )


async def test_a_stitch_waits_for_its_watermark(house):
    project_id, _song, (one,) = await house.ready(1)
    late = await house.upload(project_id, "late.png", MEDIA_TYPE_IMAGE, b"late")
    logo = late.asset.id
    job = (await house.client.Stitch(project_id=project_id, settings=marked(logo))).job

    def stage(job, name):
        return next(item for item in job.stages if item.name == name)

    assert stage(job, "ingest").detail == "2 of 3 ready"
    await house.finish(late.job.id)

    async def building() -> bool:
        return bool(stage(await house.job(job.id), "timeline").job_ids)

    await until(building)
    built = stage(await house.job(job.id), "timeline").job_ids[0]
    build = (await house.take(built)).timeline_build
    assert (build.watermark.asset_id, named(build)) == (logo, [one])
