"""Edits of timelines through the gateway, judged and done by a real timeline service."""

from __future__ import annotations

import asyncio
import json

import grpc.aio
import pytest

from beatstitch.v1 import edl_pb2
from beatstitch.v1 import timeline_pb2 as tp
from beatstitch.v1 import timeline_service_pb2 as ts
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.canonical import canonical_json
from beatstitch_core.keys import artefact_key, tenant_prefix
from beatstitch_core.timebase import frame_at


def override(index: int, **what: object) -> dict[str, object]:
    return {"override": {"segment_index": index, **what}}


CONTAIN = edl_pb2.FIT_CONTAIN
SWAP = {"swap": {"segment_index": 0, "other_index": 1}}


async def edit(house, timeline, *edits: dict[str, object], **fields: object):
    reply = await house.client.ApplyEdits(
        project_id=timeline.project_id, edl_hash=timeline.edl_hash, edits=edits, **fields
    )
    return reply.timeline


async def state(house, project_id: str, revision: int = 0):
    return await house.client.GetTimeline(project_id=project_id, revision=revision)


async def test_edits_make_a_revision_and_are_kept_beside_the_edl(editor, generate):
    project_id, _song, pictures = await editor.ready(3)
    built = await generate(project_id, settings={"beats_per_cut": 2})
    made = await edit(editor, built, SWAP, override(2, fit=CONTAIN))
    assert (made.revision, made.parent_revision) == (2, 1)
    assert made.origin == tp.REVISION_ORIGIN_EDITED
    assert (made.settings, made.inputs) == (built.settings, built.inputs)
    shown = [segment.media_asset_id for segment in made.edl.segments[:2]]
    assert shown == [pictures[1], pictures[0]]
    assert made.edl.segments[2].fit == CONTAIN
    now = await state(editor, project_id)
    assert now.timeline == made
    assert now.timeline.edit_count == 2
    assert [kept.edit.WhichOneof("edit") for kept in now.overlay.edits] == ["swap", "override"]
    third = built.edl.segments[2]
    assert list(now.overlay.edits[1].anchor_us) == [third.cut.beat_time_us]
    # Workers find the bytes that the hash is of.
    key = artefact_key(tenant_prefix("default"), "edl", made.edl_hash, ".json")
    assert await editor.storage.get(key) == canonical_json(made.edl)
    lean = await edit(editor, made, SWAP, omit_edl=True)
    assert not lean.HasField("edl")
    back = (await state(editor, project_id)).timeline
    assert [segment.media_asset_id for segment in back.edl.segments[:2]] == pictures[:2]
    assert len((await state(editor, project_id)).overlay.edits) == 3
    assert not (await state(editor, project_id, 1)).overlay.edits


async def test_all_edits_or_none(editor, generate):
    project_id, _song, _pictures = await editor.ready(2)
    built = await generate(project_id)
    call = editor.client.ApplyEdits(
        project_id=project_id,
        edl_hash=built.edl_hash,
        edits=[SWAP, override(99, fit=CONTAIN)],
    )
    error = await editor.client.refused(call, "EDIT_INVALID")
    assert error.metadata["edit"] == "1"
    assert error.violations[0].field.startswith("edits[1]")
    stale = editor.client.ApplyEdits(project_id=project_id, edl_hash="0" * 64, edits=[SWAP])
    error = await editor.client.refused(stale, "EDL_HASH_MISMATCH")
    assert error.metadata == {"provided": "0" * 64, "current": built.edl_hash}
    assert (await state(editor, project_id)).timeline == built
    empty = await editor.project()
    none = editor.client.ApplyEdits(project_id=empty, edl_hash=built.edl_hash, edits=[SWAP])
    await editor.client.refused(none, "TIMELINE_NOT_FOUND")


async def test_of_many_editors_one_wins_and_nothing_is_lost(editor, generate):
    project_id, _song, _pictures = await editor.ready(3)
    built = await generate(project_id, settings={"beats_per_cut": 1})
    wanted = [override(index, fit=CONTAIN) for index in range(1, 7)]

    async def persist(change: dict[str, object]) -> int:
        """As a client does: when another was quicker, look again and try again."""
        tries = 0
        while True:
            tries += 1
            newest = built if tries == 1 else (await state(editor, project_id)).timeline
            try:
                await edit(editor, newest, change)
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.ABORTED  # noqa: PT017
            else:
                return tries

    tries = await asyncio.gather(*(persist(change) for change in wanted))
    assert tries.count(1) == 1
    now = await state(editor, project_id)
    assert now.timeline.revision == 1 + len(wanted)
    assert [segment.fit == CONTAIN for segment in now.timeline.edl.segments[:8]] == [
        False,
        *[True] * 6,
        False,
    ]
    assert len(now.overlay.edits) == len(wanted)


async def test_twins_are_one_edit(editor, generate):
    project_id, _song, _pictures = await editor.ready(2)
    built = await generate(project_id)
    calls = [edit(editor, built, SWAP, request_id="same") for _ in range(5)]
    replies = await asyncio.gather(*calls)
    assert all(reply == replies[0] for reply in replies)
    assert (await state(editor, project_id)).timeline == replies[0]
    await editor.client.refused(
        editor.client.ApplyEdits(
            project_id=project_id, edl_hash=built.edl_hash, edits=[SWAP, SWAP], request_id="same"
        ),
        "REQUEST_ID_REUSED",
    )


async def test_edits_survive_another_build_and_can_be_left_out(editor, generate):
    project_id, _song, _pictures = await editor.ready(3)
    built = await generate(project_id, settings={"beats_per_cut": 2})
    time_us = built.edl.segments[2].cut.beat_time_us
    gone_us = built.edl.segments[1].cut.beat_time_us
    edited = await edit(editor, built, override(2, fit=CONTAIN), override(1, fit=CONTAIN))
    again = await generate(project_id, settings={"beats_per_cut": 4})
    assert again.origin == tp.REVISION_ORIGIN_GENERATED
    (found,) = [s for s in again.edl.segments if s.cut.beat_time_us == time_us]
    assert found.fit == CONTAIN
    assert all(s.cut.beat_time_us != gone_us for s in again.edl.segments)
    assert (again.edit_count, again.dropped_edit_count) == (1, 1)
    now = await state(editor, project_id)
    assert len(now.overlay.edits) == 1
    assert now.dropped_edits[0].message
    # Going back brings the edits back too.
    undone = (
        await editor.client.UndoTimeline(project_id=project_id, edl_hash=again.edl_hash)
    ).timeline
    assert undone.edl == edited.edl
    assert len((await state(editor, project_id)).overlay.edits) == 2
    plain = await generate(project_id, settings={"beats_per_cut": 2}, discard_edits=True)
    assert plain.edl_hash == built.edl_hash
    assert not (await state(editor, project_id)).overlay.edits


async def test_what_an_edit_shows_need_not_be_among_the_media(editor, generate):
    project_id, _song, (first, second, other) = await editor.ready(3)
    named = {"settings": {"beats_per_cut": 2}, "media_asset_ids": [first, second]}
    built = await generate(project_id, **named)
    replaced = {"replace": {"segment_index": 1, "media_asset_id": other}}
    await edit(editor, built, replaced)
    again = await generate(project_id, **named)
    assert [s.media_asset_id for s in again.edl.segments].count(other) == 1
    assert again.edl.segments[1].media_asset_id == other
    assert (again.edit_count, again.dropped_edit_count) == (1, 0)
    await editor.client.DeleteAsset(asset_id=other)
    without = await generate(project_id, **named)
    assert (without.edit_count, without.dropped_edit_count) == (0, 1)
    assert without.edl == built.edl


async def test_edits_during_a_build_are_told_and_not_lost(house):
    """The tests are the worker here: the build takes as long as they want."""
    client = house.client
    project_id, _song, _pictures = await house.ready(2)
    await house.timeline(project_id)
    job = (await client.GenerateTimeline(project_id=project_id, discard_edits=True)).job
    spec = await house.take(job.id)
    # Somebody else's change meanwhile, with an edit in it: a build that kept one.
    other = (await client.GenerateTimeline(project_id=project_id)).job
    other_spec = await house.take(other.id)
    output = await house.output(other_spec)
    output.timeline_build.overlay.edits.add(anchor_us=[5])
    await house.event(other_spec, succeeded=output)
    await house.ended(other.id)
    await house.event(spec, succeeded=await house.output(spec))
    await house.ended(job.id)
    now = await state(house, project_id)
    assert now.timeline.revision == 3
    (dropped,) = now.dropped_edits
    assert list(dropped.edit.anchor_us) == [5]
    assert "while this timeline was being built" in dropped.message
    assert now.timeline.dropped_edit_count == 1
    undone = await client.UndoTimeline(project_id=project_id, edl_hash=now.timeline.edl_hash)
    assert undone.timeline.content_revision == 2
    assert (await state(house, project_id)).overlay.edits[0].anchor_us == [5]


async def test_an_edl_of_ones_own_can_be_edited(editor, generate):
    project_id, _song, _pictures = await editor.ready(2)
    built = await generate(project_id)
    edl = Edl()
    edl.CopyFrom(built.edl)
    edl.beat_grid_sha256 = ""
    put = await editor.client.PutTimeline(project_id=project_id, edl=edl, edl_hash=built.edl_hash)
    made = await edit(editor, put.timeline, override(1, fit=CONTAIN))
    assert made.edl.segments[1].fit == CONTAIN
    assert made.edit_count == 1


async def test_without_its_grid_a_timeline_says_so(editor, generate):
    project_id, song_id, _pictures = await editor.ready(2)
    built = await generate(project_id)
    async for key, _size in editor.storage.list("t/default/grid/"):
        await editor.storage.delete([key])
    for call in (
        editor.client.ApplyEdits(project_id=project_id, edl_hash=built.edl_hash, edits=[SWAP]),
        editor.client.ExplainCut(project_id=project_id),
        editor.client.ExportBeatGrid(asset_id=song_id),
    ):
        error = await editor.client.refused(call, "GRID_GONE")
        assert error.metadata == {"beat_grid_sha256": built.inputs.beat_grid_sha256}
    assert (await state(editor, project_id)).timeline == built


async def test_what_differs_and_why(editor, generate):
    client = editor.client
    project_id, _song, pictures = await editor.ready(2)
    built = await generate(project_id, settings={"beats_per_cut": 2})
    made = await edit(editor, built, override(1, fit=CONTAIN))
    diff = await client.DiffRevisions(project_id=project_id, from_revision=1)
    (change,) = diff.segments
    assert change.kind == ts.SEGMENT_CHANGE_KIND_CHANGED
    assert (change.from_index, change.to_index) == (1, 1)
    assert "fit" in change.fields
    second = made.edl.segments[1]
    assert diff.changed_frames == second.timeline_out_frame - second.timeline_in_frame
    same = await client.DiffRevisions(project_id=project_id, from_revision=2, to_revision=2)
    assert same == ts.DiffRevisionsResponse()
    await generate(project_id, settings={"beats_per_cut": 4}, discard_edits=True)
    other = await client.DiffRevisions(project_id=project_id, from_revision=2, to_revision=3)
    assert list(other.settings) == ["beats_per_cut"]
    await client.refused(
        client.DiffRevisions(project_id=project_id, from_revision=9), "TIMELINE_NOT_FOUND"
    )

    why = await client.ExplainCut(project_id=project_id, revision=2, segment_index=1)
    assert why.segment == second
    assert why.beat.time_us == second.cut.beat_time_us
    assert list(why.edit_indices) == [0]
    assert why.rule
    frame = frame_at(second.cut.beat_time_us, made.edl.output.frame_rate)
    assert frame == second.timeline_in_frame
    assert second.media_asset_id == pictures[1]
    await client.refused(
        client.ExplainCut(project_id=project_id, segment_index=999), "FIELD_INVALID"
    )


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        (ts.EXPORT_FORMAT_OTIO, b"{"),
        (ts.EXPORT_FORMAT_FCPXML, b"<?xml"),
        (ts.EXPORT_FORMAT_FCP7_XML, b"<?xml"),
        (ts.EXPORT_FORMAT_CMX3600, b"TITLE:"),
        (ts.EXPORT_FORMAT_JSON, b"{"),
    ],
)
async def test_files_of_editing_programs(editor, generate, kind: int, begins: bytes):
    project_id, _song, _pictures = await editor.ready(2)
    built = await generate(project_id)
    file = await editor.client.ExportTimeline(
        project_id=project_id, format=kind, media_base_url="file:///media/"
    )
    assert file.content.startswith(begins)
    assert file.filename
    assert file.content_type
    if kind == ts.EXPORT_FORMAT_JSON:
        assert file.content == canonical_json(built.edl)


async def test_a_timeline_goes_elsewhere_after_its_files_are_gone(editor, generate):
    project_id, song_id, pictures = await editor.ready(2)
    await generate(project_id)
    for asset_id in (pictures[0], song_id):
        await editor.client.DeleteAsset(asset_id=asset_id)
    file = await editor.client.ExportTimeline(
        project_id=project_id, format=ts.EXPORT_FORMAT_CMX3600
    )
    assert f"* FROM CLIP NAME: {pictures[0]}" in file.content.decode()
    said = "2 files are not in the project any more and are named by their id"
    assert said in file.warnings


async def test_files_of_beats(editor):
    _project, song_id, _pictures = await editor.ready(0)
    grid = await editor.client.GetBeatGrid(asset_id=song_id)
    file = await editor.client.ExportBeatGrid(asset_id=song_id)
    assert json.loads(file.content)["bpm"] == grid.beat_grid.bpm
    midi = await editor.client.ExportBeatGrid(asset_id=song_id, format=4)
    assert midi.content.startswith(b"MThd")
    assert midi.filename.startswith("song")
    error = await editor.client.refused(
        editor.client.ExportBeatGrid(asset_id=song_id, format=99), "FIELD_INVALID"
    )
    assert error.violations[0].field == "format"
