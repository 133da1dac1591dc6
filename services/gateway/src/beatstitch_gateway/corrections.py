"""Corrections of a song's grid: kept apart from what was heard, applied by the analyzer.

The engine is asked outside of any transaction. So the row may have changed when its answer comes:
then it is asked again, with what is there by then.
"""

from __future__ import annotations

import re

from beatstitch.internal.v1 import analyzer_engine_service_pb2 as engine
from beatstitch.v1 import failure_pb2
from beatstitch.v1.analysis_service_pb2 import EditBeatGridRequest, EditBeatGridResponse
from beatstitch.v1.beat_grid_edit_pb2 import BeatGridOverlay
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch_core.canonical import parse_json
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.keys import tenant_prefix
from beatstitch_gateway import specs
from beatstitch_gateway.db import assets
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once, remembered
from beatstitch_gateway.songs import get_song
from beatstitch_gateway.validation import Check

_TRIES = 3
_EDIT = re.compile(r"\bedits\[(\d+)\]")


class _ChangedMeanwhileError(Exception):
    """The answer was made for a grid that is another one by now."""


async def edit_grid(deps: Deps, tenant: str, request: EditBeatGridRequest) -> EditBeatGridResponse:
    """Corrects a song's grid.

    Raises:
        BeatStitchError: FIELD_INVALID, ASSET_NOT_FOUND, BEAT_GRID_NOT_FOUND, ETAG_MISMATCH,
            EDIT_INVALID, DEPENDENCY_DOWN.
    """
    check = Check()
    check.request_id(request.request_id)
    check.edits(request.edits, may_be_none=request.replace)
    check.sha256(request.beat_grid_sha256, "beat_grid_sha256")
    check.done()
    call = Call(tenant, request)
    known = await remembered(deps.database, call, EditBeatGridResponse)
    if known is not None:
        return known
    for _ in range(_TRIES):
        async with deps.database.transaction() as tx:
            seen = specs.need_grid(await get_song(tx, tenant, request.asset_id))
        _need_current(request, seen)
        answer = await _apply(deps, tenant, request, seen)
        try:
            return await once(
                deps.database,
                call,
                EditBeatGridResponse,
                lambda tx, seen=seen, answer=answer: _keep(tx, tenant, seen, answer),  # type: ignore[misc]
            )
        except _ChangedMeanwhileError:
            continue
    raise _mismatch("", "")


async def _apply(
    deps: Deps, tenant: str, request: EditBeatGridRequest, seen: AssetRow
) -> engine.EditBeatGridResponse:
    overlay = BeatGridOverlay()
    if not request.replace:
        overlay.CopyFrom(seen.overlay)
    overlay.edits.extend(request.edits)
    heard = seen.heard_grid or seen.beat_grid or ObjectRef()
    if not overlay.edits:
        grid = parse_json(await deps.storage.get(heard.key), BeatGrid())
        return engine.EditBeatGridResponse(beat_grid=grid, object=heard, overlay=overlay)
    question = engine.EditBeatGridRequest(
        beat_grid=heard,
        activations=seen.activations,
        overlay=overlay,
        key_prefix=tenant_prefix(tenant),
    )
    try:
        return await deps.engines.analyzer(lambda stub: stub.EditBeatGrid, question)
    except BeatStitchError as error:
        raise about_request(error, len(overlay.edits) - len(request.edits)) from error


async def _keep(
    tx: Transaction, tenant: str, seen: AssetRow, answer: engine.EditBeatGridResponse
) -> EditBeatGridResponse:
    row = await assets.get(tx, tenant, seen.asset.id, lock=True)
    if row.heard_grid != seen.heard_grid or row.overlay != seen.overlay:
        raise _ChangedMeanwhileError
    row.beat_grid = answer.object
    row.overlay = answer.overlay
    await assets.update(tx, row)
    return EditBeatGridResponse(
        beat_grid=answer.beat_grid,
        beat_grid_sha256=answer.object.sha256,
        overlay=answer.overlay,
    )


def about_request(error: BeatStitchError, before: int) -> BeatStitchError:
    """EDIT_INVALID counts edits from the first one ever; the caller knows those of the request.

    Args:
        error: The engine's; others than EDIT_INVALID are returned as they are.
        before: How many edits were there before.
    """
    if error.reason != failure_pb2.ERROR_REASON_EDIT_INVALID:
        return error

    def named(text: str) -> str:
        return _EDIT.sub(lambda found: _place(int(found[1]), before), text)

    metadata = dict(error.metadata)
    index = int(metadata.get("edit", before))
    if index >= before:
        metadata["edit"] = str(index - before)
    else:
        metadata["earlier_edit"] = str(index)
        del metadata["edit"]
    return BeatStitchError(
        error.reason,
        named(error.message),
        metadata=metadata,
        violations=[
            FieldViolation(field=named(item.field), description=item.description)
            for item in error.violations
        ],
    )


def _place(index: int, before: int) -> str:
    return f"edits[{index - before}]" if index >= before else f"overlay.edits[{index}]"


def _need_current(request: EditBeatGridRequest, seen: AssetRow) -> None:
    current = seen.beat_grid.sha256 if seen.beat_grid is not None else ""
    if request.beat_grid_sha256 and request.beat_grid_sha256 != current:
        raise _mismatch(request.beat_grid_sha256, current)


def _mismatch(provided: str, current: str) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_ETAG_MISMATCH,
        "the grid was changed meanwhile",
        metadata={"provided": provided, "current": current},
    )
