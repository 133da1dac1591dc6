"""Logs: their shape, their context, and what never gets into them."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import pytest

from beatstitch_runtime.redaction import RedactingFilter, redact
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.telemetry import (
    JsonFormatter,
    TextFormatter,
    bind,
    configure_logging,
    current_context,
    log_context,
    request_id,
)

SECRETS = [
    ("authorization: Bearer abc.def-123", "abc.def"),
    ("Authorization=Basic dXNlcjpwYXNz", "dXNl"),
    ("{'authorization': 'Bearer abc.def'}", "abc.def"),
    ('{"authorization": "bsk_live_0a-Z"}', "live_0a"),
    ("(('authorization', 'Bearer abc.def'),)", "abc.def"),
    ("x-api-key: 0123456789", "0123456789"),
    ("key bsk_test_4f5e6d refused", "4f5e6d"),
    ("token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl refused", "c2lnbmF0dXJl"),
    ("unsigned eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ. refused", "eyJzdWIi"),
    ("GET http://h/b/k?X-Amz-Date=1&X-Amz-Signature=deadbeef&x=1", "deadbeef"),
    ("http://h/k?X-Amz-Credential=AKIA%2F2026&y=2", "AKIA"),
    ("x-amz-security-token=tok/en+=", "tok/en"),
    ("nats://user:pass-word@host:4222", "pass-word"),
    ("postgresql+asyncpg://me:s3cr3t@db/x", "s3cr3t"),
    ("postgresql://me:p/w@db/x", "p/w"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_masked(text, secret):
    assert secret not in redact(text)
    assert "[redacted]" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "no authorization was asked for",
        "GET http://h/b/k?X-Amz-Date=20260101T000000Z",
        "bsk is not a key",
        "dns:///host:50051 and nats://host:4222",
        '{"method": "beatstitch.v1.ProjectService/GetProject"}',
    ],
)
def test_the_rest_stays(text):
    assert redact(text) == text


def make_record(message="hello %s", args=("you",), **extra):
    record = logging.LogRecord("beatstitch.test", logging.INFO, "f.py", 1, message, args, None)
    record.__dict__.update(extra)
    return record


def test_json_lines():
    with log_context(request_id="r1", tenant="t1", job_id=""):
        line = json.loads(JsonFormatter().format(make_record(seconds=1.5)))
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "beatstitch.test",
        "message": "hello you",
        "request_id": "r1",
        "tenant": "t1",
        "seconds": 1.5,
    }


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_redacted_line_is_still_json(text, secret):
    line = JsonFormatter().format(make_record(text, ()))
    assert secret not in line
    json.loads(line)


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_secrets_in_tracebacks_and_extras_are_masked(formatter):
    try:
        raise ValueError("https://h/k?X-Amz-Signature=deadbeef")  # noqa: TRY301
    except ValueError:
        record = make_record(url="bsk_secret1", weird=object())
        record.exc_info = sys.exc_info()
    text = formatter.format(record)
    assert "ValueError" in text
    assert "deadbeef" not in text
    assert "secret1" not in text


def test_the_filter_masks_for_foreign_handlers():
    record = make_record("key %s", ("bsk_secret",))
    assert RedactingFilter().filter(record)
    assert record.getMessage() == "key [redacted]"
    percent = make_record("100%% of bsk_secret", ())
    percent.msg, percent.args = "100% of bsk_secret", None
    RedactingFilter().filter(percent)
    assert percent.getMessage() == "100% of [redacted]"


async def test_context_belongs_to_the_task():
    async def job(name):
        with log_context(job_id=name):
            await asyncio.sleep(0)
            bind(tenant=f"of {name}")
            await asyncio.sleep(0)
            return dict(current_context())

    with log_context(request_id="r"):
        a, b = await asyncio.gather(job("a"), job("b"))
        assert request_id() == "r"
    assert a == {"request_id": "r", "job_id": "a", "tenant": "of a"}
    assert b == {"request_id": "r", "job_id": "b", "tenant": "of b"}
    assert current_context() == {}
    assert request_id() != request_id()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_configured_logs_go_to_stdout(capsys, log_format):
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure_logging(ServiceSettings(log_format=log_format, log_level="warning"))
        logging.getLogger("x").info("quiet")
        logging.getLogger("x").warning("loud bsk_secret", extra={"n": 1})
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    out = capsys.readouterr().out
    assert "quiet" not in out
    assert "loud [redacted]" in out
