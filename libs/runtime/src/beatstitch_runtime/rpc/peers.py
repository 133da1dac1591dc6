"""Who may call: the name in a client's certificate.

That an authority of ours signed it says "one of ours". Which one, the name says: an engine works
for the gateway, not for whoever got hold of another service's key.
"""

from __future__ import annotations

from typing import Any

import grpc.aio

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError

_NAMES = "x509_subject_alternative_name"
# Probes bring a certificate of their own, if any.
_OPEN = "/grpc.health."


def wanted_names(text: str) -> frozenset[str]:
    """The names of a setting: "gateway, operator"; none when any will do."""
    return frozenset(name for part in text.split(",") if (name := part.strip()))


def check_peer(
    method: str, context: grpc.aio.ServicerContext[Any, Any], names: frozenset[str]
) -> None:
    """Let a call pass whose client's certificate carries one of the names (SAN).

    Args:
        method: "/package.Service/Method"; health is for everybody whom the handshake let in.
        context: The call's.
        names: Of which one is wanted; empty for any.

    Raises:
        BeatStitchError: PERMISSION_DENIED.
    """
    if not names or method.startswith(_OPEN):
        return
    shown = {name.decode("utf-8", "replace") for name in context.auth_context().get(_NAMES, ())}
    if not shown & names:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_PERMISSION_DENIED,
            "this port does not work for the holder of this certificate",
        )
