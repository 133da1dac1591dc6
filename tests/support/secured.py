"""A system with TLS on every hop and each service's own rights, at DEBUG, with a collector."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from beatstitch_client import Client
from beatstitch_stack import System
from beatstitch_stack.secure_stack import SecureStack
from support.issuer import AUDIENCE, ISSUER, Issuer
from support.scrape import Collector, collecting, get

REFUSED_BY_NATS = re.compile(r"Permissions Violation[^\n]*|Authorization Violation[^\n]*")


@dataclass(frozen=True)
class Secured:
    """What the tests have in hand.

    Attributes:
        system: Its services and servers.
        stack: The servers, with certificates and passwords.
        collector: Who got the spans.
        issuer: Whose tokens are believed.
        webhook_key: What webhooks' secrets are encrypted with.
    """

    system: System
    stack: SecureStack
    collector: Collector
    issuer: Issuer
    webhook_key: str

    def client(self, api_key: str | None = None) -> Client:
        """A client that believes the system's authority."""
        key = self.system.api_key if api_key is None else api_key
        return Client(
            self.system.gateway_address,
            key,
            tls=True,
            root_certificates=self.stack.secure.authority.ca.read_bytes(),
        )

    def logs(self) -> dict[str, str]:
        """What services have logged, and NATS; by name."""
        services = self.stack.state_dir / "services"
        files = [*services.glob("*.log"), self.stack.nats.log_path]
        return {path.stem: path.read_text("utf-8", "replace") for path in files}

    def pages(self) -> dict[str, str]:
        """The metrics of all services, by name."""
        return {name: get(service.metrics_url)[1] for name, service in self.system.services.items()}

    def refusals(self) -> list[str]:
        """What NATS has refused so far, and S3, by the log of those who asked."""
        found = []
        for name, text in self.logs().items():
            found += [f"{name}: {match}" for match in REFUSED_BY_NATS.findall(text)]
            found += [f"{name}: {line}" for line in text.splitlines() if "AccessDenied" in line]
        return found


@contextmanager
def secured(folder: Path) -> Iterator[Secured]:
    """Runs it."""
    webhook_key = base64.b64encode(secrets.token_bytes(32)).decode()
    with collecting() as collector, closing(Issuer()) as issuer, asyncio.Runner() as runner:
        issuer.new_key("one")
        env = {
            "BEATSTITCH_LOG_LEVEL": "DEBUG",
            "BEATSTITCH_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            # A killed worker's jobs soon come to another.
            "BEATSTITCH_ACK_WAIT_S": "3",
            "BEATSTITCH_HEARTBEAT_S": "0.5",
            # A song is large enough to be sent in parts.
            "BEATSTITCH_SINGLE_PUT_BYTES": "500000",
            "BEATSTITCH_JWT_JWKS_URL": issuer.url,
            "BEATSTITCH_JWT_ISSUER": ISSUER,
            "BEATSTITCH_JWT_AUDIENCE": AUDIENCE,
            "BEATSTITCH_WEBHOOK_KEYS": webhook_key,
            "BEATSTITCH_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "BEATSTITCH_WEBHOOK_INTERVAL_S": "0.1",
            "no_proxy": "127.0.0.1",
        }
        block = System.start(folder, durable=False, secure=True, env=env)
        system = runner.run(block.__aenter__())
        assert isinstance(system.stack, SecureStack)
        try:
            yield Secured(system, system.stack, collector, issuer, webhook_key)
        finally:
            runner.run(block.__aexit__(None, None, None))
