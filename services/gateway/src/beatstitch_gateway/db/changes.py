"""Which jobs changed since a moment: nothing is missed, whatever commits in which order.

A number that is taken when a change is made says nothing about when others see it: transaction 7
may commit after transaction 9. So each change carries the id of its transaction, and a moment is a
snapshot of PostgreSQL: the ids below which all had ended, above which none had begun, and those
between that were still open. What a snapshot didn't show and a later one shows has changed between
the two, exactly. https://www.postgresql.org/docs/current/functions-info.html, "snapshot".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from beatstitch_gateway.db.jobs import IS_UNFINISHED, JobRow, read_row
from beatstitch_gateway.db.not_found import known_ids
from beatstitch_gateway.db.scope import owned
from beatstitch_gateway.db.tables import jobs
from beatstitch_gateway.db.transaction import Transaction

_SNAPSHOT = re.compile(r"([0-9]{1,18}):([0-9]{1,18}):((?:[0-9]{1,18},)*[0-9]{1,18})?")


@dataclass(frozen=True)
class Moment:
    """What a snapshot shows.

    Attributes:
        low: All transactions below had ended.
        high: None from here on had begun.
        running: Those between that were open.
    """

    low: int
    high: int
    running: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Moment | None:
        """Of PostgreSQL's text `low:high:running,running`; None when it is none."""
        found = _SNAPSHOT.fullmatch(text)
        if found is None:
            return None
        running = tuple(int(item) for item in (found[3] or "").split(",") if item)
        moment = cls(int(found[1]), int(found[2]), running)
        sane = 0 < moment.low <= moment.high and all(
            moment.low <= item < moment.high for item in running
        )
        return moment if sane else None

    def __str__(self) -> str:
        """As PostgreSQL writes it."""
        return f"{self.low}:{self.high}:{','.join(map(str, self.running))}"

    def shows(self, xid: int) -> bool:
        """Whether what this transaction wrote can be seen."""
        return xid < self.high and xid not in self.running


@dataclass(frozen=True)
class Wanted:
    """Which jobs are followed; empty means all.

    Attributes:
        tenant: Whose.
        project_id: Of this project.
        batch_id: Of this batch.
        types: Of these types.
        job_ids: These.
        with_children: Also those inside a stitch; job_ids may name such a one by itself.
    """

    tenant: str
    project_id: str = ""
    batch_id: str = ""
    types: tuple[int, ...] = ()
    job_ids: tuple[str, ...] = ()
    with_children: bool = False

    @property
    def named(self) -> bool:
        """Whether it is a set that can come to its end."""
        return bool(self.batch_id or self.job_ids)

    def clauses(self) -> list[ColumnElement[bool]]:
        """As conditions on a job's row."""
        found: list[ColumnElement[bool]] = [owned(jobs, self.tenant)]
        if self.project_id:
            found.append(jobs.c.project_id == self.project_id)
        if self.batch_id:
            found.append(jobs.c.batch_id == self.batch_id)
        if self.types:
            found.append(jobs.c.type.in_(self.types))
        if self.job_ids and self.with_children:
            inside = jobs.c.parent_id.in_(self.job_ids)
            found.append(sa.or_(jobs.c.id.in_(self.job_ids), inside))
        elif self.job_ids:
            found.append(jobs.c.id.in_(self.job_ids))
        elif not self.with_children:
            found.append(jobs.c.parent_id.is_(None))
        return found


async def now(tx: Transaction) -> Moment:
    """This moment."""
    text = (await tx.execute(sa.text("SELECT pg_current_snapshot()::text"))).scalar_one()
    moment = Moment.parse(text)
    if moment is None:
        raise ValueError(f"not a snapshot: {text!r}")
    return moment


async def present(
    tx: Transaction, wanted: Wanted, until: Moment, after_id: str, limit: int
) -> list[JobRow]:
    """The wanted jobs as they are, by id; of a set without a name the unfinished ones only.

    Those that changed after `until` are left for `between`: told here they would be told twice,
    their end too.
    """
    query = sa.select(jobs).where(*wanted.clauses(), *_shown_by(until))
    if not wanted.named:
        query = query.where(IS_UNFINISHED)
    if after_id:
        query = query.where(jobs.c.id > after_id)
    return [read_row(row) for row in await tx.execute(query.order_by(jobs.c.id).limit(limit))]


async def between(
    tx: Transaction,
    wanted: Wanted,
    since: Moment,
    until: Moment,
    *,
    after: tuple[int, str] | None,
    limit: int,
) -> list[tuple[int, JobRow]]:
    """The wanted jobs whose newest change `since` doesn't show and `until` does.

    Args:
        tx: The transaction, whose own snapshot is not before `until`.
        wanted: Which jobs.
        since: The moment before.
        until: The moment after.
        after: The (change, id) of the page before's last; None for the first page.
        limit: Rows at most.

    Returns:
        Each with its change, in the order of (change, id). A job that changed after `until` is left
        for the next time.
    """
    xid = jobs.c.change_xid
    query = sa.select(jobs).where(
        *wanted.clauses(),
        # The index answers this one.
        xid >= since.low,
        sa.or_(xid >= since.high, _one_of(xid, since.running)),
        *_shown_by(until),
    )
    if after is not None:
        last = sa.tuple_(sa.literal(after[0], xid.type), sa.literal(after[1], jobs.c.id.type))
        query = query.where(sa.tuple_(xid, jobs.c.id) > last)
    rows = await tx.execute(query.order_by(xid, jobs.c.id).limit(limit))
    return [(row.change_xid, read_row(row)) for row in rows]


async def missing(tx: Transaction, tenant: str, job_ids: Collection[str]) -> list[str]:
    """Those of some ids that name no job of the tenant."""
    query = sa.select(jobs.c.id).where(owned(jobs, tenant), jobs.c.id.in_(known_ids([*job_ids])))
    found = set((await tx.execute(query)).scalars())
    return [job_id for job_id in job_ids if job_id not in found]


async def unfinished(tx: Transaction, wanted: Wanted) -> bool:
    """Whether any wanted job has still to end."""
    query = sa.select(jobs.c.id).where(*wanted.clauses(), IS_UNFINISHED).limit(1)
    return (await tx.execute(query)).scalar_one_or_none() is not None


def _shown_by(moment: Moment) -> tuple[ColumnElement[bool], ...]:
    xid = jobs.c.change_xid
    return xid < moment.high, sa.not_(_one_of(xid, moment.running))


def _one_of(xid: ColumnElement[int], numbers: Sequence[int]) -> ColumnElement[bool]:
    return xid.in_(numbers) if numbers else sa.false()
