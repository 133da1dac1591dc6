"""What all tests share: a test's kind is the folder it lies in."""

import signal
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# Golden vectors and manifests are read, not run: they count as unit tests.
KINDS = {
    "unit": "unit",
    "service": "service",
    "e2e": "e2e",
    "chaos": "chaos",
    "contract": "unit",
    "deploy": "unit",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test with its kind, so that `-m unit` needs no line in any file."""
    for item in items:
        item.add_marker(KINDS[item.path.relative_to(HERE).parts[0]])


def pytest_configure() -> None:
    """Makes Ctrl-C work in what the tests start.

    A shell starts what runs in the background with SIGINT ignored, and children inherit that: a
    test that sends SIGINT to a command would wait for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
