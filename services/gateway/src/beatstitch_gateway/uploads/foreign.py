"""Buckets that are not ours: an object looked up there and copied into our own.

The storage copies by itself where it can: where those buckets lie in our own S3 server and the
credentials that read them are ours. Else the bytes go through the gateway, in parts of 8 MiB; that
is also the way where a server refuses to copy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from functools import cached_property
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_gateway.uploads.sources import Address
from beatstitch_runtime.storage import Storage

log = logging.getLogger(__name__)

CHUNK_BYTES = 1024 * 1024
# A copy inside of the storage answers when it is done.
READ_TIMEOUT_S = 300
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "404", "NotFound"})
# What S3 copies in one request.
MOST_COPY_BYTES = 5 * 1024**3


class Found(NamedTuple):
    """An object of another bucket.

    Attributes:
        address: Where.
        size_bytes: Its size.
        etag: Names its bytes: a copy is of these or of none.
    """

    address: Address
    size_bytes: int
    etag: str


class ForeignBuckets:
    """The buckets that imports come from; `settings` say where and with which credentials."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._near = not (settings.import_endpoint or settings.import_access_key.get_secret_value())

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its clients' types at run time
        own = self._settings
        access = own.import_access_key.get_secret_value() or own.s3_access_key.get_secret_value()
        secret = own.import_secret_key.get_secret_value() or own.s3_secret_key.get_secret_value()
        return boto3.client(
            "s3",
            endpoint_url=own.import_endpoint or own.s3_endpoint,
            region_name=own.import_region or own.s3_region,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            verify=str(own.s3_ca_file) if own.s3_ca_file is not None else None,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=5,
                read_timeout=READ_TIMEOUT_S,
                retries={"max_attempts": 2},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    async def close(self) -> None:
        """Closes the connections."""
        if "_client" in self.__dict__:
            await asyncio.to_thread(self._client.close)

    async def find(self, address: Address) -> Found | None:
        """The object, or None where there is none that may be read.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN.
        """
        try:
            reply = await self._call(
                lambda s3: s3.head_object(Bucket=address.bucket, Key=address.key)
            )
        except ClientError as error:
            if _status(error) in {403, 404} or _code(error) in _MISSING:
                return None
            raise _away() from error
        return Found(address, int(reply["ContentLength"]), str(reply["ETag"]))

    async def copy(self, storage: Storage, found: Found, key: str) -> None:
        """Copies the object into our own bucket.

        Raises:
            BeatStitchError: IMPORT_NOT_FOUND when it changed or went meanwhile, DEPENDENCY_DOWN.
        """
        if self._near and found.size_bytes <= MOST_COPY_BYTES and await self._copy_near(found, key):
            return
        reply = await self._get(found)
        stored = await storage.put_stream(key, _chunks(reply["Body"]))
        if stored.size_bytes != found.size_bytes:
            raise _changed()

    async def _copy_near(self, found: Found, key: str) -> bool:
        """Lets the storage copy; False where it can't."""
        source = {"Bucket": found.address.bucket, "Key": found.address.key}
        try:
            await self._call(
                lambda s3: s3.copy_object(
                    Bucket=self._settings.s3_bucket,
                    Key=key,
                    CopySource=source,
                    CopySourceIfMatch=found.etag,
                    MetadataDirective="REPLACE",
                )
            )
        except ClientError as error:
            if _status(error) in {404, 412}:
                raise _changed() from error
            log.info("the storage doesn't copy an import by itself: %s", _code(error))
            return False
        return True

    async def _get(self, found: Found) -> Any:  # noqa: ANN401
        bucket, key = found.address
        try:
            return await self._call(
                lambda s3: s3.get_object(Bucket=bucket, Key=key, IfMatch=found.etag)
            )
        except ClientError as error:
            if _status(error) in {403, 404, 412}:
                raise _changed() from error
            raise _away() from error

    async def _call(self, work: Callable[[Any], Any]) -> Any:  # noqa: ANN401
        try:
            return await asyncio.to_thread(lambda: work(self._client))
        except BotoCoreError as error:
            raise _away() from error


async def _chunks(body: Any) -> AsyncIterator[bytes]:  # noqa: ANN401
    try:
        while chunk := await asyncio.to_thread(body.read, CHUNK_BYTES):
            yield chunk
    except (BotoCoreError, HTTPClientError, OSError) as error:
        raise _away() from error
    finally:
        body.close()


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _changed() -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_IMPORT_NOT_FOUND,
        "the object changed or went away while it was being copied",
    )


def _away() -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
        "the storage that imports come from is away",
        metadata={"dependency": "import storage"},
        retry_after_s=2.0,
    )
