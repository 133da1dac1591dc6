"""Wires the gateway."""

from __future__ import annotations

import asyncio

from beatstitch.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    analysis_service_pb2,
    analysis_service_pb2_grpc,
    asset_service_pb2,
    asset_service_pb2_grpc,
    info_service_pb2,
    info_service_pb2_grpc,
    job_service_pb2,
    job_service_pb2_grpc,
    project_service_pb2,
    project_service_pb2_grpc,
    render_service_pb2,
    render_service_pb2_grpc,
    stitch_service_pb2,
    stitch_service_pb2_grpc,
    template_service_pb2,
    template_service_pb2_grpc,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
    timeline_service_pb2,
    timeline_service_pb2_grpc,
    webhook_service_pb2,
    webhook_service_pb2_grpc,
)
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.engines import Engines
from beatstitch_gateway.http.server import http_front
from beatstitch_gateway.identity.gate import Gate
from beatstitch_gateway.identity.identities import Identities
from beatstitch_gateway.identity.keyring import KeyRing
from beatstitch_gateway.identity.late import LateWriter
from beatstitch_gateway.identity.tokens import Tokens
from beatstitch_gateway.jobs.aftermath import AfterCommit
from beatstitch_gateway.jobs.consumer import EventConsumer
from beatstitch_gateway.jobs.dead import DeadLetters
from beatstitch_gateway.jobs.deadlines import Deadlines
from beatstitch_gateway.jobs.limits import limits_s
from beatstitch_gateway.jobs.reconcile import Reconciler
from beatstitch_gateway.jobs.relay import Relay
from beatstitch_gateway.jobs.signals import Signals
from beatstitch_gateway.quotas.limits import TenantLimits
from beatstitch_gateway.quotas.need import QuotaGuard
from beatstitch_gateway.quotas.rates import RateGate, Rates
from beatstitch_gateway.retention.cleaner import Cleaner
from beatstitch_gateway.retention.sweep import Sweeper
from beatstitch_gateway.revisions.grids import Grids
from beatstitch_gateway.rpc.admin import AdminRpc
from beatstitch_gateway.rpc.analysis import AnalysisRpc
from beatstitch_gateway.rpc.asset import AssetRpc
from beatstitch_gateway.rpc.info import InfoRpc
from beatstitch_gateway.rpc.job import JobRpc
from beatstitch_gateway.rpc.project import ProjectRpc
from beatstitch_gateway.rpc.render import RenderRpc
from beatstitch_gateway.rpc.stitch import StitchRpc
from beatstitch_gateway.rpc.template import TemplateRpc
from beatstitch_gateway.rpc.tenant import TenantRpc
from beatstitch_gateway.rpc.timeline import TimelineRpc
from beatstitch_gateway.rpc.webhook import WebhookRpc
from beatstitch_gateway.seeing.books import Books
from beatstitch_gateway.seeing.stored import StoredBytes
from beatstitch_gateway.seeing.webhooks import Deliveries
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_gateway.uploads.multipart import Multipart
from beatstitch_gateway.uploads.rules import limits_of
from beatstitch_gateway.webhooks.sender import Sender
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.topology_upkeep import await_topology
from beatstitch_runtime.metrics.queues import Queues
from beatstitch_runtime.rpc.server import RpcServer, Servicer
from beatstitch_runtime.service import Service, run_main
from beatstitch_runtime.storage import Storage


class GatewayServer(RpcServer):
    """The server; a WaitJob is a call with one reply that waits, so it has to be told the end."""

    signals: Signals

    async def stop(self, grace_s: float) -> None:
        """Ends; see `RpcServer.stop`."""
        self.signals.drain()
        await super().stop(grace_s)


def servicers(deps: Deps) -> list[Servicer]:
    """The public API."""
    modules = (
        (ProjectRpc(deps), project_service_pb2_grpc, project_service_pb2),
        (AssetRpc(deps), asset_service_pb2_grpc, asset_service_pb2),
        (AnalysisRpc(deps), analysis_service_pb2_grpc, analysis_service_pb2),
        (TimelineRpc(deps), timeline_service_pb2_grpc, timeline_service_pb2),
        (TemplateRpc(deps), template_service_pb2_grpc, template_service_pb2),
        (RenderRpc(deps), render_service_pb2_grpc, render_service_pb2),
        (StitchRpc(deps), stitch_service_pb2_grpc, stitch_service_pb2),
        (JobRpc(deps), job_service_pb2_grpc, job_service_pb2),
        (TenantRpc(deps), tenant_service_pb2_grpc, tenant_service_pb2),
        (AdminRpc(deps), admin_service_pb2_grpc, admin_service_pb2),
        (WebhookRpc(deps), webhook_service_pb2_grpc, webhook_service_pb2),
        (InfoRpc(deps), info_service_pb2_grpc, info_service_pb2),
    )
    found = []
    for servicer, grpc_module, messages in modules:
        (service,) = messages.DESCRIPTOR.services_by_name.values()
        add = getattr(grpc_module, f"add_{service.name}Servicer_to_server")
        found.append(Servicer(add, servicer, service.full_name))
    return found


async def build(settings: GatewaySettings) -> Service:
    """Connects and wires; the result isn't started."""
    bus = await Bus.connect(settings)
    await await_topology(bus)
    database = Database(
        settings.database_url.get_secret_value(),
        settings.database_pool_size,
        settings.database_tls,
    )
    database.job_limits_s = limits_s(settings)
    storage = Storage.from_settings(settings)
    multipart = Multipart(settings)
    engines = Engines(settings)
    signals = Signals(bus)
    await signals.start()
    limits = TenantLimits(settings)
    relay = Relay(settings, database, bus, limits)
    after_commit = AfterCommit(bus, storage, multipart, relay, signals, database=database)
    database.on_commit = after_commit
    late = LateWriter(database, settings.audit_retention_days)
    identities = Identities(
        KeyRing(database, settings.key_cache_s, on_use=late.used),
        Tokens(settings, database) if settings.jwt_jwks_url else None,
    )
    sweeper = Sweeper(settings, database, storage, multipart)
    cleaner = Cleaner(settings, database, sweeper)
    deps = Deps(
        settings=settings,
        limits=limits_of(settings),
        database=database,
        storage=storage,
        multipart=multipart,
        engines=engines,
        signals=signals,
        grids=Grids(storage),
        cleaner=cleaner,
        identities=identities,
        quotas=QuotaGuard(limits, settings.outbox_limit),
    )
    rpc = GatewayServer(
        settings,
        servicers=servicers(deps),
        interceptors=[
            Gate(identities, settings.key_cache_s, late.note),
            RateGate(Rates(limits, database)),
        ],
    )
    rpc.signals = signals
    rpc.front = http_front(settings, rpc)
    consumer = EventConsumer(bus, database, storage, signals)

    async def close_multipart() -> None:
        await asyncio.to_thread(multipart.close)

    return Service(
        settings=settings,
        rpc=rpc,
        background=[
            relay.run,
            late.run,
            *[consumer.run] * settings.event_pullers,
            DeadLetters(bus, database).run,
            Reconciler(settings, database, bus).run,
            Deadlines(settings, database).run,
            StoredBytes(settings, database, storage).run,
            Sender(settings, database).run,
            cleaner.run,
        ],
        closers=[
            bus.close,
            database.close,
            close_multipart,
            engines.close,
            signals.stop,
            after_commit.close,
            late.close,
        ],
        observers=[Queues(bus), Books(database), Deliveries(database)],
    )


def main() -> None:
    """The process."""
    run_main(build, GatewaySettings())
