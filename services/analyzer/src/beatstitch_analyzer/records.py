"""Finished work that is found again: a small record beside the artefacts it names.

The record is written last, so a record means that everything it names was stored; artefacts that a
cleaner has taken since are made again.
"""

from __future__ import annotations

from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from beatstitch.v1 import failure_pb2
from beatstitch_core.canonical import canonical_json, parse_json
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.storage import Storage

M = TypeVar("M", bound=Message)


async def read_record(storage: Storage, key: str, into: M) -> M | None:
    """The record, or None where there is none that can be read."""
    try:
        return parse_json(await storage.get(key), into)
    except BeatStitchError as error:
        if error.reason == failure_pb2.ERROR_REASON_OBJECT_MISSING:
            return None
        raise
    except json_format.ParseError:
        return None


async def write_record(storage: Storage, key: str, record: Message) -> None:
    """Stores the record."""
    await storage.put(key, canonical_json(record))
