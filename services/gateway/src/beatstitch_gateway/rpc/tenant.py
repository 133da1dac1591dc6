"""TenantService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

from beatstitch.v1.tenant_service_pb2 import (
    CreateApiKeyRequest,
    CreateApiKeyResponse,
    GetCallerRequest,
    GetCallerResponse,
    ListApiKeysRequest,
    ListApiKeysResponse,
    ListAuditEventsRequest,
    ListAuditEventsResponse,
    RevokeApiKeyRequest,
    RevokeApiKeyResponse,
    RotateApiKeyRequest,
    RotateApiKeyResponse,
)
from beatstitch.v1.tenant_service_pb2_grpc import TenantServiceServicer
from beatstitch_gateway import paging
from beatstitch_gateway.auth import Context, current_caller
from beatstitch_gateway.db import api_keys, audit, tenants
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.keys import is_key_id
from beatstitch_gateway.quotas import usage
from beatstitch_gateway.tenants import keys
from beatstitch_gateway.tenants.named import named_tenant
from beatstitch_gateway.validation import Check

_KEYS = "api_keys"
_EVENTS = "audit_events"
_MAX_PRINCIPAL = 256


class TenantRpc(TenantServiceServicer):
    """The caller, its tenant's keys, and what was done."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def GetCaller(self, request: GetCallerRequest, context: Context) -> GetCallerResponse:
        """Who the caller is, and what its tenant may use and uses."""
        caller = current_caller()
        async with self._deps.database.transaction() as tx:
            tenant = await tenants.get(tx, caller.tenant)
            tenant.quotas.CopyFrom(await self._deps.quotas.limits.of(tx, caller.tenant))
            used = await usage.of(tx, caller.tenant)
        return GetCallerResponse(
            tenant=tenant,
            principal=caller.principal,
            role=caller.role,
            project_ids=sorted(caller.project_ids),
            usage=used,
        )

    async def CreateApiKey(
        self, request: CreateApiKeyRequest, context: Context
    ) -> CreateApiKeyResponse:
        """Makes a key and tells its secret, once."""
        keys.check_create(request)
        caller = current_caller()
        secret = ""

        async def work(tx: Transaction) -> CreateApiKeyResponse:
            nonlocal secret
            key, secret = await keys.create(tx, caller, request)
            return CreateApiKeyResponse(api_key=key)

        call = Call(caller.tenant, request)
        reply = await once(self._deps.database, call, CreateApiKeyResponse, work)
        reply.secret = secret  # after the reply was stored, so that it is stored nowhere
        return reply

    async def ListApiKeys(
        self, request: ListApiKeysRequest, context: Context
    ) -> ListApiKeysResponse:
        """The tenant's keys, newest first."""
        wanted = paging.Wanted(_KEYS, request, str, text=is_key_id)
        async with self._deps.database.transaction() as tx:
            tenant = await named_tenant(tx, current_caller(), request.tenant_id)
            rows = await api_keys.page(tx, tenant, wanted.rows, wanted.after_id)
        page, token = wanted.cut(rows, lambda row: [row.id])
        return ListApiKeysResponse(api_keys=page, next_page_token=token)

    async def RotateApiKey(
        self, request: RotateApiKeyRequest, context: Context
    ) -> RotateApiKeyResponse:
        """Makes a key with another's rights; the other one ends after the overlap."""
        keys.check_rotate(request)
        caller = current_caller()
        secret = ""

        async def work(tx: Transaction) -> RotateApiKeyResponse:
            nonlocal secret
            key, secret = await keys.rotate(tx, caller, request)
            return RotateApiKeyResponse(api_key=key)

        call = Call(caller.tenant, request)
        reply = await once(self._deps.database, call, RotateApiKeyResponse, work)
        self._deps.identities.forget(request.api_key_id)
        reply.secret = secret
        return reply

    async def RevokeApiKey(
        self, request: RevokeApiKeyRequest, context: Context
    ) -> RevokeApiKeyResponse:
        """Ends a key."""
        check = Check()
        check.request_id(request.request_id)
        check.done()
        caller = current_caller()

        async def work(tx: Transaction) -> RevokeApiKeyResponse:
            return RevokeApiKeyResponse(api_key=await keys.revoke(tx, caller, request))

        call = Call(caller.tenant, request)
        reply = await once(self._deps.database, call, RevokeApiKeyResponse, work)
        self._deps.identities.forget(request.api_key_id)
        return reply

    async def ListAuditEvents(
        self, request: ListAuditEventsRequest, context: Context
    ) -> ListAuditEventsResponse:
        """What was done and tried, newest first."""
        wanted = paging.Wanted(_EVENTS, request, str)
        check = Check()
        check.time(request, "start_time")
        check.time(request, "end_time")
        check.that(
            len(request.principal) <= _MAX_PRINCIPAL and request.principal.isprintable(),
            "principal",
            'is "key:<id>" or "jwt:<subject>"',
        )
        check.done()
        async with self._deps.database.transaction() as tx:
            rows = await audit.page(
                tx,
                await named_tenant(tx, current_caller(), request.tenant_id),
                wanted.rows,
                wanted.after_id,
                since=request.start_time if request.HasField("start_time") else None,
                until=request.end_time if request.HasField("end_time") else None,
                principal=request.principal,
            )
        page, token = wanted.cut(rows, lambda row: [row.id])
        return ListAuditEventsResponse(events=page, next_page_token=token)
