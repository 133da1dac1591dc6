"""NATS, S3 and PostgreSQL together, in one state folder, for as long as a block runs."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from beatstitch_stack.errors import StackError
from beatstitch_stack.nats import NatsServer
from beatstitch_stack.nats_cluster import NatsCluster
from beatstitch_stack.parallel import in_threads
from beatstitch_stack.postgres import PostgresServer
from beatstitch_stack.s3 import DEFAULT_BUCKET, REGION, S3Server
from beatstitch_stack.sigv4 import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from beatstitch_stack.server import Server

NATS_URL = "BEATSTITCH_NATS_URL"
NATS_REPLICAS = "BEATSTITCH_JOBS_REPLICAS"
S3_ENDPOINT = "BEATSTITCH_S3_ENDPOINT"
S3_BUCKET = "BEATSTITCH_S3_BUCKET"
S3_ACCESS_KEY = "BEATSTITCH_S3_ACCESS_KEY"
S3_SECRET_KEY = "BEATSTITCH_S3_SECRET_KEY"  # noqa: S105 - a variable's name
S3_REGION = "BEATSTITCH_S3_REGION"
DATABASE_URL = "BEATSTITCH_DATABASE_URL"

ServerT = TypeVar("ServerT")


class Stack:
    """The servers BeatStitch stands on. Made by `Stack.start`."""

    def __init__(
        self,
        state_dir: Path,
        *,
        nats: NatsServer | NatsCluster | None = None,
        s3: S3Server | None = None,
        postgres: PostgresServer | None = None,
    ) -> None:
        """Hold the servers; `start` runs them."""
        self.state_dir = state_dir
        self._nats = nats
        self._s3 = s3
        self._postgres = postgres

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        state_dir: Path | None = None,
        *,
        nats: bool = True,
        s3: bool = True,
        postgres: bool = True,
        durable: bool | None = None,
        nats_nodes: int = 1,
    ) -> AsyncIterator[Stack]:
        """Run the wanted servers side by side; all are ready inside the block, gone after it.

        A server whose address is in the environment (`BEATSTITCH_NATS_URL`,
        `BEATSTITCH_S3_ENDPOINT`, `BEATSTITCH_DATABASE_URL`) is used instead of started.

        Args:
            state_dir: Where data, ports and keys are kept for the next time; a temporary folder,
                removed afterwards, when None.
            nats: Whether NATS is wanted.
            s3: Whether S3 is wanted.
            postgres: Whether PostgreSQL is wanted.
            durable: Whether data must survive a power cut (it survives a kill anyway). None means:
                if `state_dir` is given.
            nats_nodes: How many nats-servers; several are a cluster, and each stream is kept in as
                many copies.

        Raises:
            StackError: A server did not start, or the folder is in use by another stack.
        """
        lasting = durable if durable is not None else state_dir is not None
        with state_folder(state_dir) as folder:
            stack = cls(
                folder,
                nats=_nats(folder / "nats", lasting, nats_nodes) if nats else None,
                s3=make_s3(folder / "s3") if s3 else None,
                postgres=make_postgres(folder / "postgres", durable=lasting) if postgres else None,
            )
            try:
                await stack._start_all()
                yield stack
            finally:
                await stack._stop_all(throwaway=state_dir is None)

    @property
    def nats(self) -> NatsServer:
        """The NATS server."""
        alone = self._nats if isinstance(self._nats, NatsServer) else None
        return _wanted(alone, "nats as a single server")

    @property
    def nats_cluster(self) -> NatsCluster:
        """The NATS servers of a stack that was started with several."""
        several = self._nats if isinstance(self._nats, NatsCluster) else None
        return _wanted(several, "a cluster of nats")

    @property
    def s3(self) -> S3Server:
        """The S3 server."""
        return _wanted(self._s3, "s3")

    @property
    def postgres(self) -> PostgresServer:
        """The PostgreSQL server."""
        return _wanted(self._postgres, "postgres")

    @property
    def servers(self) -> list[Server]:
        """Those that this stack has, each node of a cluster."""
        nats = self._nats.nodes if isinstance(self._nats, NatsCluster) else [self._nats]
        return [server for server in (*nats, self._s3, self._postgres) if server is not None]

    def env(self, *, database: bool = True) -> dict[str, str]:
        """The environment by which a service finds the servers.

        Args:
            database: Whether to tell where the database is: only the gateway may know.
        """
        found: dict[str, str] = {}
        if self._nats is not None:
            found[NATS_URL] = self._nats.url
        if isinstance(self._nats, NatsCluster):
            found[NATS_REPLICAS] = str(len(self._nats.nodes))
        if self._s3 is not None:
            found[S3_ENDPOINT] = self._s3.endpoint
            found[S3_BUCKET] = self._s3.bucket
            found[S3_ACCESS_KEY] = self._s3.access_key
            found[S3_SECRET_KEY] = self._s3.secret_key
            found[S3_REGION] = self._s3.region
        if database and self._postgres is not None:
            found[DATABASE_URL] = self._postgres.url()
        return found

    def env_of(self, service: str) -> dict[str, str]:
        """The environment of one service; only the gateway is told of the database."""
        return self.env(database=service == "gateway")

    async def _start_all(self) -> None:
        await in_threads(
            server.start for server in (self._nats, self._s3, self._postgres) if server is not None
        )

    async def _stop_all(self, *, throwaway: bool) -> None:
        # SeaweedFS takes a second for its goodbyes; nobody reads what is about to be removed. (A
        # killed PostgreSQL would leave a shared memory segment behind.)
        await in_threads(
            server.kill if throwaway and server.owned and server is self._s3 else server.stop
            for server in self.servers
        )


def make_nats(state_dir: Path, *, durable: bool = False) -> NatsServer:
    """The environment's NATS server, or one of our own, not yet started."""
    url = os.environ.get(NATS_URL)
    return NatsServer.remote(url) if url else NatsServer(state_dir, durable=durable)


def make_s3(state_dir: Path) -> S3Server:
    """The environment's S3 server, or one of our own, not yet started."""
    bucket = os.environ.get(S3_BUCKET, DEFAULT_BUCKET)
    endpoint = os.environ.get(S3_ENDPOINT)
    if not endpoint:
        return S3Server(state_dir, bucket=bucket)
    keys = Credentials(
        os.environ.get(S3_ACCESS_KEY, ""),
        os.environ.get(S3_SECRET_KEY, ""),
        os.environ.get(S3_REGION, REGION),
    )
    return S3Server.remote(endpoint, keys, bucket)


def make_postgres(state_dir: Path, *, durable: bool = False) -> PostgresServer:
    """The environment's PostgreSQL server, or one of our own, not yet started."""
    url = os.environ.get(DATABASE_URL)
    return PostgresServer.remote(url) if url else PostgresServer(state_dir, durable=durable)


@contextmanager
def state_folder(state_dir: Path | None) -> Iterator[Path]:
    """The folder, locked against a second stack; a temporary one is removed at the end.

    Raises:
        StackError: It is in use.
    """
    if state_dir is None:
        folder = Path(tempfile.mkdtemp(prefix="beatstitch-stack-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (state_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"another stack is running in {state_dir}"
            raise StackError(msg) from None
        yield state_dir.resolve()


def _nats(folder: Path, durable: bool, nodes: int) -> NatsServer | NatsCluster:
    if nodes > 1 and not os.environ.get(NATS_URL):
        return NatsCluster(folder, nodes=nodes, durable=durable)
    return make_nats(folder, durable=durable)


def _wanted(server: ServerT | None, name: str) -> ServerT:
    if server is None:
        msg = f"the stack was started without {name}"
        raise StackError(msg)
    return server
