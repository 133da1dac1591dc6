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
from beatstitch_gateway.auth import Context
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.rpc.unimplemented import unimplemented


class TenantRpc(TenantServiceServicer):
    """The caller, its tenant's keys, and what was done."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def GetCaller(self, request: GetCallerRequest, context: Context) -> GetCallerResponse:
        """Who the caller is, and what its tenant may use and uses."""
        raise unimplemented("GetCaller")

    async def CreateApiKey(
        self, request: CreateApiKeyRequest, context: Context
    ) -> CreateApiKeyResponse:
        """Makes a key and tells its secret, once."""
        raise unimplemented("CreateApiKey")

    async def ListApiKeys(
        self, request: ListApiKeysRequest, context: Context
    ) -> ListApiKeysResponse:
        """The tenant's keys, newest first."""
        raise unimplemented("ListApiKeys")

    async def RotateApiKey(
        self, request: RotateApiKeyRequest, context: Context
    ) -> RotateApiKeyResponse:
        """Makes a key with another's rights; the other one ends after the overlap."""
        raise unimplemented("RotateApiKey")

    async def RevokeApiKey(
        self, request: RevokeApiKeyRequest, context: Context
    ) -> RevokeApiKeyResponse:
        """Ends a key."""
        raise unimplemented("RevokeApiKey")

    async def ListAuditEvents(
        self, request: ListAuditEventsRequest, context: Context
    ) -> ListAuditEventsResponse:
        """What was done and tried, newest first."""
        raise unimplemented("ListAuditEvents")
