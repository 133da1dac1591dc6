"""How customers bring files in: by signed URLs, over the call, from another bucket, in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1.common_pb2 import MEDIA_TYPE_IMAGE
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from beatstitch_client import AsyncClient
    from beatstitch_client.uploads import Upload
    from support.chaos.calls import Caller
    from support.chaos.recipes import Material, Recipe

# The bucket from which customers may import; all material lies there too.
DROP = "drop"
WAYS = ("url", "stream", "import")
# A third of what the noise takes on a quiet machine, up to a good deal more.
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
    """Brings files in by one client."""

    def __init__(self, client: AsyncClient, caller: Caller, material: Material) -> None:
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
        """The noise, in parts, by a client that is cut off in the middle again and again."""
        path = self._material.noise
        call = self._way(project_id, path, "url")
        for _ in range(self._caller.rng.randint(1, 4)):
            await self._caller.cut(call, CUT_S)
        return self._note(path, await self._caller.insist(call, twice=_names))

    def _way(self, project_id: str, path: Path, way: str) -> Callable[[], Awaitable[Upload]]:
        again, sha256 = new_id(), self._material.sha256(path)
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
