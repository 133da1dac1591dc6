"""One HTTP request to a receiver, to an address that was checked by the one who connects.

The name is resolved here and the connection goes to an address of that very answer, so a name that
answers differently a moment later (DNS rebinding) changes nothing. TLS still proves the name.
Nothing is followed, no proxy is asked, and of the reply only the status and Retry-After matter.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import certifi
import httpcore

from beatstitch_gateway.webhooks.addresses import Network, is_allowed, may_connect, parse_networks
from beatstitch_gateway.webhooks.tries import Answer, parse_retry_after
from beatstitch_gateway.webhooks.urls import Target, parse_url

TIMEOUT_S = 10.0
# Of the reply, so that the receiver isn't cut off while it sends a few words.
BODY_BYTES = 4096
BODY_S = 1.0
_REDIRECT = 3


class NotAllowedError(Exception):
    """The address may not be connected to; the message says why, for people."""


class Poster:
    """Sends to receivers.

    Args:
        allowed_networks: Networks that may be connected to though they aren't public, by plain HTTP
            too; separated by commas.
        ca_file: PEM of authorities to trust besides the usual ones; empty for none.
        timeout_s: For all of a request.
    """

    def __init__(
        self, allowed_networks: str = "", ca_file: str = "", timeout_s: float = TIMEOUT_S
    ) -> None:
        self._allowed = parse_networks(allowed_networks)
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context(cafile=certifi.where())
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        if ca_file:
            self._tls.load_verify_locations(ca_file)

    async def check(self, url: str) -> None:
        """Nothing, when a webhook may have this URL, as things are now.

        Raises:
            ValueError: It may not; the message says why, for people.
        """
        target = parse_url(url)
        try:
            async with asyncio.timeout(self._timeout_s):
                await resolve(target, self._allowed)
        except NotAllowedError as error:
            raise ValueError(str(error)) from None
        except (OSError, TimeoutError):
            raise ValueError("has a host that is not found") from None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Sends a POST; never raises."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(parse_url(url), headers, body)
        except TimeoutError:
            return Answer(0, f"no reply within {self._timeout_s:g} s")
        except (NotAllowedError, ValueError) as error:
            return Answer(0, f"the URL {error}")
        except socket.gaierror:
            return Answer(0, "the URL has a host that is not found")
        except (OSError, httpcore.NetworkError, httpcore.TimeoutException) as error:
            return Answer(0, _why(error))
        except httpcore.ProtocolError:
            return Answer(0, "the reply is not HTTP/1.1")

    async def _post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            max_keepalive_connections=0,
            network_backend=_Pinned(target, self._allowed),
        )
        whole = {"host": target.authority, **headers}
        sent = [(name.encode(), value.encode()) for name, value in whole.items()]
        async with pool, pool.stream("POST", url, headers=sent, content=body) as reply:
            answer = _read(reply)
            try:
                async with asyncio.timeout(BODY_S):
                    await _skim(reply)
            except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
                pass  # what it said is said
            return answer


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to a checked address of one target, and to nothing else."""

    def __init__(self, target: Target, allowed: Iterable[Network]) -> None:
        self._target = target
        self._allowed = allowed
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolves, checks and connects."""
        if (host, port) != (self._target.host, self._target.port):
            raise NotAllowedError("leads elsewhere")
        for address in await resolve(self._target, self._allowed):
            try:
                return await self._sockets.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore.ConnectError as error:
                failed = error
        raise failed

    async def sleep(self, seconds: float) -> None:
        """As httpcore wants it."""
        await self._sockets.sleep(seconds)


async def resolve(target: Target, allowed: Iterable[Network]) -> list[str]:
    """The addresses of a target, all of them checked.

    Raises:
        NotAllowedError: One of them may not be connected to.
        OSError: There are none.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(item[4][0]) for item in found))
    networks = tuple(allowed)
    for address in addresses:
        if not may_connect(address, networks):
            raise NotAllowedError("leads to an address that is not public")
        if target.scheme == "http" and not is_allowed(ipaddress.ip_address(address), networks):
            raise NotAllowedError("has to begin with https://")
    if not addresses:
        raise OSError("no address")
    return addresses


def _read(reply: httpcore.Response) -> Answer:
    status = reply.status
    if status // 100 == _REDIRECT:
        return Answer(status, f"HTTP {status}: redirects are not followed")
    headers = {name.lower(): value for name, value in reply.headers}
    asked = headers.get(b"retry-after", b"").decode("ascii", "replace")
    pause = parse_retry_after(asked, datetime.now(UTC)) if asked else None
    answer = Answer(status, "", pause)
    return answer if answer.taken else Answer(status, f"HTTP {status}", pause)


async def _skim(reply: httpcore.Response) -> None:
    seen = 0
    async for part in reply.aiter_stream():
        seen += len(part)
        if seen >= BODY_BYTES:
            return


def _why(error: BaseException) -> str:
    """What is wrong with a connection, without what the error's own text may hold."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not valid: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {cause.reason}"
        cause = cause.__cause__ or cause.__context__
    return "no connection" if isinstance(error, httpcore.ConnectError) else "the connection broke"
