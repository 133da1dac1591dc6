"""ProjectService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

from beatstitch.v1.project_pb2 import Project
from beatstitch.v1.project_service_pb2 import (
    CreateProjectRequest,
    CreateProjectResponse,
    DeleteProjectRequest,
    DeleteProjectResponse,
    GetProjectRequest,
    GetProjectResponse,
    ListProjectsRequest,
    ListProjectsResponse,
    UpdateProjectRequest,
    UpdateProjectResponse,
)
from beatstitch.v1.project_service_pb2_grpc import ProjectServiceServicer
from beatstitch_core.ids import new_id
from beatstitch_gateway import paging
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.db import assets, jobs, ledger, projects, uploads
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.etags import need_etag, stamp
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.validation import Check

_LIST = "projects"
_CHANGEABLE = ("display_name", "labels")


class ProjectRpc(ProjectServiceServicer):
    """Making and keeping projects."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def CreateProject(
        self, request: CreateProjectRequest, context: Context
    ) -> CreateProjectResponse:
        """Makes a project."""
        check = Check()
        check.request_id(request.request_id)
        check.display_name(request.display_name)
        check.labels(request.labels)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> CreateProjectResponse:
            project = Project(id=new_id(), display_name=request.display_name, labels=request.labels)
            project.create_time.GetCurrentTime()
            stamp(project)
            await projects.insert(tx, tenant, project)
            return CreateProjectResponse(project=project)

        call = Call(tenant, request)
        return await once(self._deps.database, call, CreateProjectResponse, work)

    async def GetProject(self, request: GetProjectRequest, context: Context) -> GetProjectResponse:
        """One project."""
        project = await projects.look(self._deps.database, current_tenant(), request.project_id)
        return GetProjectResponse(project=project)

    async def ListProjects(
        self, request: ListProjectsRequest, context: Context
    ) -> ListProjectsResponse:
        """The tenant's projects, newest first."""
        wanted = paging.Wanted(_LIST, request, str)
        async with self._deps.database.reading() as tx:
            rows = await projects.page(tx, current_tenant(), wanted.rows, wanted.after_id)
        page, token = wanted.cut(rows, lambda row: [row.id])
        return ListProjectsResponse(projects=page, next_page_token=token)

    async def UpdateProject(
        self, request: UpdateProjectRequest, context: Context
    ) -> UpdateProjectResponse:
        """Changes the fields that the mask names."""
        paths = list(request.update_mask.paths)
        check = Check()
        check.request_id(request.request_id)
        check.that(
            bool(paths) and set(paths) <= set(_CHANGEABLE),
            "update_mask",
            f"has to name one or more of: {', '.join(_CHANGEABLE)}",
        )
        if "display_name" in paths:
            check.display_name(request.project.display_name, "project.display_name")
        if "labels" in paths:
            check.labels(request.project.labels, "project.labels")
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> UpdateProjectResponse:
            project = await projects.get(tx, tenant, request.project.id, lock=True)
            need_etag(request.project.etag, project.etag, "project")
            if "display_name" in paths:
                project.display_name = request.project.display_name
            if "labels" in paths:
                project.labels.clear()
                project.labels.update(request.project.labels)
            stamp(project)
            await projects.update(tx, tenant, project)
            return UpdateProjectResponse(project=project)

        call = Call(tenant, request)
        return await once(self._deps.database, call, UpdateProjectResponse, work)

    async def DeleteProject(
        self, request: DeleteProjectRequest, context: Context
    ) -> DeleteProjectResponse:
        """Deletes the project and all that belongs to it; its running jobs are cancelled."""
        check = Check()
        check.request_id(request.request_id)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> DeleteProjectResponse:
            project_id = request.project_id
            await projects.get(tx, tenant, project_id)
            for row in await jobs.unfinished(tx, tenant, project_id=project_id):
                tx.after.cancelled[row.job.id] = row.stream_seq
                tx.after.changed[row.job.id] = tenant
                await ledger.settle(tx, row.job.id, 0)  # what was made stays counted
            tx.after.unwanted_uploads += await uploads.open_in(tx, tenant, project_id=project_id)
            tx.after.unwanted_keys += await assets.keys(tx, tenant, project_id)
            await projects.delete(tx, tenant, project_id)
            return DeleteProjectResponse()

        call = Call(tenant, request)
        return await once(self._deps.database, call, DeleteProjectResponse, work)
