"""What an operator may say about a tenant, and what a change makes of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from beatstitch.v1 import tenant_pb2
from beatstitch.v1.tenant_pb2 import Quotas, RateCategory, RetentionPolicy, Tenant
from beatstitch_gateway.validation import MAX_NAME, Check

# A tenant's name is a token of NATS subjects and a folder of the bucket.
TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
TOP = ("display_name", "suspended", "quotas", "retention")
CHANGEABLE = frozenset(
    {
        *TOP,
        *(f"quotas.{field.name}" for field in Quotas.DESCRIPTOR.fields),
        *(f"retention.{field.name}" for field in RetentionPolicy.DESCRIPTOR.fields),
    }
)
# About ten thousand years, as protobuf's durations end.
MAX_DURATION_S = 315_576_000_000


def is_tenant_id(text: str) -> bool:
    """Whether a tenant can be called so."""
    return TENANT.fullmatch(text) is not None


def check_tenant(check: Check, tenant: Tenant) -> None:
    """Notes what can't be in a tenant's name, quotas and retention."""
    check.that(
        len(tenant.display_name) <= MAX_NAME,
        "tenant.display_name",
        f"has at most {MAX_NAME} characters",
    )
    _check_quotas(check, tenant.quotas)
    retention = tenant.retention
    for field, value in retention.ListFields():
        if isinstance(value, Duration):
            check.that(
                _is_duration(value), f"tenant.retention.{field.name}", "is not a valid duration"
            )
    check.that(
        retention.max_chunk_bytes >= -1,
        "tenant.retention.max_chunk_bytes",
        "is a number of bytes, 0 for the default or -1 for no limit",
    )


def check_mask(check: Check, paths: Collection[str]) -> None:
    """Notes paths that name nothing that may be changed."""
    check.that(
        set(paths) <= CHANGEABLE,
        "update_mask",
        f"may name {', '.join(TOP)} and fields of the last two",
    )


def changed(tenant: Tenant, given: Tenant, paths: Sequence[str]) -> Tenant:
    """The tenant with what the paths name taken from `given`; no paths are all."""
    result, source = Tenant(), Tenant()
    result.CopyFrom(tenant)
    source.CopyFrom(given)
    # What isn't there is taken too: as the default.
    source.quotas.SetInParent()
    source.retention.SetInParent()
    mask = FieldMask(paths=paths or TOP)
    mask.MergeMessage(source, result, True, True)  # replaces messages, and lists
    for name in ("quotas", "retention"):
        if not getattr(result, name).ByteSize():
            result.ClearField(name)  # nothing said is said in one way, for the etag
    return result


def _check_quotas(check: Check, quotas: Quotas) -> None:
    for field, value in quotas.ListFields():
        if isinstance(value, int):
            check.that(
                value >= -1,
                f"tenant.quotas.{field.name}",
                "is a number, 0 for the default or -1 for no limit",
            )
    seen = set()
    for index, limit in enumerate(quotas.rate_limits):
        name = f"tenant.quotas.rate_limits[{index}]"
        known = limit.category in RateCategory.values()
        check.that(
            known and limit.category != tenant_pb2.RATE_CATEGORY_UNSPECIFIED,
            f"{name}.category",
            "is required: one of RateCategory",
        )
        check.that(limit.category not in seen, f"{name}.category", "is named twice")
        seen.add(limit.category)
        check.that(limit.per_minute >= 0, f"{name}.per_minute", "can't be negative")
        check.that(limit.burst >= 0, f"{name}.burst", "can't be negative")


def _is_duration(value: Duration) -> bool:
    fits = abs(value.seconds) <= MAX_DURATION_S and abs(value.nanos) < 1_000_000_000
    return fits and value.seconds * value.nanos >= 0
