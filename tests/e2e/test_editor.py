"""An editor's day: build, edit, look, build anew, go back, share, take it elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import opentimelineio
import pytest
from support.proof import assert_every_frame_is_right, rendered

from beatstitch.v1 import edl_pb2, failure_pb2, timeline_pb2
from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit, ShiftHalfBeat
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_edit_pb2 import (
    BeatTarget,
    DeleteSegment,
    OverrideSegment,
    ReplaceSegment,
    RollCut,
    SplitSegment,
    SwapSegments,
    TimelineEdit,
)
from beatstitch.v1.timeline_pb2 import StaleKind, Timeline, TimelineSettings
from beatstitch_client import BeatStitchError, Client
from beatstitch_core.canonical import canonical_json, edl_hash
from beatstitch_samples import coded_clip, compose, write_photo
from beatstitch_stack import System

FPS = Fraction(30)
SMALL = OutputFormat(width=320, height=180)


@dataclass
class Desk:
    """A project with a song and four clips whose every frame tells which it is."""

    project_id: str
    song_id: str
    clips: dict[str, int] = field(default_factory=dict)

    @property
    def clip_ids(self) -> list[str]:
        return list(self.clips)

    @property
    def rates(self) -> dict[str, Fraction]:
        return dict.fromkeys(self.clips, FPS)


@pytest.fixture
def desk(client: Client, media_dir: Path) -> Desk:
    project = client.create_project("desk")
    song = media_dir / "desk.flac"
    if not song.exists():
        compose(bpm=120, bars=10, lead_in_s=0.4).write(song)
    upload = client.upload(project.id, song)
    made, jobs = Desk(project.id, upload.asset.id), [upload.job.id]
    for source in range(61, 65):
        path = media_dir / f"desk-{source}.mp4"
        if not path.exists():
            coded_clip(path, source_id=source, frames=240, size=(320, 180))
        upload = client.upload(project.id, path)
        made.clips[upload.asset.id] = source
        jobs.append(upload.job.id)
    for job in jobs:
        client.wait_job(job, timeout_s=120)
    return made


def generate(client: Client, desk: Desk, beats_per_cut: int = 2, **options: object) -> Timeline:
    settings = TimelineSettings(
        beats_per_cut=beats_per_cut,
        output=SMALL,
        image_motion=timeline_pb2.IMAGE_MOTION_STILL,
    )
    job = client.generate_timeline(desk.project_id, settings, **options)
    client.wait_job(job.id, timeout_s=60)
    return client.get_timeline(desk.project_id)


def contain(index: int) -> TimelineEdit:
    return TimelineEdit(override=OverrideSegment(segment_index=index, fit=edl_pb2.FIT_CONTAIN))


def at_beat(beat: int) -> BeatTarget:
    return BeatTarget(beat_index=beat)


def stale(client: Client, desk: Desk) -> set[str]:
    found = client.get_timeline_state(desk.project_id).stale
    return {StaleKind.Name(item.kind).removeprefix("STALE_KIND_") for item in found}


def refused(reason: int, work) -> BeatStitchError:
    with pytest.raises(BeatStitchError) as caught:
        work()
    assert caught.value.reason == reason
    return caught.value


def test_what_was_edited_is_what_is_rendered(client: Client, desk: Desk, tmp_path: Path):
    built = generate(client, desk)
    segments = built.edl.segments
    other = next(asset for asset in desk.clip_ids if asset != segments[4].media_asset_id)
    edits = [
        TimelineEdit(swap=SwapSegments(segment_index=1, other_index=2)),
        TimelineEdit(
            replace=ReplaceSegment(segment_index=4, media_asset_id=other, source_in_us=1_000_000)
        ),
        TimelineEdit(split=SplitSegment(at=at_beat(segments[6].cut.beat_index + 1))),
        TimelineEdit(delete=DeleteSegment(segment_index=9)),
        TimelineEdit(roll=RollCut(segment_index=3, to=at_beat(segments[3].cut.beat_index + 1))),
    ]
    made = client.apply_edits(desk.project_id, built.edl_hash, edits)
    assert made.edit_count == len(edits)
    assert edl_hash(made.edl) == made.edl_hash != built.edl_hash
    cuts = made.edl.segments
    assert len(cuts) == len(segments)  # one more and one less
    assert cuts[1].media_asset_id == segments[2].media_asset_id
    assert (cuts[4].media_asset_id, cuts[4].source_in_us) == (other, 1_000_000)
    assert cuts[3].cut.beat_index == segments[3].cut.beat_index + 1

    render = rendered(client, desk.project_id, made.edl_hash, "preview")
    video = client.download(render.id, tmp_path / "edited.mp4")
    assert_every_frame_is_right(video, made.edl, desk.clips, desk.rates)
    assert render.sync_report.worst_cut_error_frames == 0

    late = refused(
        failure_pb2.ERROR_REASON_EDL_HASH_MISMATCH,
        lambda: client.create_render(desk.project_id, built.edl_hash, "preview"),
    )
    assert late.metadata["current"] == made.edl_hash


def test_edits_survive_building_anew(client: Client, desk: Desk):
    built = generate(client, desk, beats_per_cut=2)
    marked = built.edl.segments[4]
    edited = client.apply_edits(desk.project_id, built.edl_hash, [contain(4), contain(3)])
    again = generate(client, desk, beats_per_cut=4)
    (kept,) = [item for item in again.edl.segments if item.fit == edl_pb2.FIT_CONTAIN]
    assert kept.cut.beat_time_us == marked.cut.beat_time_us
    state = client.get_timeline_state(desk.project_id)
    assert (again.edit_count, len(state.overlay.edits)) == (1, 1)
    assert (again.dropped_edit_count, len(state.dropped_edits)) == (1, 1)
    assert state.dropped_edits[0].message

    changes = client.diff_revisions(desk.project_id, edited.revision, again.revision)
    assert list(changes.settings) == ["beats_per_cut"]
    assert changes.segments
    undone = client.undo_timeline(desk.project_id, again.edl_hash)
    assert undone.edl == edited.edl
    assert client.diff_revisions(desk.project_id, edited.revision).changed_frames == 0
    first = client.undo_timeline(desk.project_id, undone.edl_hash)
    assert first.edl == built.edl
    redone = client.redo_timeline(desk.project_id, first.edl_hash)
    assert redone.edl == edited.edl
    third = client.restore_revision(desk.project_id, redone.edl_hash, built.revision)
    assert third.edl == built.edl
    refused(
        failure_pb2.ERROR_REASON_NOTHING_TO_UNDO,
        lambda: client.redo_timeline(desk.project_id, third.edl_hash),
    )
    origins = [item.origin for item in client.list_revisions(desk.project_id)]
    assert origins == [
        timeline_pb2.REVISION_ORIGIN_RESTORE,
        timeline_pb2.REVISION_ORIGIN_REDO,
        timeline_pb2.REVISION_ORIGIN_UNDO,
        timeline_pb2.REVISION_ORIGIN_UNDO,
        timeline_pb2.REVISION_ORIGIN_GENERATED,
        timeline_pb2.REVISION_ORIGIN_EDITED,
        timeline_pb2.REVISION_ORIGIN_GENERATED,
    ]
    without = generate(client, desk, beats_per_cut=4, discard_edits=True)
    assert not [item for item in without.edl.segments if item.fit == edl_pb2.FIT_CONTAIN]


def test_two_people_edit_at_once(system: System, client: Client, desk: Desk):
    built = generate(client, desk)
    ready = threading.Barrier(2)
    ends: dict[int, Timeline | BeatStitchError] = {}

    def work(index: int) -> None:
        with Client(system.gateway_address, system.api_key) as own:
            own.get_timeline(desk.project_id)
            ready.wait(30)
            try:
                ends[index] = own.apply_edits(desk.project_id, built.edl_hash, [contain(index)])
            except BeatStitchError as error:
                ends[index] = error

    people = [threading.Thread(target=work, args=(index,)) for index in (2, 5)]
    for person in people:
        person.start()
    for person in people:
        person.join(60)
    won = [end for end in ends.values() if isinstance(end, Timeline)]
    lost = [end for end in ends.values() if isinstance(end, BeatStitchError)]
    assert (len(won), len(lost)) == (1, 1)
    assert lost[0].reason == failure_pb2.ERROR_REASON_EDL_HASH_MISMATCH
    assert lost[0].metadata == {"provided": built.edl_hash, "current": won[0].edl_hash}
    # Whoever lost looks again and goes on from there: both are in.
    (late,) = [index for index, end in ends.items() if isinstance(end, BeatStitchError)]
    both = client.apply_edits(desk.project_id, lost[0].metadata["current"], [contain(late)])
    fitted = {item.index for item in both.edl.segments if item.fit == edl_pb2.FIT_CONTAIN}
    assert fitted == {2, 5}


def test_a_timeline_of_ones_own_comes_back_as_it_went(client: Client, desk: Desk):
    built = generate(client, desk)
    again = client.put_timeline(client.get_timeline(desk.project_id).edl, built.edl_hash)
    assert again.timeline.edl_hash == built.edl_hash
    assert client.get_timeline(desk.project_id).edl == built.edl
    broken = edl_pb2.Edl()
    broken.CopyFrom(built.edl)
    broken.segments[0].timeline_out_frame -= 1
    broken.segments[2].media_asset_id = desk.song_id
    error = refused(
        failure_pb2.ERROR_REASON_EDL_INVALID,
        lambda: client.put_timeline(broken, built.edl_hash),
    )
    assert len(error.violations) >= 2
    assert all(item.field.startswith("edl.segments[") for item in error.violations)


def test_a_timeline_tells_when_the_project_has_moved_on(client: Client, desk: Desk, tmp_path: Path):
    generate(client, desk)
    assert stale(client, desk) == set()
    photo = write_photo(tmp_path / "new.jpg", "aurora", size=(320, 180))
    client.wait_job(client.upload(desk.project_id, photo).job.id, timeout_s=60)
    assert stale(client, desk) == {"MEDIA_ADDED"}
    client.edit_beat_grid(desk.song_id, [BeatGridEdit(shift_half_beat=ShiftHalfBeat())])
    assert stale(client, desk) == {"MEDIA_ADDED", "BEAT_GRID"}
    # The old grid is still there for those who go on editing what they have.
    old = client.get_timeline(desk.project_id)
    edited = client.apply_edits(desk.project_id, old.edl_hash, [contain(1)])
    assert edited.edl.beat_grid_sha256 == old.edl.beat_grid_sha256
    assert stale(client, desk) == {"MEDIA_ADDED", "BEAT_GRID"}
    fresh = generate(client, desk)
    assert stale(client, desk) == set()
    assert fresh.edl.beat_grid_sha256 != old.edl.beat_grid_sha256


def test_a_cut_is_explained(client: Client, desk: Desk):
    built = generate(client, desk)
    edited = client.apply_edits(desk.project_id, built.edl_hash, [contain(3)])
    why = client.explain_cut(desk.project_id, 3)
    assert why.segment == edited.edl.segments[3]
    assert why.beat.time_us == why.segment.cut.beat_time_us
    assert abs(why.frame_error_us) <= 500_000 / FPS
    assert why.rule
    assert list(why.edit_indices) == [0]
    assert not client.explain_cut(desk.project_id, 2).edit_indices


def test_a_timeline_goes_to_an_editing_program(client: Client, desk: Desk):
    built = generate(client, desk)
    file = client.export_timeline(desk.project_id, "otio", media_base_url="file:///media/")
    read = opentimelineio.adapters.read_from_string(file.content.decode(), "otio_json")
    shots = list(read.video_tracks()[0].find_clips())
    assert len(shots) == len(built.edl.segments)
    frames = [shot.trimmed_range_in_parent().start_time.to_frames() for shot in shots]
    assert frames == [item.timeline_in_frame for item in built.edl.segments]
    ours = client.export_timeline(desk.project_id, "json").content
    assert ours == canonical_json(built.edl)


def test_the_command_shows_and_goes_back(
    system: System, client: Client, desk: Desk, tmp_path: Path
):
    built = generate(client, desk)
    client.apply_edits(desk.project_id, built.edl_hash, [contain(1)])
    access = {"BEATSTITCH_SERVER": system.gateway_address, "BEATSTITCH_API_KEY": system.api_key}

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [Path(sys.executable).parent / "beatstitch", "timeline", *map(str, arguments)],
            env={**os.environ, **access, "COLUMNS": "200"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    shown = run("show", desk.project_id)
    assert "revision 2 (edited, 1 edits)" in shown
    assert "desk-61.mp4" in shown
    assert json.loads(run("show", desk.project_id, "--json"))["timeline"]["revision"] == 2
    assert "fit" in run("diff", desk.project_id, 1)
    assert "on beat" in run("explain", desk.project_id, 1)
    assert "revision 3 (undo of 1)" in run("undo", desk.project_id)
    assert "revision 4 (redo of 2, 1 edits)" in run("redo", desk.project_id)
    assert run("revisions", desk.project_id).count("\n") >= 4
    run("export", desk.project_id, "-o", "cut.otio")
    assert json.loads((tmp_path / "cut.otio").read_text())["OTIO_SCHEMA"].startswith("Timeline")


def test_the_page_on_editing_is_true(client: Client, desk: Desk):
    page = (Path(__file__).parents[2] / "docs" / "editing.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    generate(client, desk)
    names: dict[str, object] = {"client": client, "project_id": desk.project_id}
    exec(compile(code, "editing.md", "exec"), names)  # noqa: S102 - our own page
    made = client.get_timeline(desk.project_id)
    assert names["edited"] == made
    assert made.edl.segments[0].fit == edl_pb2.FIT_BLUR
    client.cancel_job(names["job"].id)
