"""Which tenant a request means."""

from __future__ import annotations

from beatstitch_gateway.auth import Caller
from beatstitch_gateway.db import tenants
from beatstitch_gateway.db.tenants import no_tenant
from beatstitch_gateway.db.transaction import Transaction


async def named_tenant(tx: Transaction, caller: Caller, tenant_id: str) -> str:
    """The tenant of this id, the caller's where it is empty.

    Raises:
        BeatStitchError: TENANT_NOT_FOUND: there is none, or it isn't the caller's and the caller is
            no operator.
    """
    if tenant_id in {"", caller.tenant}:
        return caller.tenant
    if not caller.is_operator:
        raise no_tenant(tenant_id)
    return (await tenants.get(tx, tenant_id)).id
