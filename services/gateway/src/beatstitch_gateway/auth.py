"""Who calls. Set before any handler runs; see `identity/` for how it is found out."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import grpc.aio

from beatstitch.v1 import failure_pb2, tenant_pb2
from beatstitch.v1.tenant_pb2 import Role
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import scope

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who proved who they are.

    Attributes:
        tenant: In whose name it calls.
        principal: Who: "key:<id>" or "jwt:<subject>".
        role: What it may do.
        project_ids: The only projects it sees; empty for all.
        suspended: Whether the tenant's calls are refused.
    """

    tenant: str
    principal: str
    role: Role.ValueType
    project_ids: frozenset[str] = frozenset()
    suspended: bool = False

    @property
    def is_operator(self) -> bool:
        """Whether it runs the installation."""
        return self.role == tenant_pb2.ROLE_OPERATOR

    def sees(self, project_id: str) -> bool:
        """Whether it may know of a project of its tenant."""
        return not self.project_ids or project_id in self.project_ids


_caller: ContextVar[Caller] = ContextVar("caller")


def current_caller() -> Caller:
    """Whose call is being served."""
    return _caller.get()


def current_tenant() -> str:
    """In whose name the call being served is made."""
    return _caller.get().tenant


def enter(caller: Caller) -> None:
    """Notes the caller, and what it may see, for the rest of the call."""
    _caller.set(caller)
    scope.limit_to(caller.project_ids)


def role_name(role: Role.ValueType) -> str:
    """The role as people write it: "editor"."""
    return Role.Name(role).removeprefix("ROLE_").lower()


def unauthenticated(message: str) -> BeatStitchError:
    """UNAUTHENTICATED."""
    return BeatStitchError(failure_pb2.ERROR_REASON_UNAUTHENTICATED, message)
