"""Templates: settings with a name."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from google.protobuf.field_mask_pb2 import FieldMask

from beatstitch.v1 import template_service_pb2 as templates
from beatstitch.v1.template_pb2 import Template
from beatstitch.v1.template_service_pb2_grpc import TemplateServiceStub
from beatstitch_client.calls.base import PAGE_SIZE, Calls
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from beatstitch.v1.template_service_pb2_grpc import TemplateServiceAsyncStub
    from beatstitch.v1.timeline_pb2 import TimelineSettings


class TemplateCalls(Calls):
    """Templates: settings with a name."""

    @cached_property
    def _templates(self) -> TemplateServiceAsyncStub:
        return TemplateServiceStub(self._channel)

    async def create_template(
        self,
        name: str,
        settings: TimelineSettings | None = None,
        *,
        description: str = "",
        request_id: str = "",
    ) -> Template:
        """A new template; TEMPLATE_EXISTS when there is one of this name."""
        request = templates.CreateTemplateRequest(
            template=Template(name=name, description=description, settings=settings),
            request_id=request_id or new_id(),
        )
        return (await self._call(self._templates.CreateTemplate, request)).template

    async def get_template(self, template_id: str, version: int = 0) -> Template:
        """A template, built in or your own; version 0 is the newest."""
        request = templates.GetTemplateRequest(template_id=template_id, version=version)
        return (await self._call(self._templates.GetTemplate, request)).template

    async def list_templates(self) -> list[Template]:
        """All templates in their newest versions: the built-in ones, then your own."""
        found: list[Template] = []
        token = ""
        while True:
            request = templates.ListTemplatesRequest(page_size=PAGE_SIZE, page_token=token)
            reply = await self._call(self._templates.ListTemplates, request)
            found += reply.templates
            token = reply.next_page_token
            if not token:
                return found

    async def update_template(
        self,
        template_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        settings: TimelineSettings | None = None,
        etag: str = "",
        request_id: str = "",
    ) -> Template:
        """A new version of a template; what is None stays.

        Args:
            template_id: Which.
            name: The new name.
            description: The new description.
            settings: The new settings, all of them.
            etag: The version that you looked at; ETAG_MISMATCH when it is another by now.
            request_id: See `AsyncClient`.
        """
        given = {"name": name, "description": description, "settings": settings}
        paths = [path for path, value in given.items() if value is not None]
        if not paths:
            raise ValueError("nothing to change: give name, description or settings")
        request = templates.UpdateTemplateRequest(
            template=Template(
                id=template_id, name=name or "", description=description or "", settings=settings
            ),
            update_mask=FieldMask(paths=paths),
            etag=etag,
            request_id=request_id or new_id(),
        )
        return (await self._call(self._templates.UpdateTemplate, request)).template

    async def delete_template(
        self, template_id: str, *, etag: str = "", request_id: str = ""
    ) -> None:
        """Deletes a template in all versions; timelines that were built from it stay."""
        request = templates.DeleteTemplateRequest(
            template_id=template_id, etag=etag, request_id=request_id or new_id()
        )
        await self._call(self._templates.DeleteTemplate, request)
