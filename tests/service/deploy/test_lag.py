"""KEDA's figure, read from a real server's monitoring page as KEDA reads it."""

import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from support.manifests import of_kind, render
from support.scaling import lag

from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.subjects import JOBS
from beatstitch_runtime.jobs.topology import ensure_topology
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_stack.nats import NatsServer
from beatstitch_stack.ports import LOOPBACK, free_port


def page(port: int, account: str) -> dict[str, Any]:
    query = urllib.parse.urlencode({"acc": account, "consumers": "true", "config": "true"})
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/jsz?{query}", timeout=5) as answer:
        return dict(json.load(answer))


async def test_each_trigger_finds_its_consumer_and_counts_what_waits_and_what_is_held(
    tmp_path: Path,
) -> None:
    port = free_port()
    triggers = [
        trigger["metadata"]
        for item in of_kind(render("prod"), "ScaledObject").values()
        for trigger in item["spec"]["triggers"]
        if trigger["type"] == "nats-jetstream"
    ]
    (account,) = {trigger["account"] for trigger in triggers}
    config = (
        f"http: {LOOPBACK}:{port}\n"
        f"accounts {{ {account} {{ jetstream: enabled, users: [{{user: u, password: p}}] }} }}\n"
        "no_auth_user: u"
    )
    with NatsServer(tmp_path / "nats", extra_config=config) as server:
        bus = await Bus.connect(ServiceSettings(nats_url=server.url))
        await ensure_topology(bus.js, bus.settings)
        assert all(lag(page(port, t["account"]), t) == 0 for t in triggers), "none: all rest"
        for trigger in triggers:
            kind, _, lane = trigger["consumer"].rpartition("-")
            for number in range(5):
                await bus.js.publish(f"beatstitch.job.{kind}.{lane}", str(number).encode())
            pulled = await bus.js.pull_subscribe_bind(trigger["consumer"], JOBS)
            held = await pulled.fetch(2)
            assert lag(page(port, trigger["account"]), trigger) == 5, "two of them in hand"
            await held[0].ack_sync()
            assert lag(page(port, trigger["account"]), trigger) == 4
            await pulled.unsubscribe()
        await bus.close()
