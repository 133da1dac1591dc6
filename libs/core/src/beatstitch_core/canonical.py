"""The canonical form of a document, and its hash.

Canonical JSON = proto3 JSON with the proto file's field names, default values left out, serialised
by RFC 8785 (keys sorted by UTF-16 code units, no spaces, ECMAScript numbers, UTF-8). 64-bit
integers are strings, as proto3 JSON has them. So any language with a proto3 JSON printer and an
RFC 8785 library gets the same bytes; tests/contract holds golden vectors.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

import rfc8785
from google.protobuf import json_format
from google.protobuf.message import Message

from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.canonical_writer import writer_of

M = TypeVar("M", bound=Message)


def canonical_json(message: Message) -> bytes:
    """The message's canonical JSON, UTF-8."""
    writer = writer_of(message.DESCRIPTOR)
    return writer(message).encode() if writer is not None else canonical_json_by_dict(message)


def canonical_json_by_dict(message: Message) -> bytes:
    """The same by way of protobuf's own JSON: the definition, and the way for any message."""
    return rfc8785.dumps(json_format.MessageToDict(message, preserving_proto_field_name=True))


def parse_json(data: bytes, into: M) -> M:
    """Reads JSON (canonical or not) into the empty message `into` and returns it.

    Raises:
        google.protobuf.json_format.ParseError: The bytes are not JSON of this message.
    """
    return json_format.Parse(data, into)


def sha256_hex(data: bytes) -> str:
    """Lower-case hex SHA-256; 64 characters."""
    return hashlib.sha256(data).hexdigest()


def message_hash(message: Message) -> str:
    """SHA-256 over the message's canonical JSON, lower-case hex."""
    return sha256_hex(canonical_json(message))


def edl_hash(edl: Edl) -> str:
    """The EDL's name: SHA-256 over its canonical JSON, lower-case hex."""
    return message_hash(edl)
