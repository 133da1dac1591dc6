"""Projects: the rows."""

from __future__ import annotations

import sqlalchemy as sa

from beatstitch.v1.project_pb2 import Project
from beatstitch_core.ids import is_id
from beatstitch_gateway.db.not_found import no_project
from beatstitch_gateway.db.reads import Question
from beatstitch_gateway.db.scope import owned, seen_projects
from beatstitch_gateway.db.tables import projects
from beatstitch_gateway.db.transaction import Database, Transaction

_BY_ID = Question(
    sa.select(projects.c.message).where(
        projects.c.tenant == sa.bindparam("tenant"), projects.c.id == sa.bindparam("id")
    )
)


async def insert(tx: Transaction, tenant: str, project: Project) -> None:
    """Stores a new project."""
    await tx.execute(
        sa.insert(projects).values(
            id=project.id, tenant=tenant, message=project.SerializeToString()
        )
    )


async def get(tx: Transaction, tenant: str, project_id: str, *, lock: bool = False) -> Project:
    """A project of the tenant.

    Args:
        tx: The transaction.
        tenant: Whose.
        project_id: Which.
        lock: Whether others that want to change it (or number something inside it) have to wait.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND.
    """
    if not is_id(project_id):
        raise no_project(project_id)
    query = sa.select(projects.c.message).where(
        owned(projects, tenant), projects.c.id == project_id
    )
    if lock:
        # NO KEY: rows that only refer to the project may still be inserted meanwhile.
        query = query.with_for_update(key_share=True)
    message = (await tx.execute(query)).scalar_one_or_none()
    if message is None:
        raise no_project(project_id)
    return Project.FromString(message)


async def look(database: Database, tenant: str, project_id: str) -> Project:
    """A project of the tenant as it is now, outside of any transaction; as `get`, but cheaper.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND.
    """
    seen = seen_projects()
    if not is_id(project_id) or (seen and project_id not in seen):
        raise no_project(project_id)
    row = await database.row(_BY_ID, tenant=tenant, id=project_id)
    if row is None:
        raise no_project(project_id)
    return Project.FromString(row[0])


async def update(tx: Transaction, tenant: str, project: Project) -> None:
    """Stores a project's new values."""
    await tx.execute(
        sa.update(projects)
        .where(owned(projects, tenant), projects.c.id == project.id)
        .values(message=project.SerializeToString())
    )


async def page(tx: Transaction, tenant: str, size: int, before_id: str | None) -> list[Project]:
    """Up to `size` projects, newest first, older than `before_id`."""
    query = sa.select(projects.c.message).where(owned(projects, tenant))
    if before_id:
        query = query.where(projects.c.id < before_id)
    rows = await tx.execute(query.order_by(projects.c.id.desc()).limit(size))
    return [Project.FromString(message) for message in rows.scalars()]


async def delete(tx: Transaction, tenant: str, project_id: str) -> None:
    """Deletes a project and all rows that belong to it."""
    await tx.execute(
        sa.delete(projects).where(owned(projects, tenant), projects.c.id == project_id)
    )
