"""A stack whose every hop is encrypted, and in which each service has its own rights only."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from beatstitch_stack.nats import NatsServer
from beatstitch_stack.ports import LOOPBACK
from beatstitch_stack.postgres import USER, PostgresServer
from beatstitch_stack.postgres_tls import PostgresTls
from beatstitch_stack.s3 import S3Server
from beatstitch_stack.secure import Secure
from beatstitch_stack.stack import DATABASE_URL, Stack, state_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class SecureStack(Stack):
    """`Stack` with TLS, client certificates, users and keys. Made by `SecureStack.start_secure`.

    Attributes:
        secure: Certificates and passwords.
    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        """Describe the servers; always of our own."""
        self.secure = Secure(folder / "tls")
        super().__init__(
            folder,
            nats=NatsServer(
                folder / "nats",
                durable=durable,
                extra_config=self.secure.nats_config(),
                extra_env=self.secure.nats_env(),
            ),
            s3=S3Server(folder / "s3", secure=self.secure),
            postgres=PostgresServer(folder / "postgres", durable=durable),
        )
        self._front: PostgresTls | None = None
        self._database_client = self.secure.database_client(USER)

    @classmethod
    @asynccontextmanager
    async def start_secure(
        cls, state_dir: Path | None = None, *, durable: bool | None = None
    ) -> AsyncIterator[SecureStack]:
        """Run the servers; see `Stack.start`."""
        lasting = durable if durable is not None else state_dir is not None
        with state_folder(state_dir) as folder:
            stack = await asyncio.to_thread(cls, folder, durable=lasting)
            try:
                await stack._start_all()
                yield stack
            finally:
                await stack._stop_all(throwaway=state_dir is None)

    @property
    def database_address(self) -> tuple[str, int]:
        """Where PostgreSQL is reached encrypted."""
        assert self._front is not None  # noqa: S101 - started with the rest
        return LOOPBACK, self._front.port

    def env_of(self, service: str) -> dict[str, str]:
        """See `Stack.env_of`; with the service's certificates, users and keys."""
        found = {**super().env_of(service), **self.secure.env(service)}
        if DATABASE_URL in found:
            parts = urlsplit(found[DATABASE_URL])
            who = parts.netloc.rpartition("@")[0]
            host, port = self.database_address
            found[DATABASE_URL] = urlunsplit(parts._replace(netloc=f"{who}@{host}:{port}"))
            mine = self._database_client
            found["BEATSTITCH_DATABASE_TLS_CA"] = str(mine.ca)
            found["BEATSTITCH_DATABASE_TLS_CERT"] = str(mine.cert)
            found["BEATSTITCH_DATABASE_TLS_KEY"] = str(mine.key)
        return found

    async def _start_all(self) -> None:
        await super()._start_all()
        self._front = PostgresTls(
            self.postgres.port, self.secure.certificates["postgres"], user=USER
        )
        await asyncio.to_thread(self._front.start)

    async def _stop_all(self, *, throwaway: bool) -> None:
        if self._front is not None:
            await asyncio.to_thread(self._front.stop)
        await super()._stop_all(throwaway=throwaway)
