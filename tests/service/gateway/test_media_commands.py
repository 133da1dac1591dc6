"""`beatstitch upload`, `download`, `restore` and `admin cleanup` on a real gateway."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from beatstitch.v1 import job_pb2
from beatstitch_client import AsyncClient

VIDEO = b"video" * 1000


async def command(house, *arguments: str, cwd: Path) -> str:
    env = {
        **os.environ,
        "BEATSTITCH_SERVER": f"127.0.0.1:{house.services[0].rpc.port}",
        "BEATSTITCH_API_KEY": house.key,
    }
    child = await asyncio.create_subprocess_exec(
        *[str(Path(sys.executable).with_name("beatstitch")), *arguments],
        env=env,
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await child.communicate()
    assert child.returncode == 0, out
    return out.decode()


async def test_commands(open_house, tmp_path):
    async with open_house(retention_safety_s=1.0, s3_touch_after_s=0.0) as house:
        project_id, _song, _pictures = await house.ready()
        photo = tmp_path / "sea.jpg"
        photo.write_bytes(b"picture")
        told = await command(house, "upload", project_id, "sea.jpg", cwd=tmp_path)
        listed = (await house.client.ListAssets(project_id=project_id)).assets
        assert told.split()[:2] == [listed[-2].id, "sea.jpg"]
        await house.finish(told.split()[-1])

        edl_hash = await house.timeline(project_id)
        made = await house.render(project_id, edl_hash, VIDEO)
        await command(house, "download", made.render.id, "-o", "v.mp4", cwd=tmp_path)
        assert (tmp_path / "v.mp4").read_bytes() == VIDEO
        told = await command(house, "restore", made.render.id, cwd=tmp_path)
        assert told.startswith(f"{made.render.id}: kept until 20")

        orphan = "t/default/in/00000000-0000-7000-8000-000000000000"
        await house.storage.put(orphan, b"nobody's")
        await asyncio.sleep(2.5)
        told = await command(house, "admin", "cleanup", "--dry-run", cwd=tmp_path)
        assert "orphan_object" in told
        assert await house.storage.exists(orphan)
        await command(house, "admin", "cleanup", "--tenant", "default", cwd=tmp_path)
        assert not await house.storage.exists(orphan)
        assert await house.storage.exists(f"t/default/in/{listed[-2].id}")


async def test_a_job_is_made_again(house, tmp_path):
    project_id, _song, _pictures = await house.ready()
    edl_hash = await house.timeline(project_id)
    made = await house.client.CreateRender(project_id=project_id, edl_hash=edl_hash)
    await house.client.CancelJob(job_id=made.job.id)
    await house.ended(made.job.id)
    told = json.loads(await command(house, "jobs", "retry", made.job.id, "--json", cwd=tmp_path))
    assert told["retry_of"] == made.job.id
    again = (await house.client.GetJob(job_id=told["id"])).job
    assert again.state == job_pb2.JOB_STATE_PENDING


async def test_renders_wait_in_the_lane_that_was_named(house):
    project_id, _song, _pictures = await house.ready()
    edl_hash = await house.timeline(project_id)
    async with AsyncClient(f"127.0.0.1:{house.services[0].rpc.port}", house.key) as client:
        made = await client.create_renders(
            project_id, edl_hash, ["preview", "final"], lane=job_pb2.JOB_LANE_BATCH
        )
        by_profile = await client.create_renders(project_id, edl_hash, ["preview"])
    assert [job.lane for job, _ in made] == [job_pb2.JOB_LANE_BATCH] * 2
    assert [job.lane for job, _ in by_profile] == [job_pb2.JOB_LANE_INTERACTIVE]
