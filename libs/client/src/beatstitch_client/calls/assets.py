"""Songs, pictures and clips."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from beatstitch.v1 import asset_service_pb2 as assets
from beatstitch.v1.asset_service_pb2_grpc import AssetServiceStub
from beatstitch_client.calls.base import PAGE_SIZE, Calls
from beatstitch_client.uploads import Upload, Uploader, Via

if TYPE_CHECKING:
    from collections.abc import Callable

    from beatstitch.v1.asset_pb2 import Asset
    from beatstitch.v1.asset_service_pb2_grpc import AssetServiceAsyncStub
    from beatstitch.v1.common_pb2 import MediaType


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
    ) -> Upload:
        """Brings a file in and starts its ingest (a song's: its analysis).

        Args:
            project_id: The project it is for.
            path: The file.
            media_type: What it is; by its name when None. The server looks at the content anyway.
            via: "url" PUTs to signed URLs, "stream" sends the bytes over the call itself; "auto"
                takes the URLs and falls back where the storage can't be reached from here.
            on_bytes: Called with the bytes sent so far; goes back when some are sent again.
        """
        return await self._uploader.upload(project_id, Path(path), media_type, via, on_bytes)

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
