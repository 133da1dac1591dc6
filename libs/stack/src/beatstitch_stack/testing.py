"""Pytest fixtures: real servers for any room's tests.

Installed with the package (a pytest entry point), so naming a fixture is all it takes. Servers
start when first asked for and serve one pytest process (one xdist worker); the fixtures are
synchronous, so they work with every event loop. A test isolates itself by a name of its own:

| Fixture | Gives |
|---|---|
| `nats_server`, `s3_server`, `postgres_server` | the session's server; don't stop it |
| `nats_server_fresh`, `s3_server_fresh`, `postgres_server_fresh` | one to kill and restart |
| `s3_prefix` | a key prefix nobody else uses, ending in "/" (prefer this to a bucket) |
| `s3_bucket` | a bucket of the test's own |
| `database` | the SQLAlchemy URL of a database of the test's own, migrated |
| `migrate_database` | override it: how an empty database gets its tables |
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from beatstitch_stack.nats import NatsServer
from beatstitch_stack.postgres import PostgresServer
from beatstitch_stack.s3 import S3Server
from beatstitch_stack.stack import make_nats, make_postgres, make_s3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Migrate = Callable[[str], object]


@pytest.fixture(scope="session")
def stack_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the session's servers."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def nats_server(stack_state: Path) -> Iterator[NatsServer]:
    """The session's NATS server. Tests share its streams; `nats_server_fresh` has none."""
    with make_nats(stack_state / "nats") as server:
        yield server


@pytest.fixture(scope="session")
def s3_server(stack_state: Path) -> Iterator[S3Server]:
    """The session's S3 server, with the bucket `s3_server.bucket`."""
    server = make_s3(stack_state / "s3").start()
    yield server
    if server.owned:
        server.kill()  # its clean stop takes a second, for data that nobody will read


@pytest.fixture(scope="session")
def postgres_server(stack_state: Path) -> Iterator[PostgresServer]:
    """The session's PostgreSQL server."""
    with make_postgres(stack_state / "postgres") as server:
        yield server


@pytest.fixture
def nats_server_fresh(tmp_path: Path) -> Iterator[NatsServer]:
    """A NATS server of the test's own, empty, to be killed and restarted (0.05 s)."""
    with NatsServer(tmp_path / "nats") as server:
        yield server


@pytest.fixture
def s3_server_fresh(tmp_path: Path) -> Iterator[S3Server]:
    """An S3 server of the test's own, empty, to be killed and restarted (1 s)."""
    server = S3Server(tmp_path / "s3").start()
    yield server
    server.kill()


@pytest.fixture
def postgres_server_fresh(tmp_path: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL server of the test's own, to be killed and restarted (0.7 s)."""
    with PostgresServer(tmp_path / "postgres") as server:
        yield server


@pytest.fixture
def s3_prefix() -> str:
    """A key prefix of the test's own, ending in "/"."""
    return f"test-{secrets.token_hex(6)}/"


@pytest.fixture
def s3_bucket(s3_server: S3Server) -> str:
    """A bucket of the test's own. Each takes SeaweedFS volumes: prefer `s3_prefix`."""
    name = f"test-{secrets.token_hex(6)}"
    s3_server.create_bucket(name)
    return name


@pytest.fixture(scope="session")
def migrate_database() -> Migrate:
    """How an empty database gets its tables: a function of its SQLAlchemy URL. Override it.

    The function is called once for each pytest process, and has to leave no connection open.
    """

    def leave_empty(_url: str) -> None:
        pass

    return leave_empty


@pytest.fixture(scope="session")
def database_templates(postgres_server: PostgresServer) -> Iterator[DatabaseTemplates]:
    """The migrated databases that tests' databases are copied from."""
    templates = DatabaseTemplates(postgres_server)
    yield templates
    templates.drop()


@pytest.fixture
def database(database_templates: DatabaseTemplates, migrate_database: Migrate) -> Iterator[str]:
    """The SQLAlchemy URL of a database of the test's own, migrated by `migrate_database`."""
    with_tables = database_templates.copy(migrate_database)
    yield with_tables
    database_templates.server.drop_database(urlsplit(with_tables).path.lstrip("/"))


class DatabaseTemplates:
    """One migrated database for each way to migrate, copied for each test (40 ms).

    Kept by function, because a room's conftest may override `migrate_database` for its own tests.
    """

    def __init__(self, server: PostgresServer) -> None:
        """Make nothing yet."""
        self.server = server
        self._names: dict[Migrate, str] = {}

    def copy(self, migrate: Migrate) -> str:
        """The SQLAlchemy URL of a new database with the tables that `migrate` makes."""
        template = self._names.get(migrate)
        if template is None:
            template = f"template_{secrets.token_hex(6)}"
            self.server.create_database(template)
            migrate(self.server.url(template))
            self._names[migrate] = template
        name = f"test_{secrets.token_hex(6)}"
        self.server.create_database(name, template=template)
        return self.server.url(name)

    def drop(self) -> None:
        """Remove the templates, for servers that live on."""
        for name in self._names.values():
            self.server.drop_database(name)
        self._names.clear()
