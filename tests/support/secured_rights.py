"""Things that a service's user must not be able to do, asked of the real servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import boto3
import nats
from botocore.config import Config
from botocore.exceptions import ClientError
from nats.aio.client import Client as Nats

from beatstitch_stack.certificates import Certificate
from support.secured import Secured
from support.secured_hops import Shown, context

PULL = b'{"batch": 1, "expires": 200000000, "no_wait": true}'


class Forbidden(NamedTuple):
    """One thing: who, what kind, and on which subject or object.

    Attributes:
        user: The service.
        verb: "publish" or "subscribe" on NATS; "get", "put", "delete" or "list" in the bucket.
        what: A subject, or a key.
    """

    user: str
    verb: str
    what: str


API = "$JS.API"
JOB = "beatstitch.job"
CHUNK = "render_chunk-batch"

# The same things of every worker: the streams are not theirs.
_WORKERS = tuple(
    Forbidden(user, *thing)
    for user in ("analyzer", "timeline", "renderer")
    for thing in (
        ("publish", f"{API}.STREAM.DELETE.JOBS"),
        ("publish", f"{API}.STREAM.PURGE.JOBS"),
        ("publish", f"{API}.STREAM.MSG.DELETE.JOBS"),
        ("publish", f"{API}.STREAM.MSG.GET.JOBS"),
        ("publish", f"{API}.STREAM.CREATE.MINE"),
        ("publish", f"{API}.CONSUMER.CREATE.JOBS.mine"),
        ("publish", f"{API}.CONSUMER.DELETE.JOBS.{CHUNK}"),
        ("publish", f"{API}.CONSUMER.MSG.NEXT.EVENTS.gateway-events"),
        ("publish", "beatstitch.cancel.01a20875-7a37-7223-92e3-a6dc44af19b6"),
        ("publish", f"{JOB}.beat_analysis.batch"),
        ("subscribe", f"{JOB}.>"),
        ("subscribe", "_INBOX_gateway.>"),
        ("subscribe", "_INBOX.>"),
        ("subscribe", "$SYS.>"),
        ("subscribe", "beatstitch.progress.*.*"),
        ("put", "t/default/in/{asset}"),
        ("delete", "t/default/in/{asset}"),
        ("list", "t/"),
        ("put", "elsewhere/object"),
    )
)

FORBIDDEN = (
    *_WORKERS,
    Forbidden("analyzer", "publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.{CHUNK}"),
    Forbidden("analyzer", "publish", f"$JS.ACK.JOBS.{CHUNK}.1.1.1.1.0"),
    Forbidden("analyzer", "subscribe", "beatstitch.event.*.*"),
    Forbidden("analyzer", "put", "t/default/chunk/aa/{hash}"),
    Forbidden("analyzer", "get", "t/default/edl/aa/{hash}"),
    Forbidden("timeline", "publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.thumbnail_gen-batch"),
    Forbidden("timeline", "publish", f"{API}.DIRECT.GET.EVENTS.beatstitch.event.default.x"),
    Forbidden("timeline", "subscribe", "beatstitch.event.*.*"),
    Forbidden("timeline", "get", "t/default/in/{asset}"),
    Forbidden("timeline", "put", "t/default/out/aa/{hash}"),
    Forbidden("renderer", "publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.beat_analysis-batch"),
    Forbidden("renderer", "publish", "$JS.ACK.JOBS.beat_analysis-batch.1.1.1.1.0"),
    Forbidden("renderer", "publish", f"{JOB}.render_final.batch"),
    Forbidden("renderer", "publish", "beatstitch.changed.default.x"),
    Forbidden("renderer", "put", "t/default/edl/aa/{hash}"),
    Forbidden("renderer", "delete", "t/default/out/aa/{hash}"),
    Forbidden("gateway", "publish", f"{API}.STREAM.DELETE.EVENTS"),
    Forbidden("gateway", "publish", f"{API}.STREAM.PURGE.JOBS"),
    Forbidden("gateway", "publish", f"{API}.STREAM.UPDATE.JOBS"),
    Forbidden("gateway", "publish", f"{API}.CONSUMER.DELETE.JOBS.{CHUNK}"),
    Forbidden("gateway", "publish", f"{API}.CONSUMER.CREATE.JOBS.mine.{JOB}.render_chunk.batch"),
    Forbidden("gateway", "publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.{CHUNK}"),
    Forbidden("gateway", "publish", "beatstitch.event.default.01a20875"),
    Forbidden("gateway", "subscribe", f"{JOB}.>"),
    Forbidden("gateway", "put", "t/default/chunk/aa/{hash}"),
    Forbidden("gateway", "put", "t/default/out/aa/{hash}"),
    Forbidden("gateway", "delete", "elsewhere/object"),
    Forbidden("operator", "publish", f"{JOB}.render_final.batch"),
    Forbidden("operator", "publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.{CHUNK}"),
    Forbidden("operator", "publish", f"{API}.STREAM.MSG.GET.EVENTS"),
    Forbidden("operator", "publish", f"{API}.STREAM.DELETE.JOBS"),
    Forbidden("operator", "subscribe", "beatstitch.event.*.*"),
)


@contextlib.asynccontextmanager
async def connected(house: Secured, user: str) -> AsyncIterator[tuple[Nats, list[str]]]:
    """The user's own connection, and what the server tells it."""
    env = house.stack.env_of(user)
    own = Certificate(*house.stack.secure.certificates[user])
    told: list[str] = []

    async def note(error: Exception) -> None:
        told.append(str(error))

    connection = await nats.connect(
        env["BEATSTITCH_NATS_URL"],
        user=user,
        password=env["BEATSTITCH_NATS_PASSWORD"],
        tls=context(Shown(ca=own.ca, own=own)),
        inbox_prefix=env["BEATSTITCH_NATS_INBOX_PREFIX"],
        allow_reconnect=False,
        error_cb=note,
    )
    try:
        yield connection, told
    finally:
        await connection.close()


async def refused_by_nats(house: Secured, thing: Forbidden) -> bool:
    """Whether the server says no, in words, to a request that it would otherwise answer."""
    async with connected(house, thing.user) as (connection, told):
        if thing.verb == "subscribe":
            await connection.subscribe(thing.what)
        else:
            await connection.publish(thing.what, PULL, reply=connection.new_inbox())
        await connection.flush()
        for _ in range(20):
            if told:
                break
            await asyncio.sleep(0.05)
        return any("permissions violation" in text.lower() for text in told)


def refused_by_s3(house: Secured, thing: Forbidden, names: dict[str, str]) -> bool:
    """Whether the storage says AccessDenied."""
    env = house.stack.env_of(thing.user)
    s3: Any = boto3.client(
        "s3",
        endpoint_url=house.stack.s3.endpoint,
        region_name=house.stack.s3.region,
        aws_access_key_id=env["BEATSTITCH_S3_ACCESS_KEY"],
        aws_secret_access_key=env["BEATSTITCH_S3_SECRET_KEY"],
        verify=env["BEATSTITCH_S3_CA_FILE"],
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            retries={"max_attempts": 1},
        ),
    )
    where = {"Bucket": house.stack.s3.bucket, "Key": thing.what.format(**names)}
    ways = {
        "get": lambda: s3.get_object(**where),
        "put": lambda: s3.put_object(**where, Body=b"not yours"),
        "delete": lambda: s3.delete_object(**where),
        "list": lambda: s3.list_objects_v2(Bucket=where["Bucket"], Prefix=where["Key"]),
    }
    try:
        ways[thing.verb]()
    except ClientError as error:
        return error.response["Error"]["Code"] == "AccessDenied"
    finally:
        s3.close()
    return False


async def untouched(house: Secured) -> dict[str, int]:
    """How many consumers each stream has, by the operator's own look."""
    found = {}
    async with connected(house, "operator") as (connection, _):
        for stream in ("JOBS", "EVENTS", "DEAD"):
            raw = await connection.request(f"{API}.STREAM.INFO.{stream}", timeout=5)
            found[stream] = json.loads(raw.data)["state"]["consumer_count"]
    return found
