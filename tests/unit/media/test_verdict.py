"""What a child's death means, and its last words."""

import signal
from pathlib import Path

import pytest
from google.protobuf import json_format

from beatstitch.v1 import failure_pb2 as f
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.child import FAILURE_MARK
from beatstitch_media.output import Lines, Tail, Whole
from beatstitch_media.verdict import error_of, is_inputs_fault, tail, without_paths


def reason(code, stderr=b""):
    return error_of(code, stderr, what="work", timeout_reason=f.ERROR_REASON_RENDER_TIMEOUT).reason


@pytest.mark.parametrize(
    ("code", "stderr", "expected"),
    [
        (1, b"boom", f.ERROR_REASON_FFMPEG_FAILED),
        (-signal.SIGSEGV, b"", f.ERROR_REASON_FFMPEG_FAILED),
        (-signal.SIGXFSZ, b"", f.ERROR_REASON_FFMPEG_FAILED),
        (-signal.SIGKILL, b"", f.ERROR_REASON_OUT_OF_MEMORY),
        (-signal.SIGXCPU, b"", f.ERROR_REASON_RENDER_TIMEOUT),
        (1, b"x.mp4: Cannot allocate memory", f.ERROR_REASON_OUT_OF_MEMORY),
        (1, b"Traceback\nMemoryError", f.ERROR_REASON_OUT_OF_MEMORY),
        (1, b"Unable to allocate 3 GiB for an array", f.ERROR_REASON_OUT_OF_MEMORY),
        (1, b"av_write: No space left on device", f.ERROR_REASON_DISK_FULL),
    ],
)
def test_reasons(code, stderr, expected):
    assert reason(code, stderr) == expected


@pytest.mark.parametrize(
    ("code", "stderr", "blamed"),
    [
        (1, b"Invalid data", True),
        (-signal.SIGSEGV, b"", True),
        (1, b"Cannot allocate memory", True),
        (-signal.SIGKILL, b"", False),
        (126, b"sandbox: ffmpeg: No such file", False),
        (1, b"No space left on device", False),
        (-signal.SIGXCPU, b"", False),
    ],
)
def test_whose_fault_it_is(code, stderr, blamed):
    error = error_of(code, stderr, what="w", timeout_reason=f.ERROR_REASON_MEDIA_TIMEOUT)
    assert is_inputs_fault(error) is blamed


def test_our_own_children_say_it_themselves():
    said = BeatStitchError(f.ERROR_REASON_INPUT_CORRUPT, "no", metadata={"asset_id": "7"})
    line = FAILURE_MARK + json_format.MessageToJson(said.to_failure(), indent=None)
    found = error_of(
        70, b"noise\n" + line.encode() + b"\n", what="w", timeout_reason=f.ERROR_REASON_INTERNAL
    )
    assert (found.reason, found.message, found.metadata) == (said.reason, "no", {"asset_id": "7"})


def test_a_broken_report_is_an_ordinary_failure():
    assert reason(70, FAILURE_MARK.encode() + b"{nonsense") == f.ERROR_REASON_FFMPEG_FAILED


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/var/job-7/in.mp4: Invalid data", "in.mp4: Invalid data"),
        ("Error opening file:/srv/x/y.mp3.", "Error opening file:y.mp3."),
        ("File '/a/b/c.py', line 3", "File 'c.py', line 3"),
        ("rate 30/1 and 16/9 stay", "rate 30/1 and 16/9 stay"),
        ("http://host/path stays", "http://host/path stays"),
    ],
)
def test_paths_are_removed(text, clean):
    assert without_paths(text) == clean


def test_known_paths_may_hold_spaces():
    path = Path("/data/my tenant/a song.mp3")
    assert without_paths(f"{path}: bad", [path]) == "a song.mp3: bad"


def test_the_tail_is_short():
    assert len(tail(b"\xff" * 50_000).encode()) <= 8192
    assert tail(b"a" * 10_000 + b"end").endswith("end")


def test_output_sinks():
    whole, end = Whole(5), Tail(3)
    for sink in (whole, end):
        for chunk in (b"abc", b"def", b"ghijklmn"):
            sink.feed(chunk)
    assert (bytes(whole.data), whole.overflown) == (b"abcde", True)
    assert bytes(end.data).endswith(b"lmn")
    assert len(end.data) <= 6
    seen = []
    lines = Lines(seen.append)
    for chunk in (b"a=1\nb", b"=2\r\n\nc"):
        lines.feed(chunk)
    lines.close()
    lines.close()
    assert seen == ["a=1", "b=2", "", "c"]
