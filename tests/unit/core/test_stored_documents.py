"""Documents out of the bucket are what their references say, or refused."""

from __future__ import annotations

import pytest

from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_core.canonical import canonical_json, sha256_hex
from beatstitch_core.errors import BeatStitchError, reason_name
from beatstitch_core.stored_documents import read_stored

GRID = BeatGrid(schema_version="1.0", bpm=120)
DATA = canonical_json(GRID)


@pytest.mark.parametrize("sha256", [sha256_hex(DATA), ""])
def test_a_document_is_read(sha256: str):
    assert read_stored(DATA, ObjectRef(key="k", sha256=sha256), BeatGrid(), "beat grid") == GRID


@pytest.mark.parametrize(
    ("data", "sha256"),
    [
        (DATA + b" ", sha256_hex(DATA)),
        (DATA[:-1], sha256_hex(DATA[:-1])),
        (b'{"nobody": 1}', ""),
        (b"\xff\xfe", ""),
        (b"", ""),
    ],
)
def test_what_is_damaged_is_refused(data: bytes, sha256: str):
    with pytest.raises(BeatStitchError) as caught:
        read_stored(data, ObjectRef(key="k", sha256=sha256), BeatGrid(), "beat grid")
    assert reason_name(caught.value.reason) == "INTERNAL"
    assert caught.value.message == "the stored beat grid is damaged"
    assert caught.value.metadata == {"key": "k"}
