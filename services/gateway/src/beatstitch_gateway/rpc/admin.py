"""AdminService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

from beatstitch.v1.admin_service_pb2 import (
    CleanupRequest,
    CleanupResponse,
    CreateTenantRequest,
    CreateTenantResponse,
    GetTenantRequest,
    GetTenantResponse,
    ListDeadLettersRequest,
    ListDeadLettersResponse,
    ListTenantsRequest,
    ListTenantsResponse,
    RequeueDeadLettersRequest,
    RequeueDeadLettersResponse,
    UpdateTenantRequest,
    UpdateTenantResponse,
)
from beatstitch.v1.admin_service_pb2_grpc import AdminServiceServicer
from beatstitch.v1.tenant_pb2 import Tenant
from beatstitch_gateway import paging
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.db import dead_letters, tenants
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.etags import need_etag, stamp
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.jobs.requeue import requeue
from beatstitch_gateway.quotas import usage
from beatstitch_gateway.tenants.settings import changed, check_mask, check_tenant, is_tenant_id
from beatstitch_gateway.validation import Check

_TENANTS = "tenants"
_DEAD_LETTERS = "dead letters"
MAX_LETTERS = 1000


class AdminRpc(AdminServiceServicer):
    """Running an installation."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def CreateTenant(
        self, request: CreateTenantRequest, context: Context
    ) -> CreateTenantResponse:
        """Makes a tenant."""
        given = request.tenant
        check = Check()
        check.request_id(request.request_id)
        check.that(
            is_tenant_id(given.id),
            "tenant.id",
            "has 1 to 63 characters: a-z, 0-9 and hyphens, not a hyphen first",
        )
        check_tenant(check, given)
        check.done()

        async def work(tx: Transaction) -> CreateTenantResponse:
            tenant = changed(Tenant(id=given.id), given, ("display_name", "quotas", "retention"))
            tenant.create_time.GetCurrentTime()
            stamp(tenant)
            await tenants.insert(tx, tenant)
            return CreateTenantResponse(tenant=tenant)

        call = Call(current_tenant(), request)
        reply = await once(self._deps.database, call, CreateTenantResponse, work)
        self._deps.quotas.limits.forget(given.id)
        return reply

    async def GetTenant(self, request: GetTenantRequest, context: Context) -> GetTenantResponse:
        """One tenant, and what it uses."""
        async with self._deps.database.transaction() as tx:
            tenant = await tenants.get(tx, request.tenant_id)
            return GetTenantResponse(tenant=tenant, usage=await usage.of(tx, tenant.id))

    async def ListTenants(
        self, request: ListTenantsRequest, context: Context
    ) -> ListTenantsResponse:
        """All tenants, by id."""
        wanted = paging.Wanted(_TENANTS, request, str, text=is_tenant_id)
        async with self._deps.database.transaction() as tx:
            rows = await tenants.page(tx, wanted.rows, wanted.after_id)
        page, token = wanted.cut(rows, lambda row: [row.id])
        return ListTenantsResponse(tenants=page, next_page_token=token)

    async def UpdateTenant(
        self, request: UpdateTenantRequest, context: Context
    ) -> UpdateTenantResponse:
        """Changes a tenant."""
        paths = tuple(request.update_mask.paths)
        check = Check()
        check.request_id(request.request_id)
        check_mask(check, paths)
        check_tenant(check, request.tenant)
        check.done()

        async def work(tx: Transaction) -> UpdateTenantResponse:
            tenant = await tenants.get(tx, request.tenant.id, lock=True)
            need_etag(request.etag, tenant.etag, "tenant")
            tenant = changed(tenant, request.tenant, paths)
            stamp(tenant)
            await tenants.update(tx, tenant)
            return UpdateTenantResponse(tenant=tenant)

        call = Call(current_tenant(), request)
        reply = await once(self._deps.database, call, UpdateTenantResponse, work)
        # This replica knows at once, the others when they ask again.
        self._deps.identities.forget()
        self._deps.quotas.limits.forget(request.tenant.id)
        return reply

    async def ListDeadLetters(
        self, request: ListDeadLettersRequest, context: Context
    ) -> ListDeadLettersResponse:
        """Work that no worker finished, newest first."""
        wanted = paging.Wanted(_DEAD_LETTERS, request, str, text=dead_letters.is_letter_id)
        async with self._deps.database.transaction() as tx:
            rows = await dead_letters.page(
                tx,
                wanted.rows,
                wanted.after_id,
                tenant=request.tenant_id,
                waiting_only=request.waiting_only,
            )
        page, token = wanted.cut(rows, lambda row: [row.id])
        return ListDeadLettersResponse(dead_letters=page, next_page_token=token)

    async def RequeueDeadLetters(
        self, request: RequeueDeadLettersRequest, context: Context
    ) -> RequeueDeadLettersResponse:
        """Gives the work of dead letters to the workers again."""
        check = Check()
        check.request_id(request.request_id)
        check.within(len(request.dead_letter_ids), 1, MAX_LETTERS, "dead_letter_ids")
        check.done()
        # In order, so that two operators don't wait for one another.
        wanted = dict.fromkeys(request.dead_letter_ids)

        async def work(tx: Transaction) -> RequeueDeadLettersResponse:
            made = await requeue(tx, sorted(wanted))
            results = {result.dead_letter_id: result for result in made.results}
            return RequeueDeadLettersResponse(results=[results[each] for each in wanted])

        call = Call(current_tenant(), request)
        return await once(self._deps.database, call, RequeueDeadLettersResponse, work)

    async def Cleanup(self, request: CleanupRequest, context: Context) -> CleanupResponse:
        """Removes what retention no longer keeps, or says what that would be."""
        return await self._deps.cleaner.clean(request)
