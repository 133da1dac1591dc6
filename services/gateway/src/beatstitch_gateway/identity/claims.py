"""What a checked token says: tenant, role, projects. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from beatstitch.v1 import tenant_pb2
from beatstitch.v1.tenant_pb2 import Role
from beatstitch_core.ids import is_id
from beatstitch_gateway.auth import Caller, role_name, unauthenticated
from beatstitch_gateway.tenants.settings import is_tenant_id

MAX_SUBJECT = 128
MAX_PROJECTS = 100
# No token makes an operator: who may issue tokens for one tenant must not thereby run the whole.
ROLES = {
    role_name(role): role
    for role in (tenant_pb2.ROLE_VIEWER, tenant_pb2.ROLE_EDITOR, tenant_pb2.ROLE_OWNER)
}


def claim(claims: Mapping[str, Any], name: str) -> object:
    """A claim by its name, or by the way to it: "realm_access.roles"."""
    if name in claims:
        return claims[name]  # names that are URLs have dots of their own
    value: object = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def caller_of(
    claims: Mapping[str, Any], *, tenant_claim: str, role_claim: str, projects_claim: str
) -> Caller:
    """Who a checked token is of.

    Raises:
        BeatStitchError: UNAUTHENTICATED: it says no tenant or no role, or what can't be.
    """
    tenant = claim(claims, tenant_claim)
    if not isinstance(tenant, str) or not is_tenant_id(tenant):
        raise unauthenticated(f"the token names no tenant in {tenant_claim!r}")
    role = _role(claim(claims, role_claim))
    if role is None:
        raise unauthenticated(
            f"the token names no role in {role_claim!r}; there are: {', '.join(ROLES)}"
        )
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.isprintable() or len(subject) > MAX_SUBJECT:
        raise unauthenticated("the token's subject is not 1 to 128 printable characters")
    if not subject:
        raise unauthenticated("the token has no subject")
    projects = _projects(claim(claims, projects_claim) if projects_claim else None)
    return Caller(tenant, f"jwt:{subject}", role, projects)


def _role(value: object) -> Role.ValueType | None:
    """The highest role among the names."""
    names = value if isinstance(value, list) else [value]
    known = [
        ROLES[name.lower()] for name in names if isinstance(name, str) and name.lower() in ROLES
    ]
    return max(known, default=None)


def _projects(value: object) -> frozenset[str]:
    """The projects that a token is limited to; a claim that is there and empty limits to none."""
    if value is None:
        return frozenset()
    items = value if isinstance(value, list) else []
    ids = frozenset(item for item in items if isinstance(item, str) and is_id(item))
    if not 0 < len(items) <= MAX_PROJECTS or any(str(item) not in ids for item in items):
        raise unauthenticated(f"the token's projects are not 1 to {MAX_PROJECTS} ids")
    return ids
