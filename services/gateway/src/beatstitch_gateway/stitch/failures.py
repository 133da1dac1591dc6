"""Why a stitch can't go on: the failure of an asset or of a child. Pure."""

from __future__ import annotations

from beatstitch.v1 import asset_pb2, failure_pb2
from beatstitch.v1.asset_pb2 import Asset
from beatstitch.v1.failure_pb2 import Failure
from beatstitch.v1.job_pb2 import Job
from beatstitch_core.errors import BeatStitchError


def failure_of(asset: Asset | None, asset_id: str) -> Failure | None:
    """Why an asset can't be used; None when it can, or may yet."""
    if asset is None:
        return BeatStitchError(
            failure_pb2.ERROR_REASON_ASSET_NOT_FOUND,
            "an asset was deleted meanwhile",
            metadata={"asset_id": asset_id},
        ).to_failure()
    if asset.state != asset_pb2.ASSET_STATE_FAILED:
        return None
    failure = Failure()
    failure.CopyFrom(asset.failure)
    failure.metadata["asset_id"] = asset_id
    return failure


def failure_of_child(stage_name: str, child: Job | None) -> Failure:
    """Why a stage can't end well: its job's own failure, or that the job was ended or deleted."""
    if child is not None and child.HasField("failure"):
        return child.failure
    what = "was cancelled" if child is not None else "is gone"
    return BeatStitchError(
        failure_pb2.ERROR_REASON_STAGE_FAILED,
        f"the job of the stage {stage_name!r} {what}",
        metadata={"stage": stage_name},
    ).to_failure()
