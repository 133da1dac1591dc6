"""Who the caller is, the tenant's keys, and what was done. Owners, but for `caller`."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from beatstitch.v1 import tenant_service_pb2 as service
from beatstitch.v1.tenant_service_pb2_grpc import TenantServiceStub
from beatstitch_client.calls.base import PAGE_SIZE, Calls
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from beatstitch.v1.tenant_pb2 import ApiKey, AuditEvent, Role
    from beatstitch.v1.tenant_service_pb2_grpc import TenantServiceAsyncStub


class KeyCalls(Calls):
    """The caller, keys, and the audit log."""

    @cached_property
    def _tenant(self) -> TenantServiceAsyncStub:
        return TenantServiceStub(self._channel)

    async def caller(self) -> service.GetCallerResponse:
        """Who you are, what you may do, and what your tenant may use and uses."""
        return await self._call(self._tenant.GetCaller, service.GetCallerRequest())

    async def create_api_key(
        self,
        role: Role.ValueType,
        display_name: str = "",
        *,
        project_ids: Sequence[str] = (),
        lifetime: timedelta | None = None,
        tenant_id: str = "",
        request_id: str = "",
    ) -> tuple[ApiKey, str]:
        """Makes a key.

        Args:
            role: What it may do, at most what you may.
            display_name: For people.
            project_ids: The only projects it sees; empty for all.
            lifetime: How long it works; None for ever.
            tenant_id: Whose; empty for your own tenant. Another one: operators only.
            request_id: The same id makes it once, but tells the secret only the first time. Without
                one, a key whose secret got lost on the way is ended and another one made.

        Returns:
            The key and its secret, which is told this one time.
        """
        request = service.CreateApiKeyRequest(
            tenant_id=tenant_id,
            display_name=display_name,
            role=role,
            project_ids=project_ids,
            lifetime=_duration(lifetime),
        )
        while True:
            request.request_id = request_id or new_id()
            reply = await self._call(self._tenant.CreateApiKey, request)
            if reply.secret or request_id:
                return reply.api_key, reply.secret
            await self.revoke_api_key(reply.api_key.id)

    async def list_api_keys(self, tenant_id: str = "") -> list[ApiKey]:
        """All keys, newest first, ended ones too; another tenant's: operators only."""
        found: list[ApiKey] = []
        token = ""
        while True:
            request = service.ListApiKeysRequest(
                tenant_id=tenant_id, page_size=PAGE_SIZE, page_token=token
            )
            reply = await self._call(self._tenant.ListApiKeys, request)
            found += reply.api_keys
            token = reply.next_page_token
            if not token:
                return found

    async def rotate_api_key(
        self, api_key_id: str, *, overlap: timedelta | None = None, request_id: str = ""
    ) -> tuple[ApiKey, str]:
        """Makes a new key with an old one's rights.

        Args:
            api_key_id: The old one.
            overlap: How long the old one still works, up to 30 days; None for a day.
            request_id: The same id makes it once, but tells the secret only the first time. Without
                one, a key whose secret got lost on the way is replaced at once.

        Returns:
            The new key and its secret, which is told this one time.
        """
        request = service.RotateApiKeyRequest(api_key_id=api_key_id, overlap=_duration(overlap))
        while True:
            request.request_id = request_id or new_id()
            reply = await self._call(self._tenant.RotateApiKey, request)
            if reply.secret or request_id:
                return reply.api_key, reply.secret
            request.api_key_id = reply.api_key.id
            request.overlap.FromTimedelta(timedelta(0))

    async def revoke_api_key(self, api_key_id: str, *, request_id: str = "") -> ApiKey:
        """Ends a key; within seconds no gateway knows it any more."""
        request = service.RevokeApiKeyRequest(
            api_key_id=api_key_id, request_id=request_id or new_id()
        )
        return (await self._call(self._tenant.RevokeApiKey, request)).api_key

    async def list_audit_events(
        self,
        *,
        tenant_id: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        principal: str = "",
        limit: int = 50,
    ) -> list[AuditEvent]:
        """What was done and tried, newest first, up to `limit`.

        Args:
            tenant_id: Whose; empty for your own tenant. Another one: operators only.
            since: Not before this time (with a time zone).
            until: Before this time.
            principal: Only by this one: "key:<id>" or "jwt:<subject>".
            limit: At most so many.
        """
        found: list[AuditEvent] = []
        token = ""
        while len(found) < limit:
            request = service.ListAuditEventsRequest(
                tenant_id=tenant_id,
                start_time=_timestamp(since),
                end_time=_timestamp(until),
                principal=principal,
                page_size=min(PAGE_SIZE, limit - len(found)),
                page_token=token,
            )
            reply = await self._call(self._tenant.ListAuditEvents, request)
            found += reply.events
            token = reply.next_page_token
            if not token:
                break
        return found


def _duration(length: timedelta | None) -> Duration | None:
    if length is None:
        return None
    found = Duration()
    found.FromTimedelta(length)
    return found


def _timestamp(time: datetime | None) -> Timestamp | None:
    if time is None:
        return None
    found = Timestamp()
    found.FromDatetime(time)
    return found
