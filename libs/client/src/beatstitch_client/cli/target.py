"""Where the server is: named by option or environment, or started for this one run."""

from __future__ import annotations

import ssl
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from beatstitch_client.aio import AsyncClient
from beatstitch_client.cli.exits import UnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import ModuleType

    from beatstitch_stack import System

SERVER_VARIABLE = "BEATSTITCH_SERVER"
KEY_VARIABLE = "BEATSTITCH_API_KEY"
TLS_VARIABLE = "BEATSTITCH_TLS"
CA_VARIABLE = "BEATSTITCH_CA_FILE"
# A person waits: a wrong address has to show before patience for a restarting server ends.
FIRST_ANSWER_S = 5.0

Server = Annotated[
    str,
    typer.Option(
        "--server", envvar=SERVER_VARIABLE, metavar="HOST:PORT", help="The server to talk to."
    ),
]
ApiKey = Annotated[
    str, typer.Option("--api-key", envvar=KEY_VARIABLE, metavar="KEY", help="Its API key.")
]
Tls = Annotated[
    bool,
    typer.Option(
        "--tls", envvar=TLS_VARIABLE, help="Encrypt the connection; --ca-file does so too."
    ),
]


class Files(NamedTuple):
    """PEM files for the connection, which `beatstitch --ca-file … --cert … --key …` names."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


files: ContextVar[Files] = ContextVar("files", default=Files())  # noqa: B039 - can't be changed


def open_client(address: str, api_key: str, *, tls: bool, retry_s: float = 30.0) -> AsyncClient:
    """A client with the files that the command line names.

    Raises:
        UsageError: A file can't be read, or one of certificate and key is missing.
    """
    named = files.get()
    if (named.cert is None) != (named.key is None):
        raise UsageError("--cert and --key belong together")
    try:
        ca, cert, key = (None if path is None else path.read_bytes() for path in named)
        return AsyncClient(
            address,
            api_key,
            tls=tls or ca is not None or cert is not None,
            root_certificates=ca,
            certificate=cert,
            private_key=key,
            retry_s=retry_s,
        )
    except ssl.SSLError:
        raise UsageError(f"{named.ca} holds no certificate in PEM form") from None
    except OSError as error:
        raise UsageError(f"{error.filename} can't be read: {error.strerror}") from None


@asynccontextmanager
async def server_at(address: str, api_key: str, *, tls: bool = False) -> AsyncIterator[AsyncClient]:
    """A client of a running server, which has answered.

    Raises:
        UsageError: No address is given.
        ServerUnreachableError: Nobody answers there.
    """
    if not address:
        raise UsageError(f"which server? Give --server HOST:PORT or set {SERVER_VARIABLE}")
    async with open_client(address, api_key, tls=tls, retry_s=FIRST_ANSWER_S) as first:
        await first.server_info()
    async with open_client(address, api_key, tls=tls) as client:
        yield client


@asynccontextmanager
async def server_or_own(
    address: str, api_key: str, *, tls: bool = False
) -> AsyncIterator[AsyncClient]:
    """A client of the server at `address`, or of a system of our own when none is named.

    Raises:
        UnavailableError: There is no server and none can be started here.
        ServerUnreachableError: Nobody answers at the address.
    """
    if address:
        async with server_at(address, api_key, tls=tls) as client:
            yield client
        return
    print("no server named: starting one for this run", file=sys.stderr)
    async with (
        own_system() as system,
        AsyncClient(system.gateway_address, system.api_key) as client,
    ):
        yield client


@asynccontextmanager
async def own_system(
    state_dir: Path | None = None,
    replicas: Mapping[str, int] | None = None,
    *,
    secure: bool = False,
) -> AsyncIterator[System]:
    """The embedded stack and all four services; a temporary folder where none is given.

    With `secure` every hop is encrypted and each service has its own rights only.

    Raises:
        UnavailableError: It isn't installed, or didn't start.
    """
    stack = _stack()
    async with AsyncExitStack() as block:
        try:
            starting = stack.System.start(state_dir, replicas=replicas or {}, secure=secure)
            system: System = await block.enter_async_context(starting)
        except stack.StackError as error:
            raise UnavailableError(f"the system did not start: {error}") from error
        yield system


def _stack() -> ModuleType:
    try:
        # Only who runs the whole system needs its servers installed.
        import beatstitch_stack  # noqa: PLC0415
    except ImportError as error:
        raise UnavailableError(
            f"no server is named and the embedded one isn't installed ({error.name}); give "
            "--server HOST:PORT, or install beatstitch-client[stack]"
        ) from error
    return beatstitch_stack
