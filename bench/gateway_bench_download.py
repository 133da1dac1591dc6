"""A finished render whose video has the bytes one likes; its workers are played."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.played_work import played
from support.public_api import upload_messages

from beatstitch.internal.v1.job_event_pb2 import JobEvent, JobStarted
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import common_pb2
from beatstitch_core.ids import new_id
from beatstitch_runtime.jobs.publish import publish_event
from beatstitch_runtime.jobs.topology import JOBS, consumer_name

if TYPE_CHECKING:
    from gateway_bench_room import Alone


async def rendered(room: Alone, video: bytes) -> str:
    """Its id."""
    client = room.client
    project = (await client.CreateProject(display_name="download")).project.id
    for name, kind in (
        ("a.mp3", common_pb2.MEDIA_TYPE_AUDIO),
        ("a.jpg", common_pb2.MEDIA_TYPE_IMAGE),
    ):
        made = await client.UploadAsset(upload_messages(project, name, kind, name.encode()))
        await _done(room, made.job.id)
    built = (await client.GenerateTimeline(project_id=project)).job
    done = await _done(room, built.id)
    made = await client.CreateRender(project_id=project, edl_hash=done.timeline_build.edl_hash)
    await _done(room, made.job.id, video)
    return made.render.id


async def _done(room: Alone, job_id: str, video: bytes = b"video"):  # noqa: ANN202
    """Does a job as a worker would."""
    job = (await room.client.GetJob(job_id=job_id)).job
    name = consumer_name(job.type, job.lane)
    subscription = await room.bus.js.pull_subscribe_bind(name, stream=JOBS)
    (message,) = await subscription.fetch(1, timeout=20)
    await message.ack_sync()
    await subscription.unsubscribe()
    spec = JobSpec.FromString(message.data)
    for what in (
        {"started": JobStarted()},
        {"succeeded": await played(room.storage, spec, video)},
    ):
        event = JobEvent(job_id=spec.job_id, tenant=spec.tenant, type=spec.type, delivery=1, **what)
        event.time.GetCurrentTime()
        await publish_event(room.bus, event, new_id(), deadline_s=10)
    return (await room.client.WaitJob(job_id=job_id)).job
