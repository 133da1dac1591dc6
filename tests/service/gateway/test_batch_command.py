"""`beatstitch batch`, `jobs watch --batch` and `webhooks`, on a real gateway."""

from __future__ import annotations

import asyncio
import json
import sys

from support.receiver import receiving

from beatstitch_core.ids import new_id


async def beatstitch(house, *words: str, text: str = "") -> tuple[int, str, str]:
    """Runs the command: exit code, output, complaints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from beatstitch_client.cli.main import app; app()",
        *words,
        "--server",
        f"127.0.0.1:{house.services[0].port}",
        "--api-key",
        house.key,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(text.encode())
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_batch_from_a_file_to_its_end(house):
    project_id, _song, _pictures = await house.ready(1)
    items = [{"project_id": project_id}, {"project_id": new_id()}, {"projectId": project_id}]
    code, out, err = await beatstitch(house, "batch", "-", "--json", text=json.dumps(items))
    assert code == 1, err
    first, second, third = map(json.loads, out.splitlines())
    assert second["failure"]["reason"] == "ERROR_REASON_PROJECT_NOT_FOUND"
    jobs = [first["job"], third["job"]]
    batch_id = jobs[0]["batch_id"]
    code, out, err = await beatstitch(
        house, "jobs", "list", "--batch", batch_id, "--state", "running"
    )
    assert code == 0, err
    assert all(job["id"] in out for job in jobs)
    watching = asyncio.create_task(
        beatstitch(house, "jobs", "watch", "--batch", batch_id, "--json")
    )
    for job in jobs:
        await house.client.CancelJob(job_id=job["id"])
    code, out, err = await watching
    assert code == 1  # they didn't succeed
    ends = {line["id"]: line["state"] for line in map(json.loads, out.splitlines())}
    assert {ends[job["id"]] for job in jobs} == {"JOB_STATE_CANCELLED"}
    code, _out, err = await beatstitch(house, "batch", "-", text='[{"profil": "x"}]')
    assert (code, "item 0" in err) == (2, True)


async def test_webhooks_by_hand(open_house):
    async with (
        open_house(webhook_allowed_networks="127.0.0.0/8", webhook_interval_s=0.1) as house,
        receiving() as receiver,
    ):
        code, out, err = await beatstitch(house, "webhooks", "create", receiver.url())
        assert code == 0, err
        webhook_id, secret = out.split("\nsecret: ")
        code, out, _err = await beatstitch(house, "webhooks", "ping", webhook_id)
        assert (code, "delivered" in out) == (0, True)
        assert receiver.received[0].is_signed_with(secret.strip())
        receiver.will(500)
        code, out, _err = await beatstitch(house, "webhooks", "ping", webhook_id)
        assert (code, "HTTP 500" in out) == (1, True)
        code, out, _err = await beatstitch(house, "webhooks", "deliveries", webhook_id, "--json")
        states = [json.loads(line)["state"] for line in out.splitlines()]
        assert states == ["WEBHOOK_DELIVERY_STATE_FAILED", "WEBHOOK_DELIVERY_STATE_DELIVERED"]
        code, _out, err = await beatstitch(house, "webhooks", "create", "https://10.0.0.1/x")
        assert (code, "not public" in err) == (2, True)
