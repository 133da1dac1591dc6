"""The second port: the same calls over HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from typing import TYPE_CHECKING

from hypercorn.config import Config

from beatstitch_gateway.http import cors
from beatstitch_gateway.http.app import WebApp
from beatstitch_gateway.http.connections import Connections
from beatstitch_runtime.rpc.server import RpcServer
from beatstitch_runtime.tls import TlsFiles, load_own

if TYPE_CHECKING:
    from beatstitch_gateway.settings import GatewaySettings

log = logging.getLogger(__name__)

BACKLOG = 1024
# A connection without a request, and a request of which nothing more comes; above the 60 s after
# which usual proxies drop theirs.
IDLE_S = 75


class HttpServer:
    """One listener.

    Args:
        app: What answers.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        tls: Certificate and key; None, or files that say nothing, for HTTP without TLS.

    Raises:
        OSError: The certificate can't be used.
    """

    def __init__(self, app: WebApp, host: str, port: int, tls: TlsFiles | None = None) -> None:
        self._address = (host, port)
        self._tls = _server_context(tls) if tls is not None and tls.wanted else None
        self._connections = Connections(app, _config())
        self._listener: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> int:
        """Listens.

        Returns:
            The port.

        Raises:
            OSError: The port is taken.
        """
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        bound = socket.create_server(self._address, family=family, backlog=BACKLOG)
        self.port = int(bound.getsockname()[1])
        self._listener = await asyncio.start_server(
            self._connections.take, sock=bound, backlog=BACKLOG, ssl=self._tls
        )
        log.info("HTTP listens", extra={"address": f"{self._address[0]}:{self.port}"})
        return self.port

    async def stop(self, limit_s: float) -> None:
        """Takes no more connections, and waits until the open calls have ended.

        Args:
            limit_s: After which they are cut off, seconds.
        """
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close()
        await self._connections.end(limit_s)


def _config() -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = logging.getLogger(f"{__name__}.hypercorn")
    config.errorlog.setLevel(logging.WARNING)
    config.include_server_header = False
    config.keep_alive_timeout = IDLE_S
    config.keep_alive_max_requests = 100_000
    config.h2_max_concurrent_streams = 256
    return config


def _server_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2", "http/1.1"])
    load_own(context, files)
    shown = files.stamp()

    def look_again(_socket: object, _name: str | None, _context: ssl.SSLContext) -> None:
        """At each handshake; a new certificate is shown from the next one on."""
        nonlocal shown
        try:
            if (found := files.stamp()) != shown:
                load_own(context, files)
                shown = found
        except OSError as error:
            log.warning("the new certificate can't be used, the old one stays: %s", error)

    context.sni_callback = look_again
    return context


def http_front(settings: GatewaySettings, rpc: RpcServer) -> HttpServer | None:
    """The port that the settings ask for, over what `rpc` offers; None when they ask for none.

    Raises:
        OSError: The certificate can't be used.
    """
    if not settings.http_port:
        return None
    app = WebApp(
        rpc.offered,
        rpc.interceptors,
        origins=cors.origins_in(settings.http_cors_origins),
        max_body_bytes=settings.http_max_body_bytes,
        silence_s=IDLE_S,
    )
    tls = TlsFiles(cert=settings.http_tls_cert, key=settings.http_tls_key)
    return HttpServer(app, settings.http_host, settings.http_port, tls)
