"""The connection to NATS."""

from __future__ import annotations

import pytest

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch_core.errors import BeatStitchError
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
