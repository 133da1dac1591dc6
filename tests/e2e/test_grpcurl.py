"""The session of docs/grpcurl.md with the real grpcurl."""

import os
import subprocess
from pathlib import Path

import pytest

from beatstitch_samples import compose, read_codes, write_photo
from beatstitch_samples.coded_clips import coded_clip
from beatstitch_stack import System, tools

ROOT = Path(__file__).resolve().parents[2]


def grpcurl(system: System, *arguments: str) -> str:
    done = subprocess.run(
        [tools.grpcurl(), "-plaintext", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_the_session_makes_a_video(system, media_dir, tmp_path):
    song = compose(bars=4).write(media_dir / "grpcurl.mp3")
    photo = write_photo(media_dir / "aurora.jpg", "aurora", size=(640, 427))
    clip = coded_clip(media_dir / "grpcurl.mp4", source_id=8, size=(320, 180)).path
    done = subprocess.run(
        [ROOT / "examples" / "grpcurl_session.sh", tmp_path / "out.mp4", song, photo, clip],
        env={
            **os.environ,
            "BEATSTITCH_SERVER": system.gateway_address,
            "BEATSTITCH_API_KEY": system.api_key,
            "GRPCURL": str(tools.grpcurl()),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sources = {reading.code[0] for reading in read_codes(tmp_path / "out.mp4") if reading.code}
    assert sources == {8}


def test_reflection_lists_every_public_service(system):
    listed = grpcurl(system, system.gateway_address, "list").split()
    for name in ("Project", "Asset", "Analysis", "Timeline", "Render", "Stitch", "Job", "Info"):
        assert f"beatstitch.v1.{name}Service" in listed
    assert "grpc.health.v1.Health" in listed


def test_info_needs_no_key_and_the_rest_does(system):
    info = "beatstitch.v1.InfoService/GetServerInfo"
    assert '"version"' in grpcurl(system, system.gateway_address, info)
    projects = "beatstitch.v1.ProjectService/ListProjects"
    assert "Unauthenticated" in grpcurl(system, system.gateway_address, projects)
    wrong = ("-H", "authorization: Bearer bsk_wrong_key")
    assert "Unauthenticated" in grpcurl(system, *wrong, system.gateway_address, projects)


@pytest.mark.parametrize("engine", ["analyzer", "timeline", "renderer"])
def test_the_engines_answer_grpcurl_too(system, engine):
    address = system.replicas(engine)[0].address
    services = grpcurl(system, address, "list")
    assert f"beatstitch.internal.v1.{engine.capitalize()}EngineService" in services
    assert "SERVING" in grpcurl(system, address, "grpc.health.v1.Health/Check")
