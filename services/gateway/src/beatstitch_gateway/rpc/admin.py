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
from beatstitch_gateway.auth import Context
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.rpc.unimplemented import unimplemented


class AdminRpc(AdminServiceServicer):
    """Running an installation."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def CreateTenant(
        self, request: CreateTenantRequest, context: Context
    ) -> CreateTenantResponse:
        """Makes a tenant."""
        raise unimplemented("CreateTenant")

    async def GetTenant(self, request: GetTenantRequest, context: Context) -> GetTenantResponse:
        """One tenant, and what it uses."""
        raise unimplemented("GetTenant")

    async def ListTenants(
        self, request: ListTenantsRequest, context: Context
    ) -> ListTenantsResponse:
        """All tenants, by id."""
        raise unimplemented("ListTenants")

    async def UpdateTenant(
        self, request: UpdateTenantRequest, context: Context
    ) -> UpdateTenantResponse:
        """Changes a tenant."""
        raise unimplemented("UpdateTenant")

    async def ListDeadLetters(
        self, request: ListDeadLettersRequest, context: Context
    ) -> ListDeadLettersResponse:
        """Work that no worker finished, newest first."""
        raise unimplemented("ListDeadLetters")

    async def RequeueDeadLetters(
        self, request: RequeueDeadLettersRequest, context: Context
    ) -> RequeueDeadLettersResponse:
        """Gives the work of dead letters to the workers again."""
        raise unimplemented("RequeueDeadLetters")

    async def Cleanup(self, request: CleanupRequest, context: Context) -> CleanupResponse:
        """Removes what retention no longer keeps, or says what that would be."""
        raise unimplemented("Cleanup")
