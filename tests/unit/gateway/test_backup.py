"""What a backup copies, and how PostgreSQL's programs are told where the database is."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from beatstitch_gateway.backup import manifest, postgres
from beatstitch_gateway.backup.manifest import FORMAT, Kept, Summary
from beatstitch_gateway.settings import DatabaseSettings
from beatstitch_runtime.tls import TlsFiles

URL = "postgresql+asyncpg://me:p%40ss%2Fword@db.example:6432/films"


@pytest.mark.parametrize(
    ("key", "copied"),
    [
        ("t/a/in/0192", True),
        ("t/a/edl/ab/abcd.json", True),
        ("t/a/grid/ab/abcd", True),
        ("t/a/out/ab/abcd.mp4", True),
        ("t/a/chunk/ab/abcd.h264", False),
        ("t/a/audio/ab/abcd", False),
        ("elsewhere/thing", False),
        ("t/a", False),
    ],
)
def test_what_is_worth_copying(key, copied):
    assert manifest.worth_copying(key) is copied


def test_lines_come_back_as_they_were():
    objects = [
        Kept("t/a/in/x", 5, "2026-01-01T00:00:00+00:00", "ab" * 32, copied=True),
        Kept("t/ä/in/\n", 0, ""),
    ]
    assert list(manifest.load(manifest.dump(objects))) == objects


def test_what_changed_is_read_again():
    kept = Kept("k", 5, "then", "ab", copied=True)
    assert manifest.same(kept, "k", 5, "then")
    assert not manifest.same(kept, "k", 6, "then")
    assert not manifest.same(kept, "k", 5, "now")
    assert not manifest.same(Kept("k", 5, "then"), "k", 5, "then")
    assert not manifest.same(None, "k", 5, "then")


def test_a_newer_format_is_refused():
    one = Summary(FORMAT, "t", "r", "a", "b", 1, 1, 1)
    assert Summary.load(one.dump()) == one
    with pytest.raises(ValueError, match=r"format 2\.0"):
        Summary.load(one.dump().replace(f'"{FORMAT}"', '"2.0"'))
    for wrong in ("[]", "{}", "no json"):
        with pytest.raises(ValueError, match="not one of ours"):
            Summary.load(wrong)


def test_no_password_on_a_command_line(tmp_path):
    tls = TlsFiles(tmp_path / "ca", tmp_path / "cert", tmp_path / "key")
    found = postgres.libpq_environment(URL, tls)
    assert found["PGPASSWORD"] == "p@ss/word"
    assert (found["PGHOST"], found["PGPORT"], found["PGDATABASE"]) == (
        "db.example",
        "6432",
        "films",
    )
    assert found["PGSSLMODE"] == "verify-full"
    assert "PGSSLMODE" not in postgres.libpq_environment(URL, None)


def test_the_same_for_a_pg_dump_elsewhere():
    settings = DatabaseSettings(database_url=SecretStr(URL))
    lines = postgres.service_file(settings).splitlines()
    assert lines[0] == "[beatstitch]"
    assert "password=p@ss/word" in lines
    assert "dbname=films" in lines
