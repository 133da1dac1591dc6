"""The connection to NATS."""

from __future__ import annotations

import pytest
from support.waiting import until

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime import bus as bus_module
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import publish_cancel, publish_job
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_stack.nats import NatsServer

SPEC = JobSpec(type=job_pb2.JOB_TYPE_RENDER_FINAL, lane=job_pb2.JOB_LANE_BATCH)
USERS = """
authorization { users = [
  { user: all, password: all }
  { user: few, password: few, permissions: { publish: ["$JS.API.>", "_INBOX.>"] } }
] }
"""


async def test_a_permission_violation_is_told_by_the_log_alone(tmp_path, caplog):
    """The caller sees a mere timeout."""
    with NatsServer(tmp_path / "nats", extra_config=USERS) as server:
        url = server.url.replace("nats://", "nats://few:few@")
        bus = await Bus.connect(ServiceSettings(nats_url=url))
        await publish_cancel(bus, "0")
        with pytest.raises(BeatStitchError):
            await publish_job(bus, SPEC, "a", deadline_s=0.3)
        await bus.close()
    assert "permissions violation" in caplog.text.lower()


# nats-py leaves the socket of a server that says nothing to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_server_that_hangs_is_left_for_another(tmp_path, monkeypatch):
    """Its sockets stay open and it says nothing: a frozen host, a cable pulled out."""
    lease_s = ServiceSettings().ack_wait_s
    assert lease_s / 4 >= bus_module.PING_S * (bus_module.UNANSWERED_PINGS + 1)
    monkeypatch.setattr(bus_module, "PING_S", 0.2)
    with NatsServer(tmp_path / "a") as hangs, NatsServer(tmp_path / "b") as other:
        bus = await Bus.connect(ServiceSettings(nats_url=f"{hangs.url},{other.url}"))
        # nats-py begins with either.
        first = hangs if bus.nc.connected_url.port == hangs.port else other
        second = other if first is hangs else hangs
        first.pause()
        await until(
            lambda: bus.connected and bus.nc.connected_url.port == second.port, timeout_s=30
        )
        first.resume()
        await bus.close()


async def test_reconnection_callbacks(house):
    calls = []
    forget = house.bus.on_reconnect(lambda: calls.append(1))
    await house.bus.nc.force_reconnect()
    await house.until(lambda: calls == [1])
    forget()
    await house.bus.nc.force_reconnect()
    assert await house.bus.wait_connected(5)
    await house.until(lambda: house.bus.nc.stats["reconnects"] == 2)
    assert calls == [1]
