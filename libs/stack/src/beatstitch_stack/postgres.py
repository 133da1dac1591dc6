"""PostgreSQL, from its binaries alone."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from beatstitch_stack import tools
from beatstitch_stack.errors import StackError
from beatstitch_stack.ports import LOOPBACK, accepts
from beatstitch_stack.postgres_user import NOBODY, prefix_for_postgres
from beatstitch_stack.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

USER = "beatstitch"
DEFAULT_DATABASE = "beatstitch"
STATUS_LINE = 7  # of postmaster.pid, counted from 0: "ready" when it accepts connections
PID_LINE = 0
# Not synchronous_commit=off: that would lose committed rows to a mere kill.
VOLATILE = ("fsync=off", "full_page_writes=off")
SETTINGS = (
    f"listen_addresses={LOOPBACK}",
    "unix_socket_directories=",
    "timezone=UTC",
    "log_timezone=UTC",
    "max_connections=200",
    "shared_buffers=64MB",
    # In the data folder, not in /dev/shm: that is tiny in containers, and nobody would empty it
    # after a kill.
    "dynamic_shared_memory_type=mmap",
)


class PostgresServer(Server):
    """`postgres` on loopback, made by `initdb` at the first start.

    Runs for root too, as another user (see `postgres_user`). With `durable` False a power cut may
    lose the database; a kill does not.
    """

    name: ClassVar[str] = "postgres"
    # "Fast": SIGTERM would wait for the clients to leave.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def __init__(
        self,
        state_dir: Path | None,
        *,
        durable: bool = False,
        database: str = DEFAULT_DATABASE,
        ready_timeout: float = 30.0,
    ) -> None:
        """Describe the server; `database` is created at the first start."""
        super().__init__(state_dir, ready_timeout=ready_timeout)
        self._durable = durable
        self._database = database
        self._password = ""
        self._remote_base = ""
        self._remote_query = ""
        self._user_prefix: Sequence[str] | None = None

    @classmethod
    def remote(cls, url: str) -> PostgresServer:
        """A server that somebody else runs, by the URL of its database (either style)."""
        parts = urlsplit(url)
        server = cls(None, database=parts.path.lstrip("/") or DEFAULT_DATABASE)
        server._remote_base = parts.netloc
        server._remote_query = f"?{parts.query}" if parts.query else ""
        return server

    def url(self, database: str | None = None) -> str:
        """`postgresql+asyncpg://user:password@host:port/database`, SQLAlchemy's style."""
        return self.dsn(database).replace("postgresql://", "postgresql+asyncpg://", 1)

    def dsn(self, database: str | None = None) -> str:
        """`postgresql://user:password@host:port/database`, asyncpg's and libpq's style."""
        base = self._remote_base or f"{USER}:{self._password}@{LOOPBACK}:{self.port}"
        return f"postgresql://{base}/{quote(database or self._database)}{self._remote_query}"

    def start(self) -> PostgresServer:
        """Start it and return when the database can be used."""
        super().start()
        done = self.state_dir / "database-created" if self.owned else None
        if done is not None and not done.exists():
            self.create_database(self._database)
            done.touch()
        return self

    def execute(self, sql: str, database: str = "postgres") -> str:
        """Run statements through psql, each in its own transaction, and return the bare rows.

        Raises:
            StackError: A statement failed; the message is the server's.
        """
        # The password goes by the environment: arguments are for everybody to see.
        parts = urlsplit(self.dsn(database))
        where = urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", "@")))
        command = [str(tools.psql()), "-XqAtw", "-v", "ON_ERROR_STOP=1", "-f", "-", "-d", where]
        done = subprocess.run(
            command,
            env={**os.environ, "PGPASSWORD": unquote(parts.password or "")},
            input=sql,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode != 0:
            raise StackError(done.stderr.strip())
        return done.stdout.strip()

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Make a database, as a copy of `template` when given (nobody may be connected to that)."""
        source = f" TEMPLATE {quoted(template)}" if template else ""
        self.execute(f"CREATE DATABASE {quoted(name)}{source}")

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, throwing its clients out."""
        self.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")

    def _prepare(self) -> None:
        password = self.state_dir / "password"
        if not password.exists():
            password.touch(mode=0o600)
            password.write_text(secrets.token_hex(16), "utf-8")
        self._password = password.read_text("utf-8")
        self._user_prefix = prefix_for_postgres()
        if NOBODY in self._user_prefix:
            os.chown(self.state_dir, int(NOBODY), int(NOBODY))
        if not (self._data / "PG_VERSION").exists():
            self._initdb(password)
        self._remove_stale_lock()

    @property
    def _data(self) -> Path:
        return self.state_dir / "data"

    def _initdb(self, password: Path) -> None:
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        if not self._durable:
            options.append("--no-sync")
        done = subprocess.run(
            [
                *self._prefix(),
                *(str(tools.initdb()), "-D", str(self._data), "-U", USER),
                *(f"--pwfile={password}", *options),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.state_dir,
            timeout=60,
        )
        if done.returncode != 0:
            msg = f"initdb failed:\n{done.stdout}{done.stderr}"
            raise StackError(msg)

    def _remove_stale_lock(self) -> None:
        """Drop a lock file whose pid is now somebody else's, as after a container's restart.

        PostgreSQL would refuse to start. A postgres that still dies with its launcher is awaited.
        """
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline:
            try:
                pid = int(self._lock_lines()[PID_LINE])
                status = Path(f"/proc/{pid}/status").read_text("utf-8")
            except (OSError, IndexError, ValueError):
                return
            if "Name:\tpostgres\n" not in status or "State:\tZ" in status:
                (self._data / "postmaster.pid").unlink(missing_ok=True)
                return
            time.sleep(0.05)

    def _lock_lines(self) -> list[str]:
        return (self._data / "postmaster.pid").read_text("utf-8").splitlines()

    def _argv(self) -> Sequence[str]:
        settings = (*SETTINGS, *(() if self._durable else VOLATILE))
        words = [word for setting in settings for word in ("-c", setting)]
        return [str(tools.postgres()), "-D", str(self._data), "-p", str(self.port), *words]

    def _prefix(self) -> Sequence[str]:
        return self._user_prefix or ()

    def _is_ready(self) -> bool:
        with suppress(OSError, IndexError):
            lines = self._lock_lines()
            ready = lines[PID_LINE] == str(self.pid) and lines[STATUS_LINE].strip() == "ready"
            return ready and accepts(self.port)
        return False


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
