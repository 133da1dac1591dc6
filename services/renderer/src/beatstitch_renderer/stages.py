"""The stages of a render and how far each is, for people who watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import JobStage

if TYPE_CHECKING:
    from beatstitch_runtime.jobs.worker import JobContext

# Name and share of the whole, in percent.
_SHARES = {"plan": 2, "chunks": 78, "audio": 5, "assemble": 5, "verify": 10}


class Stages:
    """Follows one render."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._stages = {
            name: JobStage(name=name, state=job_pb2.JOB_STATE_PENDING) for name in _SHARES
        }

    async def begin(self, name: str, detail: str = "") -> None:
        """A stage begins."""
        stage = self._stages[name]
        stage.state = job_pb2.JOB_STATE_RUNNING
        stage.start_time.CopyFrom(_now())
        await self.at(name, 0, detail)

    async def at(self, name: str, percent: int, detail: str = "") -> None:
        """A stage has come so far."""
        stage = self._stages[name]
        stage.progress_percent = percent
        stage.detail = detail or stage.detail
        await self._tell(stage.detail or name)

    async def end(self, name: str, detail: str = "") -> None:
        """A stage is done."""
        stage = self._stages[name]
        stage.state = job_pb2.JOB_STATE_SUCCEEDED
        stage.end_time.CopyFrom(_now())
        await self.at(name, 100, detail)

    async def _tell(self, detail: str) -> None:
        done = sum(share * self._stages[name].progress_percent for name, share in _SHARES.items())
        await self._context.progress(done // 100, detail, list(self._stages.values()))


def _now() -> Timestamp:
    now = Timestamp()
    now.GetCurrentTime()
    return now
