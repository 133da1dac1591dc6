"""Running an installation."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from beatstitch.v1 import admin_service_pb2 as admin
from beatstitch.v1.admin_service_pb2_grpc import AdminServiceStub
from beatstitch_client.calls.base import Calls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beatstitch.v1.admin_service_pb2 import CleanupReason
    from beatstitch.v1.admin_service_pb2_grpc import AdminServiceAsyncStub

# All tenants' objects are listed.
CLEANUP_TIMEOUT_S = 3600.0


class AdminCalls(Calls):
    """Running an installation; for operators."""

    @cached_property
    def _admin(self) -> AdminServiceAsyncStub:
        return AdminServiceStub(self._channel)

    async def cleanup(
        self,
        tenant_id: str = "",
        *,
        dry_run: bool = False,
        reasons: Iterable[CleanupReason.ValueType] = (),
    ) -> admin.CleanupResponse:
        """Removes what retention no longer keeps.

        Args:
            tenant_id: Only this tenant's; empty for all.
            dry_run: Only tells what would be removed.
            reasons: Only for these reasons; none for all.
        """
        request = admin.CleanupRequest(tenant_id=tenant_id, dry_run=dry_run, reasons=reasons)
        return await self._connection.call(
            self._admin.Cleanup, request, timeout_s=CLEANUP_TIMEOUT_S
        )
