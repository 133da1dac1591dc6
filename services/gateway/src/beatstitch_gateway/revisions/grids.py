"""The grids that revisions are cut to."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from beatstitch.v1 import failure_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.canonical import parse_json, sha256_hex
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import assets, timelines
from beatstitch_gateway.db.timelines import TimelineRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_runtime.storage import Storage

MOST_KEPT = 32


class Grids:
    """Grids from storage, the last ones used kept: with each edit the same one is needed.

    They are found by the hash of their content, so none ever gets old. Nobody may change one.
    """

    def __init__(self, storage: Storage, most_kept: int = MOST_KEPT) -> None:
        self._storage = storage
        self._most_kept = most_kept
        self._kept: OrderedDict[str, BeatGrid] = OrderedDict()

    async def get(self, ref: ObjectRef | None) -> BeatGrid:
        """The grid.

        Raises:
            BeatStitchError: GRID_GONE when there is none, DEPENDENCY_DOWN.
        """
        if ref is None or not ref.key:
            raise grid_gone("")
        if ref.sha256 in self._kept:
            self._kept.move_to_end(ref.sha256)
            return self._kept[ref.sha256]
        try:
            data = await self._storage.get(ref.key)
        except BeatStitchError as error:
            if error.reason == failure_pb2.ERROR_REASON_OBJECT_MISSING:
                raise grid_gone(ref.sha256) from error
            raise
        if sha256_hex(data) != ref.sha256:
            raise grid_gone(ref.sha256)
        grid = await asyncio.to_thread(parse_json, data, BeatGrid())
        self._kept[ref.sha256] = grid
        while len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)
        return grid


async def grid_of(tx: Transaction, tenant: str, row: TimelineRow) -> ObjectRef | None:
    """The grid that a revision is cut to; for an EDL that names none, the song's current one."""
    if row.beat_grid is not None:
        return row.beat_grid
    return await find_grid(tx, tenant, row.parse_edl())


async def find_grid(tx: Transaction, tenant: str, edl: Edl) -> ObjectRef | None:
    """The grid that an EDL names, among all that the project ever had; None when there is none."""
    project_id, song_id = edl.project_id, edl.audio.asset_id
    song = (await assets.get_many(tx, tenant, project_id, [song_id])).get(song_id)
    own = [song.beat_grid, song.heard_grid] if song is not None else []
    if not edl.beat_grid_sha256:
        return own[0] if own else None
    for ref in (*own, *await timelines.grids(tx, tenant, project_id)):
        if ref is not None and ref.sha256 == edl.beat_grid_sha256:
            return ref
    return None


def grid_gone(sha256: str) -> BeatStitchError:
    """GRID_GONE."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_GRID_GONE,
        "the beat grid that the timeline was cut to is gone; build the timeline anew",
        metadata={"beat_grid_sha256": sha256},
    )
