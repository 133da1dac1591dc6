"""What storage's failures are called."""

import pytest
from obstore.exceptions import GenericError

from beatstitch.v1 import failure_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage
from beatstitch_runtime.storage.errors import storage_error

AWAY = "Error performing GET http://127.0.0.1:15075/k in 1.507301934s, after 4 retries"


@pytest.mark.parametrize(
    "text",
    [
        "Server returned non-2xx status code: 507 Insufficient Storage: ",
        "<Code>InsufficientStorage</Code>",
        "no free volumes left",
        "write /data: no space left on device",
    ],
)
def test_a_full_storage(text):
    assert storage_error(GenericError(text), "k").reason == failure_pb2.ERROR_REASON_DISK_FULL


@pytest.mark.parametrize("key", ["../../etc/passwd", "x" * 70_000, "a\x00b", "\U0001f600" * 300])
async def test_what_can_be_no_key_is_no_objects(key, tmp_path):
    """Such a text is the caller's mistake, and not INTERNAL. (Nothing is asked of anybody.)"""
    storage = Storage.from_settings(ServiceSettings(s3_endpoint="http://127.0.0.1:9"))
    for asked in (storage.get(key), storage.fetch(ObjectRef(key=key), tmp_path / "object")):
        with pytest.raises(BeatStitchError) as caught:
            await asked
        assert caught.value.reason == failure_pb2.ERROR_REASON_OBJECT_MISSING


def test_digits_of_a_duration_or_a_port_are_no_status():
    error = storage_error(GenericError(AWAY), "k")
    assert error.reason == failure_pb2.ERROR_REASON_DEPENDENCY_DOWN
