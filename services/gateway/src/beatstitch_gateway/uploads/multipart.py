"""S3's multipart uploads: begun, signed, completed and aborted here, PUT by the client.

obstore has no way to hand the parts to somebody else, so boto3 makes the three calls, each in a
thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from beatstitch.v1 import failure_pb2
from beatstitch.v1.asset_service_pb2 import CompletedPart, UploadPart
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage.presign import Credentials, presign

log = logging.getLogger(__name__)

_GONE = ("NoSuchUpload",)
_DENIED = ("AccessDenied", "NotImplemented")
_WRONG = ("InvalidPart", "InvalidPartOrder", "EntityTooSmall", "InvalidRequest", "InvalidArgument")


class PartThere(NamedTuple):
    """A part that S3 has.

    Attributes:
        etag: Without quotes.
        size_bytes: Its size.
    """

    etag: str
    size_bytes: int


class Unfinished(NamedTuple):
    """A multipart upload that nobody has joined.

    Attributes:
        key: Of the object that it would be.
        upload_id: S3's id of it.
        begun: When it was begun.
    """

    key: str
    upload_id: str
    begun: datetime


class Multipart:
    """The multipart uploads of one bucket."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._credentials = Credentials(
            settings.s3_access_key.get_secret_value(),
            settings.s3_secret_key.get_secret_value(),
            settings.s3_region,
        )

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its clients' types at run time
        return boto3.client(
            "s3",
            endpoint_url=self._settings.s3_endpoint,
            region_name=self._credentials.region,
            aws_access_key_id=self._credentials.access_key,
            aws_secret_access_key=self._credentials.secret_key,
            verify=None if self._settings.s3_ca_file is None else str(self._settings.s3_ca_file),
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=5,
                read_timeout=30,
                retries={"max_attempts": 3},
                request_checksum_calculation="when_required",
            ),
        )

    async def begin(self, key: str) -> str:
        """Begins an upload and returns S3's id of it.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN.
        """
        try:
            reply = await self._call(lambda s3, where: s3.create_multipart_upload(**where), key)
        except ClientError as error:
            raise _storage_down() from error
        return str(reply["UploadId"])

    def sign_part(self, key: str, upload_id: str, part: UploadPart, expires_s: int) -> str:
        """A link with which anybody may PUT a part, of its very length, for `expires_s` seconds."""
        endpoint = self._settings.s3_public_endpoint or self._settings.s3_endpoint
        return presign(
            "PUT",
            f"{endpoint.rstrip('/')}/{self._settings.s3_bucket}/{key}",
            self._credentials,
            expires_s=expires_s,
            query={"partNumber": str(part.part_number), "uploadId": upload_id},
            headers={"content-length": str(part.size_bytes)},
        )

    async def parts(self, key: str, upload_id: str) -> dict[int, PartThere] | None:
        """The parts that S3 has, by number; None when it knows no such upload (any more).

        Raises:
            BeatStitchError: DEPENDENCY_DOWN.
        """

        def listed(s3: Any, where: dict[str, str]) -> dict[int, PartThere]:  # noqa: ANN401
            pages = s3.get_paginator("list_parts").paginate(**where, UploadId=upload_id)
            return {
                part["PartNumber"]: PartThere(part["ETag"].strip('"'), part["Size"])
                for page in pages
                for part in page.get("Parts", ())
            }

        try:
            found: dict[int, PartThere] = await self._call(listed, key)
        except ClientError as error:
            if _code(error) in _GONE:
                return None
            raise _storage_down() from error
        return found

    async def unfinished(self, prefix: str) -> list[Unfinished]:
        """All multipart uploads below a prefix that nobody has joined.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN.
        """

        def listed(s3: Any, where: dict[str, str]) -> list[Unfinished]:  # noqa: ANN401
            pages = s3.get_paginator("list_multipart_uploads").paginate(
                Bucket=where["Bucket"], Prefix=where["Key"]
            )
            return [
                Unfinished(item["Key"], item["UploadId"], item["Initiated"])
                for page in pages
                for item in page.get("Uploads", ())
            ]

        try:
            found: list[Unfinished] = await self._call(listed, prefix)
        except ClientError as error:
            if _code(error) in _DENIED:
                # The rest of the cleaning needs no list of them.
                log.warning("unfinished uploads can't be listed: no right to")
                return []
            raise _storage_down() from error
        return found

    async def complete(self, key: str, upload_id: str, parts: Sequence[CompletedPart]) -> None:
        """Joins the parts; an upload that is gone was joined by an earlier call.

        Raises:
            BeatStitchError: UPLOAD_MISMATCH when the parts are not those that were PUT,
                DEPENDENCY_DOWN.
        """
        listed = [
            {"PartNumber": part.part_number, "ETag": f'"{part.etag.strip(chr(34))}"'}
            for part in sorted(parts, key=lambda part: part.part_number)
        ]
        try:
            await self._call(
                lambda s3, where: s3.complete_multipart_upload(
                    **where, UploadId=upload_id, MultipartUpload={"Parts": listed}
                ),
                key,
            )
        except ClientError as error:
            if _code(error) in _GONE:
                return
            if _code(error) in _WRONG:
                raise BeatStitchError(
                    failure_pb2.ERROR_REASON_UPLOAD_MISMATCH,
                    "the storage doesn't know these parts: are all of them PUT, with these etags?",
                ) from error
            raise _storage_down() from error

    async def abort(self, key: str, upload_id: str) -> None:
        """Throws the parts away.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN.
        """
        try:
            await self._call(
                lambda s3, where: s3.abort_multipart_upload(**where, UploadId=upload_id), key
            )
        except ClientError as error:
            if _code(error) not in _GONE:
                raise _storage_down() from error

    async def _call(self, work: Callable[[Any, dict[str, str]], Any], key: str) -> Any:  # noqa: ANN401
        where = {"Bucket": self._settings.s3_bucket, "Key": key}
        try:
            return await asyncio.to_thread(lambda: work(self._client, where))
        except BotoCoreError as error:
            raise _storage_down() from error

    def close(self) -> None:
        """Closes the connections."""
        if "_client" in self.__dict__:
            self._client.close()


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _storage_down() -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
        "the storage is away",
        metadata={"dependency": "storage"},
        retry_after_s=1.0,
    )
