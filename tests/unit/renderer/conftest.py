"""EDLs of any shape, for the pure parts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.render_pb2 import RenderProfile

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Shot:
    """One segment to be; frames of its own, not of the timeline."""

    media: str
    frames: int
    source_in_us: int = 0
    source_out_us: int = 10_000_000
    fade: int = 0
    still: bool = False
    fit: edl_pb2.Fit.ValueType = edl_pb2.FIT_COVER
    fill: edl_pb2.FillPolicy.ValueType = edl_pb2.FILL_POLICY_LOOP
    move: edl_pb2.KenBurns | None = field(default=None)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def edl_of(shots: Sequence[Shot], rate: tuple[int, int] = (30, 1), size=(320, 180)) -> Edl:
    edl = Edl(version="1.0", project_id="p")
    edl.output.width, edl.output.height = size
    edl.output.frame_rate.num, edl.output.frame_rate.den = rate
    frame = 0
    for index, shot in enumerate(shots):
        kind = common_pb2.MEDIA_TYPE_IMAGE if shot.still else common_pb2.MEDIA_TYPE_VIDEO
        segment = edl.segments.add(
            index=index,
            media_asset_id=shot.media,
            media_sha256=sha(shot.media),
            media_type=kind,
            timeline_in_frame=frame,
            timeline_out_frame=frame + shot.frames,
            source_in_us=0 if shot.still else shot.source_in_us,
            source_out_us=0 if shot.still else shot.source_out_us,
            fit=shot.fit,
            fill=shot.fill,
        )
        if shot.fade:
            segment.transition_in.type = edl_pb2.TRANSITION_TYPE_CROSSFADE
            segment.transition_in.frames = shot.fade
        if shot.move:
            segment.effect.ken_burns.CopyFrom(shot.move)
        frame += shot.frames
    edl.audio.sha256 = sha("song")
    edl.audio.duration_us = frame * 1_000_000 * rate[1] // rate[0]
    return edl


@pytest.fixture
def shot():
    return Shot


@pytest.fixture
def make_edl():
    return edl_of


@pytest.fixture
def profile() -> RenderProfile:
    return RenderProfile(name="final", preset="veryfast", crf=20, audio_bit_rate=192_000)
