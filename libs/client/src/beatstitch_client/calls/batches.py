"""Many videos in one call."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from beatstitch.v1 import stitch_service_pb2 as stitching
from beatstitch.v1.stitch_service_pb2_grpc import StitchServiceStub
from beatstitch_client.calls.base import Calls
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beatstitch.v1.stitch_service_pb2_grpc import StitchServiceAsyncStub

BATCH_TIMEOUT_S = 300.0


class BatchCalls(Calls):
    """Many videos in one call."""

    @cached_property
    def _batches(self) -> StitchServiceAsyncStub:
        return StitchServiceStub(self._channel)

    async def batch_stitch(
        self, items: Iterable[stitching.StitchRequest], *, request_id: str = ""
    ) -> stitching.BatchStitchResponse:
        """Up to 1000 stitches, of as many projects as wanted; a bad one doesn't spoil the others.

        Follow them with `watch_jobs(batch_id=…, until_all_ended=True)`.

        Args:
            items: The stitches; they wait in the batch lane unless they say otherwise.
            request_id: The same id and items give the same batch: what was cut off goes on.

        Returns:
            The batch's id and, for each item, its job or why it was refused.
        """
        request = stitching.BatchStitchRequest(items=items, request_id=request_id or new_id())
        return await self._connection.call(
            self._batches.BatchStitch, request, timeout_s=BATCH_TIMEOUT_S
        )
