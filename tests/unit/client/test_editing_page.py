"""docs/editing.md says what the server and the command understand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from typer.main import get_command

from beatstitch.v1 import analysis_service_pb2, timeline_service_pb2  # noqa: F401 - known to the pool
from beatstitch_client.cli.main import app

PAGE = (Path(__file__).parents[3] / "docs" / "editing.md").read_text("utf-8")
CALLS = re.findall(r"bs -d '([^']*)'[^$']*\$SERVER (beatstitch\.v1\.\w+)/(\w+)", PAGE)
COMMANDS = re.findall(r"^beatstitch timeline ([^#\n]*)", PAGE, re.MULTILINE)


def test_there_is_something_to_look_at():
    assert len(CALLS) >= 10
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize(("body", "service", "method"), CALLS)
def test_each_call_is_one(body: str, service: str, method: str):
    pool = descriptor_pool.Default()
    described = pool.FindServiceByName(service).methods_by_name[method]
    request = message_factory.GetMessageClass(described.input_type)
    json_format.Parse(body, request())


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_is_one(line: str):
    words = line.split()
    group = get_command(app).commands["timeline"]  # type: ignore[attr-defined]
    command = group.commands[words[0]]
    command.make_context(words[0], words[1:])
