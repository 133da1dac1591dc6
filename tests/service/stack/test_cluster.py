"""Three nats-servers as one, and processes that hang instead of dying."""

import asyncio
from contextlib import suppress
from pathlib import Path

import nats
import pytest
from nats.js.api import StreamConfig
from support.waiting import until

from beatstitch_stack import NatsCluster, StackError
from beatstitch_stack.child import ChildProcess


@pytest.fixture
def cluster(tmp_path):
    with NatsCluster(tmp_path / "nats") as running:
        yield running


async def test_what_a_cluster_acknowledged_survives_the_loss_of_its_leader(cluster):
    client = await nats.connect(cluster.url.split(","))
    stream = StreamConfig(name="JOBS", subjects=["job.>"], num_replicas=3)
    await client.jetstream().add_stream(stream)
    for number in range(20):
        await client.jetstream().publish("job.one", str(number).encode())
    await client.close()
    leader = await asyncio.to_thread(cluster.leader, "JOBS")
    assert leader is not None
    await asyncio.to_thread(leader.kill)

    async def has_another_leader() -> bool:
        return await asyncio.to_thread(cluster.leader, "JOBS") not in {None, leader}

    await until(has_another_leader, 60)
    client = await nats.connect(next(node for node in cluster.nodes if node.running).url)
    assert (await client.jetstream().stream_info("JOBS")).state.messages == 20
    await client.close()


def test_data_are_deleted_only_under_a_server_that_stands_still(cluster):
    with pytest.raises(StackError, match="stop nats"):
        cluster.wipe()
    cluster.kill()
    cluster.wipe()
    assert not list(cluster.nodes[0].state_dir.glob("js"))
    urls = cluster.url
    cluster.start()
    assert cluster.url == urls


def test_a_paused_child_stands_still_with_all_its_children(tmp_path):
    child = ChildProcess(
        "sh", ["/bin/sh", "-c", "sleep 60 & echo $!; wait"], log_path=tmp_path / "l"
    )
    child.start()
    child.wait_ready(lambda: (tmp_path / "l").read_text().strip().isdigit())
    grandchild = int((tmp_path / "l").read_text())

    def state(pid: int) -> str:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

    child.pause()
    child.wait_ready(lambda: state(child.pid) == state(grandchild) == "T")
    child.resume()
    child.wait_ready(lambda: state(child.pid) == state(grandchild) == "S")
    child.pause()
    child.kill()  # what stands still can be killed too
    with suppress(FileNotFoundError):  # or dead and not yet reaped by whoever inherited it
        assert state(grandchild) == "Z"
