"""The streams and consumers on a real server."""

from __future__ import annotations

import asyncio
import logging

import pytest
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.topology import (
    DEAD,
    DEAD_CONSUMER,
    EVENTS,
    EVENTS_CONSUMER,
    JOBS,
    ensure_topology,
)
from beatstitch_runtime.jobs.topology_upkeep import await_topology, restore_topology
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_stack import NatsCluster


async def test_streams_are_as_designed(house):
    jobs = (await house.bus.js.stream_info(JOBS)).config
    assert jobs.subjects == ["beatstitch.job.*.*"]
    assert jobs.retention == RetentionPolicy.WORK_QUEUE
    assert jobs.discard == DiscardPolicy.NEW
    assert jobs.storage == StorageType.FILE
    assert jobs.duplicate_window == 600
    events = (await house.bus.js.stream_info(EVENTS)).config
    assert events.retention == RetentionPolicy.LIMITS
    assert events.max_age == 24 * 3600
    assert events.max_msgs_per_subject > 0
    dead = (await house.bus.js.stream_info(DEAD)).config
    assert dead.max_age == 30 * 24 * 3600
    assert len(dead.subjects) == 2


async def test_consumers_are_as_designed(house):
    found = {item.name: item.config for item in await house.bus.js.consumers_info(JOBS)}
    assert len(found) == 12
    chunks = found["render_chunk-batch"]
    assert chunks.filter_subject == "beatstitch.job.render_chunk.batch"
    assert chunks.ack_wait == house.settings.ack_wait_s
    assert (chunks.max_deliver, chunks.max_waiting, chunks.max_ack_pending) == (5, 4096, 4096)
    assert not chunks.backoff
    assert (await house.bus.js.consumer_info(EVENTS, EVENTS_CONSUMER)).config.max_deliver == -1
    assert await house.bus.js.consumer_info(DEAD, DEAD_CONSUMER)


async def test_many_processes_at_once(house):
    await asyncio.gather(*(ensure_topology(house.bus.js, house.settings) for _ in range(5)))


async def test_settings_that_changed_are_applied(house, caplog):
    other = house.settings.model_copy(update={"ack_wait_s": 7.0, "jobs_max_messages": 9})
    with caplog.at_level(logging.WARNING):
        await ensure_topology(house.bus.js, other)
    assert (await house.bus.js.stream_info(JOBS)).config.max_msgs == 9
    info = await house.bus.js.consumer_info(JOBS, "render_final-batch")
    assert info.config.ack_wait == 7.0
    assert not caplog.records


async def test_a_setting_that_cannot_change_is_told_and_lived_with(house, caplog):
    await house.bus.js.delete_consumer(JOBS, "render_final-batch")
    config = (await house.bus.js.consumer_info(JOBS, "render_chunk-batch")).config
    await house.bus.js.add_consumer(
        JOBS,
        config.evolve(
            name="render_final-batch",
            durable_name="render_final-batch",
            filter_subject="beatstitch.job.render_final.batch",
            max_waiting=3,
        ),
    )
    await ensure_topology(house.bus.js, house.settings)
    assert "render_final-batch is not as declared" in caplog.text


async def test_restoring_does_not_raise_when_nats_is_away(house, monkeypatch):
    await asyncio.to_thread(house.server.kill)
    house.bus.js._timeout = 0.2
    assert await restore_topology(house.bus) is False


async def test_a_service_waits_for_the_rest_of_a_cluster(tmp_path, caplog):
    """Found by services that died because one node of three was up before the others."""
    cluster = NatsCluster(tmp_path / "nats")
    first, *others = cluster.nodes
    try:
        await asyncio.to_thread(first.start)
        bus = await Bus.connect(ServiceSettings(nats_url=first.url, jobs_replicas=3))
        bus.js._timeout = 0.5
        starting = asyncio.create_task(await_topology(bus))
        while "waiting for JetStream" not in caplog.text:
            assert not starting.done(), starting
            await asyncio.sleep(0.05)
        await asyncio.gather(*(asyncio.to_thread(node.start) for node in others))
        await starting
        assert (await bus.js.stream_info(JOBS)).config.num_replicas == 3
        await bus.close()
    finally:
        await asyncio.to_thread(cluster.kill)


async def test_a_service_does_not_wait_for_ever(tmp_path):
    cluster = NatsCluster(tmp_path / "nats")
    try:
        await asyncio.to_thread(cluster.nodes[0].start)
        settings = ServiceSettings(nats_url=cluster.nodes[0].url, nats_connect_timeout_s=2)
        bus = await Bus.connect(settings)
        bus.js._timeout = 0.5
        with pytest.raises(BeatStitchError) as caught:
            await await_topology(bus)
        assert caught.value.reason == failure_pb2.ERROR_REASON_DEPENDENCY_DOWN
        await bus.close()
    finally:
        await asyncio.to_thread(cluster.kill)
