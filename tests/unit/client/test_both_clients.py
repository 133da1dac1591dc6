"""The blocking client has all that the asynchronous one has, with the same arguments."""

from __future__ import annotations

import inspect

import pytest

from beatstitch_client import AsyncClient, Client

METHODS = [
    name
    for name, member in inspect.getmembers(AsyncClient)
    if not name.startswith("_") and inspect.isroutine(member) and name != "close"
]


def test_there_are_methods():
    assert {"create_project", "apply_edits", "create_template", "watch_job"} <= set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_the_blocking_client_has_it_too(name: str):
    ours, theirs = getattr(Client, name), getattr(AsyncClient, name)
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
    assert ours.__doc__
