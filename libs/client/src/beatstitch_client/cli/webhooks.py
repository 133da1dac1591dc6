"""`beatstitch webhooks`: being told of jobs' ends over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.json_format import MessageToDict

from beatstitch.v1.webhook_pb2 import WEBHOOK_DELIVERY_STATE_DELIVERED, WebhookDeliveryState
from beatstitch_client.cli.exits import EPILOG, FAILED
from beatstitch_client.cli.jobs import parse_state
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_at

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from beatstitch.v1.webhook_pb2 import Webhook, WebhookDelivery

app = typer.Typer(
    no_args_is_help=True, help="Being told of jobs' ends over HTTP; for owners.", epilog=EPILOG
)

WebhookId = Annotated[str, typer.Argument(help="The webhook's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, a line for each.")]


@app.command(epilog=EPILOG)
@command
async def create(
    url: Annotated[str, typer.Argument(help="Where to send to: https, a public address.")],
    *,
    state: Annotated[
        list[str] | None, typer.Option(help="Only jobs that end so: succeeded, failed, cancelled.")
    ] = None,
    project: Annotated[str, typer.Option(help="Only this project's jobs.")] = "",
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Makes a webhook and prints its secret: keep it, it is told this one time."""
    states = [parse_state(name) for name in state or ()]
    async with server_at(server, api_key, tls=tls) as client:
        webhook, secret = await client.create_webhook(url, states=states, project_id=project)
    if as_json:
        print(json.dumps({**_dict(webhook), "secret": secret}))
    else:
        print(f"{webhook.id}\nsecret: {secret}")


@app.command("list", epilog=EPILOG)
@command
async def list_webhooks(
    *, as_json: AsJson = False, server: Server = "", api_key: ApiKey = "", tls: Tls = False
) -> None:
    """Lists webhooks, newest first."""
    async with server_at(server, api_key, tls=tls) as client:
        for webhook in await client.list_webhooks():
            print(json.dumps(_dict(webhook)) if as_json else webhook_line(webhook))


@app.command(epilog=EPILOG)
@command
async def ping(
    webhook_id: WebhookId,
    *,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Sends a test event now; ends with 0 when the receiver took it."""
    async with server_at(server, api_key, tls=tls) as client:
        delivery = await client.ping_webhook(webhook_id)
    print(json.dumps(_dict(delivery)) if as_json else delivery_line(delivery))
    if delivery.state != WEBHOOK_DELIVERY_STATE_DELIVERED:
        raise typer.Exit(FAILED)


@app.command(epilog=EPILOG)
@command
async def deliveries(
    webhook_id: WebhookId,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Lists what was sent in the last 7 days, newest first."""
    async with server_at(server, api_key, tls=tls) as client:
        for delivery in await client.list_webhook_deliveries(webhook_id, limit=limit):
            print(json.dumps(_dict(delivery)) if as_json else delivery_line(delivery))


@app.command(epilog=EPILOG)
@command
async def redeliver(
    delivery_id: Annotated[str, typer.Argument(help="The delivery's id.")],
    *,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Sends a delivery again."""
    async with server_at(server, api_key, tls=tls) as client:
        print(delivery_line(await client.redeliver_webhook(delivery_id)))


@app.command(epilog=EPILOG)
@command
async def delete(
    webhook_id: WebhookId, *, server: Server = "", api_key: ApiKey = "", tls: Tls = False
) -> None:
    """Deletes a webhook; what was on its way to it is not sent."""
    async with server_at(server, api_key, tls=tls) as client:
        await client.delete_webhook(webhook_id)


def webhook_line(webhook: Webhook) -> str:
    """A webhook in a line."""
    made = webhook.create_time.ToDatetime().isoformat(" ", "seconds")
    return (
        f"{webhook.id}  {'disabled' if webhook.disabled else 'enabled':<8}  {made}  {webhook.url}"
    )


def delivery_line(delivery: WebhookDelivery) -> str:
    """A delivery in a line."""
    state = WebhookDeliveryState.Name(delivery.state).rpartition("_")[2].lower()
    made = delivery.create_time.ToDatetime().isoformat(" ", "seconds")
    tries = f"{delivery.attempts} {'try' if delivery.attempts == 1 else 'tries'}"
    return (
        f"{delivery.id}  {state:<9}  {made}  {tries:<8}  {delivery.event_id}  {delivery.last_error}"
    ).rstrip()


def _dict(message: Message) -> dict[str, object]:
    found: dict[str, object] = MessageToDict(message, preserving_proto_field_name=True)
    return found
