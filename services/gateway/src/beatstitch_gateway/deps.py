"""What the handlers work with."""

from __future__ import annotations

from dataclasses import dataclass

from beatstitch.v1.info_service_pb2 import Limits
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.engines import Engines
from beatstitch_gateway.identity.identities import Identities
from beatstitch_gateway.jobs.signals import Signals
from beatstitch_gateway.quotas.need import QuotaGuard
from beatstitch_gateway.retention.cleaner import Cleaner
from beatstitch_gateway.revisions.grids import Grids
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_gateway.uploads.multipart import Multipart
from beatstitch_runtime.storage import Storage


@dataclass(frozen=True)
class Deps:
    """The handlers' tools.

    Attributes:
        settings: What the environment says.
        limits: What requests may ask for.
        database: The system of record.
        storage: The bucket.
        multipart: Large uploads.
        engines: Who answers at once.
        signals: What happens to jobs right now.
        grids: The beat grids of timelines.
        cleaner: Removes what retention no longer keeps.
        quotas: Whether a tenant may have more.
        identities: Who calls.
    """

    settings: GatewaySettings
    limits: Limits
    database: Database
    storage: Storage
    multipart: Multipart
    engines: Engines
    signals: Signals
    grids: Grids
    cleaner: Cleaner
    quotas: QuotaGuard
    identities: Identities
