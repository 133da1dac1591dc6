"""Places shared by slots: never more than there are, and whose turn it is."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch_runtime.jobs import places as module
from beatstitch_runtime.jobs.places import Places


async def test_who_goes_first_gets_the_place_that_another_came_for_earlier():
    places = Places(1)
    held = places.claim()
    back, first = places.claim(first=False), places.claim()
    assert (held.done(), back.done(), first.done()) == (True, False, False)
    places.give_back(held)
    assert (back.done(), first.done()) == (False, True)
    places.give_back(first)
    assert back.done()


async def test_who_stood_back_long_enough_goes_before_those_who_came_later(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", -1.0)
    places = Places(1)
    held = places.claim()
    first, back = places.claim(), places.claim(first=False)
    places.give_back(held)
    assert (first.done(), back.done()) == (False, True)


async def test_nobody_is_asked_in_while_all_places_are_taken_or_waited_for():
    places = Places(1)
    held, waiting = places.claim(), places.claim()
    asks = asyncio.create_task(places.open())
    await asyncio.sleep(0)
    places.give_back(held)
    await asyncio.sleep(0)
    assert not asks.done()
    places.give_back(waiting)
    await asks


async def test_the_place_goes_to_those_first_who_go_first():
    """A free place is seen by both: the one that stands back finds it taken."""
    places = Places(1)
    held = places.claim()
    back = asyncio.create_task(places.open(first=False))
    first = asyncio.create_task(places.open())
    places.give_back(held)
    await first
    places.claim()
    await asyncio.sleep(2 * module.GRACE_S)
    assert not back.done()
    back.cancel()


def test_there_is_at_least_one_place():
    with pytest.raises(ValueError, match="one place"):
        Places(0)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 4), st.lists(st.tuples(st.booleans(), st.integers(0, 30))))
def test_never_more_are_held_than_there_are_and_none_is_lost(count, steps):
    async def play() -> None:
        places = Places(count)
        claims: list[module.Place] = []
        for comes, which in steps:
            if comes or not claims:
                claims.append(places.claim(first=which % 2 == 0))
            else:
                places.give_back(claims.pop(which % len(claims)))
            held = sum(claim.done() for claim in claims)
            assert held == min(count, len(claims))
        for claim in claims:
            places.give_back(claim)
        assert all(places.claim().done() for _ in range(count))
        assert not places.claim().done()

    asyncio.run(play())


async def test_held_for_a_block_who_goes_first_first():
    places, order = Places(1), []

    async def use(name: str, *, first: bool) -> None:
        async with places.held(first=first):
            order.append(name)
            await asyncio.sleep(0)

    async with places.held():
        waiting = [asyncio.create_task(use(f"batch {n}", first=False)) for n in range(3)]
        gone = asyncio.create_task(use("gone", first=True))
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(use("urgent", first=True)))
        await asyncio.sleep(0)
        gone.cancel()  # leaves the line
    await asyncio.gather(*waiting)
    assert order == ["urgent", "batch 0", "batch 1", "batch 2"]
