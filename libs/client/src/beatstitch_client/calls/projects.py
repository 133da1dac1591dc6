"""The server and its projects."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from beatstitch.v1 import info_service_pb2 as info
from beatstitch.v1 import project_service_pb2 as projects
from beatstitch.v1.info_service_pb2_grpc import InfoServiceStub
from beatstitch.v1.project_service_pb2_grpc import ProjectServiceStub
from beatstitch_client.calls.base import Calls
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beatstitch.v1.info_service_pb2_grpc import InfoServiceAsyncStub
    from beatstitch.v1.project_pb2 import Project
    from beatstitch.v1.project_service_pb2_grpc import ProjectServiceAsyncStub


class ProjectCalls(Calls):
    """The server and its projects."""

    @cached_property
    def _info(self) -> InfoServiceAsyncStub:
        return InfoServiceStub(self._channel)

    @cached_property
    def _projects(self) -> ProjectServiceAsyncStub:
        return ProjectServiceStub(self._channel)

    async def server_info(self) -> info.GetServerInfoResponse:
        """Versions, limits, analyzers, transitions, profiles. Needs no key."""
        return await self._call(self._info.GetServerInfo, info.GetServerInfoRequest())

    async def create_project(
        self, display_name: str, labels: Mapping[str, str] | None = None, *, request_id: str = ""
    ) -> Project:
        """A new project."""
        request = projects.CreateProjectRequest(
            display_name=display_name, labels=labels, request_id=request_id or new_id()
        )
        return (await self._call(self._projects.CreateProject, request)).project
