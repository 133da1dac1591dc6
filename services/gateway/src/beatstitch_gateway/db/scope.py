"""Which rows a call may see: its tenant's, and of those only its key's projects.

A key may be for some of its tenant's projects only. Such a call finds nothing anywhere else, just
as if it were another tenant's: so the condition lies where rows are looked up, beside the tenant's,
and no handler can forget it. Outside of a call (events, the reconciler) nothing is limited.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import sqlalchemy as sa

# Empty for all of the tenant's projects.
_projects: ContextVar[frozenset[str]] = ContextVar("seen_projects", default=frozenset())


def limit_to(project_ids: frozenset[str]) -> None:
    """From now on, in this call, only these projects are seen; all of the tenant's if empty."""
    _projects.set(project_ids)


def seen_projects() -> frozenset[str]:
    """The projects that the call is limited to; empty for all of the tenant's."""
    return _projects.get()


@contextmanager
def unlimited() -> Iterator[None]:
    """For what a call sets going on the tenant's behalf rather than its own."""
    token = _projects.set(frozenset())
    try:
        yield
    finally:
        _projects.reset(token)


def owned(table: sa.Table, tenant: str) -> sa.ColumnElement[bool]:
    """That a row is the tenant's and may be seen by the call.

    Args:
        table: `projects`, or one with a `project_id`.
        tenant: Whose.
    """
    mine = table.c.tenant == tenant
    limited = _projects.get()
    if not limited:
        return mine
    column = table.c.project_id if "project_id" in table.c else table.c.id
    return sa.and_(mine, column.in_(sorted(limited)))
