"""The open sources of a piece: few decoders at a time, few megabytes of pictures."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch_renderer.compositor.clip import ClipError
from beatstitch_renderer.compositor.geometry import CENTRE, UNIT, anchor_of
from beatstitch_renderer.compositor.moving import MovingPicture
from beatstitch_renderer.compositor.planes import Planes, filled, middle
from beatstitch_renderer.compositor.still import StillPicture

if TYPE_CHECKING:
    from beatstitch.internal.v1.render_plan_pb2 import ChunkSegment
    from beatstitch.v1.edl_pb2 import OutputFormat
    from beatstitch_renderer.planning.frames import Layer

# Path, and the width and height below which a smaller decoding must not fall → packed 8-bit RGB or
# RGBA, upright.
LoadStill = Callable[[Path, tuple[int, int]], np.ndarray]

MAX_OPEN_CLIPS = 6
# Of one picture of each open clip. A decoder keeps about 8 in H.264, at 1.5 bytes a pixel and more.
MAX_OPEN_PIXELS = 5 * 1920 * 1080
MAX_STILL_BYTES = 60_000_000


class SourceError(Exception):
    """A source can't be used.

    Attributes:
        sha256: Which.
        problem: Why, for people: continues "the file …".
    """

    def __init__(self, sha256: str, problem: str) -> None:
        super().__init__(f"{sha256}: {problem}")
        self.sha256, self.problem = sha256, problem


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source on disk.

    Attributes:
        path: The file.
        demuxer: Name of libav's demuxer; empty for a still picture.
    """

    path: Path
    demuxer: str


class Sources:
    """Opens sources when they are first shown and closes those not shown for longest.

    Args:
        files: By sha256.
        output: Shape of the piece.
        load_still: Decodes a still picture, see `LoadStill`.
        threads: Threads of each decoder.
    """

    def __init__(
        self,
        files: dict[str, SourceFile],
        output: OutputFormat,
        load_still: LoadStill,
        threads: int = 1,
    ) -> None:
        self._files, self._output, self._threads = files, output, threads
        self._load_still = load_still
        self._ground = filled(output.width, output.height, output.background_rgb)
        self._clips: OrderedDict[tuple[str, int], MovingPicture] = OrderedDict()
        self._users: dict[tuple[str, int], int] = {}
        self._stills: OrderedDict[tuple[str, tuple[int, int]], StillPicture] = OrderedDict()

    def picture(self, segment: ChunkSegment, layer: Layer) -> Planes:
        """What a layer shows; the same object as before while that doesn't change.

        Raises:
            SourceError: The source can't be opened or decoded.
        """
        if segment.media_type == common_pb2.MEDIA_TYPE_VIDEO:
            try:
                clip = self._clip(segment, layer.segment)
                return clip.picture(layer.time_us, segment.fit, _focus(segment))
            except ClipError as error:
                raise SourceError(segment.media_sha256, str(error)) from error
        still = self._still(segment)
        if segment.effect.WhichOneof("kind") == "ken_burns":
            last = segment.out_frame - segment.in_frame - 1
            return still.moved(segment.effect.ken_burns, layer.step, last, segment.fit)
        return still.picture(segment.fit, _focus(segment))

    def anchor(self, segment: ChunkSegment, layer: Layer) -> tuple[float, float]:
        """The point of the frame, in pixels, that a layer is brought nearer around.

        The focus where the picture has one and rests, else the frame's middle. Only of a layer
        whose picture was just asked for.
        """
        frame = self._ground.size
        if segment.fit != edl_pb2.FIT_FOCUS or segment.effect.WhichOneof("kind"):
            return middle(frame)
        moves = segment.media_type == common_pb2.MEDIA_TYPE_VIDEO
        size = self._clip(segment, layer.segment).shown_size if moves else self._still(segment).size
        return anchor_of(size, frame, segment.fit, _focus(segment))

    def pixels(self, sha256: str, at_least: tuple[int, int]) -> np.ndarray:
        """A still picture that lies over all others, decoded: see `LoadStill`."""
        return self._load_still(self._files[sha256].path, at_least)

    def close(self) -> None:
        """Closes all."""
        for clip in self._clips.values():
            clip.close()
        self._clips.clear()
        self._stills.clear()

    def _clip(self, segment: ChunkSegment, index: int) -> MovingPicture:
        key = self._free_key(segment, index)
        if key not in self._clips:
            self._make_room()
            file = self._files[segment.media_sha256]
            self._clips[key] = MovingPicture(
                file.path, file.demuxer, self._ground, self._output.background_rgb, self._threads
            )
        self._clips.move_to_end(key)
        self._users[key] = index
        return self._clips[key]

    def _make_room(self) -> None:
        """Closes clips until one more is not too much; two fade into each other and both stay."""
        closed = False
        while len(self._clips) > 1 and (
            len(self._clips) >= MAX_OPEN_CLIPS
            or sum(clip.pixels for clip in self._clips.values()) > MAX_OPEN_PIXELS
        ):
            self._clips.popitem(last=False)[1].close()
            closed = True
        if closed:
            # PyAV's containers and streams know each other: else a decoder's pictures live on.
            gc.collect()

    def _free_key(self, segment: ChunkSegment, index: int) -> tuple[str, int]:
        """Which of a clip's decoders a segment uses: a clip that fades into itself needs two."""
        sha256, fades = segment.media_sha256, segment.transition_in.frames > 0
        for copy in (0, 1):
            if self._users.get((sha256, copy)) == index:
                return sha256, copy
        for copy in (0, 1):
            user = self._users.get((sha256, copy))
            if user is None or user < index - 1 or (user < index and not fades):
                return sha256, copy
        return sha256, 0

    def _still(self, segment: ChunkSegment) -> StillPicture:
        need = size_needed(segment, (self._output.width, self._output.height))
        # By the size too: what a segment looks like must not depend on its neighbours.
        key = (segment.media_sha256, need)
        if key not in self._stills:
            # Two fade into each other: neither may be dropped for the other, frame by frame.
            while len(self._stills) > 1 and self._still_bytes() > MAX_STILL_BYTES:
                self._stills.popitem(last=False)
            path = self._files[segment.media_sha256].path
            decode = partial(self._load_still, path, need)
            self._stills[key] = StillPicture(decode, self._ground, self._output.background_rgb)
        self._stills.move_to_end(key)
        return self._stills[key]

    def _still_bytes(self) -> int:
        return sum(still.held_bytes for still in self._stills.values())


def _focus(segment: ChunkSegment) -> tuple[int, int]:
    return (segment.focus.x, segment.focus.y) if segment.fit == edl_pb2.FIT_FOCUS else CENTRE


def size_needed(segment: ChunkSegment, frame: tuple[int, int]) -> tuple[int, int]:
    """Width and height from which a still picture needs no magnifying anywhere in its segment."""
    if segment.effect.WhichOneof("kind") != "ken_burns":
        return frame
    move = segment.effect.ken_burns
    rects = (getattr(move, "from"), move.to)
    width = max(-(-frame[0] * UNIT // max(1, rect.w)) for rect in rects)
    height = max(-(-frame[1] * UNIT // max(1, rect.h)) for rect in rects)
    return width, height
