"""Messages as JSON or bytes, and errors with all that gRPC would send."""

from __future__ import annotations

import base64
import json
from typing import Any

import grpc
from connectrpc.code import Code
from connectrpc.codec import Codec
from connectrpc.errors import ConnectError, ErrorDetail
from connectrpc.interceptor import MetadataInterceptor
from connectrpc.request import RequestContext
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2  # noqa: F401 - so that details can be unpacked by name
from google.rpc.status_pb2 import Status
from protobuf import message_from_json_value
from protobuf.wkt import Any as WireAny
from protobuf.wkt import Struct

from beatstitch.v1 import failure_pb2
from beatstitch_core.error_details import status_of
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.rpc.errors import code_of

_CODES: dict[grpc.StatusCode, Code] = {
    code: Code.CANCELED if code is grpc.StatusCode.CANCELLED else Code[code.name]
    for code in grpc.StatusCode
    if code is not grpc.StatusCode.OK
}
# What Connect's own refusals, which know no reasons, are called here.
REASONS = {
    Code.INVALID_ARGUMENT: failure_pb2.ERROR_REASON_FIELD_INVALID,
    Code.RESOURCE_EXHAUSTED: failure_pb2.ERROR_REASON_INPUT_TOO_LARGE,
    Code.DEADLINE_EXCEEDED: failure_pb2.ERROR_REASON_DEADLINE_EXCEEDED,
    Code.UNIMPLEMENTED: failure_pb2.ERROR_REASON_UNIMPLEMENTED,
}


class BinaryCodec(Codec[Message, Message]):
    """Messages as bytes."""

    def name(self) -> str:
        """As in the content type."""
        return "proto"

    def encode(self, message: Message) -> bytes:
        """Bytes of a reply."""
        return message.SerializeToString()

    def decode(self, data: bytes | bytearray, message_class: type[Message]) -> Message:
        """A request of bytes.

        Raises:
            ConnectError: INVALID_ARGUMENT, with a reason.
        """
        try:
            return message_class.FromString(bytes(data))
        except DecodeError as error:
            raise unreadable(f"the request is no {message_class.DESCRIPTOR.name}") from error


class JsonCodec(Codec[Message, Message]):
    """Messages as proto3 JSON. Unknown fields are refused: in JSON they are mostly typos."""

    def name(self) -> str:
        """As in the content type."""
        return "json"

    def encode(self, message: Message) -> bytes:
        """JSON of a reply; fields with their default value are left out, as everywhere."""
        return json_format.MessageToJson(message, indent=None, ensure_ascii=False).encode()

    def decode(self, data: bytes | bytearray, message_class: type[Message]) -> Message:
        """A request of JSON; nothing at all is the empty request.

        Raises:
            ConnectError: INVALID_ARGUMENT, with a reason.
        """
        message = message_class()
        try:
            return json_format.Parse(bytes(data), message) if data else message
        except (json_format.ParseError, RecursionError, ValueError) as error:
            raise unreadable(str(error)[:500]) from error


class Detail(ErrorDetail):
    """A detail of an error that is readable too: JSON beside the bytes, for people with curl."""

    def __init__(self, packed: PackedAny) -> None:
        super().__init__(WireAny(type_url=packed.type_url, value=packed.value))
        self._packed = packed

    def value(self, *_type: object) -> Struct:  # type: ignore[override]
        """The detail as JSON; Connect shows it as `debug`."""
        return message_from_json_value(Struct, self.shown())

    def shown(self) -> dict[str, Any]:
        """The detail as JSON, without the name of its type."""
        shown: dict[str, Any] = json_format.MessageToDict(self._packed)
        shown.pop("@type", None)
        return shown


def wire_error(code: grpc.StatusCode, message: str, packed_status: bytes) -> ConnectError:
    """The error of a call that a handler or an interceptor ended."""
    status = Status.FromString(packed_status)
    return ConnectError(_CODES[code], message, [Detail(packed) for packed in status.details])


def of_ours(error: BeatStitchError) -> ConnectError:
    """An error of ours that no interceptor has turned into a status."""
    return wire_error(code_of(error), error.message, status_of(error).SerializeToString())


def unreadable(message: str) -> ConnectError:
    """INVALID_ARGUMENT for a request that isn't one."""
    return of_ours(BeatStitchError(failure_pb2.ERROR_REASON_FIELD_INVALID, message))


def error_json(error: ConnectError) -> bytes:
    """The error as Connect writes it, where no method of Connect's answers."""
    details = [
        {
            "type": detail.type_name,
            "value": base64.b64encode(detail.message_bytes).decode().rstrip("="),
            **({"debug": detail.shown()} if isinstance(detail, Detail) else {}),
        }
        for detail in error.details
    ]
    return json.dumps(
        {"code": error.code.value, "message": error.message, "details": details}
    ).encode()


class Reasons(MetadataInterceptor[None]):
    """Gives Connect's own refusals a reason: too large a body, a deadline, a bad encoding."""

    async def on_start(self, _context: RequestContext[object, object], /) -> None:
        """Nothing yet."""

    async def on_end(
        self,
        _token: None,
        _context: RequestContext[object, object],
        error: Exception | None = None,
        /,
    ) -> None:
        """Raises the better error in place of the bare one.

        Raises:
            ConnectError: The same code and words, and a reason.
        """
        if isinstance(error, ConnectError) and not error.details:
            reason = REASONS.get(error.code)
            if reason is not None:
                better = of_ours(BeatStitchError(reason, error.message))
                raise ConnectError(error.code, error.message, better.details) from error
