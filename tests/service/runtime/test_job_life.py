"""The life of a job in a worker, against a real nats-server."""

from __future__ import annotations

from beatstitch.internal.v1.job_event_pb2 import JobSucceeded
from beatstitch_runtime.jobs.publish import publish_job


async def test_a_job_succeeds(house):
    spec = house.spec()
    seen = []

    async def handler(context):
        seen.append((context.spec.job_id, context.delivery, context.work_dir))
        assert context.work_dir.is_dir()
        (context.work_dir / "x").write_text("scratch")
        return JobSucceeded()

    await house.worker(handler)
    assert await publish_job(house.bus, spec, spec.job_id) == 1
    await house.ended(spec.job_id, ["started", "succeeded"])
    assert seen[0][:2] == (spec.job_id, 1)
    assert not seen[0][2].exists()
    assert await house.pending_acks() == 0
