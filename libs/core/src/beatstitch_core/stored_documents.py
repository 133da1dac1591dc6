"""Documents out of the bucket: JSON there, messages here."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from google.protobuf.json_format import ParseError
from google.protobuf.message import Message

from beatstitch.v1 import failure_pb2
from beatstitch_core.canonical import parse_json, sha256_hex
from beatstitch_core.errors import BeatStitchError

if TYPE_CHECKING:
    from beatstitch.v1.common_pb2 import ObjectRef

M = TypeVar("M", bound=Message)


def read_stored(data: bytes, ref: ObjectRef, into: M, what: str) -> M:
    """A document, held against the checksum by which its job names it.

    Args:
        data: The object's bytes.
        ref: What they are to be; without a sha256 anything goes that can be read.
        into: An empty message.
        what: The document's name for people: "beat grid", "EDL".

    Returns:
        `into`, filled.

    Raises:
        BeatStitchError: INTERNAL when the object isn't what the reference says.
    """
    try:
        document = parse_json(data, into)
    except (ParseError, ValueError) as error:
        raise _damaged(ref, what) from error
    if ref.sha256 not in {"", sha256_hex(data)}:
        raise _damaged(ref, what)
    return document


def _damaged(ref: ObjectRef, what: str) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_INTERNAL,
        f"the stored {what} is damaged",
        metadata={"key": ref.key},
    )
