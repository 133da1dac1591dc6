"""BeatStitch's Python SDK: `Client`, `AsyncClient`, and what they raise."""

from beatstitch_client.aio import AsyncClient
from beatstitch_client.errors import JobCancelledError, JobFailedError, ServerUnreachableError
from beatstitch_client.media_files import discover, media_type_of
from beatstitch_client.sync import Client
from beatstitch_client.uploads import Upload
from beatstitch_core.errors import BeatStitchError

__all__ = [
    "AsyncClient",
    "BeatStitchError",
    "Client",
    "JobCancelledError",
    "JobFailedError",
    "ServerUnreachableError",
    "Upload",
    "discover",
    "media_type_of",
]
