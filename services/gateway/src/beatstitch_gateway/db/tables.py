"""The tables: protobuf bytes, plus the columns that queries need.

Nothing but a column is ever filtered or sorted by, and nothing but the message is ever answered
with, so the two can't disagree about what a client sees. Ids are UUIDv7: their order is the order
of creation.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


_UNFINISHED = sa.text("state IN (1, 2)")


def _id() -> sa.Uuid[str]:
    return sa.Uuid(as_uuid=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    column: sa.Column[object] = sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=nullable,
        server_default=None if nullable else sa.func.now(),
    )
    return column


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=nullable)


def _tenant() -> sa.Column[str]:
    return sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.id"), nullable=False)


def _project() -> sa.Column[str]:
    return sa.Column(
        "project_id", _id(), sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False
    )


# Predicates of partial indexes; a query says them in the same words, so that the planner sees it.
JOB_IS_OPEN = "state IN (1, 2) AND parent_id IS NULL"
JOB_IS_OUT = "state IN (1, 2) AND stream_seq IS NOT NULL"

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _time("create_time"),
    # A Tenant; null for one that nothing was ever said about.
    _bytes("message", nullable=True),
    sa.Column("suspended", sa.Boolean, nullable=False, server_default=sa.false()),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _tenant(),
    _bytes("secret_sha256"),
    _time("create_time"),
    _time("revoke_time", nullable=True),
    sa.Column("display_name", sa.Text, nullable=False, server_default=""),
    # A Role; keys of before there were any are owners'.
    sa.Column("role", sa.SmallInteger, nullable=False, server_default="3"),
    # Empty for all of the tenant's.
    sa.Column("project_ids", ARRAY(sa.Text), nullable=False, server_default="{}"),
    _time("expire_time", nullable=True),
    _time("last_used_time", nullable=True),
    sa.Column("rotated_from", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "tenant", "create_time", "id"),
)

# What lies in the bucket of each tenant's cache, as the last cleaning round left it.
cache_sizes = sa.Table(
    "cache_sizes",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.id"), primary_key=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    _time("count_time"),
)

audit_events = sa.Table(
    "audit_events",
    metadata,
    # Its time is the event's.
    sa.Column("id", _id(), primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    _bytes("message"),
    sa.Index(None, "tenant", "id"),
)

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", _id(), primary_key=True),
    _tenant(),
    _bytes("message"),
    sa.Index(None, "tenant", "id"),
)

assets = sa.Table(
    "assets",
    metadata,
    sa.Column("id", _id(), primary_key=True),
    _tenant(),
    _project(),
    sa.Column("media_type", sa.SmallInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    _bytes("message"),
    # What the client declared; the worker checks it.
    sa.Column("declared_sha256", sa.Text, nullable=False, server_default=""),
    # ObjectRefs of the artefacts, by the asset's newest finished job.
    _bytes("thumbnail", nullable=True),
    _bytes("beat_grid", nullable=True),
    _bytes("waveform", nullable=True),
    _bytes("analysis", nullable=True),
    # The grid before corrections, what it takes to decode it again, and the corrections.
    _bytes("heard_grid", nullable=True),
    _bytes("activations", nullable=True),
    _bytes("overlay", nullable=True),
    _bytes("filmstrip", nullable=True),
    sa.Column("filmstrip_frames", sa.Integer, nullable=False, server_default="0"),
    _bytes("proxy", nullable=True),
    # As in the message, for sums.
    sa.Column("size_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index(None, "project_id", "position", "id"),
    sa.Index(None, "tenant", "size_bytes"),
)

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("asset_id", _id(), sa.ForeignKey("assets.id", ondelete="CASCADE"), primary_key=True),
    # S3's id of the multipart upload; empty for a single PUT.
    sa.Column("upload_id", sa.Text, nullable=False),
    sa.Column("part_count", sa.Integer, nullable=False),
    # Bytes of each part but the last; 0 for uploads of before this was kept.
    sa.Column("part_bytes", sa.BigInteger, nullable=False, server_default="0"),
    _time("expire_time"),
    sa.Index(None, "expire_time"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", _id(), primary_key=True),
    _tenant(),
    _project(),
    sa.Column("parent_id", _id(), nullable=True),
    sa.Column("asset_id", _id(), nullable=True),
    sa.Column("type", sa.SmallInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("lane", sa.SmallInteger, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, server_default=sa.false()),
    _bytes("message"),
    # A JobSpec; for a stitch its StitchRequest with all asset ids filled in.
    _bytes("spec"),
    # TimelineInputs, of a timeline's build and a stitch: what the spec doesn't say.
    _bytes("inputs", nullable=True),
    # Where the newest message lies in JOBS; null until it was published.
    sa.Column("stream_seq", sa.BigInteger, nullable=True),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    _time("create_time"),
    # When a message was sent, an event came or the reconciler last looked.
    _time("last_event_time"),
    sa.Column("batch_id", _id(), nullable=True),
    # The transaction of the newest change that clients see; see `db/changes.py`.
    sa.Column("change_xid", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index(None, "tenant", "id"),
    sa.Index(None, "tenant", "change_xid", "id"),
    sa.Index(None, "project_id", "id"),
    sa.Index(None, "batch_id", "id", postgresql_where=sa.text("batch_id IS NOT NULL")),
    sa.Index(None, "parent_id"),
    sa.Index(None, "asset_id"),
    # When it is given up; null for never.
    _time("deadline_time", nullable=True),
    # Of a stitch, the trace of the call that made it; other jobs have theirs in the spec.
    sa.Column("traceparent", sa.Text, nullable=True),
    sa.Index("ix_jobs_open", "tenant", postgresql_where=sa.text(JOB_IS_OPEN)),
    sa.Index("ix_jobs_in_flight", "tenant", "lane", "type", postgresql_where=sa.text(JOB_IS_OUT)),
    sa.Index("ix_jobs_deadline", "deadline_time", postgresql_where=sa.text("state IN (1, 2)")),
    # What isn't finished is looked for by all; finished ones pile up for years.
    sa.Index("ix_jobs_tenant_unfinished", "tenant", "id", postgresql_where=_UNFINISHED),
    sa.Index(
        "ix_jobs_unfinished",
        "last_event_time",
        postgresql_where=_UNFINISHED,
    ),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("job_id", _id(), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("lane", sa.SmallInteger, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("type", sa.SmallInteger, nullable=False, server_default="0"),
    # Not before: pushed into the future while the stream is full.
    _time("due_time"),
    sa.UniqueConstraint("job_id", "attempt"),
    sa.Index(None, "tenant", "lane", "type", "id"),
)

timelines = sa.Table(
    "timelines",
    metadata,
    sa.Column("id", _id(), primary_key=True),
    _tenant(),
    _project(),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("edl_hash", sa.Text, nullable=False),
    # A Timeline without its EDL.
    _bytes("message"),
    # The EDL as protobuf, deflated: reading its JSON takes three hundred times as long, and the
    # database's own compression takes longer and saves less.
    _bytes("edl"),
    # Where workers find its canonical JSON, whose sha256 is the edl_hash, and how long that is.
    sa.Column("edl_key", sa.Text, nullable=False),
    sa.Column("edl_json_bytes", sa.BigInteger, nullable=False),
    # A TimelineBuildOutput: the overlay, and the edits that found no place.
    _bytes("edits", nullable=True),
    # ObjectRef of the grid that it is cut to.
    _bytes("beat_grid", nullable=True),
    # The TimelineBuildSpec, of a built revision; what is made from it says where that one is.
    _bytes("build", nullable=True),
    sa.Column("build_revision", sa.Integer, nullable=False, server_default="0"),
    sa.UniqueConstraint("project_id", "revision"),
)

renders = sa.Table(
    "renders",
    metadata,
    sa.Column("id", _id(), primary_key=True),
    _tenant(),
    _project(),
    # A Render without manifest and report: what lists answer with.
    _bytes("message"),
    _bytes("manifest", nullable=True),
    _bytes("sync_report", nullable=True),
    # ObjectRef of the video, and of the JPEGs that stand for it.
    _bytes("output", nullable=True),
    _bytes("poster", nullable=True),
    _bytes("contact_sheet", nullable=True),
    # When its output was made, the last time; null before.
    _time("finish_time", nullable=True),
    # Whether the output has been removed since.
    sa.Column("expired", sa.Boolean, nullable=False, server_default=sa.false()),
    # Of the video, for sums.
    sa.Column("size_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index(
        "ix_renders_kept", "tenant", "size_bytes", postgresql_where=sa.text("output IS NOT NULL")
    ),
    sa.Index(None, "project_id", "id"),
)

templates = sa.Table(
    "templates",
    metadata,
    sa.Column("id", _id(), primary_key=True),
    _tenant(),
    sa.Column("name", sa.Text, nullable=False),
    # The newest version.
    _bytes("message"),
    sa.UniqueConstraint("tenant", "name"),
    sa.Index(None, "tenant", "id"),
)

template_versions = sa.Table(
    "template_versions",
    metadata,
    sa.Column(
        "template_id", _id(), sa.ForeignKey("templates.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("version", sa.Integer, primary_key=True),
    _bytes("message"),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("method", sa.Text, nullable=False),
    _bytes("body_sha256"),
    _bytes("reply", nullable=True),
    _time("create_time"),
    sa.Index(None, "create_time"),
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    # The advisory's own id: one row however often it is read.
    sa.Column("id", sa.Text, primary_key=True),
    # Null where the message can't be read and no job is known to be behind it.
    sa.Column("tenant", sa.Text, nullable=True),
    sa.Column("job_id", _id(), nullable=True),
    sa.Column("type", sa.SmallInteger, nullable=False),
    sa.Column("deliveries", sa.Integer, nullable=False),
    # The message; null where it can't be read.
    _bytes("spec", nullable=True),
    # A Failure.
    _bytes("failure", nullable=True),
    # The job that does it again.
    sa.Column("requeued_as", _id(), nullable=True),
    _time("create_time"),
    sa.Index(None, "job_id"),
    sa.Index(None, "create_time", "id"),
)

rendered = sa.Table(
    "rendered",
    metadata,
    # No foreign key: a deleted project gives no minutes back.
    sa.Column("job_id", _id(), primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    # First day of the calendar month, UTC, in which the job was accepted.
    sa.Column("month", sa.Date, nullable=False),
    # Milliseconds of video; of previews a tenth.
    sa.Column("ms", sa.BigInteger, nullable=False),
    # Whether `ms` is what was made rather than what was expected.
    sa.Column("settled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index(None, "tenant", "month", "ms"),
)

batch_items = sa.Table(
    "batch_items",
    metadata,
    # No row of its own: a batch is what its request_id was taken for, and the jobs that name it.
    sa.Column("batch_id", _id(), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    # A BatchStitchResult: what a repeated call is answered with.
    _bytes("result"),
    _time("create_time"),
    sa.Index(None, "create_time"),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", _id(), primary_key=True),
    _tenant(),
    sa.Column("disabled", sa.Boolean, nullable=False),
    _bytes("message"),
    # What events are signed with; encrypted where the gateway has a key for it.
    _bytes("secret"),
    # When a receiver last took an event.
    _time("success_time", nullable=True),
    sa.Index(None, "tenant", "id"),
)

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("id", _id(), primary_key=True),
    sa.Column(
        "webhook_id", _id(), sa.ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("job_id", _id(), nullable=True),
    # A WebhookEvent.
    _bytes("event"),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_status", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_error", sa.Text, nullable=False, server_default=""),
    # Not before; while it is being sent: when another replica may take it over.
    _time("next_time", nullable=True),
    _time("create_time"),
    _time("attempt_time", nullable=True),
    # When it is given up.
    _time("give_up_time"),
    sa.UniqueConstraint("webhook_id", "event_id"),
    sa.Index(None, "webhook_id", "id"),
    sa.Index(None, "create_time"),
    sa.Index("ix_webhook_deliveries_pending", "next_time", postgresql_where=sa.text("state = 1")),
)
