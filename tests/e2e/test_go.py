"""The Go example: clients generated from the protos make a video, over gRPC.

Built as Debian builds Go, from its packages (golang-go, protoc-gen-go, protoc-gen-go-grpc,
golang-google-grpc-dev, golang-github-golang-protobuf-1-5-dev), so nothing is fetched.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.examples import need, run

from beatstitch_samples import coded_clip, compose, read_codes

ROOT = Path(__file__).parents[2]
PACKAGES = Path("/usr/share/gocode")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, generated and built."""
    grpc = PACKAGES / "src/google.golang.org/grpc"
    absent = () if grpc.is_dir() else (str(grpc),)
    need("go", "protoc-gen-go", "protoc-gen-go-grpc", also_missing=absent)
    top = tmp_path_factory.mktemp("go")
    shutil.copytree(ROOT / "protos", top / "src" / "protos")
    folder = top / "src" / "example.com" / "makevideo"
    shutil.copytree(ROOT / "examples" / "go", folder, ignore=shutil.ignore_patterns("gen"))
    done = run(["buf", "generate"], folder)
    assert done.returncode == 0, done.stderr
    assert run(["gofmt", "-l", "main.go"], folder).stdout == ""
    env = {"GO111MODULE": "off", "GOPATH": f"{top}{os.pathsep}{PACKAGES}", "GOFLAGS": "-p=1"}
    cache = {"GOCACHE": str(top / "cache")}
    done = run(["go", "vet", "."], folder, timeout_s=300, **env, **cache)
    assert done.returncode == 0, done.stderr
    done = run(["go", "build", "-o", "makevideo", "."], folder, timeout_s=300, **env, **cache)
    assert done.returncode == 0, done.stderr
    return folder / "makevideo"


@pytest.mark.slow
def test_generated_clients_make_a_video(system, program: Path, media_dir, tmp_path):
    song = compose(bars=4).write(media_dir / "go.mp3")
    clip = coded_clip(media_dir / "go.mp4", source_id=12, size=(320, 180)).path
    out = tmp_path / "out.mp4"
    done = run(
        [str(program), str(out), str(song), str(clip)],
        tmp_path,
        BEATSTITCH_SERVER=system.gateway_address,
        BEATSTITCH_API_KEY=system.api_key,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "worst cut error 0 frames" in done.stdout
    assert "as it should be: PROJECT_NOT_FOUND" in done.stdout
    assert {reading.code[0] for reading in read_codes(out) if reading.code} == {12}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "reason"), [("", "FIELD_INVALID"), ("bsk_wrong", "UNAUTHENTICATED")]
)
def test_a_refusal_says_why(system, program: Path, tmp_path, key, reason):
    """In the middle of a stream, and at the first call."""
    song = tmp_path / "song.mp3"
    song.touch()
    done = run(
        [str(program), str(tmp_path / "out.mp4"), str(song), str(song)],
        tmp_path,
        BEATSTITCH_SERVER=system.gateway_address,
        BEATSTITCH_API_KEY=key or system.api_key,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith(f"{reason}: "), done.stderr
