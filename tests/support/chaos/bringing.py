"""How customers bring files in: by signed URLs, over the call, from another bucket, in pieces."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1.common_pb2 import MEDIA_TYPE_IMAGE
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from beatstitch_client import AsyncClient
    from beatstitch_client.uploads import Upload
    from support.chaos.calls import Caller
    from support.chaos.recipes import Material, Recipe

# The bucket from which customers may import; all material lies there too.
DROP = "drop"
TESTS = Path(__file__).parents[2]
WAYS = ("url", "stream", "import")
# From the first moments of an upload of the noise to after its end.
CUT_S = 0.5


class Brought(NamedTuple):
    """A project with files in it.

    Attributes:
        project_id: The project.
        song: Its song's asset.
        media: Its pictures' and clips', in the recipe's order.
        jobs: What looks at them.
    """

    project_id: str
    song: str
    media: list[str]
    jobs: list[str]


class Bringer:
    """Brings files in by one client, whose target and key others get that are killed."""

    def __init__(
        self, target: str, client: AsyncClient, caller: Caller, material: Material, api_key: str
    ) -> None:
        self._target, self._api_key = target, api_key
        self._client = client
        self._caller = caller
        self._material = material

    async def project(self) -> str:
        """A new one."""
        again = new_id()
        made = await self._caller.insist(
            lambda: self._client.create_project("chaos", request_id=again),
            twice=lambda project: project.id,
        )
        self._caller.ledger.projects.add(made.id)
        return made.id

    async def bring(self, recipe: Recipe) -> Brought:
        """A project with the recipe's files in it."""
        project_id = await self.project()
        paths = [self._material.songs[recipe.song]]
        paths += [self._material.media[number] for number in recipe.media]
        uploads = [await self.upload(project_id, path) for path in paths]
        assets = [upload.asset.id for upload in uploads]
        return Brought(project_id, assets[0], assets[1:], [upload.job.id for upload in uploads])

    async def upload(self, project_id: str, path: Path) -> Upload:
        """A file, by any way."""
        call = self._way(project_id, path, self._caller.rng.choice(WAYS))
        return self._note(path, await self._caller.insist(call, twice=_names))

    async def broken(self, project_id: str) -> Upload:
        """The noise, in parts: its client is killed, the next ones are cut off, one ends it."""
        path, again = self._material.noise, new_id()
        await self._killed(project_id, path, again)
        call = self._way(project_id, path, "url", again)
        for _ in range(self._caller.rng.randint(0, 3)):
            await self._caller.cut(call, CUT_S)
        return self._note(path, await self._caller.insist(call, twice=_names))

    async def _killed(self, project_id: str, path: Path, again: str) -> None:
        """A process of its own begins the upload and gets SIGKILL in the middle."""
        command = (sys.executable, "-m", "support.chaos.uploader")
        child = await asyncio.create_subprocess_exec(
            *command,
            *(self._target, project_id, str(path), again),
            env={**os.environ, "BEATSTITCH_API_KEY": self._api_key, "PYTHONPATH": str(TESTS)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            if child.stdout is not None:
                await child.stdout.readline()
            await asyncio.sleep(self._caller.rng.uniform(0, CUT_S))
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()
        self._caller.ledger.lost += 1

    def _way(
        self, project_id: str, path: Path, way: str, again: str = ""
    ) -> Callable[[], Awaitable[Upload]]:
        again, sha256 = again or new_id(), self._material.sha256(path)
        kind = MEDIA_TYPE_IMAGE if path == self._material.noise else None
        if way == "import":
            uri = f"s3://{DROP}/{path.name}"
            return lambda: self._client.import_asset(
                project_id, uri, kind, sha256=sha256, request_id=again
            )
        via = "url" if way == "url" else "stream"
        return lambda: self._client.upload(project_id, path, kind, via=via, request_id=again)  # type: ignore[arg-type]

    def _note(self, path: Path, done: Upload) -> Upload:
        self._caller.ledger.uploads[done.asset.id] = self._material.sha256(path)
        self._caller.ledger.accept(done.job)
        return done


def _names(done: Upload) -> tuple[str, str]:
    return done.asset.id, done.job.id
