"""The receiver in docs/webhooks.md takes what we send, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.waiting import until

from beatstitch_gateway.webhooks.events import body_of, ping
from beatstitch_gateway.webhooks.post import Poster
from beatstitch_gateway.webhooks.signing import new_secret, secret_text, signed_headers
from beatstitch_stack.ports import accepts, free_port

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SECRET = new_secret()


@pytest.fixture
def receiver() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    port = free_port()
    (code,) = EXAMPLES
    process = subprocess.Popen(
        [sys.executable, "-c", code.replace("8000", str(port))],
        env={**os.environ, "WEBHOOK_SECRET": secret_text(SECRET)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        yield port, process
        process.kill()


async def test_the_example_checks_signatures(receiver):
    port, process = receiver
    await until(lambda: accepts(port))
    poster, event = Poster("127.0.0.0/8"), ping()
    body, url, now = body_of(event), f"http://127.0.0.1:{port}/", int(time.time())
    good = signed_headers(SECRET, event.id, now, body)
    assert (await poster.post(url, good, body)).status == 204
    for headers, sent in (
        (signed_headers(new_secret(), event.id, now, body), body),
        (signed_headers(SECRET, event.id, now - 3600, body), body),
        (good, body + b" "),
    ):
        assert (await poster.post(url, headers, sent)).status == 401
    process.kill()
    assert process.stdout.read().splitlines() == ["ping", "not ours", "not ours", "not ours"]
