"""A warm child that makes single frames of one project.

It sees that project's sources and nothing else: a child that a hostile file has taken over never
meets another project's pictures. What it reads lies in a folder that it can't write to.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_media import sandbox
from beatstitch_renderer.baseline import CHILD_ENV
from beatstitch_renderer.children.frame_child import DONE, FAILED, LENGTH_BYTES, PART, REQUESTS

if TYPE_CHECKING:
    from beatstitch.internal.v1.render_plan_pb2 import ChunkContent

_CHILD = "beatstitch_renderer.children.frame_child"
_CHILD_THREADS = 2
LIFE_S = 1800.0
_PIPE_BYTES = 1 << 20
_MAX_ANSWER_BYTES = 200_000_000


class FrameRoom:
    """One child and its folder; one frame at a time.

    Args:
        folder: Where it may make a folder of its own.
        memory_bytes: Address space of the child.
        frame_timeout_s: A frame that takes longer ends the child.
    """

    def __init__(self, folder: Path | None, memory_bytes: int, frame_timeout_s: float) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._root = Path(tempfile.mkdtemp(prefix="frames-", dir=folder))
        self.inputs = self._root / "inputs"
        """Where the sources are brought, named by their sha256."""
        work = self._root / "work"
        for made in (self.inputs, work):
            made.mkdir()
        pipe = self.inputs / REQUESTS
        os.mkfifo(pipe, 0o600)
        self._pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # more than the system allows: the usual 64 KiB stay
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._timeout_s = frame_timeout_s
        self._answer: asyncio.Future[bytes] | None = None
        self._parts = bytearray()
        self._given_up = False
        self.lock = asyncio.Lock()
        """Held by who brings sources and asks."""
        self.has_answered = False
        """Whether the child has made a frame, or told why it can't."""
        self.born = asyncio.get_running_loop().time()
        self._child = asyncio.create_task(
            sandbox.run(
                sandbox.python_command(_CHILD, str(self.inputs)),
                inputs=[self.inputs],
                work_dir=work,
                what="making a frame",
                timeout_s=LIFE_S,
                memory_bytes=memory_bytes,
                threads=_CHILD_THREADS,
                on_line=self._hear,
                env=CHILD_ENV,
            )
        )

    @property
    def usable(self) -> bool:
        """Whether the child lives and will for long enough."""
        age = asyncio.get_running_loop().time() - self.born
        return not self._given_up and not self._child.done() and age + 2 * self._timeout_s < LIFE_S

    @property
    def lost(self) -> bool:
        """Whether the child ended by itself, neither here nor by its time."""
        return not self._given_up and self._child.done() and not self._child.cancelled()

    async def frame(self, content: ChunkContent, picture_format: str) -> bytes:
        """The only frame of a piece; its sources are in `inputs`.

        Args:
            content: A piece of one frame.
            picture_format: "jpeg" or "png".

        Raises:
            BeatStitchError: INPUT_CORRUPT with media_sha256, MEDIA_TIMEOUT, OUT_OF_MEMORY,
                FFMPEG_FAILED.
        """
        order = json.dumps({"format": picture_format}).encode() + b"\n"
        order += content.SerializeToString()
        self._parts.clear()
        self._answer = asyncio.get_running_loop().create_future()
        data = len(order).to_bytes(LENGTH_BYTES) + order
        try:
            if os.write(self._pipe, data) != len(data):
                raise _failed("the frame's description is too long")
            async with asyncio.timeout(self._timeout_s):
                either: list[asyncio.Future[Any]] = [self._answer, self._child]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._answer.done():
                self.has_answered = True
                return self._answer.result()
            self._child.result()
            raise _failed("the frame's child ended")
        except TimeoutError:
            self._give_up()
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_MEDIA_TIMEOUT,
                f"making a frame took longer than {self._timeout_s:g} s",
            ) from None
        except asyncio.CancelledError:
            # Its answer would be taken for the next one's.
            self._give_up()
            raise
        except BlockingIOError:
            self._give_up()
            raise _failed("the frame's child doesn't listen") from None
        finally:
            self._answer = None

    async def close(self) -> None:
        """Ends the child and removes its folder."""
        self._child.cancel()
        await asyncio.wait({self._child})
        if not self._child.cancelled():
            self._child.exception()
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)

    def _give_up(self) -> None:
        self._given_up = True
        self._child.cancel()

    def _hear(self, line: str) -> None:
        answer = self._answer
        if answer is None or answer.done():
            return
        try:
            if line.startswith(PART):
                self._parts += base64.b64decode(line[len(PART) :], validate=True)
                if len(self._parts) > _MAX_ANSWER_BYTES:
                    answer.set_exception(_failed("the frame is too large"))
            elif line == DONE:
                answer.set_result(bytes(self._parts))
            elif line.startswith(FAILED):
                told = json_format.Parse(line[len(FAILED) :], failure_pb2.Failure())
                answer.set_exception(BeatStitchError.from_failure(told))
        except (ValueError, json_format.ParseError):
            answer.set_exception(_failed("the frame's child said something else"))


def _failed(text: str) -> BeatStitchError:
    return BeatStitchError(failure_pb2.ERROR_REASON_FFMPEG_FAILED, text)
