import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from beatstitch_client import Client
from beatstitch_stack import System


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole of BeatStitch: real servers and four service processes, one per xdist worker."""
    with asyncio.Runner() as runner:
        block = System.start(tmp_path_factory.mktemp("system"), durable=False)
        running = runner.run(block.__aenter__())
        try:
            yield running
        finally:
            runner.run(block.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def client(system: System) -> Iterator[Client]:
    """A client with the system's first API key."""
    with Client(system.gateway_address, system.api_key) as made:
        yield made


@pytest.fixture(scope="session")
def media_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a session's test media are kept."""
    return tmp_path_factory.mktemp("media")
