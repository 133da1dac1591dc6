"""Webhooks: an HTTP request of the server's when a job has ended. For owners."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from google.protobuf.field_mask_pb2 import FieldMask

from beatstitch.v1 import webhook_service_pb2 as hooks
from beatstitch.v1.webhook_pb2 import Webhook
from beatstitch.v1.webhook_service_pb2_grpc import WebhookServiceStub
from beatstitch_client.calls.base import PAGE_SIZE, Calls
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.job_pb2 import JobState, JobType
    from beatstitch.v1.webhook_pb2 import WebhookDelivery, WebhookDeliveryState
    from beatstitch.v1.webhook_service_pb2_grpc import WebhookServiceAsyncStub


class WebhookCalls(Calls):
    """Webhooks."""

    @cached_property
    def _webhooks(self) -> WebhookServiceAsyncStub:
        return WebhookServiceStub(self._channel)

    async def create_webhook(
        self,
        url: str,
        *,
        types: Sequence[JobType.ValueType] = (),
        states: Sequence[JobState.ValueType] = (),
        project_id: str = "",
        request_id: str = "",
    ) -> tuple[Webhook, str]:
        """Makes a webhook.

        Args:
            url: Where to send to: https, a public address.
            types: Jobs of these types; empty for those that a client starts.
            states: Jobs that end in these states; empty for all.
            project_id: Jobs of this project; empty for all.
            request_id: The same id makes it once.

        Returns:
            The webhook and its secret, which is told this one time; empty when the call was
            repeated.
        """
        webhook = Webhook(url=url, types=types, states=states, project_id=project_id)
        request = hooks.CreateWebhookRequest(webhook=webhook, request_id=request_id or new_id())
        reply = await self._call(self._webhooks.CreateWebhook, request)
        return reply.webhook, reply.secret

    async def get_webhook(self, webhook_id: str) -> Webhook:
        """A webhook."""
        request = hooks.GetWebhookRequest(webhook_id=webhook_id)
        return (await self._call(self._webhooks.GetWebhook, request)).webhook

    async def list_webhooks(self) -> list[Webhook]:
        """All webhooks of the tenant, newest first."""
        found: list[Webhook] = []
        token = ""
        while True:
            request = hooks.ListWebhooksRequest(page_size=PAGE_SIZE, page_token=token)
            reply = await self._call(self._webhooks.ListWebhooks, request)
            found += reply.webhooks
            token = reply.next_page_token
            if not token:
                return found

    async def update_webhook(
        self,
        webhook: Webhook,
        fields: Sequence[str] = (),
        *,
        etag: str = "",
        request_id: str = "",
    ) -> Webhook:
        """Changes a webhook.

        Args:
            webhook: Its id, and the new values.
            fields: Which of "url", "types", "states", "project_id", "disabled" to take; empty for
                all.
            etag: That the change is based on; empty to change it whatever it is.
            request_id: The same id changes it once.
        """
        request = hooks.UpdateWebhookRequest(
            webhook=webhook,
            update_mask=FieldMask(paths=fields),
            etag=etag,
            request_id=request_id or new_id(),
        )
        return (await self._call(self._webhooks.UpdateWebhook, request)).webhook

    async def delete_webhook(self, webhook_id: str, *, request_id: str = "") -> None:
        """Deletes a webhook; what was on its way to it is not sent."""
        request = hooks.DeleteWebhookRequest(
            webhook_id=webhook_id, request_id=request_id or new_id()
        )
        await self._call(self._webhooks.DeleteWebhook, request)

    async def ping_webhook(self, webhook_id: str) -> WebhookDelivery:
        """Sends a ping now, once, and tells what came of it."""
        request = hooks.PingWebhookRequest(webhook_id=webhook_id)
        return (await self._call(self._webhooks.PingWebhook, request)).delivery

    async def list_webhook_deliveries(
        self,
        webhook_id: str,
        *,
        states: Sequence[WebhookDeliveryState.ValueType] = (),
        limit: int = 50,
    ) -> list[WebhookDelivery]:
        """What was sent to a webhook in the last 7 days, newest first, up to `limit`."""
        found: list[WebhookDelivery] = []
        token = ""
        while len(found) < limit:
            request = hooks.ListWebhookDeliveriesRequest(
                webhook_id=webhook_id,
                states=states,
                page_size=min(PAGE_SIZE, limit - len(found)),
                page_token=token,
            )
            reply = await self._call(self._webhooks.ListWebhookDeliveries, request)
            found += reply.deliveries
            token = reply.next_page_token
            if not token:
                break
        return found[:limit]

    async def redeliver_webhook(self, delivery_id: str, *, request_id: str = "") -> WebhookDelivery:
        """Sends a delivery again, under the same event id."""
        request = hooks.RedeliverWebhookRequest(
            delivery_id=delivery_id, request_id=request_id or new_id()
        )
        return (await self._call(self._webhooks.RedeliverWebhook, request)).delivery
