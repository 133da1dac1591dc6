"""docs/batches.md and docs/webhooks.md say what the server and the command understand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from typer.main import get_command

from beatstitch.v1 import (  # noqa: F401 - known to the pool
    job_service_pb2,
    stitch_service_pb2,
    webhook_service_pb2,
)
from beatstitch.v1.webhook_pb2 import WebhookEvent
from beatstitch_client.cli.batch import read_items
from beatstitch_client.cli.exits import UsageError
from beatstitch_client.cli.main import app

DOCS = Path(__file__).parents[3] / "docs"
PAGES = "".join((DOCS / name).read_text("utf-8") for name in ("batches.md", "webhooks.md"))
CALLS = re.findall(r"bs -d '([^']*)'[^$']*\$SERVER (beatstitch\.v1\.\w+)/(\w+)", PAGES)
COMMANDS = re.findall(r"^beatstitch ([^#\n]*)", PAGES, re.MULTILINE)
FILES = re.findall(r"^echo '(.*)' > ", PAGES, re.MULTILINE)
EVENTS = re.findall(r"```json\n(.*?)```", PAGES, re.DOTALL)


def test_there_is_something_to_look_at():
    assert (len(CALLS), len(COMMANDS), len(FILES), len(EVENTS)) == (4, 9, 1, 1)


@pytest.mark.parametrize(("body", "service", "method"), CALLS)
def test_each_call_is_one(body: str, service: str, method: str):
    pool = descriptor_pool.Default()
    described = pool.FindServiceByName(service).methods_by_name[method]
    request = message_factory.GetMessageClass(described.input_type)
    json_format.Parse(body, request())


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_is_one(line: str):
    command, words = get_command(app), line.split()
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("beatstitch", words)


@pytest.mark.parametrize("text", FILES)
def test_each_file_is_one(text: str):
    assert len(read_items(text)) == 2
    assert read_items(json.dumps({"items": json.loads(text)})) == read_items(text)


@pytest.mark.parametrize("text", EVENTS)
def test_each_event_is_one(text: str):
    json_format.Parse(text, WebhookEvent())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("3", "list of stitches"),
        ('{"projects": []}', "list of stitches"),
        ('[{}, {"profil": "x"}]', "item 1"),
        ("[7]", "item 0"),
    ],
)
def test_other_files_are_refused(text: str, why: str):
    with pytest.raises(UsageError, match=why):
        read_items(text)
