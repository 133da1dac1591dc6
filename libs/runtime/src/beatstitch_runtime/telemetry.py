"""Structured logs: one line an event, with who asked and what for.

`log_context(job_id=…)` adds fields to every line written inside it, in the same task and in those
it starts. Each line passes the redaction.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

from beatstitch_core.ids import new_id
from beatstitch_runtime.redaction import RedactingFilter, redact
from beatstitch_runtime.settings import ServiceSettings

FIELDS: Final = ("request_id", "tenant", "project_id", "job_id", "trace_id")

# A UUID has 36 letters.
LONGEST_ID: Final = 64

_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default={})  # noqa: B039
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
# Libraries that tell every retry at INFO.
_CHATTY = ("nats", "nats.aio.client", "asyncio", "grpc", "grpc._cython.cygrpc")


@contextmanager
def log_context(**fields: str) -> Iterator[None]:
    """Add fields (of `FIELDS`, or others) to the log lines written inside; empty ones are left."""
    token = _context.set({**_context.get(), **{k: v for k, v in fields.items() if v}})
    try:
        yield
    finally:
        _context.reset(token)


def bind(**fields: str) -> None:
    """Add fields until the surrounding `log_context`, or the task, ends."""
    _context.set({**_context.get(), **{k: v for k, v in fields.items() if v}})


def bind_ids(message: object) -> None:
    """Add the ids that a request names, `project_id` and `job_id`, as `bind` does."""
    for name in ("project_id", "job_id"):
        value = getattr(message, name, "")
        # Whatever the client wrote: checked later, logged until then.
        if isinstance(value, str) and len(value) <= LONGEST_ID and value.isprintable():
            bind(**{name: value})


def current_context() -> Mapping[str, str]:
    """The fields that a line written now would carry."""
    return _context.get()


def request_id() -> str:
    """The id of the call or job being worked on; a new one outside of any."""
    return _context.get().get("request_id") or new_id()


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {k: v for k, v in record.__dict__.items() if k not in _STANDARD}


class JsonFormatter(logging.Formatter):
    """A line of JSON: time, level, logger, message, context, extras, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_context.get(),
            **_extras(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, ensure_ascii=False, default=str))


class TextFormatter(logging.Formatter):
    """A line for people, context and extras at its end."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, its traceback below."""
        stamp = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        fields = {**_context.get(), **_extras(record)}
        tail = "".join(f" {key}={value}" for key, value in fields.items())
        text = f"{stamp} {record.levelname:<7} {record.name}: {record.getMessage()}{tail}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return redact(text)


def configure_logging(settings: ServiceSettings) -> None:
    """Send all logs to standard output in the format that the settings ask for."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
