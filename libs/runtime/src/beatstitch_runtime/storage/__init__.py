"""The S3 bucket: `bucket` has the objects, `links` what clients reach it by; errors are ours."""

from beatstitch_runtime.storage.bucket import Storage
from beatstitch_runtime.storage.reading import STREAM_BYTES
from beatstitch_runtime.storage.stored import Stored

__all__ = ["STREAM_BYTES", "Storage", "Stored"]
