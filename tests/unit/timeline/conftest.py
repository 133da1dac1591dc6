"""Songs, pictures and clips to build timelines from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1 import common_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid

if TYPE_CHECKING:
    from collections.abc import Iterable


class Make:
    """Makes the builder's inputs; every asset's checksum follows from its id."""

    PROJECT = "01890000-0000-7000-8000-000000000001"

    @staticmethod
    def media(
        asset_id: str,
        kind: common_pb2.MediaType.ValueType,
        duration_us: int = 0,
        size: tuple[int, int] = (1920, 1080),
    ) -> ReadyMedia:
        item = ReadyMedia(asset_id=asset_id, filename=f"{asset_id}.bin")
        item.object.sha256 = hashlib.sha256(asset_id.encode()).hexdigest()
        item.object.key = f"t/default/in/{asset_id}"
        item.info.media_type = kind
        item.info.duration_us = duration_us
        item.info.width, item.info.height = size
        return item

    @classmethod
    def image(cls, asset_id: str = "photo", size: tuple[int, int] = (4000, 3000)) -> ReadyMedia:
        return cls.media(asset_id, common_pb2.MEDIA_TYPE_IMAGE, size=size)

    @classmethod
    def clip(cls, asset_id: str = "clip", duration_us: int = 10_000_000) -> ReadyMedia:
        return cls.media(asset_id, common_pb2.MEDIA_TYPE_VIDEO, duration_us)

    @classmethod
    def song(cls, asset_id: str = "song") -> ReadyMedia:
        return cls.media(asset_id, common_pb2.MEDIA_TYPE_AUDIO, size=(0, 0))

    @classmethod
    def grid(cls, times_us: Iterable[int], duration_us: int) -> BeatGrid:
        grid = BeatGrid(schema_version="1.0", analyzer="madmom", duration_us=duration_us, bpm=120)
        grid.audio_sha256 = cls.song().object.sha256
        for i, time_us in enumerate(times_us):
            grid.beats.add(
                time_us=time_us,
                time_ms=(time_us + 500) // 1000,
                beat_number=i % 4 + 1,
                is_downbeat=i % 4 == 0,
            )
        return grid


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make
