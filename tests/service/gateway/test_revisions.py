"""Revisions of timelines: a real timeline service builds and judges them."""

from __future__ import annotations

import asyncio

import pytest
from support.waiting import until

from beatstitch.v1 import timeline_pb2 as tp
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO, MEDIA_TYPE_IMAGE
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.canonical import canonical_json, edl_hash, sha256_hex
from beatstitch_core.ids import new_id
from beatstitch_core.keys import artefact_key, tenant_prefix


def other_look(edl: Edl, number: int) -> Edl:
    """Another valid EDL."""
    made = Edl()
    made.CopyFrom(edl)
    made.output.background_rgb = number
    return made


async def put(editor, edl: Edl, edl_hash: str, **fields: object):
    reply = await editor.client.PutTimeline(
        project_id=edl.project_id, edl=edl, edl_hash=edl_hash, **fields
    )
    return reply.timeline


async def test_a_built_revision_tells_what_it_is(editor, generate):
    project_id, song_id, pictures = await editor.ready(3)
    first = await generate(project_id, settings={"beats_per_cut": 2})
    assert (first.revision, first.parent_revision) == (1, 0)
    assert first.origin == tp.REVISION_ORIGIN_GENERATED
    assert first.settings.beats_per_cut == 2
    inputs = first.inputs
    grid = await editor.client.GetBeatGrid(asset_id=song_id)
    assert inputs.audio_asset_id == song_id
    assert inputs.beat_grid_sha256 == grid.beat_grid_sha256 == first.edl.beat_grid_sha256
    assert [item.asset_id for item in inputs.media] == pictures
    assert {item.sha256 for item in inputs.media} == {
        segment.media_sha256 for segment in first.edl.segments
    }
    assert inputs.all_media
    second = await generate(project_id, media_asset_ids=pictures[1:])
    assert (second.revision, second.parent_revision) == (2, 1)
    assert not second.inputs.all_media
    listed = (await editor.client.ListRevisions(project_id=project_id)).timelines
    assert [item.revision for item in listed] == [2, 1]
    assert not any(item.HasField("edl") for item in listed)


async def test_what_is_put_is_what_is_got(editor, generate):
    project_id, _song, _pictures = await editor.ready(2)
    built = await generate(project_id)
    again = await put(editor, built.edl, built.edl_hash)
    assert again.edl == built.edl
    assert again.edl_hash == built.edl_hash == edl_hash(built.edl)
    assert again.origin == tp.REVISION_ORIGIN_PUT
    assert (again.revision, again.parent_revision) == (2, 1)
    changed = other_look(built.edl, 7)
    new = await put(editor, changed, built.edl_hash)
    assert new.edl == changed
    assert new.settings.output.background_rgb == 7
    # Workers find the very bytes that the hash is of.
    key = artefact_key(tenant_prefix("default"), "edl", new.edl_hash, ".json")
    stored = await editor.storage.get(key)
    assert stored == canonical_json(changed)
    assert sha256_hex(stored) == new.edl_hash
    got = (await editor.client.GetTimeline(project_id=project_id)).timeline
    assert got == new


async def test_the_first_revision_may_be_a_clients_own(editor, generate):
    project_id, _song, _pictures = await editor.ready(1)
    built = await generate(project_id)
    other, song_id, pictures = await editor.ready(1)
    edl = other_look(built.edl, 0)
    edl.project_id, edl.audio.asset_id = other, song_id
    edl.beat_grid_sha256 = ""
    for segment in edl.segments:
        segment.media_asset_id = pictures[0]
    await editor.client.refused(
        editor.client.PutTimeline(project_id=other, edl=edl, edl_hash=built.edl_hash),
        "EDL_HASH_MISMATCH",
    )
    made = await put(editor, edl, "")
    assert (made.revision, made.parent_revision, made.origin) == (1, 0, tp.REVISION_ORIGIN_PUT)
    assert made.inputs.beat_grid_sha256 == ""
    assert [item.asset_id for item in made.inputs.media] == pictures
    error = await editor.client.refused(
        editor.client.PutTimeline(project_id=other, edl=edl), "EDL_HASH_MISMATCH"
    )
    assert error.metadata == {"provided": "", "current": made.edl_hash}


async def test_all_that_is_wrong_with_an_edl_is_told_and_nothing_changes(editor, generate):
    project_id, _song, _pictures = await editor.ready(1)
    stranger, _other_song, other_pictures = await editor.ready(1)
    built = await generate(project_id)
    edl = other_look(built.edl, 0)
    edl.segments[0].timeline_out_frame += 1
    edl.segments[1].media_asset_id = other_pictures[0]
    call = editor.client.PutTimeline(project_id=project_id, edl=edl, edl_hash=built.edl_hash)
    error = await editor.client.refused(call, "EDL_INVALID")
    fields = {violation.field for violation in error.violations}
    assert "edl.segments[1].media_asset_id" in fields
    assert any(field.startswith("edl.segments[0]") for field in fields)
    for fields in (
        {"edl": built.edl, "project_id": stranger, "edl_hash": ""},
        {"project_id": project_id, "edl_hash": built.edl_hash},
        {"edl": built.edl, "project_id": project_id, "edl_hash": "short"},
    ):
        await editor.client.refused(editor.client.PutTimeline(**fields), "FIELD_INVALID")
    assert (await editor.client.GetTimeline(project_id=project_id)).timeline == built


async def test_of_many_clients_one_wins_and_the_others_are_told(editor, generate):
    project_id, _song, _pictures = await editor.ready(1)
    built = await generate(project_id)
    edls = [other_look(built.edl, number) for number in range(1, 9)]
    calls = [put(editor, edl, built.edl_hash) for edl in edls]
    ends = await asyncio.gather(*calls, return_exceptions=True)
    won = [end for end in ends if not isinstance(end, BaseException)]
    assert len(won) == 1
    newest = (await editor.client.GetTimeline(project_id=project_id)).timeline
    assert newest == won[0]
    assert newest.revision == 2
    for edl in edls:
        if edl == newest.edl:
            continue
        error = await editor.client.refused(
            editor.client.PutTimeline(project_id=project_id, edl=edl, edl_hash=built.edl_hash),
            "EDL_HASH_MISMATCH",
        )
        assert error.metadata == {"provided": built.edl_hash, "current": newest.edl_hash}


async def test_the_same_request_gets_the_same_reply_with_its_edl(editor, generate):
    project_id, _song, _pictures = await editor.ready(1)
    built = await generate(project_id)
    edl = other_look(built.edl, 1)
    calls = [put(editor, edl, built.edl_hash, request_id="same") for _ in range(6)]
    replies = await asyncio.gather(*calls)
    assert all(reply == replies[0] for reply in replies)
    assert replies[0].edl == edl
    fields = {"project_id": project_id, "edl_hash": replies[0].edl_hash}
    undone = await editor.client.UndoTimeline(**fields, request_id="undo")
    assert await editor.client.UndoTimeline(**fields, request_id="undo") == undone
    assert undone.timeline.edl == built.edl
    assert (await put(editor, edl, built.edl_hash, request_id="same")) == replies[0]
    await editor.client.refused(
        editor.client.RedoTimeline(**fields, request_id="undo"), "REQUEST_ID_REUSED"
    )
    listed = (await editor.client.ListRevisions(project_id=project_id)).timelines
    assert [item.revision for item in listed] == [3, 2, 1]


async def test_back_and_forth(editor, generate):
    client = editor.client
    project_id, _song, _pictures = await editor.ready(1)
    newest = built = await generate(project_id)
    looks = [built.edl]
    for number in (1, 2, 3):
        newest = await put(editor, other_look(built.edl, number), newest.edl_hash)
        looks.append(newest.edl)

    async def step(method, expected: int, **fields: object):
        nonlocal newest
        reply = await method(project_id=project_id, edl_hash=newest.edl_hash, **fields)
        assert reply.timeline.edl == looks[expected]
        assert reply.timeline.parent_revision == newest.revision
        newest = reply.timeline

    await client.refused(
        client.RedoTimeline(project_id=project_id, edl_hash=newest.edl_hash), "NOTHING_TO_UNDO"
    )
    await step(client.UndoTimeline, 2)
    assert newest.origin == tp.REVISION_ORIGIN_UNDO
    assert (newest.revision, newest.content_revision) == (5, 3)
    assert list(newest.redo_revisions) == [4]
    await step(client.UndoTimeline, 1)
    assert list(newest.redo_revisions) == [4, 3]
    await step(client.RedoTimeline, 2)
    assert newest.origin == tp.REVISION_ORIGIN_REDO
    await step(client.UndoTimeline, 1)
    await step(client.UndoTimeline, 0)
    await client.refused(
        client.UndoTimeline(project_id=project_id, edl_hash=newest.edl_hash), "NOTHING_TO_UNDO"
    )
    await step(client.RedoTimeline, 1)
    await step(client.RestoreRevision, 3, revision=4)
    assert newest.origin == tp.REVISION_ORIGIN_RESTORE
    assert newest.content_revision == 4
    assert not newest.redo_revisions
    await step(client.UndoTimeline, 1)
    await step(client.RedoTimeline, 3)
    wrong = {"project_id": project_id, "edl_hash": "0" * 64}
    for call in (
        client.UndoTimeline(**wrong),
        client.RedoTimeline(**wrong),
        client.RestoreRevision(**wrong, revision=1),
    ):
        error = await client.refused(call, "EDL_HASH_MISMATCH")
        assert error.metadata == {"provided": "0" * 64, "current": newest.edl_hash}
    fields = {"project_id": project_id, "edl_hash": newest.edl_hash}
    await client.refused(client.RestoreRevision(**fields, revision=99), "TIMELINE_NOT_FOUND")
    await client.refused(client.RestoreRevision(**fields), "FIELD_INVALID")
    await client.refused(client.UndoTimeline(project_id=project_id), "FIELD_INVALID")
    empty = await editor.project()
    await client.refused(
        client.UndoTimeline(project_id=empty, edl_hash="0" * 64), "TIMELINE_NOT_FOUND"
    )


async def test_what_comes_back_is_there_for_the_workers(editor, generate):
    project_id, _song, _pictures = await editor.ready(1)
    built = await generate(project_id)
    made = await put(editor, other_look(built.edl, 1), built.edl_hash)
    key = artefact_key(tenant_prefix("default"), "edl", built.edl_hash, ".json")
    await editor.storage.delete([key])
    undone = await editor.client.UndoTimeline(project_id=project_id, edl_hash=made.edl_hash)
    assert undone.timeline.edl_hash == built.edl_hash
    assert await editor.storage.get(key) == canonical_json(built.edl)


async def stale(editor, project_id: str) -> list[tuple[str, str]]:
    reply = await editor.client.GetTimeline(project_id=project_id)
    return [
        (tp.StaleKind.Name(item.kind).removeprefix("STALE_KIND_"), item.subject_id)
        for item in reply.stale
    ]


async def test_a_timeline_tells_when_it_is_old(editor, generate):
    client = editor.client
    project_id, _song, pictures = await editor.ready(2)
    template = (
        await client.CreateTemplate(template={"name": "mine", "settings": {"beats_per_cut": 2}})
    ).template
    made = await generate(project_id, template_id=template.id)
    assert made.settings.beats_per_cut == 2
    assert (made.inputs.template_id, made.inputs.template_version) == (template.id, 1)
    assert await stale(editor, project_id) == []
    await client.ReorderAssets(project_id=project_id, asset_ids=pictures[::-1])
    assert await stale(editor, project_id) == [("MEDIA_ORDER", "")]
    await client.ReorderAssets(project_id=project_id, asset_ids=pictures)
    added = await editor.upload(project_id, "new.jpg", MEDIA_TYPE_IMAGE, b"new")
    assert await stale(editor, project_id) == []  # not READY yet
    await editor.finish(added.job.id)
    assert await stale(editor, project_id) == [("MEDIA_ADDED", added.asset.id)]
    await client.DeleteAsset(asset_id=added.asset.id)
    await client.DeleteAsset(asset_id=pictures[0])
    assert await stale(editor, project_id) == [("MEDIA_REMOVED", pictures[0])]
    changed = {"id": template.id, "settings": {"beats_per_cut": 8}}
    await client.UpdateTemplate(template=changed, update_mask={"paths": ["settings"]})
    song = await editor.upload(project_id, "second.mp3", MEDIA_TYPE_AUDIO, b"second")
    await editor.finish(song.job.id)
    assert await stale(editor, project_id) == [
        ("AUDIO", song.asset.id),
        ("MEDIA_REMOVED", pictures[0]),
        ("TEMPLATE", template.id),
    ]
    await client.DeleteTemplate(template_id=template.id)
    await generate(project_id)
    assert await stale(editor, project_id) == []


async def test_a_watermark_is_no_picture_that_could_have_been_taken(editor, generate):
    project_id, _song, pictures = await editor.ready(2)
    mark = {"watermark": {"media_asset_id": pictures[1]}}
    made = await generate(project_id, settings=mark)
    assert [item.asset_id for item in made.inputs.media] == pictures[:1]
    assert await stale(editor, project_id) == []
    why = await editor.client.ExplainCut(project_id=project_id)
    assert why.segment == made.edl.segments[0]
    bare = other_look(made.edl, 1)
    del bare.overlays[:]
    own = await put(editor, bare, made.edl_hash)
    assert not own.settings.HasField("watermark")
    why = await editor.client.ExplainCut(project_id=project_id)
    assert why.segment == own.edl.segments[0]
    await editor.client.UndoTimeline(project_id=project_id, edl_hash=own.edl_hash)
    await editor.client.DeleteAsset(asset_id=pictures[1])
    assert await stale(editor, project_id) == [("MEDIA_REMOVED", pictures[1])]


async def test_a_stitch_remembers_whether_it_took_all(editor, generate):
    project_id, _song, pictures = await editor.ready(2)
    for fields, every in (({}, True), ({"media_asset_ids": pictures[:1]}, False)):
        job = (await editor.client.Stitch(project_id=project_id, **fields)).job

        async def rendering(job_id: str = job.id) -> bool:
            return bool((await editor.job(job_id)).stages[3].job_ids)

        await until(rendering)
        made = (await editor.client.GetTimeline(project_id=project_id)).timeline
        assert made.inputs.all_media == every
        await editor.client.CancelJob(job_id=job.id)


@pytest.mark.parametrize(
    ("method", "fields", "wrong"),
    [
        ("ApplyEdits", {"edl_hash": "0" * 64}, "edits"),
        ("ApplyEdits", {"edl_hash": "0" * 64, "edits": [{}]}, "edits[0]"),
        ("ApplyEdits", {"edits": [{"delete": {}}]}, "edl_hash"),
        ("DiffRevisions", {}, "from_revision"),
        ("DiffRevisions", {"from_revision": 1, "to_revision": -1}, "to_revision"),
        ("ExplainCut", {"segment_index": -1}, "segment_index"),
        ("ExportTimeline", {}, "format"),
        ("ExportTimeline", {"format": 99}, "format"),
    ],
)
async def test_what_is_wrong_is_named(editor, method: str, fields: dict, wrong: str):
    call = getattr(editor.client, method)(project_id=new_id(), **fields)
    error = await editor.client.refused(call, "FIELD_INVALID")
    assert [violation.field for violation in error.violations] == [wrong]
