"""Songs among the assets."""

from __future__ import annotations

from beatstitch_core.errors import field_error
from beatstitch_gateway.db import assets
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.transaction import Transaction


async def get_song(tx: Transaction, tenant: str, asset_id: str) -> AssetRow:
    """A song of the tenant.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND; FIELD_INVALID when it is a picture or a clip.
    """
    row = await assets.get(tx, tenant, asset_id)
    if not row.is_audio:
        raise field_error("asset_id", f"{row.asset.filename!r} is not a song")
    return row
