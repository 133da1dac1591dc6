"""Chunks of one size from parts of any, and the part that is fetched ahead."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch_runtime.storage.chunks import in_chunks, read_ahead


async def _parts(sizes, seen=None):
    data = bytes(range(256)) * 4
    for size in sizes:
        if seen is not None:
            seen.append(size)
        yield memoryview(data)[:size]
        data = data[size:] + data[:size]


@given(st.lists(st.integers(0, 40)), st.integers(1, 17))
def test_the_bytes_are_the_same_and_the_chunks_of_one_size(sizes, chunk_bytes):
    async def both():
        expected = b"".join([bytes(part) async for part in _parts(sizes)])
        return expected, [chunk async for chunk in in_chunks(_parts(sizes), chunk_bytes)]

    expected, chunks = asyncio.run(both())
    assert b"".join(chunks) == expected
    assert {len(chunk) for chunk in chunks[:-1]} <= {chunk_bytes}
    assert all(0 < len(chunk) <= chunk_bytes for chunk in chunks)


async def test_one_part_is_fetched_ahead_and_no_more():
    seen = []
    async with aclosing(read_ahead(_parts([1, 2, 3, 4], seen))) as parts:
        assert len(await anext(parts)) == 1
        for _ in range(5):
            await asyncio.sleep(0)
        assert seen == [1, 2]
        assert [len(part) async for part in parts] == [2, 3, 4]


async def test_an_error_comes_in_its_place():
    async def broken():
        yield b"1"
        raise OSError("lost")

    async with aclosing(read_ahead(broken())) as parts:
        assert await anext(parts) == b"1"
        with pytest.raises(OSError, match="lost"):
            await anext(parts)


async def test_a_reader_who_leaves_closes_what_it_read_from():
    closed = asyncio.Event()

    async def endless():
        try:
            while True:
                yield b"1"
                await asyncio.sleep(3600)
        finally:
            closed.set()

    async with aclosing(read_ahead(endless())) as parts:
        assert await anext(parts) == b"1"
    assert closed.is_set()
