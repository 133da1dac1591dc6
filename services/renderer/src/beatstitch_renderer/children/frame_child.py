"""Makes single frames, one after the other, of one project: sources stay open between them.

Argument: a folder with the sources, named by their sha256, and the pipe `REQUESTS`. A request is
its length in 8 bytes, then a line of JSON ({"format": "jpeg" | "png"}) and a serialised
ChunkContent of one frame. For each, stdout has lines of `PART` with base64, then `DONE`, or one of
`FAILED` with a failure as JSON.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
from google.protobuf import json_format

from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_renderer.children.chunk_child import source_files, still_pixels, unusable
from beatstitch_renderer.compositor import pictures
from beatstitch_renderer.compositor.compose import pictures as composed
from beatstitch_renderer.compositor.sources import SourceError, SourceFile, Sources

if TYPE_CHECKING:
    from typing import BinaryIO

REQUESTS = "requests"
LENGTH_BYTES = 8
PART, DONE, FAILED = "part ", "done", "failed "
_PART_BYTES = 48 * 1024
# Shapes of frames whose sources are kept open.
_MOST_SHAPES = 2


class Desk:
    """Open sources for each shape of frames.

    Args:
        folder: Where the sources are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, SourceFile] = {}
        self._open: OrderedDict[bytes, Sources] = OrderedDict()

    def frame(self, content: ChunkContent, picture_format: str) -> bytes:
        """A piece's only frame as a JPEG or PNG.

        Raises:
            BeatStitchError: INPUT_CORRUPT and what decoding raises.
        """
        self._files |= source_files(content, self._folder)
        try:
            (planes,) = composed(content, self._sources(content))
        except SourceError as error:
            raise unusable(error.sha256, error.problem) from error
        rgb = pictures.to_rgb(planes)
        return pictures.png(rgb) if picture_format == "png" else pictures.jpeg(rgb)

    def _sources(self, content: ChunkContent) -> Sources:
        shape = content.output.SerializeToString(deterministic=True)
        if shape not in self._open:
            while len(self._open) >= _MOST_SHAPES:
                self._open.popitem(last=False)[1].close()
            self._open[shape] = Sources(self._files, content.output, still_pixels)
        self._open.move_to_end(shape)
        return self._open[shape]


def serve(requests: BinaryIO, desk: Desk) -> None:
    """Answers until the pipe is closed."""
    while head := requests.read(LENGTH_BYTES):
        line, _, data = requests.read(int.from_bytes(head)).partition(b"\n")
        try:
            made = desk.frame(ChunkContent.FromString(data), json.loads(line)["format"])
        except BeatStitchError as error:
            _fail(error)
        except MemoryError:
            _fail(
                BeatStitchError(
                    failure_pb2.ERROR_REASON_OUT_OF_MEMORY, "needs more memory than it may use"
                )
            )
        else:
            for start in range(0, len(made), _PART_BYTES):
                part = base64.b64encode(made[start : start + _PART_BYTES]).decode()
                sys.stdout.write(f"{PART}{part}\n")
            sys.stdout.write(f"{DONE}\n")
        sys.stdout.flush()


def _fail(error: BeatStitchError) -> None:
    text = json_format.MessageToJson(error.to_failure(), indent=None)
    sys.stdout.write(f"{FAILED}{text}\n")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    inputs = Path(sys.argv[1])
    with (inputs / REQUESTS).open("rb", buffering=0) as pipe:
        serve(io.BufferedReader(pipe), Desk(inputs))
