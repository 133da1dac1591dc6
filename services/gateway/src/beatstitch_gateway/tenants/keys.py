"""Making, replacing and ending keys.

Nobody gets more than they have: a new key's role is at most its maker's, and a key of a higher role
is neither replaced (its successor's secret would be told) nor ended by a lower one.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from beatstitch.v1 import failure_pb2, tenant_pb2
from beatstitch.v1.tenant_pb2 import ApiKey as ApiKeyMessage
from beatstitch.v1.tenant_pb2 import Role
from beatstitch.v1.tenant_service_pb2 import (
    CreateApiKeyRequest,
    RevokeApiKeyRequest,
    RotateApiKeyRequest,
)
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_gateway.auth import Caller, role_name
from beatstitch_gateway.db import api_keys, projects
from beatstitch_gateway.db.not_found import not_found
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.keys import ApiKey
from beatstitch_gateway.tenants.named import named_tenant
from beatstitch_gateway.validation import MAX_NAME, Check

MAX_PROJECTS = 100
MIN_LIFETIME_S = 60.0
MAX_LIFETIME_S = 100 * 365 * 24 * 3600.0
MAX_OVERLAP_S = 30 * 24 * 3600.0
OVERLAP_S = 24 * 3600.0


def seconds(duration: Duration) -> float:
    """A duration's length, seconds."""
    return duration.seconds + duration.nanos / 1e9


def check_create(request: CreateApiKeyRequest) -> None:
    """What can be told without a look into the database.

    Raises:
        BeatStitchError: FIELD_INVALID.
    """
    check = Check()
    check.request_id(request.request_id)
    check.that(
        len(request.display_name) <= MAX_NAME
        and (not request.display_name or request.display_name.isprintable()),
        "display_name",
        f"has at most {MAX_NAME} printable characters",
    )
    check.that(
        request.role in Role.values() and request.role != tenant_pb2.ROLE_UNSPECIFIED,
        "role",
        "is required: ROLE_VIEWER, ROLE_EDITOR, ROLE_OWNER or ROLE_OPERATOR",
    )
    check.that(
        len(request.project_ids) <= MAX_PROJECTS,
        "project_ids",
        f"at most {MAX_PROJECTS} are allowed",
    )
    check.that(
        not request.project_ids or request.role != tenant_pb2.ROLE_OPERATOR,
        "project_ids",
        "an operator's key is for the whole installation",
    )
    if request.HasField("lifetime"):
        check.within(seconds(request.lifetime), MIN_LIFETIME_S, MAX_LIFETIME_S, "lifetime")
    check.done()


def check_rotate(request: RotateApiKeyRequest) -> None:
    """As `check_create`.

    Raises:
        BeatStitchError: FIELD_INVALID.
    """
    check = Check()
    check.request_id(request.request_id)
    if request.HasField("overlap"):
        check.within(seconds(request.overlap), 0.0, MAX_OVERLAP_S, "overlap")
    check.done()


async def create(
    tx: Transaction, caller: Caller, request: CreateApiKeyRequest
) -> tuple[ApiKeyMessage, str]:
    """A new key and its secret.

    Raises:
        BeatStitchError: TENANT_NOT_FOUND, PERMISSION_DENIED, PROJECT_NOT_FOUND.
    """
    tenant = await named_tenant(tx, caller, request.tenant_id)
    _need_role(caller, request.role)
    for project_id in sorted(set(request.project_ids)):
        await projects.get(tx, tenant, project_id)
    key = ApiKey.generate()
    made = await api_keys.insert(
        tx,
        tenant,
        key.key_id,
        key.secret_sha256,
        role=request.role,
        display_name=request.display_name,
        project_ids=request.project_ids,
        lifetime_s=seconds(request.lifetime) if request.HasField("lifetime") else None,
    )
    return made, key.text


async def rotate(
    tx: Transaction, caller: Caller, request: RotateApiKeyRequest
) -> tuple[ApiKeyMessage, str]:
    """A key with the rights of another, which ends after the overlap; and its secret.

    Raises:
        BeatStitchError: API_KEY_NOT_FOUND, also of one that has ended; PERMISSION_DENIED;
            FIELD_INVALID of one that was replaced before.
    """
    old = await _to_change(tx, caller, request.api_key_id)
    if await api_keys.find(tx, old.id) is None:
        raise no_key(old.id)
    newer = await api_keys.successor(tx, old.tenant_id, old.id)
    if newer:
        raise field_error("api_key_id", f"was replaced by {newer} before; replace that one")
    key = ApiKey.generate()
    lifetime_s = None
    if old.HasField("expire_time"):
        lifetime_s = (old.expire_time.ToMicroseconds() - old.create_time.ToMicroseconds()) / 1e6
    made = await api_keys.insert(
        tx,
        old.tenant_id,
        key.key_id,
        key.secret_sha256,
        role=old.role,
        display_name=old.display_name,
        project_ids=old.project_ids,
        lifetime_s=lifetime_s,
        rotated_from=old.id,
    )
    overlap_s = seconds(request.overlap) if request.HasField("overlap") else OVERLAP_S
    await api_keys.expire_within(tx, old.id, overlap_s)
    return made, key.text


async def revoke(tx: Transaction, caller: Caller, request: RevokeApiKeyRequest) -> ApiKeyMessage:
    """Ends a key; one that has ended stays as it is.

    Raises:
        BeatStitchError: API_KEY_NOT_FOUND, PERMISSION_DENIED.
    """
    key = await _to_change(tx, caller, request.api_key_id)
    await api_keys.revoke(tx, key.id)
    return await api_keys.get(tx, None, key.id) or key


def no_key(key_id: str) -> BeatStitchError:
    """API_KEY_NOT_FOUND."""
    return not_found(failure_pb2.ERROR_REASON_API_KEY_NOT_FOUND, "api_key", key_id)


async def _to_change(tx: Transaction, caller: Caller, key_id: str) -> ApiKeyMessage:
    tenant = None if caller.is_operator else caller.tenant
    key = await api_keys.get(tx, tenant, key_id, lock=True)
    if key is None:
        raise no_key(key_id)
    _need_role(caller, key.role)
    return key


def _need_role(caller: Caller, role: Role.ValueType) -> None:
    if caller.role < role:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_PERMISSION_DENIED,
            f"a key of role {role_name(role)} takes that role; yours is {role_name(caller.role)}",
            metadata={"role": role_name(caller.role), "needed_role": role_name(role)},
        )
