"""The same request twice: same hash, same file, no chunk made again."""

import hashlib

import pytest
from support.proof import rendered

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import OutputFormat, Transition
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client
from beatstitch_samples import coded_clip, compose, write_photo

SETTINGS = TimelineSettings(
    beats_per_cut=2,
    output=OutputFormat(width=320, height=180),
    transition=Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE),
)


@pytest.fixture(scope="module")
def project(client: Client, media_dir):
    made = client.create_project("twice")
    client.upload(made.id, compose(bars=8).write(media_dir / "twice.wav"))
    client.upload(made.id, write_photo(media_dir / "ocean.jpg", "ocean", size=(800, 534)))
    client.upload(made.id, coded_clip(media_dir / "twice.mp4", source_id=3, frames=90).path)
    return made


def test_the_second_stitch_makes_nothing_again(client, project, tmp_path):
    first = client.wait_job(client.stitch(project.id, SETTINGS).id).stitch
    second = client.wait_job(client.stitch(project.id, SETTINGS).id).stitch
    assert first.timeline.edl_hash == second.timeline.edl_hash
    assert first.render.chunks_rendered > 0
    assert second.render.chunks_rendered == 0
    assert second.render.chunks_cached == first.render.chunks_rendered + first.render.chunks_cached
    assert first.render.sha256 == second.render.sha256
    video = client.download(second.render.render_id, tmp_path / "again.mp4")
    assert hashlib.sha256(video.read_bytes()).hexdigest() == first.render.sha256


def test_other_settings_share_what_they_can(client, project):
    """A preview after a preview of the same timeline; a final makes its own chunks."""
    preview = client.wait_job(client.stitch(project.id, SETTINGS, profile="preview").id).stitch
    again = client.wait_job(client.stitch(project.id, SETTINGS, profile="preview").id).stitch
    assert again.render.chunks_rendered == 0
    assert again.render.sha256 == preview.render.sha256


def test_a_plan_tells_what_is_cached(client, project):
    edl_hash = client.wait_job(client.stitch(project.id, SETTINGS).id).stitch.timeline.edl_hash
    rendered(client, project.id, edl_hash)
    plan = client.plan_render(project.id, edl_hash)
    assert plan.cached_chunks == len(plan.chunks) > 0
    assert plan.frames_to_render == 0
