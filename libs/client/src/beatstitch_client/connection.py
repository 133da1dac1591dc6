"""One channel to the gateway: the key on each call, deadlines, and patience while it is away.

A call that meets UNAVAILABLE is made again with the same message, so a mutation repeats its
request_id and happens once. Patience ends after `retry_s`; what the server calls wrong is raised at
once.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from typing import TYPE_CHECKING, TypeVar

import grpc
import grpc.aio

from beatstitch.v1 import failure_pb2
from beatstitch_client.errors import translate
from beatstitch_client.trace import trace_metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch_core.errors import BeatStitchError

Request = TypeVar("Request")
Reply = TypeVar("Reply")

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
MAX_MESSAGE_BYTES = 32 * 1024 * 1024

OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A connection that a firewall dropped is noticed while a watch is silent, and a gateway that
    # hangs before a call's own deadline: the call then goes to another one.
    ("grpc.keepalive_time_ms", 12_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # The one that counts: gRPC pings beside data too, and waits a minute for those by default.
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class Backoff:
    """Pauses that double, with jitter, until patience is over."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self.reset()

    def reset(self) -> None:
        """Something came through: patience begins anew."""
        self._ends = time.monotonic() + self._patience_s
        self._pause = FIRST_PAUSE_S

    async def wait(self, error: BeatStitchError) -> None:
        """Waits before the next try.

        Raises:
            BeatStitchError: The given error, when trying again won't help or patience is over.
        """
        left = self._ends - time.monotonic()
        if not worth_retrying(error) or left <= 0:
            raise error
        pause = max(self._pause, error.retry_after_s or 0.0) * random.uniform(0.75, 1.25)  # noqa: S311
        self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
        await asyncio.sleep(min(pause, left))


class Connection:
    """A channel and what every call on it needs.

    Attributes:
        https: How signed URLs are verified; None for the system's own authorities.

    Args:
        address: `host:port` or a gRPC target.
        api_key: The tenant's key; empty for a server without keys.
        tls: Whether to encrypt.
        root_certificates: PEM of the authorities to trust, for signed URLs too; None for gRPC's own
            list.
        certificate: PEM of the client's own certificate, for a server that asks for one.
        private_key: PEM of its key.
        timeout_s: Deadline of one try of one unary call.
        retry_s: How long a call is tried again while the server is away; 0 for once.
    """

    def __init__(
        self,
        address: str,
        api_key: str = "",
        *,
        tls: bool = False,
        root_certificates: bytes | None = None,
        certificate: bytes | None = None,
        private_key: bytes | None = None,
        timeout_s: float = 30.0,
        retry_s: float = 30.0,
    ) -> None:
        self.address = address
        self.timeout_s = timeout_s
        self.retry_s = retry_s
        self.https = https_context(root_certificates)
        self._key = (("authorization", f"Bearer {api_key}"),) if api_key else ()
        options = [*OPTIONS]
        if is_loopback(address.rpartition(":")[0]):
            # What is on this machine is not behind the environment's proxy.
            options.append(("grpc.enable_http_proxy", 0))
        if tls:
            credentials = grpc.ssl_channel_credentials(root_certificates, private_key, certificate)
            self.channel = grpc.aio.secure_channel(address, credentials, options=options)
        else:
            self.channel = grpc.aio.insecure_channel(address, options=options)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes along with a call made now: the key, and the caller's trace."""
        return (*self._key, *trace_metadata())

    async def close(self) -> None:
        """Ends the channel and its open streams."""
        await self.channel.close()

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Reply],
        request: Request,
        *,
        timeout_s: float | None = None,
    ) -> Reply:
        """One unary call, made again while the server is away.

        Raises:
            BeatStitchError: What the server says, or `ServerUnreachableError`.
        """
        backoff = Backoff(self.retry_s)
        while True:
            try:
                return await method(
                    request, timeout=timeout_s or self.timeout_s, metadata=self.metadata
                )
            except grpc.aio.AioRpcError as error:
                await backoff.wait(translate(error))


def https_context(root_certificates: bytes | None) -> ssl.SSLContext | None:
    """For signed URLs: who signed the server's certificate may have signed the storage's.

    Beside the system's own authorities, for the storage may be somebody else's; None for these
    alone.

    Raises:
        ssl.SSLError: It is no PEM.
    """
    if root_certificates is None:
        return None
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=root_certificates.decode("ascii", "replace"))
    return context


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, by name or address."""
    return host.startswith("127.") or host in {"localhost", "::1", "[::1]"}


def worth_retrying(error: BeatStitchError) -> bool:
    """Whether the same call may go through soon: the server is away, or asked to slow down."""
    return error.rule.code == "UNAVAILABLE" or error.reason in {
        failure_pb2.ERROR_REASON_RATE_LIMITED,
        failure_pb2.ERROR_REASON_QUEUE_FULL,
    }
