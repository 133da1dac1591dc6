"""A file's bytes to signed URLs, which are secrets: no error and no log line names one."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from beatstitch.v1.asset_service_pb2 import CompletedPart
from beatstitch_client.connection import is_loopback
from beatstitch_client.file_bytes import md5_of, read_chunks

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

    from beatstitch.v1.asset_service_pb2 import UploadPart
    from beatstitch_client.file_bytes import Report

PARTS_AT_ONCE = 3
TRIES_A_PART = 4
URL_TIMEOUT = httpx.Timeout(60.0, connect=5.0)


class UrlError(Exception):
    """The bytes could not be stored through the signed URLs; the text names no URL.

    Attributes:
        refused: Whether the storage refused a link: it has ended, and a new one may do.
    """

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


async def put_parts(
    path: Path, parts: list[UploadPart], report: Report, https: ssl.SSLContext | None = None
) -> list[CompletedPart]:
    """PUTs the parts of a file that are not there yet, a few at a time; `https` says whom to trust.

    Returns:
        What CompleteUpload wants to know of each, in the order of `parts`.

    Raises:
        UrlError: A part could not be stored; the others are given up.
    """
    slots = asyncio.Semaphore(PARTS_AT_ONCE)
    # What is on this machine is not behind the environment's proxy.
    hosts = {urlsplit(part.url).hostname or "" for part in parts if not part.done}
    proxied = not all(is_loopback(host) for host in hosts)
    verify = True if https is None else https
    async with httpx.AsyncClient(timeout=URL_TIMEOUT, trust_env=proxied, verify=verify) as http:

        async def one(part: UploadPart) -> CompletedPart:
            if part.done:
                report.add(part.size_bytes)
                return CompletedPart(part_number=part.part_number, etag=part.etag)
            async with slots:
                etag = await _put_part(http, path, part, report)
            return CompletedPart(part_number=part.part_number, etag=etag)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(part)) for part in parts]
        except BaseExceptionGroup as failures:
            # The others were cancelled because of the first.
            raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _put_part(http: httpx.AsyncClient, path: Path, part: UploadPart, report: Report) -> str:
    """PUTs one part, again where that may help; returns its ETag.

    The storage is told the part's MD5, so that what was damaged on the way is refused at once.
    """
    pause = 0.2
    headers = {
        "Content-Length": str(part.size_bytes),
        "Content-MD5": await md5_of(path, part.offset_bytes, part.size_bytes),
    }
    for attempt in range(1, TRIES_A_PART + 1):
        sent, refused = 0, False

        async def body() -> AsyncIterator[bytes]:
            nonlocal sent
            async for chunk in read_chunks(path, part.offset_bytes, part.size_bytes):
                sent += len(chunk)
                report.add(len(chunk))
                yield chunk

        try:
            reply = await http.put(part.url, content=body(), headers=headers)
            if reply.is_success:
                return str(reply.headers.get("etag", ""))
            problem = f"the storage answered {reply.status_code}"
            refused = reply.status_code == 403
            passing = reply.status_code >= 500 or reply.status_code in {408, 429}
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise UrlError("its address can't be reached from here") from None
        except httpx.HTTPError as error:
            # Without the error's own text: it may hold the signed URL.
            problem, passing = type(error).__name__, True
        report.add(-sent)
        if not passing or attempt == TRIES_A_PART:
            break
        await asyncio.sleep(pause)
        pause *= 2
    raise UrlError(problem, refused=refused)


class _HideSignature(logging.Filter):
    """Takes the query off the URLs that httpx logs: a signed URL is a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg
                for arg in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_HideSignature())
