"""How long a tenant's things are kept: what was set for it, laid over the installation's defaults.

Pure, but for `of`, which reads the tenant's row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from google.protobuf.duration_pb2 import Duration

from beatstitch.v1.tenant_pb2 import RetentionPolicy, Tenant
from beatstitch_core.profiles import PREVIEW
from beatstitch_gateway.db.tables import tenants
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.settings import GatewaySettings


@dataclass(frozen=True)
class Policy:
    """How long things are kept; None: for ever.

    Attributes:
        temporary: Unfinished uploads, after their links ended.
        previews: Outputs of previews.
        finals: Outputs of all other renders.
        proxies: Proxies and filmstrips, since they were last used.
        chunks: Rendered chunks and encoded songs, since they were last used.
        max_chunk_bytes: Most bytes of rendered chunks; None for any number.
        safety: Nothing younger is ever removed: longer than the longest upload.
        touch_after: Age at which an object that is used is made young.
    """

    temporary: timedelta | None
    previews: timedelta | None
    finals: timedelta | None
    proxies: timedelta | None
    chunks: timedelta | None
    max_chunk_bytes: int | None
    safety: timedelta
    touch_after: timedelta = timedelta()

    def output_kept(self, profile: str) -> timedelta | None:
        """How long the output of a render with this profile is kept."""
        return self.previews if profile == PREVIEW else self.finals

    def output_ends(self, profile: str, finished: datetime) -> datetime | None:
        """When the output of a render that was finished then is removed; None for never."""
        kept = self.output_kept(profile)
        return finished + kept if kept is not None else None


def policy_of(settings: GatewaySettings, own: RetentionPolicy) -> Policy:
    """A tenant's policy: its own values, else the installation's."""

    def time(name: str, default_s: float) -> timedelta | None:
        seconds = default_s
        if own.HasField(name):  # type: ignore[arg-type]
            given: Duration = getattr(own, name)
            seconds = given.seconds + given.nanos / 1e9
        return timedelta(seconds=seconds) if seconds >= 0 else None

    most = own.max_chunk_bytes or settings.retention_chunk_bytes
    return Policy(
        temporary=time("temporary", settings.retention_temporary_s),
        previews=time("previews", settings.retention_previews_s),
        finals=time("finals", settings.retention_finals_s),
        proxies=time("proxies", settings.retention_proxies_s),
        chunks=time("chunks", settings.retention_chunks_s),
        max_chunk_bytes=most if most >= 0 else None,
        safety=timedelta(seconds=settings.retention_safety_s),
        touch_after=timedelta(seconds=settings.s3_touch_after_s),
    )


async def of(tx: Transaction, settings: GatewaySettings, tenant: str) -> Policy:
    """The policy of a tenant."""
    query = sa.select(tenants.c.message).where(tenants.c.id == tenant)
    message = (await tx.execute(query)).scalar_one_or_none()
    return policy_of(settings, Tenant.FromString(message or b"").retention)
