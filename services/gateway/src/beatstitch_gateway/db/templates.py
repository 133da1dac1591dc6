"""Templates: the rows, and the built-in ones that have none."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from beatstitch.v1 import failure_pb2
from beatstitch.v1.template_pb2 import Template
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import is_id
from beatstitch_gateway.db.not_found import not_found
from beatstitch_gateway.db.tables import template_versions, templates
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.templates.builtin import builtin_templates


async def insert(tx: Transaction, tenant: str, template: Template) -> None:
    """Stores a new template.

    Raises:
        BeatStitchError: TEMPLATE_EXISTS: the tenant has one of this name.
    """
    row = {"id": template.id, "tenant": tenant, **_changing(template)}
    try:
        await tx.execute(sa.insert(templates).values(**row))
    except IntegrityError as error:
        raise _exists(template.name) from error
    await _insert_version(tx, template)


async def update(tx: Transaction, tenant: str, template: Template) -> None:
    """Stores a template's new version.

    Raises:
        BeatStitchError: TEMPLATE_EXISTS.
    """
    change = sa.update(templates).where(templates.c.tenant == tenant, templates.c.id == template.id)
    try:
        await tx.execute(change.values(**_changing(template)))
    except IntegrityError as error:
        raise _exists(template.name) from error
    await _insert_version(tx, template)


async def get(
    tx: Transaction, tenant: str, template_id: str, *, version: int = 0, lock: bool = False
) -> Template:
    """A template, built in or of the tenant; version 0 is the newest.

    Args:
        tx: The transaction.
        tenant: Whose.
        template_id: Which.
        version: Which version.
        lock: Whether others that want to change it have to wait.

    Raises:
        BeatStitchError: TEMPLATE_NOT_FOUND.
    """
    built_in = builtin_templates().get(template_id)
    if built_in is not None:
        if version in {0, built_in.version}:
            return built_in
        raise no_template(template_id)
    if not is_id(template_id):
        raise no_template(template_id)
    query = sa.select(templates.c.message).where(
        templates.c.tenant == tenant, templates.c.id == template_id
    )
    if lock:
        query = query.with_for_update()
    message = (await tx.execute(query)).scalar_one_or_none()
    if message is None:
        raise no_template(template_id)
    newest = Template.FromString(message)
    if version in {0, newest.version}:
        return newest
    old = sa.select(template_versions.c.message).where(
        template_versions.c.template_id == template_id, template_versions.c.version == version
    )
    message = (await tx.execute(old)).scalar_one_or_none()
    if message is None:
        raise no_template(template_id)
    return Template.FromString(message)


async def page(tx: Transaction, tenant: str, size: int, after_id: str | None) -> list[Template]:
    """Up to `size` of the tenant's templates, oldest first, younger than `after_id`."""
    query = sa.select(templates.c.message).where(templates.c.tenant == tenant)
    if after_id:
        query = query.where(templates.c.id > after_id)
    rows = await tx.execute(query.order_by(templates.c.id).limit(size))
    return [Template.FromString(message) for message in rows.scalars()]


async def delete(tx: Transaction, tenant: str, template_id: str) -> None:
    """Deletes a template in all versions."""
    await tx.execute(
        sa.delete(templates).where(templates.c.tenant == tenant, templates.c.id == template_id)
    )


def no_template(template_id: str) -> BeatStitchError:
    """TEMPLATE_NOT_FOUND."""
    return not_found(failure_pb2.ERROR_REASON_TEMPLATE_NOT_FOUND, "template", template_id)


def _changing(template: Template) -> dict[str, object]:
    return {"name": template.name, "message": template.SerializeToString()}


async def _insert_version(tx: Transaction, template: Template) -> None:
    await tx.execute(
        sa.insert(template_versions).values(
            template_id=template.id,
            version=template.version,
            message=template.SerializeToString(),
        )
    )


def _exists(name: str) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_TEMPLATE_EXISTS,
        f"there is a template called {name!r}",
        metadata={"name": name},
    )
