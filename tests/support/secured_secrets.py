"""What must not be seen anywhere, and mistakes that might show it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import grpc
import httpx

from beatstitch.v1 import asset_service_pb2, common_pb2
from beatstitch.v1.asset_service_pb2_grpc import AssetServiceStub
from beatstitch.v1.project_service_pb2 import GetProjectRequest
from beatstitch.v1.project_service_pb2_grpc import ProjectServiceStub
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from support.receiver import receiving
from support.secured import Secured
from support.waiting import until

Secret = tuple[str, str]

# Shaped as what services take, and never given out: sent where they are wrong.
WRONG_KEY = "bsk_canary0canary0canary0_canary1canary1canary1canary1canary1"
WRONG_JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Y2FuYXJ5LWp3dC1zaWduYXR1cmU"
WRONG_PASSWORD = "canary-database-password"
CANARY = "canary-sub"
HOOK = "/hook?token=canary-of-the-query"
CREDENTIALS = ("authorization", "x-api-key")


def known_secrets(house: Secured) -> set[Secret]:
    """Every secret of the system: what it is, and its text."""
    folder = house.stack.secure.authority.ca.parent
    kept = json.loads((folder / "secrets.json").read_text("utf-8"))
    found = {
        (f"{what} of {user}", value)
        for user, secrets in kept.items()
        for what, value in secrets.items()
        if what != "s3_access"  # a name, not a secret
    }
    found |= {
        ("the API key", house.system.api_key),
        ("the API key's secret part", house.system.api_key.rpartition("_")[2]),
        ("the S3 administrator's key", house.stack.s3.secret_key),
        ("the database's password", urlsplit(house.stack.postgres.dsn()).password or ""),
        ("a wrong API key", WRONG_KEY),
        ("a JWT", WRONG_JWT),
        ("a JWT's signature", WRONG_JWT.rpartition(".")[2]),
        ("a wrong database password", WRONG_PASSWORD),
        ("the key of webhooks' secrets", house.webhook_key),
    }
    for path in folder.glob("*.key"):
        found.add((f"the private key {path.name}", path.read_text("ascii").splitlines()[1]))
    assert all(len(text) >= 8 for _, text in found)
    return found


def signed_links(house: Secured, project: str) -> set[Secret]:
    """Signatures of links that the server gives out, for uploads; the file is never sent."""
    with _calls(house) as channel:
        created = AssetServiceStub(channel).CreateUpload(
            asset_service_pb2.CreateUploadRequest(
                project_id=project,
                filename="canary.jpg",
                size_bytes=1_000,
                media_type=common_pb2.MEDIA_TYPE_IMAGE,
                request_id=new_id(),
            ),
            metadata=[("authorization", f"Bearer {house.system.api_key}")],
            timeout=30,
        )
    found = set()
    for part in created.parts:
        (signature,) = parse_qs(urlsplit(part.url).query)["X-Amz-Signature"]
        found.add(("a signed link", signature))
    return found


def accepted_token(house: Secured) -> set[Secret]:
    """A token of the issuer's that a call was made with, over gRPC and over HTTP."""
    token = house.issuer.token(tenant="default", sub=CANARY, role="owner")
    with house.client(token) as client:
        assert client.caller().principal == f"jwt:{CANARY}"
        client.create_project("by token")
    ca = ssl.create_default_context(cafile=str(house.stack.secure.authority.ca))
    with httpx.Client(verify=ca, trust_env=False) as web:
        reply = web.post(
            f"{house.system.http_url}/beatstitch.v1.TenantService/GetCaller",
            json={},
            headers={"authorization": f"Bearer {token}"},
        )
    assert reply.json()["principal"] == f"jwt:{CANARY}"
    return {("a valid JWT", token), ("its signature", token.rpartition(".")[2])}


async def told_webhook(house: Secured, project: str) -> set[Secret]:
    """The secret of a webhook that was refused a ping and told of a job's end, and signatures."""
    async with receiving() as receiver:
        receiver.will(500)
        secret = await asyncio.to_thread(_make_it_tell, house, project, receiver.url(path=HOOK))
        await until(lambda: bool(receiver.taken))
    assert len(receiver.received) > len(receiver.taken)
    assert all(request.is_signed_with(secret) for request in receiver.received)
    signatures = {request.headers["webhook-signature"] for request in receiver.received}
    return {
        ("a webhook's secret", secret),
        ("it without its prefix", secret.removeprefix("whsec_")),
        ("the query of a webhook's URL", HOOK.partition("=")[2]),
        *(("a webhook's signature", text.removeprefix("v1,")) for text in signatures),
    }


def _make_it_tell(house: Secured, project: str, url: str) -> str:
    with house.client() as client:
        webhook, secret = client.create_webhook(url)
        client.ping_webhook(webhook.id)
        song = next(
            asset
            for asset in client.list_assets(project)
            if asset.media_type == common_pb2.MEDIA_TYPE_AUDIO
        )
        client.wait_job(client.analyze_audio(song.id).id)
    return secret


def mistakes(house: Secured, folder: Path) -> list[str]:
    """Makes mistakes with secrets in hand, and returns all that was said."""
    told = []
    with _calls(house) as channel:
        projects = ProjectServiceStub(channel)
        for header in CREDENTIALS:
            for value in (WRONG_KEY, WRONG_JWT, f"Bearer {WRONG_KEY}", f"Bearer {WRONG_JWT}"):
                call = projects.GetProject.future(
                    GetProjectRequest(project_id=new_id()),
                    metadata=[(header, value), ("x-request-id", f"at {header}")],
                    timeout=30,
                )
                told += [repr(call.exception()), repr(call.trailing_metadata())]
    with house.client(WRONG_KEY) as client:
        try:
            client.list_jobs()
        except BeatStitchError as error:
            told += [str(error), repr(error)]
    told += _failed_starts(house)
    assert len(told) > len(CREDENTIALS) * 4
    return told


def _failed_starts(house: Secured) -> Iterator[str]:
    """What services say that are started with something wrong: exceptions show their arguments."""
    right = house.stack.env_of("gateway")
    parts = urlsplit(right["BEATSTITCH_DATABASE_URL"])
    url = parts._replace(netloc=f"beatstitch:{WRONG_PASSWORD}@{parts.hostname}:{parts.port}")
    wrong = (
        {"BEATSTITCH_DATABASE_URL": url.geturl()},
        {"BEATSTITCH_DATABASE_URL": f"not a url but {WRONG_PASSWORD}"},
        {"BEATSTITCH_DATABASE_POOL_SIZE": "none"},
        {"BEATSTITCH_DATABASE_TLS_CA": str(house.stack.nats.log_path)},
    )
    for change in wrong:
        done = subprocess.run(
            [sys.executable, "-m", "beatstitch_gateway.migrate"],
            env={**right, **change, "BEATSTITCH_LOG_LEVEL": "DEBUG"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        yield done.stdout + done.stderr


@contextlib.contextmanager
def _calls(house: Secured) -> Iterator[grpc.Channel]:
    credentials = grpc.ssl_channel_credentials(house.stack.secure.authority.ca.read_bytes())
    with grpc.secure_channel(house.system.gateway_address, credentials) as channel:
        yield channel
