"""A PostgreSQL that speaks TLS itself and takes nothing else: one of the machine's.

The wheel's is built without TLS; elsewhere `beatstitch_stack.postgres_tls` stands in front of it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from beatstitch_stack import tools
from beatstitch_stack.certificates import Authority
from beatstitch_stack.ports import LOOPBACK
from beatstitch_stack.postgres import USER, PostgresServer

RULE = f"hostssl all all {LOOPBACK}/32 scram-sha-256 clientcert=verify-full\n"


def programs_with_tls() -> Path | None:
    """The folder of an installed PostgreSQL's programs that was built with TLS; None for none."""
    on_path = shutil.which("postgres")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in [*found, *([Path(on_path).resolve().parent] if on_path else [])]:
        if (folder / "initdb").exists() and (folder / "pg_config").exists():
            asked = [str(folder / "pg_config"), "--configure"]
            built = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
            if "--with-openssl" in built or "--with-ssl" in built:
                return folder
    return None


class HostsslServer(PostgresServer):
    """The server.

    Args:
        folder: Its data and its certificates.
        patch: Puts the machine's programs in the place of the wheel's, and tells `psql` what to
            show.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        programs = programs_with_tls()
        if programs is None:
            pytest.skip("no PostgreSQL with TLS is installed on this machine")
        patch.setattr(tools, "postgres_program", lambda name: programs / name)
        self.authority = Authority(folder / "tls")
        self.mine = self.authority.issue("postgres", "localhost", LOOPBACK)
        self.client = self.authority.issue(USER)
        for name, path in (
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", self.client.ca),
            ("PGSSLCERT", self.client.cert),
            ("PGSSLKEY", self.client.key),
        ):
            patch.setenv(name, str(path))
        super().__init__(folder / "postgres")

    def _initdb(self, password: Path) -> None:
        super()._initdb(password)
        (self._data / "pg_hba.conf").write_text(RULE, "utf-8")

    def _argv(self) -> Sequence[str]:
        files = {"cert": self.mine.cert, "key": self.mine.key, "ca": self.mine.ca}
        tls = [f"ssl_{what}_file={path}" for what, path in files.items()]
        return [*super()._argv(), *(word for one in ("ssl=on", *tls) for word in ("-c", one))]
