"""The quick writer of canonical JSON says byte for byte what the definition says."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1.asset_pb2 import MediaTraits
from beatstitch.v1.beat_grid_edit_pb2 import BeatGridOverlay
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.project_pb2 import Project
from beatstitch.v1.timeline_edit_pb2 import TimelineOverlay
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.canonical import canonical_json, canonical_json_by_dict
from beatstitch_core.canonical_writer import writer_of

_D = FieldDescriptor
TYPES = (Edl, BeatGrid, BeatGridOverlay, TimelineOverlay, TimelineSettings, ReadyMedia, MediaTraits)


def _scalars(field: FieldDescriptor) -> st.SearchStrategy[object]:
    if field.enum_type is not None:
        # One number that the schema has no name for, as a newer client's.
        return st.sampled_from([*(value.number for value in field.enum_type.values), 9999])
    if field.type == _D.TYPE_STRING:
        return st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
    if field.type == _D.TYPE_BYTES:
        return st.binary(max_size=5)
    if field.type == _D.TYPE_BOOL:
        return st.booleans()
    if field.type == _D.TYPE_DOUBLE:
        return st.floats()
    bits = 64 if "64" in _name(field) else 32
    low = 0 if _name(field).startswith(("UINT", "FIXED")) else -(2 ** (bits - 1))
    return st.integers(low, 2 ** (bits - 1) - 1)


def _name(field: FieldDescriptor) -> str:
    names = {value: name for name, value in vars(_D).items() if name.startswith("TYPE_")}
    return names[field.type].removeprefix("TYPE_")


@st.composite
def messages(draw: st.DrawFn, kind: type[Message], depth: int = 0) -> Message:
    made = kind()
    _fill(draw, made, depth)
    return made


def _fill(draw: st.DrawFn, made: Message, depth: int) -> None:
    descriptor: Descriptor = made.DESCRIPTOR
    fields = list(descriptor.fields)
    for field in draw(st.lists(st.sampled_from(fields), max_size=6)) if fields else []:
        if field.message_type is not None:
            if depth < 4:
                held = getattr(made, field.name)
                part = held.add() if field.is_repeated else held
                if not field.is_repeated:
                    part.SetInParent()
                _fill(draw, part, depth + 1)
        elif field.is_repeated:
            getattr(made, field.name).extend(draw(st.lists(_scalars(field), max_size=3)))
        else:
            setattr(made, field.name, draw(_scalars(field)))


@pytest.mark.parametrize("kind", TYPES)
def test_it_is_the_definition_byte_for_byte(kind: type[Message]):
    assert writer_of(kind.DESCRIPTOR) is not None

    @settings(max_examples=60, deadline=None)
    @given(messages(kind))
    def holds(message: Message) -> None:
        assert canonical_json(message) == canonical_json_by_dict(message)

    holds()


def test_what_it_has_no_writer_for_goes_the_long_way():
    project = Project(display_name="x", labels={"b": "1", "a": "2"})
    project.create_time.GetCurrentTime()
    struct = Struct()
    struct.update({"é": 1.5, "a": None})
    for message in (project, struct):
        assert writer_of(message.DESCRIPTOR) is None
        assert canonical_json(message) == canonical_json_by_dict(message)
