"""`pg_dump` and `pg_restore` on the database of the settings."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from sqlalchemy.engine import make_url

from beatstitch_gateway.settings import DatabaseSettings
from beatstitch_runtime.tls import TlsFiles

# The programs belong to PostgreSQL, not to us: a folder that has them, or else PATH.
PROGRAMS = "BEATSTITCH_POSTGRES_BIN"
STDERR_TAIL = 2000

_SERVICE_NAMES = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGDATABASE": "dbname",
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
}


class ProgramError(Exception):
    """A program of PostgreSQL is missing or failed; the message has its last words."""


async def dump(settings: DatabaseSettings, path: Path) -> None:
    """Writes the whole database, as of one moment, in pg_dump's custom format.

    Raises:
        ProgramError: It failed.
    """
    await _run(settings, "pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--file={path}")


async def restore(settings: DatabaseSettings, path: Path) -> None:
    """Reads a dump into a database without tables of ours, all of it or nothing.

    Raises:
        ProgramError: It failed; the database is as it was.
    """
    await _run(
        settings,
        "pg_restore",
        "--no-owner",
        "--no-acl",
        "--exit-on-error",
        "--single-transaction",
        # Named although the environment names it: without, the dump's SQL goes to stdout.
        f"--dbname={make_url(settings.database_url.get_secret_value()).database}",
        str(path),
    )


async def _run(settings: DatabaseSettings, program: str, *arguments: str) -> None:
    executable = shutil.which(program, path=os.environ.get(PROGRAMS) or None)
    if executable is None:
        msg = f"{program} is not on PATH; {PROGRAMS} names the folder that has it"
        raise ProgramError(msg)
    environment = libpq_environment(settings.database_url.get_secret_value(), settings.database_tls)
    process = await asyncio.create_subprocess_exec(
        executable,
        *arguments,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, stderr = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        said = stderr.decode(errors="replace")[-STDERR_TAIL:].strip()
        msg = f"{program} ended with {process.returncode}: {said}"
        raise ProgramError(msg)


def libpq_environment(url: str, tls: TlsFiles | None) -> dict[str, str]:
    """The connection for libpq's programs: as variables, so that no password is on a command line.

    Args:
        url: SQLAlchemy's style.
        tls: Files for an encrypted connection; None for what the server offers.
    """
    parts = make_url(url)
    found = {
        "PGHOST": parts.host or "",
        "PGPORT": str(parts.port or 5432),
        "PGUSER": parts.username or "",
        "PGPASSWORD": str(parts.password or ""),
        "PGDATABASE": parts.database or "",
    }
    if tls is not None and tls.wanted:
        found["PGSSLMODE"] = "verify-full"
        for name, path in (
            ("PGSSLROOTCERT", tls.ca),
            ("PGSSLCERT", tls.cert),
            ("PGSSLKEY", tls.key),
        ):
            if path is not None:
                found[name] = str(path)
    return {name: value for name, value in found.items() if value}


def service_file(settings: DatabaseSettings) -> str:
    """The same for `PGSERVICEFILE`, as service "beatstitch": for a pg_dump in another container."""
    environment = libpq_environment(settings.database_url.get_secret_value(), settings.database_tls)
    lines = (f"{_SERVICE_NAMES[name]}={value}\n" for name, value in environment.items())
    return "[beatstitch]\n" + "".join(lines)
