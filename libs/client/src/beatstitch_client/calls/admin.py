"""Running an installation."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from beatstitch.v1 import admin_service_pb2 as admin
from beatstitch.v1.admin_service_pb2_grpc import AdminServiceStub
from beatstitch_client.calls.base import Calls
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beatstitch.v1.admin_service_pb2 import CleanupReason, DeadLetter, RequeuedDeadLetter
    from beatstitch.v1.admin_service_pb2_grpc import AdminServiceAsyncStub

# All tenants' objects are listed.
CLEANUP_TIMEOUT_S = 3600.0
PAGE = 1000


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

    async def list_dead_letters(
        self, tenant_id: str = "", *, waiting_only: bool = False
    ) -> list[DeadLetter]:
        """Work that no worker finished, newest first, all pages.

        Args:
            tenant_id: Only this tenant's; empty for all.
            waiting_only: Only what was not given to the workers again.
        """
        found: list[DeadLetter] = []
        request = admin.ListDeadLettersRequest(
            tenant_id=tenant_id, waiting_only=waiting_only, page_size=PAGE
        )
        while True:
            reply = await self._call(self._admin.ListDeadLetters, request)
            found += reply.dead_letters
            if not reply.next_page_token:
                return found
            request.page_token = reply.next_page_token

    async def requeue_dead_letters(
        self, dead_letter_ids: Iterable[str], *, request_id: str = ""
    ) -> list[RequeuedDeadLetter]:
        """Gives the work of dead letters to the workers again; at most 1000 at once."""
        request = admin.RequeueDeadLettersRequest(
            dead_letter_ids=dead_letter_ids, request_id=request_id or new_id()
        )
        return list((await self._call(self._admin.RequeueDeadLetters, request)).results)
