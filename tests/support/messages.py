"""Any message at all, as a hostile client might send it: for tests that nothing raises."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

_D = FieldDescriptor
_RANGES = {
    _D.TYPE_INT32: (-(2**31), 2**31 - 1),
    _D.TYPE_SINT32: (-(2**31), 2**31 - 1),
    _D.TYPE_ENUM: (-(2**31), 2**31 - 1),
    _D.TYPE_UINT32: (0, 2**32 - 1),
    _D.TYPE_INT64: (-(2**63), 2**63 - 1),
    _D.TYPE_UINT64: (0, 2**64 - 1),
}


@st.composite
def messages(draw: st.DrawFn, kind: type[Message], *, longest: int = 3) -> Any:
    """A message of any content: fields left out, at their limits, out of all ranges.

    Args:
        draw: Given by hypothesis.
        kind: The message's class.
        longest: Most elements of a list.
    """
    message = kind()
    for field in draw(st.lists(st.sampled_from(list(kind.DESCRIPTOR.fields)), unique=True)):
        if field.is_repeated:
            values = draw(st.lists(_values(field), max_size=longest))
            getattr(message, field.name).extend(values)
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(draw(_values(field)))
        else:
            setattr(message, field.name, draw(_values(field)))
    return message


def _values(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return st.deferred(lambda: messages(_class_of(field.message_type)))
    if field.type in _RANGES:
        least, most = _RANGES[field.type]
        near = st.integers(max(least, -2), 200)
        return near | st.sampled_from([least, most]) | st.integers(least, most)
    return {
        _D.TYPE_BOOL: st.booleans(),
        _D.TYPE_BYTES: st.binary(max_size=20),
        _D.TYPE_DOUBLE: st.floats(),
        _D.TYPE_STRING: st.text(max_size=20),
    }[field.type]


def _class_of(descriptor: Descriptor) -> type[Message]:
    return GetMessageClass(descriptor)
