"""Songs, pictures and clips."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from beatstitch.v1 import asset_service_pb2 as assets
from beatstitch.v1.asset_service_pb2_grpc import AssetServiceStub
from beatstitch_client.calls.base import PAGE_SIZE, Calls
from beatstitch_client.media_files import media_type_of
from beatstitch_client.uploads import Upload, Uploader, Via
from beatstitch_core.errors import field_error
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from beatstitch.v1.asset_pb2 import Asset
    from beatstitch.v1.asset_service_pb2_grpc import AssetServiceAsyncStub
    from beatstitch.v1.common_pb2 import MediaType

# The server copies the object before it answers.
IMPORT_TIMEOUT_S = 600.0


class AssetCalls(Calls):
    """Songs, pictures and clips."""

    @cached_property
    def _assets(self) -> AssetServiceAsyncStub:
        return AssetServiceStub(self._channel)

    @cached_property
    def _uploader(self) -> Uploader:
        return Uploader(self._connection)

    async def upload(
        self,
        project_id: str,
        path: str | Path,
        media_type: MediaType.ValueType | None = None,
        *,
        via: Via = "auto",
        on_bytes: Callable[[int], None] | None = None,
        request_id: str = "",
    ) -> Upload:
        """Brings a file in and starts its ingest (a song's: its analysis).

        A large file goes in parts. When the process ends on the way, the next one that uploads the
        same file to the same project sends only the parts that are missing.

        Args:
            project_id: The project it is for.
            path: The file.
            media_type: What it is; by its name when None. The server looks at the content anyway.
            via: "url" PUTs to signed URLs, "stream" sends the bytes over the call itself; "auto"
                takes the URLs and falls back where the storage can't be reached from here.
            on_bytes: Called with the bytes sent so far; goes back when some are sent again.
            request_id: The same id and file give the same asset, however often and wherever the
                call broke off; with via "url" what is there is not sent again. Needs `via` "url" or
                "stream". After an error the upload waits for the next call with this id.
        """
        return await self._uploader.upload(
            project_id, Path(path), media_type, via, on_bytes, request_id
        )

    async def import_asset(
        self,
        project_id: str,
        uri: str,
        media_type: MediaType.ValueType | None = None,
        *,
        filename: str = "",
        sha256: str = "",
        request_id: str = "",
    ) -> Upload:
        """Takes an object that lies in a bucket which the server may read, and starts its ingest.

        Args:
            project_id: The project it is for.
            uri: `s3://bucket/key`.
            media_type: What it is; by its name when None.
            filename: What to call it; the key's last part when empty.
            sha256: Of its bytes, hex; checked when given.
            request_id: The same id and arguments give the same asset.
        """
        name = filename or uri.rpartition("/")[2]
        kind = media_type or media_type_of(Path(name))
        if not kind:
            raise field_error("media_type", f"can't be told from the name {name}; give it")
        request = assets.ImportAssetRequest(
            project_id=project_id,
            uri=uri,
            filename=filename,
            media_type=kind,
            sha256=sha256,
            request_id=request_id or new_id(),
        )
        reply = await self._connection.call(
            self._assets.ImportAsset, request, timeout_s=IMPORT_TIMEOUT_S
        )
        return Upload(reply.asset, reply.job)

    async def get_asset(self, asset_id: str) -> Asset:
        """The asset as it is now."""
        request = assets.GetAssetRequest(asset_id=asset_id)
        return (await self._call(self._assets.GetAsset, request)).asset

    async def list_assets(self, project_id: str) -> list[Asset]:
        """All of a project's assets: pictures and clips by position, then songs."""
        found: list[Asset] = []
        token = ""
        while True:
            request = assets.ListAssetsRequest(
                project_id=project_id, page_size=PAGE_SIZE, page_token=token
            )
            reply = await self._call(self._assets.ListAssets, request)
            found += reply.assets
            token = reply.next_page_token
            if not token:
                return found

    async def get_filmstrip(self, asset_id: str) -> assets.GetFilmstripResponse:
        """Frames of a clip side by side, as a JPEG."""
        request = assets.GetFilmstripRequest(asset_id=asset_id)
        return await self._call(self._assets.GetFilmstrip, request)
