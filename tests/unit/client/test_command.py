"""The command itself: arguments, exit codes, no traceback; no server is needed."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress
from typer.testing import CliRunner

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import Job, JobStage, StitchResult
from beatstitch_client.cli import target, view
from beatstitch_client.cli.exits import UnavailableError, UsageError
from beatstitch_client.cli.jobs import job_json, job_line, job_text
from beatstitch_client.cli.main import app
from beatstitch_client.cli.making import Made, collect
from beatstitch_client.cli.stitch import as_dict, summary
from beatstitch_client.cli.view import Lines, show_job


@pytest.fixture
def call(monkeypatch):
    for name in (target.SERVER_VARIABLE, target.KEY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
    return lambda *arguments: runner.invoke(app, [str(item) for item in arguments])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in ("song.mp3", "b.jpg", "a.mp4", "notes.txt", "other.wav"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_help_documents_the_exit_codes(call):
    commands = [[], ["stitch"], ["up"], ["analyze"], ["jobs"], ["jobs", "watch"], ["version"]]
    names = ("show", "revisions", "export", "explain", "diff", "undo", "redo")
    commands += [["timeline"], *(["timeline", name] for name in names)]
    commands += [["upload"], ["import"], ["download"], ["restore"], ["admin", "cleanup"]]
    for command in commands:
        result = call(*command, "--help")
        assert result.exit_code == 0
        text = re.sub(r"\s+", " ", result.output)
        assert "Exit codes: 0 done" in text
        assert "130 Ctrl-C" in text


def test_version(call):
    assert call("version").output.startswith("beatstitch ")
    assert "client" in json.loads(call("version", "--json").output)


@pytest.mark.parametrize(
    "arguments",
    [
        ["stitch"],
        ["stitch", "song.mp3"],
        ["stitch", "song.mp3", "b.jpg", "--beats-per-cut", "65"],
        ["stitch", "song.mp3", "b.jpg", "--beats-per-cut", "0"],
        ["stitch", "song.mp3", "b.jpg", "--profile", "best"],
        ["stitch", "song.mp3", "b.jpg", "--transition", "star"],
        ["stitch", "song.mp3", "b.jpg", "--fps", "fast"],
        ["stitch", "song.mp3", "b.jpg", "--width", "641"],
        ["stitch", "song.mp3", "missing.jpg"],
        ["stitch", "missing.mp3", "b.jpg"],
        ["stitch", "song.mp3", "notes.txt"],
        ["analyze", "missing.mp3"],
        ["up", "--replicas", "renderer"],
        ["jobs", "list"],
        ["jobs", "get", "id"],
        ["jobs", "list", "--state", "gone", "--server", "127.0.0.1:1"],
        ["nonsense"],
    ],
)
def test_wrong_usage_ends_with_2_and_no_traceback(call, files, monkeypatch, arguments):
    monkeypatch.chdir(files)
    result = call(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert result.output.strip()


def test_a_server_that_is_not_there_ends_with_3(call, files, monkeypatch):
    monkeypatch.setattr(target, "FIRST_ANSWER_S", 0.3)
    monkeypatch.chdir(files)
    for arguments in (["jobs", "list"], ["stitch", "song.mp3", "b.jpg"], ["version"]):
        result = call(*arguments, "--server", "127.0.0.1:1", "--api-key", "k")
        assert result.exit_code == 3, result.output
        assert "can't be reached" in result.output
        assert "Traceback" not in result.output


def test_a_stack_that_is_not_installed_ends_with_3_and_says_what_to_do(call, files, monkeypatch):
    def missing():
        raise UnavailableError("give --server HOST:PORT, or install beatstitch-client[stack]")

    monkeypatch.setattr(target, "_stack", missing)
    monkeypatch.chdir(files)
    for arguments in (["up"], ["stitch", "song.mp3", "b.jpg"]):
        result = call(*arguments)
        assert result.exit_code == 3
        assert "beatstitch-client[stack]" in result.output


def test_collecting_what_to_show(files: Path):
    output = files / "out.mp4"
    found = collect(files / "song.mp3", [files], output)
    assert [path.name for path in found] == ["a.mp4", "b.jpg"]
    # The song may be named among the media without becoming one.
    found = collect(files / "song.mp3", [files / "b.jpg", files / "song.mp3"], output)
    assert [path.name for path in found] == ["b.jpg"]


def test_what_can_not_be_collected(files: Path):
    song, output = files / "song.mp3", files / "out.mp4"
    empty = files / "empty"
    empty.mkdir()
    for arguments in (
        (files / "b.jpg", [files / "a.mp4"], output),
        (song, [empty], output),
        (song, [files / "other.wav"], output),
        (song, [files / "b.jpg"], files),
        (song, [files / "a.mp4"], files / "a.mp4"),
        (song, [files / "b.jpg"], song),
    ):
        with pytest.raises(UsageError):
            collect(*arguments)


def result() -> StitchResult:
    made = StitchResult(project_id="p")
    made.analysis.bpm, made.analysis.beat_count, made.analysis.analyzer = 120.0, 64, "madmom"
    made.timeline.segment_count = 16
    made.render.chunks_rendered, made.render.chunks_cached = 3, 2
    made.render.size_bytes, made.render.frame_count = 12_345_678, 960
    return made


def test_the_summary_has_what_a_person_asks_for():
    text = summary(Made(Path("v.mp4"), result()))
    for fact in ("v.mp4", "12.3 MB", "120.00 BPM", "15, worst error 0", "5, 2 of them cached"):
        assert fact in text
    facts = as_dict(Made(Path("v.mp4"), result()))
    assert facts["cut_count"] == 15
    json.dumps(facts)


def job() -> Job:
    made = Job(id="j", type=job_pb2.JOB_TYPE_STITCH, state=job_pb2.JOB_STATE_RUNNING)
    made.stages.append(JobStage(name="ingest", state=job_pb2.JOB_STATE_SUCCEEDED))
    made.stages.append(
        JobStage(name="analyze", state=job_pb2.JOB_STATE_RUNNING, progress_percent=40)
    )
    made.stages.append(JobStage(name="render", state=job_pb2.JOB_STATE_PENDING))
    return made


def test_jobs_as_text_and_json():
    assert "stitch" in job_line(job())
    assert "analyze" in job_text(job())
    assert json.loads(job_json(job()))["id"] == "j"
    failed = Job(id="j", type=job_pb2.JOB_TYPE_STITCH, state=job_pb2.JOB_STATE_FAILED)
    failed.failure.message = "why"
    assert "why" in job_text(failed)


def test_plain_lines_tell_each_step_once(capsys):
    lines_view = Lines()
    for percent in (0, 1, 2, 30, 31, 60):
        made = job()
        made.stages[1].progress_percent = percent
        show_job(lines_view, made)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "ingest: succeeded",
        "analyze: running",
        "analyze: running 30 %",
        "analyze: running 60 %",
    ]


def test_a_job_without_stages_shows_itself(capsys):
    show_job(Lines(), Job(type=job_pb2.JOB_TYPE_BEAT_ANALYSIS, state=job_pb2.JOB_STATE_RUNNING))
    assert capsys.readouterr().err == "beat_analysis: running\n"


def test_bars_show_stages_and_survive_odd_details():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Progress(*view.COLUMNS, console=console) as progress:
        bars = view.Bars(progress)
        for state in (job_pb2.JOB_STATE_PENDING, *job_pb2.JobState.values()):
            bars.stage("render", state, 50, "[/] 14 of [20] chunks")
        bars.stage("verify", job_pb2.JOB_STATE_SUCCEEDED, 100)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "14 of [20] chunks" in text
    assert "verify" in text
