"""Changing timelines. Each change is a new revision; none is ever lost.

Each method wants the hash of the newest revision's EDL, to show that the caller knows what it
changes: EDL_HASH_MISMATCH {provided, current} when somebody else was quicker. Then look again.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from beatstitch.v1 import timeline_service_pb2 as timelines
from beatstitch.v1.timeline_service_pb2_grpc import TimelineServiceStub
from beatstitch_client.calls.base import Calls
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch.v1.timeline_edit_pb2 import TimelineEdit
    from beatstitch.v1.timeline_pb2 import Timeline
    from beatstitch.v1.timeline_service_pb2_grpc import TimelineServiceAsyncStub


class EditingCalls(Calls):
    """Changing timelines."""

    @cached_property
    def _editing(self) -> TimelineServiceAsyncStub:
        return TimelineServiceStub(self._channel)

    async def apply_edits(
        self,
        project_id: str,
        edl_hash: str,
        edits: Iterable[TimelineEdit],
        *,
        omit_edl: bool = False,
        request_id: str = "",
    ) -> Timeline:
        """Applies edits to the newest revision and returns the new one.

        Args:
            project_id: The project.
            edl_hash: Hash of the newest revision's EDL.
            edits: 1 to 1000, in order; all or none. EDIT_INVALID names the first that can't be
                applied, in metadata["edit"].
            omit_edl: Whether the returned timeline comes without its EDL.
            request_id: See `AsyncClient`.
        """
        request = timelines.ApplyEditsRequest(
            project_id=project_id,
            edl_hash=edl_hash,
            edits=edits,
            omit_edl=omit_edl,
            request_id=request_id or new_id(),
        )
        return (await self._call(self._editing.ApplyEdits, request)).timeline

    async def put_timeline(
        self, edl: Edl, edl_hash: str = "", *, request_id: str = ""
    ) -> timelines.PutTimelineResponse:
        """Makes an EDL of your own the newest revision of the project that it names.

        Args:
            edl: The EDL; EDL_INVALID with all violations where it breaks an invariant.
            edl_hash: Hash of the newest revision's EDL; empty when the project has none.
            request_id: See `AsyncClient`.
        """
        request = timelines.PutTimelineRequest(
            project_id=edl.project_id,
            edl_hash=edl_hash,
            edl=edl,
            request_id=request_id or new_id(),
        )
        return await self._call(self._editing.PutTimeline, request)

    async def undo_timeline(
        self, project_id: str, edl_hash: str, *, request_id: str = ""
    ) -> Timeline:
        """Takes the last change back, as a new revision; NOTHING_TO_UNDO at the first one."""
        request = timelines.UndoTimelineRequest(
            project_id=project_id, edl_hash=edl_hash, request_id=request_id or new_id()
        )
        return (await self._call(self._editing.UndoTimeline, request)).timeline

    async def redo_timeline(
        self, project_id: str, edl_hash: str, *, request_id: str = ""
    ) -> Timeline:
        """Takes the last undo back, as a new revision; any other change ends what can be redone."""
        request = timelines.RedoTimelineRequest(
            project_id=project_id, edl_hash=edl_hash, request_id=request_id or new_id()
        )
        return (await self._call(self._editing.RedoTimeline, request)).timeline

    async def restore_revision(
        self, project_id: str, edl_hash: str, revision: int, *, request_id: str = ""
    ) -> Timeline:
        """Makes an old revision the newest, as a new revision."""
        request = timelines.RestoreRevisionRequest(
            project_id=project_id,
            edl_hash=edl_hash,
            revision=revision,
            request_id=request_id or new_id(),
        )
        return (await self._call(self._editing.RestoreRevision, request)).timeline
