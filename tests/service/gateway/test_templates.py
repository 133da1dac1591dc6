"""Templates: built in and of the tenant, their versions, and what a request lays over them."""

from __future__ import annotations

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.edl.settings import check_settings
from beatstitch_core.ids import new_id
from beatstitch_gateway.templates.builtin import builtin_templates

FAST = TimelineSettings(beats_per_cut=1, fit=edl_pb2.FIT_BLUR, output=OutputFormat(width=640))


async def make(house, name="fast", **fields):
    made = await house.client.CreateTemplate(template={"name": name, "settings": FAST, **fields})
    return made.template


async def test_those_that_come_with_beatstitch(house):
    listed = (await house.client.ListTemplates()).templates
    assert [item.id for item in listed] == [
        "builtin/calm-slideshow",
        "builtin/music-video",
        "builtin/hype-cut",
        "builtin/wedding",
        "builtin/product-reel",
    ]
    for template in listed:
        assert template.built_in
        assert check_settings(template.settings) == [], template.id
        assert (await house.client.GetTemplate(template_id=template.id)).template == template
    for call in (
        house.client.UpdateTemplate(template={"id": "builtin/wedding", "name": "x"}),
        house.client.DeleteTemplate(template_id="builtin/wedding"),
    ):
        await house.client.refused(call, "PERMISSION_DENIED")


async def test_each_change_is_a_version(house):
    first = await make(house, description="one")
    assert (first.version, first.built_in, first.settings) == (1, False, FAST)
    changed = TimelineSettings(beats_per_cut=8)
    second = (
        await house.client.UpdateTemplate(
            template={"id": first.id, "settings": changed, "name": "ignored"},
            update_mask={"paths": ["settings"]},
            etag=first.etag,
        )
    ).template
    assert (second.version, second.name, second.settings) == (2, "fast", changed)
    assert second.description == "one"
    assert second.etag != first.etag
    error = await house.client.refused(
        house.client.UpdateTemplate(template={"id": first.id, "name": "x"}, etag=first.etag),
        "ETAG_MISMATCH",
    )
    assert error.metadata["current"] == second.etag
    read = house.client.GetTemplate
    assert (await read(template_id=first.id)).template == second
    assert (await read(template_id=first.id, version=1)).template == first
    await house.client.refused(read(template_id=first.id, version=3), "TEMPLATE_NOT_FOUND")
    await house.client.DeleteTemplate(template_id=first.id, etag=second.etag)
    for version in (0, 1):
        await house.client.refused(
            read(template_id=first.id, version=version), "TEMPLATE_NOT_FOUND"
        )


async def test_a_name_is_a_tenants_once(house):
    made = await make(house)
    await house.client.refused(
        house.client.CreateTemplate(template={"name": "fast"}), "TEMPLATE_EXISTS"
    )
    other = await make(house, "slow")
    await house.client.refused(
        house.client.UpdateTemplate(
            template={"id": other.id, "name": "fast"}, update_mask={"paths": ["name"]}
        ),
        "TEMPLATE_EXISTS",
    )
    stranger = await house.new_tenant("stranger")
    await stranger.CreateTemplate(template={"name": "fast"})
    await stranger.refused(stranger.GetTemplate(template_id=made.id), "TEMPLATE_NOT_FOUND")
    await stranger.refused(stranger.DeleteTemplate(template_id=made.id), "TEMPLATE_NOT_FOUND")
    assert made.id not in {item.id for item in (await stranger.ListTemplates()).templates}


async def test_pages_and_request_ids(house):
    body = {"template": {"name": "n0"}, "request_id": "r"}
    made = await house.client.CreateTemplate(**body)
    assert await house.client.CreateTemplate(**body) == made
    for index in range(1, 5):
        await make(house, f"n{index}")
    names, token = [], ""
    while True:
        page = await house.client.ListTemplates(page_size=2, page_token=token)
        names += [item.name for item in page.templates if not item.built_in]
        token = page.next_page_token
        if not token:
            break
    assert names == [f"n{index}" for index in range(5)]


async def test_wrong_fields_are_all_named(house):
    error = await house.client.refused(
        house.client.CreateTemplate(
            template={"name": " ", "description": "x" * 1001, "settings": {"beats_per_cut": 65}}
        ),
        "FIELD_INVALID",
    )
    assert {item.field for item in error.violations} == {
        "template.name",
        "template.description",
        "template.settings.beats_per_cut",
    }
    error = await house.client.refused(
        house.client.UpdateTemplate(template={"id": "x"}, update_mask={"paths": ["version"]}),
        "FIELD_INVALID",
    )
    assert [item.field for item in error.violations] == ["update_mask"]


async def test_a_stitch_from_a_template(house):
    project_id, _song, _pictures = await house.ready(1)
    made = await make(house)
    job = (
        await house.client.Stitch(
            project_id=project_id, template_id=made.id, settings={"output": {"height": 360}}
        )
    ).job
    built = await house.client.GetJob(job_id=job.id)
    (timeline,) = [stage for stage in built.job.stages if stage.name == "timeline"]
    spec = await house.take(timeline.job_ids[0])
    settings = spec.timeline_build.settings
    assert (settings.beats_per_cut, settings.fit) == (1, edl_pb2.FIT_BLUR)
    assert (settings.output.width, settings.output.height) == (640, 360)
    await house.client.refused(
        house.client.Stitch(project_id=project_id, template_id=new_id()), "TEMPLATE_NOT_FOUND"
    )


def test_a_built_in_template_keeps_its_name():
    for template_id, template in builtin_templates().items():
        assert template.id == template_id
        assert template.version >= 1
        assert template.name
        assert template.description
