"""Coded sources, EDLs of them, and a renderer without queue or storage."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from support.renderer_room import SMALL, Room
from support.worker_room import server_settings

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.render_pb2 import RenderProfile
from beatstitch_media.image import load_image
from beatstitch_media.sniff import sniff
from beatstitch_renderer.compositor.sources import SourceFile
from beatstitch_renderer.planning.borders import PieceSizes
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_renderer.rendering import render_piece
from beatstitch_renderer.settings import RendererSettings
from beatstitch_samples import signals
from beatstitch_samples.audio_files import write_audio
from beatstitch_samples.coded_clips import coded_clip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from beatstitch.internal.v1.render_plan_pb2 import RenderPlan


@dataclass
class Shot:
    """One segment to be."""

    path: Path
    frames: int
    source_in_us: int = 0
    source_out_us: int = 0
    fade: int = 0
    fit: edl_pb2.Fit.ValueType = edl_pb2.FIT_COVER
    fill: edl_pb2.FillPolicy.ValueType = edl_pb2.FILL_POLICY_LOOP
    move: edl_pb2.KenBurns | None = field(default=None)

    @property
    def is_still(self) -> bool:
        return self.source_out_us == 0

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


class Studio:
    """Makes EDLs and renders them in this process, piece by piece."""

    Shot = Shot

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def profile(**changes) -> RenderProfile:
        made = RenderProfile(name="final", preset="ultrafast", crf=20, audio_bit_rate=128_000)
        made.MergeFrom(RenderProfile(**changes))
        return made

    @staticmethod
    def edl(
        shots: Sequence[Shot],
        rate: Fraction = Fraction(30),
        size: tuple[int, int] = (320, 180),
        background: int = 0,
    ) -> Edl:
        """A valid EDL; the beats are where the cuts are."""
        edl = Edl(version="1.0", project_id="project")
        edl.output.width, edl.output.height = size
        edl.output.frame_rate.num, edl.output.frame_rate.den = rate.as_integer_ratio()
        edl.output.background_rgb = background
        frame = 0
        for index, shot in enumerate(shots):
            end = frame + shot.frames
            in_ms, out_ms = (round(f / rate * 1000) for f in (frame, end))
            kind = common_pb2.MEDIA_TYPE_IMAGE if shot.is_still else common_pb2.MEDIA_TYPE_VIDEO
            segment = edl.segments.add(
                index=index,
                media_asset_id=shot.path.name,
                media_sha256=shot.sha256,
                media_type=kind,
                timeline_in_frame=frame,
                timeline_out_frame=end,
                timeline_in_ms=in_ms,
                timeline_out_ms=out_ms,
                render_duration_ms=out_ms - in_ms,
                source_in_us=shot.source_in_us,
                source_out_us=shot.source_out_us,
                fit=shot.fit,
                fill=shot.fill,
            )
            segment.cut.rule = edl_pb2.CUT_RULE_EVERY_N_BEATS if index else edl_pb2.CUT_RULE_START
            segment.cut.beat_index = index or -1
            segment.cut.beat_time_us = round(frame / rate * 1_000_000)
            if shot.fade:
                segment.transition_in.type = edl_pb2.TRANSITION_TYPE_CROSSFADE
                segment.transition_in.frames = shot.fade
            if shot.move:
                segment.effect.ken_burns.CopyFrom(shot.move)
            frame = end
        edl.audio.asset_id = "song"
        edl.audio.sha256 = hashlib.sha256(b"song").hexdigest()
        edl.audio.duration_us = round(frame / rate * 1_000_000)
        return edl

    def render(
        self, shots: Sequence[Shot], edl: Edl, sizes: PieceSizes | None = None, **profile
    ) -> tuple[RenderPlan, list[Path]]:
        """The plan and its pieces."""
        plan = plan_render(edl, self.profile(**profile), "test", sizes)
        files = {
            shot.sha256: SourceFile(shot.path, "" if shot.is_still else sniff(shot.path).demuxer)
            for shot in shots
        }
        pieces = []
        for chunk in plan.chunks:
            piece = self.folder / f"piece-{chunk.chunk_hash[:12]}"
            render_piece(chunk.content, files, still_pixels, piece)
            pieces.append(piece)
        return plan, pieces


def still_pixels(path: Path, at_least: tuple[int, int]):
    return load_image(path, at_least=at_least)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


@pytest.fixture
def renderer_settings(nats_server_fresh, s3_server, tmp_path: Path) -> RendererSettings:
    return RendererSettings(
        **server_settings(nats_server_fresh, s3_server),
        work_dir=tmp_path / "work",
        fetch_s=1.0,
        chunk_slots=2,
        chunk_poll_s=1.0,
        retry_base_s=0.2,
    )


@pytest_asyncio.fixture
async def room(renderer_settings, s3_prefix, tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(renderer_settings, s3_prefix, tmp_path)
    await room.start()
    try:
        yield room
    finally:
        await room.stop()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Eighteen seconds with a click each half second."""
    clicks = signals.click_track(range(0, 18_000_000, 500_000), 18_000_000)
    return write_audio(tmp_path / "song.mp3", clicks, 48_000)


@pytest.fixture
def clips(tmp_path: Path):
    return [
        coded_clip(tmp_path / f"c{i}.mp4", source_id=i, frames=90, gop=30, size=SMALL)
        for i in (1, 2, 3)
    ]
