"""`python -m beatstitch_gateway.backup make | restore | verify | service-file`.

Database and bucket are those of the environment, as for the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TextIO

from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.backup import folder as files
from beatstitch_gateway.backup import make, postgres, restore
from beatstitch_gateway.backup.folder import BrokenBackupError
from beatstitch_gateway.backup.postgres import ProgramError
from beatstitch_gateway.backup.restore import NotEmptyError
from beatstitch_gateway.settings import DatabaseSettings
from beatstitch_runtime.leaving import leave
from beatstitch_runtime.storage import Storage

SHOWN = 20


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(prog="beatstitch_gateway.backup", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True)
    one = commands.add_parser("make", help="make a backup below a folder; prints where")
    one.add_argument("folder", type=Path)
    one.add_argument(
        "--list-only",
        action="store_true",
        help="copy no object: for a bucket that has versions or a replica",
    )
    one.add_argument("--dump", type=Path, help="a dump that was just made, instead of pg_dump")
    two = commands.add_parser("restore", help="into an empty database, and what the bucket lost")
    two.add_argument("folder", type=Path)
    two.add_argument(
        "--objects-only", action="store_true", help="leave the database, put back lost objects"
    )
    three = commands.add_parser("verify", help="look whether a backup is whole")
    three.add_argument("folder", type=Path)
    four = commands.add_parser(
        "service-file", help="write the database's address for pg_dump elsewhere (PGSERVICEFILE)"
    )
    four.add_argument("file", type=Path)
    return made


async def run(arguments: argparse.Namespace) -> int:
    """Does what the arguments say; 0 when all is well, 1 when something is lost or damaged."""
    settings = DatabaseSettings()
    if arguments.command == "service-file":
        _write_secret(arguments.file, postgres.service_file(settings))
        return 0
    storage = Storage.from_settings(settings)
    folder: Path = arguments.folder
    if arguments.command == "make":
        made = await make.make(
            settings, storage, folder, copies=not arguments.list_only, dumped=arguments.dump
        )
        summary, _ = files.read(made)
        _say(f"{summary.objects} objects, {summary.copied} of them copied", sys.stderr)
        _say(str(made))
        return 0
    if arguments.command == "verify":
        wrong = await restore.verify(storage, folder)
        for line in wrong[:SHOWN]:
            _say(line)
        _say(f"{len(wrong)} things are wrong" if wrong else "whole")
        return 1 if wrong else 0
    if not arguments.objects_only:
        summary = await restore.restore_database(settings, folder)
        _say(f"database: as of {summary.time}")
    found = await restore.restore_objects(storage, folder)
    _say(f"objects: {found.there} were there, {found.restored} put back")
    if found.remade:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.remade.items()))
        _say(f"made again when needed: {kinds}")
    for key in found.lost[:SHOWN]:
        _say(f"lost: {key}")
    return 1 if found.lost else 0


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")


def _say(line: str, to: TextIO = sys.stdout) -> None:
    to.write(line + "\n")


def main() -> int:
    """Runs the command; 2 when it can't be done at all."""
    try:
        return asyncio.run(run(parser().parse_args()))
    except (BrokenBackupError, NotEmptyError, ProgramError, BeatStitchError) as error:
        _say(str(error), sys.stderr)
        return 2


if __name__ == "__main__":
    leave(main())
