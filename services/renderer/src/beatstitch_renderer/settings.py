"""What the renderer can be told through its environment (prefix BEATSTITCH_)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pydantic import Field

from beatstitch_core.limits import CHILD_MEMORY_BYTES, CHUNK_TIMEOUT_S
from beatstitch_runtime.settings import ServiceSettings

GB = 1_000_000_000


class RendererSettings(ServiceSettings):
    """Settings of the renderer.

    Attributes:
        coordinator_slots: Renders of each lane that are watched over at the same time; 0 for none.
        chunk_slots: Pieces of both lanes together that are rendered at the same time; 0 for none.
        render_timeout_s: A render that takes longer is given up.
        chunk_timeout_s: A piece that takes longer to render is given up.
        chunk_memory_bytes: Address space of a piece's child.
        chunks_in_flight: Pieces of one render in the queue at most, so that a long render leaves
            room for others.
        chunk_poll_s: How often storage is asked for pieces whose message may have been lost.
        chunk_republish_s: After how long a piece is put into the queue again.
        input_cache_dir: Folder for downloaded inputs; inside `work_dir` or the temporary folder
            when not set.
        input_cache_bytes: How much that folder may hold.
        frame_rooms: Projects whose sources are kept open for single frames, a child each.
        frame_timeout_s: A single frame that takes longer is given up.
        finishing_slots: Renders joined and verified at the same time.
    """

    coordinator_slots: int = Field(8, ge=0, le=256)
    chunk_slots: int = Field(default_factory=lambda: max(1, os.cpu_count() or 1), ge=0, le=256)
    render_timeout_s: float = Field(6 * 3600.0, gt=0)
    chunk_timeout_s: float = Field(CHUNK_TIMEOUT_S, gt=0)
    chunk_memory_bytes: int = Field(CHILD_MEMORY_BYTES, gt=0)
    chunks_in_flight: int = Field(32, ge=1)
    chunk_poll_s: float = Field(5.0, gt=0)
    chunk_republish_s: float = Field(300.0, gt=0)
    input_cache_dir: Path | None = None
    input_cache_bytes: int = Field(10 * GB, ge=0)
    frame_rooms: int = Field(2, ge=1, le=64)
    frame_timeout_s: float = Field(30.0, gt=0)
    finishing_slots: int = Field(2, ge=1)

    def cache_dir(self) -> Path:
        """Where downloaded inputs are kept."""
        if self.input_cache_dir is not None:
            return self.input_cache_dir
        return (self.work_dir or Path(tempfile.gettempdir())) / "beatstitch-inputs"
