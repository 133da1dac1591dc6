"""TemplateService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

from beatstitch.v1 import failure_pb2
from beatstitch.v1.template_pb2 import Template
from beatstitch.v1.template_service_pb2 import (
    CreateTemplateRequest,
    CreateTemplateResponse,
    DeleteTemplateRequest,
    DeleteTemplateResponse,
    GetTemplateRequest,
    GetTemplateResponse,
    ListTemplatesRequest,
    ListTemplatesResponse,
    UpdateTemplateRequest,
    UpdateTemplateResponse,
)
from beatstitch.v1.template_service_pb2_grpc import TemplateServiceServicer
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_gateway import paging
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.db import templates
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.etags import need_etag, stamp
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.templates.builtin import builtin_templates
from beatstitch_gateway.validation import Check

_LIST = "templates"
_CHANGEABLE = ("name", "description", "settings")
_MAX_NAME = 100
_MAX_DESCRIPTION = 1000


class TemplateRpc(TemplateServiceServicer):
    """Keeping templates."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def CreateTemplate(
        self, request: CreateTemplateRequest, context: Context
    ) -> CreateTemplateResponse:
        """Makes a template."""
        self._check(request.template, _CHANGEABLE, request.request_id)
        tenant = current_tenant()

        async def work(tx: Transaction) -> CreateTemplateResponse:
            template = Template(id=new_id(), version=1)
            _take(template, request.template, _CHANGEABLE)
            template.create_time.GetCurrentTime()
            stamp(template)
            await templates.insert(tx, tenant, template)
            return CreateTemplateResponse(template=template)

        call = Call(tenant, request)
        return await once(self._deps.database, call, CreateTemplateResponse, work)

    async def GetTemplate(
        self, request: GetTemplateRequest, context: Context
    ) -> GetTemplateResponse:
        """One template, the newest version or an older one."""
        async with self._deps.database.transaction() as tx:
            template = await templates.get(
                tx, current_tenant(), request.template_id, version=request.version
            )
        return GetTemplateResponse(template=template)

    async def ListTemplates(
        self, request: ListTemplatesRequest, context: Context
    ) -> ListTemplatesResponse:
        """The built-in ones (all on the first page), then the tenant's."""
        wanted = paging.Wanted(_LIST, request, str)
        async with self._deps.database.transaction() as tx:
            rows = await templates.page(tx, current_tenant(), wanted.rows, wanted.after_id)
        page, token = wanted.cut(rows, lambda row: [row.id])
        built_in = [] if wanted.after else [*builtin_templates().values()]
        return ListTemplatesResponse(templates=[*built_in, *page], next_page_token=token)

    async def UpdateTemplate(
        self, request: UpdateTemplateRequest, context: Context
    ) -> UpdateTemplateResponse:
        """Makes a new version of a template."""
        paths = tuple(request.update_mask.paths) or _CHANGEABLE
        self._check(request.template, paths, request.request_id)
        tenant = current_tenant()

        async def work(tx: Transaction) -> UpdateTemplateResponse:
            template = await _to_change(tx, tenant, request.template.id, request.etag)
            _take(template, request.template, paths)
            template.version += 1
            stamp(template)
            await templates.update(tx, tenant, template)
            return UpdateTemplateResponse(template=template)

        call = Call(tenant, request)
        return await once(self._deps.database, call, UpdateTemplateResponse, work)

    async def DeleteTemplate(
        self, request: DeleteTemplateRequest, context: Context
    ) -> DeleteTemplateResponse:
        """Deletes a template in all versions."""
        check = Check()
        check.request_id(request.request_id)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> DeleteTemplateResponse:
            template = await _to_change(tx, tenant, request.template_id, request.etag)
            await templates.delete(tx, tenant, template.id)
            return DeleteTemplateResponse()

        call = Call(tenant, request)
        return await once(self._deps.database, call, DeleteTemplateResponse, work)

    def _check(self, template: Template, paths: tuple[str, ...], request_id: str) -> None:
        check = Check()
        check.request_id(request_id)
        check.that(
            set(paths) <= set(_CHANGEABLE),
            "update_mask",
            f"may name: {', '.join(_CHANGEABLE)}",
        )
        if "name" in paths:
            ok = 1 <= len(template.name) <= _MAX_NAME and bool(template.name.strip())
            check.that(ok, "template.name", f"has to have 1 to {_MAX_NAME} characters")
        if "description" in paths:
            ok = len(template.description) <= _MAX_DESCRIPTION
            check.that(ok, "template.description", f"has at most {_MAX_DESCRIPTION} characters")
        if "settings" in paths:
            check.timeline(template.settings, self._deps.limits, field="template.settings")
        check.done()


async def _to_change(tx: Transaction, tenant: str, template_id: str, etag: str) -> Template:
    """The tenant's own template, locked, when the etag is its own.

    Raises:
        BeatStitchError: TEMPLATE_NOT_FOUND, PERMISSION_DENIED, ETAG_MISMATCH.
    """
    template = await templates.get(tx, tenant, template_id, lock=True)
    if template.built_in:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_PERMISSION_DENIED,
            f"{template.id} comes with BeatStitch and can't be changed; make one of your own of it",
            metadata={"template_id": template.id},
        )
    need_etag(etag, template.etag, "template")
    return template


def _take(template: Template, given: Template, paths: tuple[str, ...]) -> None:
    if "name" in paths:
        template.name = given.name
    if "description" in paths:
        template.description = given.description
    if "settings" in paths:
        template.settings.CopyFrom(given.settings)
