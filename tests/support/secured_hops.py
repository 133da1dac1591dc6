"""Ways to knock at each hop of a secured system with something wrong, and what came of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import asyncpg
import grpc
import grpc.aio
import httpx
import nats
import nats.errors
from grpc_health.v1 import health_pb2, health_pb2_grpc

from beatstitch_runtime.settings import ServiceSettings
from beatstitch_stack.certificates import Authority, Certificate
from support.secured import Secured

WAIT_S = 10.0


class Shown(NamedTuple):
    """What a client shows and believes; None for each that it doesn't.

    Attributes:
        ca: Whom it believes.
        own: Its certificate.
        plain: It doesn't encrypt at all.
        name: As whom it takes the server, where that isn't the address.
    """

    ca: Path | None = None
    own: Certificate | None = None
    plain: bool = False
    name: str = ""


class Hop(NamedTuple):
    """One hop.

    Attributes:
        name: For the test's name.
        knock: Raises unless a whole answer came.
        rightful: What the one who may come shows, by the system's certificates.
        wants_own: Whether a client without a certificate is refused.
    """

    name: str
    knock: Callable[[Secured, Shown], Awaitable[None]]
    rightful: str
    wants_own: bool = True


def context(shown: Shown) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(shown.ca))
    if shown.own is not None:
        made.load_cert_chain(shown.own.cert, shown.own.key)
    return made


async def _grpc(address: str, shown: Shown) -> None:
    options: tuple[tuple[str, Any], ...] = (("grpc.enable_http_proxy", 0),)
    if shown.name:
        options += (("grpc.default_authority", shown.name),)
    if shown.plain:
        channel = grpc.aio.insecure_channel(address, options=options)
    else:
        assert shown.ca is not None
        own = (
            (shown.own.key.read_bytes(), shown.own.cert.read_bytes()) if shown.own else (None,) * 2
        )
        credentials = grpc.ssl_channel_credentials(shown.ca.read_bytes(), *own)
        channel = grpc.aio.secure_channel(address, credentials, options=options)
    async with channel:
        stub = health_pb2_grpc.HealthStub(channel)
        await stub.Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S)


async def gateway(house: Secured, shown: Shown) -> None:
    await _grpc(house.system.gateway_address, shown)


def engine(name: str) -> Callable[[Secured, Shown], Awaitable[None]]:
    async def knock(house: Secured, shown: Shown) -> None:
        await _grpc(house.system.replicas(name)[0].address, shown)

    return knock


async def jetstream(house: Secured, shown: Shown) -> None:
    """As a service would, with nats-py's own ways, so that it's the server that refuses."""
    env = house.stack.env_of("renderer")
    tls = {} if shown.plain else {"tls": context(shown)}
    if shown.name:
        tls["tls_hostname"] = shown.name
    errors: list[Exception] = []

    async def note(error: Exception) -> None:
        errors.append(error)

    connection = await nats.connect(
        env["BEATSTITCH_NATS_URL"],
        user=env["BEATSTITCH_NATS_USER"],
        password=env["BEATSTITCH_NATS_PASSWORD"],
        allow_reconnect=False,
        error_cb=note,
        connect_timeout=WAIT_S,
        **tls,
    )
    try:
        await connection.flush(timeout=WAIT_S)
    finally:
        await connection.close()


async def storage(house: Secured, shown: Shown) -> None:
    url = house.stack.s3.endpoint
    if shown.plain:
        url = url.replace("https://", "http://")
    verify = True if shown.plain else context(shown)
    headers = {"host": shown.name} if shown.name else {}
    extensions = {"sni_hostname": shown.name} if shown.name else {}
    async with httpx.AsyncClient(verify=verify, trust_env=False) as http:
        answer = await http.get(url, headers=headers, extensions=extensions)
        # Without a signature S3 says no, in S3's words; whatever else answers is no S3.
        if answer.status_code != 403:
            raise ConnectionRefusedError(answer.status_code)


async def database(house: Secured, shown: Shown) -> None:
    parts = urlsplit(house.stack.env_of("gateway")["BEATSTITCH_DATABASE_URL"])
    connection = await asyncpg.connect(
        host=shown.name or parts.hostname,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        database=parts.path.lstrip("/"),
        ssl=False if shown.plain else context(shown),
        timeout=WAIT_S,
    )
    try:
        assert await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()


HOPS = (
    Hop("client-gateway", gateway, "gateway", wants_own=False),
    Hop("gateway-analyzer", engine("analyzer"), "gateway"),
    Hop("gateway-timeline", engine("timeline"), "gateway"),
    Hop("gateway-renderer", engine("renderer"), "gateway"),
    Hop("service-nats", jetstream, "renderer"),
    Hop("service-s3", storage, "renderer", wants_own=False),
    Hop("gateway-postgres", database, "database-client"),
)


async def refused(house: Secured, hop: Hop, shown: Shown) -> bool:
    """Whether nobody answers to what is shown."""
    try:
        await hop.knock(house, shown)
    except (
        grpc.aio.AioRpcError,
        OSError,
        nats.errors.Error,
        httpx.HTTPError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
    ):
        return True
    return False


def rightful(house: Secured, hop: Hop) -> Shown:
    """What opens the hop."""
    authority = house.stack.secure.authority
    folder = authority.ca.parent
    own = Certificate(authority.ca, folder / f"{hop.rightful}.pem", folder / f"{hop.rightful}.key")
    return Shown(ca=authority.ca, own=own)


def stranger(folder: Path, name: str) -> Certificate:
    """A certificate of the same name by an authority of somebody else's."""
    return Authority(folder).issue(name, "localhost", "127.0.0.1")


def settings_of(env: dict[str, str], **changes: object) -> ServiceSettings:
    """A service's settings, as they come from its environment."""
    prefix = "BEATSTITCH_"
    found = {name.removeprefix(prefix).lower(): value for name, value in env.items()}
    return ServiceSettings(**{**found, **changes})


async def shown_by(house: Secured, port: int) -> bytes:
    """The certificate that a service shows in a new handshake, DER."""
    mine = context(rightful(house, HOPS[1]))
    mine.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=mine)
    try:
        found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert found is not None
        return bytes(found)
    finally:
        # Aborted, not closed: the goodbyes of TLS could outlast the test's loop.
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
