"""Golden vectors: a document has the same hash in any language, today and in a year.

A vector that changes breaks every stored EDL's name: never adjust the hashes to the code.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.canonical import (
    canonical_json,
    edl_hash,
    message_hash,
    parse_json,
    sha256_hex,
)
from beatstitch_core.edl_invariants import validate_edl

HERE = Path(__file__).parent
VECTORS = HERE / "vectors"
INDEX: dict[str, dict[str, str]] = json.loads((VECTORS / "index.json").read_text("utf-8"))
MESSAGES = {"beatstitch.v1.Edl": Edl, "beatstitch.v1.BeatGrid": BeatGrid}


def load(name: str) -> Edl | BeatGrid:
    kind = MESSAGES[INDEX[name]["message"]]
    return parse_json((VECTORS / f"{name}.json").read_bytes(), kind())


def test_every_file_is_in_the_index():
    assert {path.stem for path in VECTORS.glob("*.json")} == {*INDEX, "index"}


@pytest.mark.parametrize("name", INDEX)
def test_python_gives_the_golden_hash(name: str):
    document = load(name)
    assert message_hash(document) == INDEX[name]["sha256"]
    assert sha256_hex(canonical_json(document)) == INDEX[name]["sha256"]


@pytest.mark.parametrize("name", [name for name in INDEX if name.startswith("edl")])
def test_golden_edls_are_valid(name: str):
    edl = load(name)
    assert isinstance(edl, Edl)
    assert not validate_edl(edl)
    assert edl_hash(edl) == INDEX[name]["sha256"]


@pytest.mark.parametrize("name", INDEX)
def test_the_canonical_form_reads_back_as_the_same_document(name: str):
    document = load(name)
    again = parse_json(canonical_json(document), type(document)())
    assert again == document
    assert canonical_json(again) == canonical_json(document)


def test_node_gives_the_golden_hashes():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed; the second implementation needs it")
    files = [VECTORS / f"{name}.json" for name in INDEX]
    done = subprocess.run(
        [node, HERE / "canonical_hash.mjs", *files], capture_output=True, check=True, timeout=60
    )
    hashes = {Path(file).stem: sha256 for file, sha256 in json.loads(done.stdout).items()}
    assert hashes == {name: vector["sha256"] for name, vector in INDEX.items()}
