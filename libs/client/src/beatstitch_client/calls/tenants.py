"""The tenants of an installation. For operators."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from google.protobuf.field_mask_pb2 import FieldMask

from beatstitch.v1 import admin_service_pb2 as admin
from beatstitch.v1.admin_service_pb2_grpc import AdminServiceStub
from beatstitch_client.calls.base import PAGE_SIZE, Calls
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.admin_service_pb2_grpc import AdminServiceAsyncStub
    from beatstitch.v1.tenant_pb2 import Tenant


class TenantCalls(Calls):
    """Tenants."""

    @cached_property
    def _tenants(self) -> AdminServiceAsyncStub:
        return AdminServiceStub(self._channel)

    async def create_tenant(self, tenant: Tenant, *, request_id: str = "") -> Tenant:
        """Makes a tenant; it has no keys yet: `create_api_key` with its `tenant_id` makes one."""
        request = admin.CreateTenantRequest(tenant=tenant, request_id=request_id or new_id())
        return (await self._call(self._tenants.CreateTenant, request)).tenant

    async def get_tenant(self, tenant_id: str) -> admin.GetTenantResponse:
        """A tenant as it was set, and what it uses."""
        request = admin.GetTenantRequest(tenant_id=tenant_id)
        return await self._call(self._tenants.GetTenant, request)

    async def list_tenants(self) -> list[Tenant]:
        """All tenants, by id."""
        found: list[Tenant] = []
        token = ""
        while True:
            request = admin.ListTenantsRequest(page_size=PAGE_SIZE, page_token=token)
            reply = await self._call(self._tenants.ListTenants, request)
            found += reply.tenants
            token = reply.next_page_token
            if not token:
                return found

    async def update_tenant(
        self, tenant: Tenant, fields: Sequence[str] = (), *, etag: str = "", request_id: str = ""
    ) -> Tenant:
        """Changes a tenant.

        Args:
            tenant: Its id, and the new values.
            fields: Which of "display_name", "suspended", "quotas", "retention" (or fields of the
                last two, "quotas.max_assets") to take; empty for all.
            etag: That the change is based on; empty to change it whatever it is.
            request_id: The same id changes it once.
        """
        request = admin.UpdateTenantRequest(
            tenant=tenant,
            update_mask=FieldMask(paths=fields),
            etag=etag,
            request_id=request_id or new_id(),
        )
        return (await self._call(self._tenants.UpdateTenant, request)).tenant
