"""Cleans the bucket once and tells what went, as JSON: for a CronJob.

    python -m beatstitch_gateway.cleanup [--dry-run] [--tenant ID]

It takes the gateway's settings. While a gateway's own loop cleans it ends with 75 (try again);
BEATSTITCH_RETENTION_INTERVAL_S=0 turns those loops off.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from google.protobuf import json_format

from beatstitch.v1.admin_service_pb2 import CleanupRequest, CleanupResponse
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.retention.cleaner import Cleaner
from beatstitch_gateway.retention.sweep import Sweeper
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_gateway.uploads.multipart import Multipart
from beatstitch_runtime.leaving import leave
from beatstitch_runtime.storage import Storage

TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h


async def clean(settings: GatewaySettings, request: CleanupRequest) -> CleanupResponse:
    """Cleans, without a gateway.

    Raises:
        BeatStitchError: TENANT_NOT_FOUND, DEPENDENCY_DOWN.
    """
    database = Database(
        settings.database_url.get_secret_value(), pool_size=2, tls=settings.database_tls
    )
    storage, multipart = Storage.from_settings(settings), Multipart(settings)
    try:
        sweeper = Sweeper(settings, database, storage, multipart)
        return await Cleaner(settings, database, sweeper).clean(request)
    finally:
        await asyncio.to_thread(multipart.close)
        await database.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m beatstitch_gateway.cleanup")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would go")
    parser.add_argument("--tenant", default="", help="only this tenant's")
    given = parser.parse_args(arguments)
    request = CleanupRequest(tenant_id=given.tenant, dry_run=given.dry_run)
    try:
        reply = asyncio.run(clean(GatewaySettings(), request))
    except BeatStitchError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return TRY_AGAIN if error.retryable else 1
    print(json_format.MessageToJson(reply, preserving_proto_field_name=True))  # noqa: T201
    return 0


if __name__ == "__main__":
    leave(main())
