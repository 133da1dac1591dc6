"""A message that is taken back from under its worker is no dead letter."""

from __future__ import annotations

import json

import sqlalchemy as sa
from support.waiting import until

from beatstitch.internal.v1.job_event_pb2 import JobCancelled, JobStarted
from beatstitch.v1 import job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO
from beatstitch_gateway.db.tables import dead_letters
from beatstitch_gateway.db.transaction import Database
from beatstitch_runtime.jobs.topology import DEAD, DEAD_CONSUMER


async def test_a_running_job_is_cancelled_and_not_lost(house):
    """nats-server tells of a message deleted in somebody's hands as of one that was given up."""
    project_id = await house.project()
    job_id = (await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO)).job.id
    spec = await house.take(job_id, ack=False)
    await house.event(spec, started=JobStarted())
    await house.until_state(job_id, job_pb2.JOB_STATE_RUNNING)
    await house.client.CancelJob(job_id=job_id)

    async def told() -> bool:
        info = await house.bus.js.consumer_info(DEAD, DEAD_CONSUMER)
        return info.delivered.stream_seq > 0 and not info.num_pending + info.num_ack_pending

    await until(told)
    advisory = json.loads((await house.bus.js.get_msg(DEAD, 1)).data)
    assert "deleted" in advisory["reason"].lower(), advisory
    assert (await house.job(job_id)).state == job_pb2.JOB_STATE_RUNNING
    await house.event(spec, cancelled=JobCancelled())
    assert (await house.ended(job_id)).state == job_pb2.JOB_STATE_CANCELLED
    database = Database(house.settings.database_url.get_secret_value(), 1)
    async with database.transaction() as tx:
        count = sa.select(sa.func.count()).select_from(dead_letters)
        assert (await tx.execute(count)).scalar_one() == 0
    await database.close()
