"""WebhookService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

from beatstitch.v1.job_pb2 import JobState
from beatstitch.v1.webhook_pb2 import Webhook, WebhookDeliveryState
from beatstitch.v1.webhook_service_pb2 import (
    CreateWebhookRequest,
    CreateWebhookResponse,
    DeleteWebhookRequest,
    DeleteWebhookResponse,
    GetWebhookRequest,
    GetWebhookResponse,
    ListWebhookDeliveriesRequest,
    ListWebhookDeliveriesResponse,
    ListWebhooksRequest,
    ListWebhooksResponse,
    PingWebhookRequest,
    PingWebhookResponse,
    RedeliverWebhookRequest,
    RedeliverWebhookResponse,
    UpdateWebhookRequest,
    UpdateWebhookResponse,
)
from beatstitch.v1.webhook_service_pb2_grpc import WebhookServiceServicer
from beatstitch_core.errors import field_error
from beatstitch_core.ids import new_id
from beatstitch_core.job_states import is_terminal
from beatstitch_gateway import paging
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.db import deliveries, projects, webhooks
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.db.webhooks import WebhookRow
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.etags import need_etag, stamp
from beatstitch_gateway.idempotency import Call, once, remembered
from beatstitch_gateway.validation import Check
from beatstitch_gateway.webhooks.events import ping
from beatstitch_gateway.webhooks.sender import Outbound
from beatstitch_gateway.webhooks.signing import new_secret, secret_text

_LIST = "webhooks"
_DELIVERIES = "deliveries"
_CHANGEABLE = ("url", "types", "states", "project_id", "disabled")
MAX_WEBHOOKS = 100


class WebhookRpc(WebhookServiceServicer):
    """Keeping webhooks."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._outbound = Outbound(deps.settings)

    async def CreateWebhook(
        self, request: CreateWebhookRequest, context: Context
    ) -> CreateWebhookResponse:
        """Makes a webhook; its secret is told to this call only."""
        _check(request.webhook, _CHANGEABLE, request.request_id)
        tenant = current_tenant()
        call = Call(tenant, request)
        known = await remembered(self._deps.database, call, CreateWebhookResponse)
        if known is not None:
            return known
        await self._check_url(request.webhook.url)
        secret = b""

        async def work(tx: Transaction) -> CreateWebhookResponse:
            nonlocal secret
            if await webhooks.count(tx, tenant) >= MAX_WEBHOOKS:
                raise field_error("webhook", f"a tenant has at most {MAX_WEBHOOKS}")
            webhook = Webhook(id=new_id())
            await _take(tx, tenant, webhook, request.webhook, _CHANGEABLE)
            webhook.create_time.GetCurrentTime()
            stamp(webhook)
            secret = new_secret()
            sealed = self._outbound.vault.seal(secret, webhook.id)
            await webhooks.insert(tx, WebhookRow(tenant, webhook, sealed))
            return CreateWebhookResponse(webhook=webhook)

        # The kept reply is without the secret.
        reply = await once(self._deps.database, call, CreateWebhookResponse, work)
        return CreateWebhookResponse(
            webhook=reply.webhook, secret=secret_text(secret) if secret else ""
        )

    async def GetWebhook(self, request: GetWebhookRequest, context: Context) -> GetWebhookResponse:
        """One webhook."""
        async with self._deps.database.transaction() as tx:
            row = await webhooks.get(tx, current_tenant(), request.webhook_id)
        return GetWebhookResponse(webhook=row.webhook)

    async def ListWebhooks(
        self, request: ListWebhooksRequest, context: Context
    ) -> ListWebhooksResponse:
        """The tenant's webhooks, newest first."""
        wanted = paging.Wanted(_LIST, request, str)
        async with self._deps.database.transaction() as tx:
            rows = await webhooks.page(tx, current_tenant(), wanted.rows, wanted.after_id)
        page, token = wanted.cut(rows, lambda row: [row.id])
        return ListWebhooksResponse(webhooks=page, next_page_token=token)

    async def UpdateWebhook(
        self, request: UpdateWebhookRequest, context: Context
    ) -> UpdateWebhookResponse:
        """Changes a webhook."""
        paths = tuple(request.update_mask.paths) or _CHANGEABLE
        _check(request.webhook, paths, request.request_id)
        tenant = current_tenant()
        call = Call(tenant, request)
        known = await remembered(self._deps.database, call, UpdateWebhookResponse)
        if known is not None:
            return known
        if "url" in paths:
            await self._check_url(request.webhook.url)

        async def work(tx: Transaction) -> UpdateWebhookResponse:
            row = await webhooks.get(tx, tenant, request.webhook.id, lock=True)
            need_etag(request.etag, row.webhook.etag, "webhook")
            await _take(tx, tenant, row.webhook, request.webhook, paths)
            stamp(row.webhook)
            await webhooks.save(tx, row.webhook)
            return UpdateWebhookResponse(webhook=row.webhook)

        return await once(self._deps.database, call, UpdateWebhookResponse, work)

    async def DeleteWebhook(
        self, request: DeleteWebhookRequest, context: Context
    ) -> DeleteWebhookResponse:
        """Deletes a webhook; what was on its way to it is not sent."""
        check = Check()
        check.request_id(request.request_id)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> DeleteWebhookResponse:
            row = await webhooks.get(tx, tenant, request.webhook_id)
            await webhooks.delete(tx, row.webhook.id)
            return DeleteWebhookResponse()

        call = Call(tenant, request)
        return await once(self._deps.database, call, DeleteWebhookResponse, work)

    async def PingWebhook(
        self, request: PingWebhookRequest, context: Context
    ) -> PingWebhookResponse:
        """Sends a ping now, once, and answers with what came of it."""
        async with self._deps.database.transaction() as tx:
            row = await webhooks.get(tx, current_tenant(), request.webhook_id)
        event = ping()
        answer = await self._outbound.send(row, event)
        async with self._deps.database.transaction() as tx:
            row = await webhooks.get(tx, row.tenant, row.webhook.id)
            delivery = await deliveries.insert_ping(tx, row.webhook.id, event, answer)
        return PingWebhookResponse(delivery=delivery)

    async def ListWebhookDeliveries(
        self, request: ListWebhookDeliveriesRequest, context: Context
    ) -> ListWebhookDeliveriesResponse:
        """What was sent to a webhook in the last 7 days, newest first."""
        check = Check()
        for index, state in enumerate(request.states):
            known = state in WebhookDeliveryState.values()
            check.that(known, f"states[{index}]", "is not known")
        check.done()
        wanted = paging.Wanted(_DELIVERIES, request, str)
        async with self._deps.database.transaction() as tx:
            row = await webhooks.get(tx, current_tenant(), request.webhook_id)
            rows = await deliveries.page(
                tx, row.webhook.id, wanted.rows, wanted.after_id, request.states
            )
        page, token = wanted.cut(rows, lambda item: [item.id])
        return ListWebhookDeliveriesResponse(deliveries=page, next_page_token=token)

    async def RedeliverWebhook(
        self, request: RedeliverWebhookRequest, context: Context
    ) -> RedeliverWebhookResponse:
        """Sends a delivery again, under the same event id."""
        check = Check()
        check.request_id(request.request_id)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> RedeliverWebhookResponse:
            found = await deliveries.get(tx, tenant, request.delivery_id)
            row = await webhooks.get(tx, tenant, found.webhook_id, lock=True)
            if row.webhook.disabled:
                raise field_error("delivery_id", "its webhook is disabled: enable it first")
            await deliveries.get(tx, tenant, request.delivery_id, lock=True)
            await deliveries.send_again(tx, request.delivery_id)
            again = await deliveries.get(tx, tenant, request.delivery_id)
            return RedeliverWebhookResponse(delivery=again)

        call = Call(tenant, request)
        return await once(self._deps.database, call, RedeliverWebhookResponse, work)

    async def _check_url(self, url: str) -> None:
        try:
            await self._outbound.poster.check(url)
        except ValueError as error:
            raise field_error("webhook.url", str(error)) from None


def _check(webhook: Webhook, paths: tuple[str, ...], request_id: str) -> None:
    check = Check()
    check.request_id(request_id)
    known = set(paths) <= set(_CHANGEABLE)
    check.that(known, "update_mask", f"may name: {', '.join(_CHANGEABLE)}")
    if "types" in paths:
        check.types(webhook.types, "webhook.types")
    if "states" in paths:
        for index, state in enumerate(webhook.states):
            ended = state in JobState.values() and is_terminal(state)
            check.that(ended, f"webhook.states[{index}]", "has to be a state that jobs end in")
    if "url" in paths:
        check.that(bool(webhook.url), "webhook.url", "is required")
    check.done()


async def _take(
    tx: Transaction, tenant: str, webhook: Webhook, given: Webhook, paths: tuple[str, ...]
) -> None:
    if "project_id" in paths and given.project_id:
        await projects.get(tx, tenant, given.project_id)
    if "url" in paths:
        webhook.url = given.url
    if "types" in paths:
        webhook.types[:] = dict.fromkeys(given.types)
    if "states" in paths:
        webhook.states[:] = dict.fromkeys(given.states)
    if "project_id" in paths:
        webhook.project_id = given.project_id
    if "disabled" in paths:
        webhook.disabled = given.disabled
