"""Webhooks over real HTTP: each end is told, at least once, to whom it may be told."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr
from support.receiver import Receiver, receiving
from support.waiting import until

from beatstitch.v1 import job_pb2, webhook_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_IMAGE
from beatstitch_core.ids import new_id
from beatstitch_gateway.db.tables import webhook_deliveries, webhooks
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.webhooks import tries

DELIVERED = webhook_pb2.WEBHOOK_DELIVERY_STATE_DELIVERED
PENDING = webhook_pb2.WEBHOOK_DELIVERY_STATE_PENDING
FAILED = webhook_pb2.WEBHOOK_DELIVERY_STATE_FAILED
LOOPBACK = "127.0.0.0/8"
KEY = "A" * 43 + "="


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


@pytest_asyncio.fixture
async def house(open_house, monkeypatch):
    monkeypatch.setattr(tries, "FIRST_PAUSE_S", 0.2)
    async with open_house(
        webhook_allowed_networks=LOOPBACK,
        webhook_interval_s=0.05,
        webhook_keys=SecretStr(KEY),
    ) as opened:
        yield opened


async def hook(house, receiver: Receiver, **fields: object):
    return await house.client.CreateWebhook(webhook={"url": receiver.url(), **fields})


async def end_a_job(house, project_id: str = "") -> str:
    project_id = project_id or await house.project()
    job_id = (await house.upload(project_id, "p.jpg", MEDIA_TYPE_IMAGE, b"p")).job.id
    await house.client.CancelJob(job_id=job_id)
    return job_id


async def deliveries_of(house, webhook_id: str, **request: object) -> list:
    reply = await house.client.ListWebhookDeliveries(webhook_id=webhook_id, **request)
    return list(reply.deliveries)


async def the_delivery(house, webhook_id: str, state: int):
    async def there() -> bool:
        found = await deliveries_of(house, webhook_id)
        return bool(found) and found[0].state == state

    await until(there)
    return (await deliveries_of(house, webhook_id))[0]


async def test_an_end_is_told_and_signed(house, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    made = await hook(house, receiver)
    project_id = await house.project()
    job_id = (await house.upload(project_id, "p.jpg", MEDIA_TYPE_IMAGE, b"p")).job.id
    done = await house.finish(job_id)
    await until(lambda: receiver.received)
    (got,) = receiver.received
    assert got.path == "/hook?token=hush"
    assert got.is_signed_with(made.secret)
    assert not got.is_signed_with("whsec_" + KEY)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == got.event["id"] == f"end-{job_id}"
    assert got.event["type"] == "job.succeeded"
    assert got.event["job"]["id"] == job_id
    assert got.event["job"]["projectId"] == project_id
    assert got.event["time"] == done.end_time.ToJsonString()
    told = await the_delivery(house, made.webhook.id, DELIVERED)
    assert (told.attempts, told.last_status, told.last_error) == (1, 204, "")
    assert told.job_id == job_id
    assert not told.HasField("next_time")
    # Neither the secret nor what the receiver's URL holds is ever written down.
    assert "hush" not in caplog.text
    assert made.secret not in caplog.text
    database = Database(house.settings.database_url.get_secret_value(), 1)
    async with database.transaction() as tx:
        stored = (await tx.execute(sa.select(webhooks.c.secret))).scalar_one()
    await database.close()
    assert base64.b64decode(made.secret.removeprefix("whsec_")) not in stored


async def test_tried_again_until_it_is_taken_and_nobody_waits_for_it(house, receiver):
    made = await hook(house, receiver)
    receiver.will(500, 0)
    first = await end_a_job(house)
    await until(lambda: len(receiver.received) >= 1)
    second = await end_a_job(house)
    await until(lambda: len(receiver.received) >= 4)
    ids = [got.headers["webhook-id"] for got in receiver.received]
    assert ids.count(f"end-{second}") + ids.count(f"end-{first}") == 4
    assert all(got.is_signed_with(made.secret) for got in receiver.received)
    by_job = {}

    async def all_delivered() -> bool:
        by_job.update({d.job_id: d for d in await deliveries_of(house, made.webhook.id)})
        return all(d.state == DELIVERED for d in by_job.values())

    await until(all_delivered)
    assert sum(d.attempts for d in by_job.values()) == 4


async def test_a_receiver_says_when_or_never_again(house, receiver):
    made = await hook(house, receiver)
    receiver.will(503, header="Retry-After: 7200\r\n")
    await end_a_job(house)

    async def refused() -> bool:
        found = await deliveries_of(house, made.webhook.id)
        return bool(found) and found[0].last_status == 503

    await until(refused)
    (waiting,) = await deliveries_of(house, made.webhook.id, states=[PENDING])
    pause = waiting.next_time.ToSeconds() - waiting.attempt_time.ToSeconds()
    assert 7190 <= pause <= 7210
    assert waiting.last_error == "HTTP 503"
    # On request it is sent at once, under the same id.
    again = (await house.client.RedeliverWebhook(delivery_id=waiting.id)).delivery
    assert again.state == PENDING
    await the_delivery(house, made.webhook.id, DELIVERED)
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    receiver.will(410)
    await end_a_job(house)
    gone = await the_delivery(house, made.webhook.id, FAILED)
    assert gone.last_status == 410
    now = (await house.client.GetWebhook(webhook_id=made.webhook.id)).webhook
    assert now.disabled
    assert now.etag != made.webhook.etag
    await house.client.refused(house.client.RedeliverWebhook(delivery_id=gone.id), "FIELD_INVALID")
    seen = len(receiver.received)
    await end_a_job(house)
    assert len(await deliveries_of(house, made.webhook.id)) == 2
    assert len(receiver.received) == seen


async def test_given_up_after_three_days(house, receiver):
    made = await hook(house, receiver)
    receiver.will(500)
    await end_a_job(house)
    await until(lambda: receiver.received)
    receiver.will(*[500] * 20)
    database = Database(house.settings.database_url.get_secret_value(), 1)
    async with database.transaction() as tx:
        past = sa.func.now() - timedelta(seconds=1)
        await tx.execute(sa.update(webhook_deliveries).values(give_up_time=past))
    await database.close()
    await the_delivery(house, made.webhook.id, FAILED)
    assert (await house.client.GetWebhook(webhook_id=made.webhook.id)).webhook.disabled


async def test_only_what_was_asked_for(house, receiver):
    project_id, _song, _pictures = await house.ready(1)
    other_project = await house.project()
    plain = (await hook(house, receiver)).webhook
    builds = (await hook(house, receiver, types=[job_pb2.JOB_TYPE_TIMELINE_BUILD])).webhook
    done = (await hook(house, receiver, states=[job_pb2.JOB_STATE_SUCCEEDED])).webhook
    elsewhere = (await hook(house, receiver, project_id=other_project)).webhook
    stranger = await house.new_tenant("other")
    theirs = (await stranger.CreateWebhook(webhook={"url": receiver.url()})).webhook
    stitch = (await house.client.Stitch(project_id=project_id)).job
    child = (await house.job(stitch.id)).stages[2].job_ids[0]
    await house.client.CancelJob(job_id=stitch.id)

    async def told(webhook_id: str) -> list[str]:
        return [item.job_id for item in await deliveries_of(house, webhook_id)]

    assert await told(plain.id) == [stitch.id]
    assert await told(builds.id) == [child]
    assert await told(done.id) == []
    assert await told(elsewhere.id) == []
    assert not (await stranger.ListWebhookDeliveries(webhook_id=theirs.id)).deliveries
    # Another tenant's are not there.
    for call in (
        stranger.GetWebhook(webhook_id=plain.id),
        stranger.DeleteWebhook(webhook_id=plain.id),
        stranger.PingWebhook(webhook_id=plain.id),
        stranger.ListWebhookDeliveries(webhook_id=plain.id),
        stranger.UpdateWebhook(webhook={"id": plain.id, "url": receiver.url()}),
    ):
        await stranger.refused(call, "WEBHOOK_NOT_FOUND")
    (delivery,) = await deliveries_of(house, plain.id)
    await stranger.refused(stranger.RedeliverWebhook(delivery_id=delivery.id), "DELIVERY_NOT_FOUND")


async def test_kept_changed_pinged_and_deleted(house, receiver):
    fields = {"webhook": {"url": receiver.url()}, "request_id": "one"}
    made = await house.client.CreateWebhook(**fields)
    assert made.secret.startswith("whsec_")
    again = await house.client.CreateWebhook(**fields)
    assert again.webhook == made.webhook
    assert not again.secret
    listed = await house.client.ListWebhooks()
    assert list(listed.webhooks) == [made.webhook]
    ping = (await house.client.PingWebhook(webhook_id=made.webhook.id)).delivery
    assert ping.state == DELIVERED
    (got,) = receiver.received
    assert got.is_signed_with(made.secret)
    assert got.event["type"] == "ping"
    assert got.event["id"].startswith("ping-")
    assert "job" not in got.event
    receiver.will(302, header=f"Location: {receiver.url(path='/elsewhere')}\r\n")
    ping = (await house.client.PingWebhook(webhook_id=made.webhook.id)).delivery
    assert (ping.state, ping.last_status) == (FAILED, 302)
    assert len(receiver.received) == 2
    changed = await house.client.UpdateWebhook(
        webhook={"id": made.webhook.id, "disabled": True},
        update_mask={"paths": ["disabled"]},
        etag=made.webhook.etag,
    )
    assert changed.webhook.disabled
    assert changed.webhook.url == receiver.url()
    await house.client.refused(
        house.client.UpdateWebhook(
            webhook={"id": made.webhook.id}, update_mask={"paths": ["types"]}, etag="old"
        ),
        "ETAG_MISMATCH",
    )
    error = await house.client.refused(
        house.client.CreateWebhook(
            webhook={"types": [99], "states": [job_pb2.JOB_STATE_RUNNING]}, request_id="x" * 200
        ),
        "FIELD_INVALID",
    )
    assert [v.field for v in error.violations] == [
        "request_id",
        "webhook.types[0]",
        "webhook.states[0]",
        "webhook.url",
    ]
    await house.client.DeleteWebhook(webhook_id=made.webhook.id)
    await house.client.refused(
        house.client.GetWebhook(webhook_id=made.webhook.id), "WEBHOOK_NOT_FOUND"
    )
    await house.client.refused(
        house.client.RedeliverWebhook(delivery_id=new_id()), "DELIVERY_NOT_FOUND"
    )


async def test_what_is_not_public_is_refused_at_both_ends(house, receiver):
    """A name that led to an allowed address when the webhook was made, and doesn't any more."""
    made = await hook(house, receiver)
    strict = await house.replica(webhook_allowed_networks="")
    for url in (
        receiver.url(),
        "https://localhost/",
        "https://0x7f.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest",
        "http://1.1.1.1/",
        "https://user:secret@1.1.1.1/",
        "ftp://1.1.1.1/",
    ):
        error = await strict.refused(strict.CreateWebhook(webhook={"url": url}), "FIELD_INVALID")
        assert [v.field for v in error.violations] == ["webhook.url"]
    ping = (await strict.PingWebhook(webhook_id=made.webhook.id)).delivery
    assert ping.state == FAILED
    assert ping.last_status == 0
    assert "not public" in ping.last_error
    assert not receiver.received


def another_process(house, log: Path, **options: object) -> subprocess.Popen[bytes]:
    """A gateway of its own, on the house's servers."""
    found = house.settings.model_copy(update=options).model_dump(exclude_unset=True)
    env = {
        f"BEATSTITCH_{name.upper()}": value.get_secret_value()
        if isinstance(value, SecretStr)
        else str(value)
        for name, value in {**found, **options, "work_dir": log.parent / "other"}.items()
    }
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "beatstitch_gateway"],
            env={**os.environ, **env},
            stdout=out,
            stderr=subprocess.STDOUT,
        )


async def test_a_replica_is_killed_while_it_sends(open_house, receiver, tmp_path):
    """kill -9 between the request and its reply: another one sends it again, under the same id."""
    async with open_house(webhook_allowed_networks=LOOPBACK, webhook_interval_s=3600.0) as house:
        made = await hook(house, receiver)
        job_id = await end_a_job(house)
        receiver.open.clear()
        log = tmp_path / "gateway.log"
        process = another_process(house, log, webhook_interval_s=0.1)
        try:
            await until(lambda: receiver.received, timeout_s=60)
        finally:
            process.kill()
            process.wait()
        (left,) = await deliveries_of(house, made.webhook.id)
        assert (left.state, left.attempts, left.last_status) == (PENDING, 1, 0)
        assert "hush" not in log.read_text()
        receiver.open.set()
        await house.replica(webhook_interval_s=0.1)
        await asyncio.sleep(0.5)
        assert len(receiver.received) == 1  # the claim of the dead one is not over
        database = Database(house.settings.database_url.get_secret_value(), 1)
        async with database.transaction() as tx:  # the rest of half a minute passes
            await tx.execute(sa.update(webhook_deliveries).values(next_time=sa.func.now()))
        await database.close()
        told = await the_delivery(house, made.webhook.id, DELIVERED)
        assert told.attempts == 2
        assert [got.headers["webhook-id"] for got in receiver.received] == [f"end-{job_id}"] * 2
        assert all(got.is_signed_with(made.secret) for got in receiver.received)


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A receiver's TLS for the name localhost, and the PEM to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "ca.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    chain = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain.write_bytes(private + pem.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context, pem


async def test_tls_proves_the_name_though_an_address_is_connected_to(house, authority):
    tls, pem = authority
    allowed = f"{LOOPBACK},::1/128"
    trusting = await house.replica(webhook_allowed_networks=allowed, webhook_ca_file=str(pem))
    doubting = await house.replica(webhook_allowed_networks=allowed)
    names: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    async with receiving(tls) as receiver:
        made = await trusting.CreateWebhook(webhook={"url": receiver.url("localhost")})
        ping = (await trusting.PingWebhook(webhook_id=made.webhook.id)).delivery
        assert ping.state == DELIVERED, ping
        assert names == ["localhost"]
        assert receiver.received[0].headers["host"] == f"localhost:{receiver.port}"
        # The right server under a name that it can't prove.
        other = await trusting.CreateWebhook(webhook={"url": receiver.url("127.0.0.1")})
        ping = (await trusting.PingWebhook(webhook_id=other.webhook.id)).delivery
        assert ping.state == FAILED
        assert "certificate" in ping.last_error
        ping = (await doubting.PingWebhook(webhook_id=made.webhook.id)).delivery
        assert "certificate" in ping.last_error
        assert len(receiver.received) == 1
