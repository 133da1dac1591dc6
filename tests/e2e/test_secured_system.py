"""The whole system with TLS on every hop and narrow rights: it works, all else is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from support.secured import Secured, secured
from support.secured_hops import HOPS, Shown, refused, rightful, settings_of, shown_by, stranger
from support.secured_rights import FORBIDDEN, refused_by_nats, refused_by_s3, untouched
from support.secured_secrets import (
    CANARY,
    accepted_token,
    known_secrets,
    mistakes,
    signed_links,
    told_webhook,
)

from beatstitch.v1 import common_pb2, failure_pb2, job_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.bus import Bus
from beatstitch_samples import coded_clip, compose, write_photo
from beatstitch_stack import NatsServer

SETTINGS = TimelineSettings(beats_per_cut=2, output=OutputFormat(width=320, height=180))
AUDIO, VIDEO = common_pb2.MEDIA_TYPE_AUDIO, common_pb2.MEDIA_TYPE_VIDEO
SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with secured(tmp_path_factory.mktemp("secured")) as made:
        yield made


@pytest.fixture(scope="module")
def client(house):
    with house.client() as made:
        yield made


@pytest.fixture(scope="module")
def project(client, media_dir) -> str:
    """A project whose song came in parts, its clip by a signed link, its photo over the call."""
    made = client.create_project("guarded").id
    song = client.upload(
        made, compose(bars=3, bpm=120.0).write(media_dir / "guarded.wav"), via="url"
    )
    clip = client.upload(made, coded_clip(media_dir / "guarded.mp4", source_id=7).path, via="url")
    photo = write_photo(media_dir / "guarded.jpg", "ocean", size=(640, 360))
    still = client.upload(made, photo, via="stream")
    for job in (song.job, clip.job, still.job):
        assert client.wait_job(job.id).state == SUCCEEDED
    return made


def test_a_life_from_song_to_video_meets_no_refusal(
    house: Secured, client: Client, project: str, tmp_path: Path
):
    before = len(house.refusals())
    song = next(a for a in client.list_assets(project) if a.media_type == AUDIO)
    clip = next(a for a in client.list_assets(project) if a.media_type == VIDEO)
    assert client.get_beat_grid(song.id).beats
    assert client.get_waveform(song.id, buckets=16).beats
    client.export_waveform(song.id, tmp_path / "wave.png")
    client.beat_proof(song.id, tmp_path / "proof.mp4")
    client.get_filmstrip(clip.id)
    client.wait_job(client.analyze_audio(song.id).id)
    assert client.wait_job(client.generate_timeline(project, SETTINGS).id).state == SUCCEEDED
    timeline = client.get_timeline(project)
    client.explain_cut(project, 1)
    assert client.render_frame(project, 3).content
    client.plan_render(project, timeline.edl_hash)
    preview, _ = client.create_render(project, timeline.edl_hash, "preview")
    assert client.wait_job(preview.id).state == SUCCEEDED
    final = client.wait_job(client.stitch(project, SETTINGS).id)
    assert final.state == SUCCEEDED
    video = client.download(final.stitch.render.render_id, tmp_path / "video.mp4")
    assert video.stat().st_size > 10_000
    assert house.refusals()[before:] == []


def test_a_killed_renderers_work_is_taken_by_the_next(house, client, project):
    before = len(house.refusals())
    timeline = client.get_timeline(project)
    # Two at once are more than what is done before the kill.
    jobs = [
        client.create_render(project, timeline.edl_hash, profile)[0]
        for profile in ("instagram-feed", "instagram-story")
    ]
    for change in client.watch_job(jobs[0].id):
        if change.state == job_pb2.JOB_STATE_RUNNING:
            break
    (renderer,) = house.system.replicas("renderer")
    renderer.kill()
    renderer.start()
    assert [client.wait_job(job.id).state for job in jobs] == [SUCCEEDED, SUCCEEDED]
    assert '"delivery": 2' in house.logs()["renderer-0"]
    assert house.refusals()[before:] == []


def test_a_render_is_cancelled_while_it_runs(house, client, project):
    before = len(house.refusals())
    timeline = client.get_timeline(project)
    job, _ = client.create_render(project, timeline.edl_hash, "tiktok")
    for change in client.watch_job(job.id):
        if change.state == job_pb2.JOB_STATE_RUNNING:
            client.cancel_job(job.id)
    assert client.get_job(job.id).state == job_pb2.JOB_STATE_CANCELLED
    assert house.refusals()[before:] == []


@pytest.mark.parametrize("hop", HOPS, ids=lambda hop: hop.name)
async def test_a_hop_is_open_to_the_rightful_and_to_nobody_else(house, hop, tmp_path):
    right = rightful(house, hop)
    await hop.knock(house, right)
    strange = stranger(tmp_path / "strange", hop.rightful)
    wrong = {
        "in clear": Shown(plain=True),
        "believing another authority": right._replace(ca=strange.ca),
        "another name than it asked for": right._replace(name="elsewhere.example"),
    }
    if hop.wants_own:
        wrong["without a certificate"] = right._replace(own=None)
        wrong["a certificate of another authority"] = right._replace(own=strange)
    for how, shown in wrong.items():
        assert await refused(house, hop, shown), how


@pytest.mark.parametrize("engine", ["analyzer", "timeline", "renderer"])
async def test_an_engine_works_for_the_gateways_certificate_only(house, engine):
    shown = rightful(house, next(hop for hop in HOPS if hop.name == "service-nats"))
    address = house.system.replicas(engine)[0].address
    for user, code in (("renderer", grpc.StatusCode.PERMISSION_DENIED), ("gateway", None)):
        own = house.stack.secure.certificates[user]
        credentials = grpc.ssl_channel_credentials(
            shown.ca.read_bytes(), own.key.read_bytes(), own.cert.read_bytes()
        )
        async with grpc.aio.secure_channel(address, credentials) as channel:
            stub = channelz_pb2_grpc.ChannelzStub(channel)
            try:
                await stub.GetServers(channelz_pb2.GetServersRequest(), timeout=10)
                found = None
            except grpc.aio.AioRpcError as error:
                found = error.code()
        assert found == code, user


async def test_a_service_refuses_a_nats_that_drops_the_encryption(house, tmp_path):
    """As somebody on the way would do it: nats-py alone would send the password in clear."""
    with NatsServer(tmp_path / "plain") as plain:
        env = {**house.stack.env_of("renderer"), "BEATSTITCH_NATS_URL": plain.url}
        settings = settings_of(env, nats_connect_timeout_s=1.0)
        with pytest.raises(BeatStitchError) as caught:
            await Bus.connect(settings)
    assert caught.value.reason == failure_pb2.ERROR_REASON_DEPENDENCY_DOWN


async def test_a_rotated_certificate_is_shown_without_a_restart(house):
    (analyzer,) = house.system.replicas("analyzer")
    pid, before = analyzer.pid, await shown_by(house, analyzer.port)
    house.stack.secure.authority.issue("analyzer", "localhost", "127.0.0.1")
    assert await shown_by(house, analyzer.port) != before
    assert analyzer.pid == pid


async def test_half_a_rotation_changes_nothing(house):
    (timeline,) = house.system.replicas("timeline")
    before = await shown_by(house, timeline.port)
    key = house.stack.secure.certificates["timeline"].key
    held = key.read_bytes()
    other = house.stack.secure.authority.issue("timeline", "localhost", "127.0.0.1", file="other")
    key.write_bytes(other.key.read_bytes())
    assert await shown_by(house, timeline.port) == before
    key.write_bytes(held)
    assert await shown_by(house, timeline.port) == before


@pytest.mark.parametrize("user", sorted({thing.user for thing in FORBIDDEN}))
async def test_what_is_not_a_services_own_is_refused_by_the_servers(house, client, project, user):
    names = {"asset": client.list_assets(project)[0].id, "hash": "ab" * 32}
    before = await untouched(house)
    for thing in (thing for thing in FORBIDDEN if thing.user == user):
        if thing.verb in {"publish", "subscribe"}:
            assert await refused_by_nats(house, thing), thing
        else:
            assert await asyncio.to_thread(refused_by_s3, house, thing, names), thing
    assert await untouched(house) == before
    assert await asyncio.to_thread(client.get_asset, names["asset"])


async def test_no_secret_is_in_any_log_trace_metric_or_message(house, client, project, tmp_path):
    """Last of all: whatever the tests above did is searched, at DEBUG."""
    known = await asyncio.to_thread(signed_links, house, project)
    known |= await asyncio.to_thread(accepted_token, house)
    known |= await told_webhook(house, project)
    told = await asyncio.to_thread(mistakes, house, tmp_path)
    known |= known_secrets(house)
    assert len(known) > 32
    seen = {
        **house.logs(),
        **{f"metrics of {name}": page for name, page in house.pages().items()},
        "traces": "".join(raw.decode("latin-1") for raw in house.collector.raw),
        "messages": "\n".join(told),
    }
    assert '"level": "DEBUG"' in seen["gateway-0"]
    assert "at authorization" in seen["gateway-0"]  # the mistakes are in it
    assert CANARY in seen["gateway-0"]  # and so is who came with the token
    assert "beatstitch_webhook_tries_total" in seen["metrics of gateway-0"]
    assert len(seen["traces"]) > 10_000
    found = {
        (what, where) for where, text in seen.items() for what, secret in known if secret in text
    }
    assert found == set()
