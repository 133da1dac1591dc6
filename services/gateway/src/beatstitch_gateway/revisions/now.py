"""A project as it is now, for those who ask whether a timeline is up to date."""

from __future__ import annotations

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import assets, templates
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.revisions.stale import ProjectNow


async def project_now(
    tx: Transaction, tenant: str, project_id: str, template_id: str
) -> ProjectNow:
    """What a timeline of the project would be built from now."""
    rows = await assets.all_ready(tx, tenant, project_id)
    songs = {
        row.asset.id: row.beat_grid.sha256 if row.beat_grid is not None else ""
        for row in rows
        if row.is_audio
    }
    media = sorted(
        (row.asset for row in rows if not row.is_audio), key=lambda item: (item.position, item.id)
    )
    return ProjectNow(
        song_id=max(songs, default=""),
        grids=songs,
        media_ids=[item.id for item in media],
        names={row.asset.id: row.asset.filename for row in rows},
        template_version=await _template_version(tx, tenant, template_id),
    )


async def _template_version(tx: Transaction, tenant: str, template_id: str) -> int:
    if not template_id:
        return 0
    try:
        return (await templates.get(tx, tenant, template_id)).version
    except BeatStitchError as error:
        if error.reason != failure_pb2.ERROR_REASON_TEMPLATE_NOT_FOUND:
            raise
        return 0  # deleted: there is nothing newer to build from
