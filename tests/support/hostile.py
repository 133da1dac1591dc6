"""Requests as a hostile client makes them, of any message's descriptor, real things mixed in.

A request is either almost right (real ids, real documents, one thing in it spoilt), which gets past
the first checks, or wild all over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

_D = FieldDescriptor
DEEPEST = 5
MANY = 1_500
_LIMITS = {
    _D.TYPE_INT32: (-(2**31), 2**31 - 1),
    _D.TYPE_SINT32: (-(2**31), 2**31 - 1),
    _D.TYPE_ENUM: (-(2**31), 2**31 - 1),
    _D.TYPE_UINT32: (0, 2**32 - 1),
    _D.TYPE_INT64: (-(2**63), 2**63 - 1),
    _D.TYPE_SINT64: (-(2**63), 2**63 - 1),
    _D.TYPE_UINT64: (0, 2**64 - 1),
}
_FLOATS = (0.0, -0.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"), 0.5)
ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\n\r\t",
    "x" * 70_000,
    "\U0001f600" * 400,
    "e" + "\u0301" * 300,
    "\u202eevil\u202c",
    "\ufeff\ufffe\uffff",
    "\u0130\u0131\u00df",
    "../../../etc/passwd",
    "t/foreign/in/x",
    "'; DROP TABLE jobs; --",
    '{"a": [1, {}]}',
    "%s%n%d{0}{x}",
    "beatstitch.>",
    "*",
    "-1",
    "NaN",
    "http://127.0.0.1:1/x?a=b#c",
    "file:///etc/passwd",
    "00000000-0000-0000-0000-000000000000",
    "0" * 64,
    "(a+)+$",
    "\U000e0001tag",
)


@dataclass
class Corpus:
    """Real things.

    Attributes:
        texts: By the name of the field that they belong in: "project_id".
        ids: Of all kinds, for the wrong places.
        documents: Serialised messages, by their type's full name.
    """

    texts: dict[str, list[str]] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    documents: dict[str, list[bytes]] = field(default_factory=dict)

    def learn(self, message: Message) -> None:
        """Takes ids, hashes and documents out of a reply."""
        documents = self.documents.setdefault(message.DESCRIPTOR.full_name, [])
        data = message.SerializeToString()
        if 0 < len(data) < 200_000 and data not in documents and len(documents) < 4:
            documents.append(data)
        for about, value in message.ListFields():
            if about.message_type is not None:
                if about.message_type.GetOptions().map_entry:
                    continue
                for item in value if about.is_repeated else [value]:
                    self.learn(item)
            elif about.type == _D.TYPE_STRING:
                for text in value if about.is_repeated else [value]:
                    self.note(message.DESCRIPTOR.name, about.name, text)

    def note(self, owner: str, name: str, text: str) -> None:
        """Remembers a text under its field's name, an `id` under its message's too."""
        names = [name] if name != "id" else ["id", f"{_snake(owner)}_id"]
        for known in names:
            texts = self.texts.setdefault(known, [])
            if text and text not in texts and len(texts) < 20:
                texts.append(text)
        if len(text) == 36 and text not in self.ids:
            self.ids.append(text)


def requests(kind: Descriptor, corpus: Corpus) -> st.SearchStrategy[Message]:
    """Requests of a type."""
    return st.one_of(
        _spoilt(kind, corpus), _spoilt(kind, corpus), _wild(kind, corpus), _right(kind, corpus)
    )


def streams(kind: Descriptor, corpus: Corpus) -> st.SearchStrategy[Sequence[Message]]:
    """Streams of requests: none, one, several, in any order, the same twice."""
    return st.lists(requests(kind, corpus), max_size=4).flatmap(
        lambda found: st.permutations(found + found[:1])
    )


@st.composite
def _right(draw: st.DrawFn, kind: Descriptor, corpus: Corpus, depth: int = 0) -> Any:
    """As a client means it: real ids, small numbers, known values."""
    message = GetMessageClass(kind)()
    seeds = corpus.documents.get(kind.full_name)
    if depth and seeds:
        message.ParseFromString(draw(st.sampled_from(seeds)))
        return message
    chosen = {
        oneof.name: draw(st.sampled_from([f.name for f in oneof.fields])) for oneof in kind.oneofs
    }
    for about in kind.fields:
        oneof = about.containing_oneof
        if oneof is not None and chosen[oneof.name] != about.name:
            continue
        if depth >= DEEPEST or draw(st.integers(0, 3)) == 0:
            continue
        _set(message, about, [draw(_plain(about, corpus, depth))])
    return message


@st.composite
def _spoilt(draw: st.DrawFn, kind: Descriptor, corpus: Corpus) -> Any:
    """Almost right: one or two fields, somewhere in it, are anything."""
    message = draw(_right(kind, corpus))
    for _ in range(draw(st.integers(1, 2))):
        target = message
        while inner := [
            value
            for about, found in target.ListFields()
            if about.message_type is not None and not about.message_type.GetOptions().map_entry
            for value in (list(found)[:3] if about.is_repeated else [found])
        ]:
            if draw(st.booleans()):
                break
            target = draw(st.sampled_from(inner))
        if fields := list(target.DESCRIPTOR.fields):
            about = draw(st.sampled_from(fields))
            _set(target, about, draw(_anything(about, corpus, 2)))
    return message


@st.composite
def _wild(draw: st.DrawFn, kind: Descriptor, corpus: Corpus, depth: int = 0) -> Any:
    """Anything in any field; several of a oneof one after the other."""
    message = GetMessageClass(kind)()
    if depth >= DEEPEST or not kind.fields:
        return message
    chosen = st.lists(st.sampled_from(list(kind.fields)), max_size=6)
    for about in draw(chosen):
        _set(message, about, draw(_anything(about, corpus, depth)))
    return message


def _anything(about: FieldDescriptor, corpus: Corpus, depth: int) -> st.SearchStrategy[list[Any]]:
    value = _odd(about, corpus, depth)
    if not about.is_repeated:
        return value.map(lambda one: [one])
    few = st.lists(value, max_size=3)
    cheap = about.message_type is None or depth > 0
    return few | value.map(lambda one: [one] * (MANY if cheap else 3))


def _plain(about: FieldDescriptor, corpus: Corpus, depth: int) -> st.SearchStrategy[Any]:
    if about.message_type is not None:
        return _right(about.message_type, corpus, depth + 1)
    if about.type == _D.TYPE_ENUM:
        return st.sampled_from([value.number for value in about.enum_type.values])
    if about.type in _LIMITS:
        return st.integers(0, 12)
    if about.type == _D.TYPE_STRING:
        texts = corpus.texts.get(about.name) or corpus.texts.get(f"{about.name}_id")
        return st.sampled_from(texts) if texts else st.sampled_from(["", "plain"])
    return _odd(about, corpus, depth)


def _odd(about: FieldDescriptor, corpus: Corpus, depth: int) -> st.SearchStrategy[Any]:
    if about.message_type is not None:
        return _wild(about.message_type, corpus, depth + 1)
    if about.type in _LIMITS:
        least, most = _LIMITS[about.type]
        return st.sampled_from([least, most, 0, 1, most // 2, 10**6]) | st.integers(least, most)
    if about.type in {_D.TYPE_DOUBLE, _D.TYPE_FLOAT}:
        return st.sampled_from(_FLOATS)
    if about.type == _D.TYPE_BOOL:
        return st.booleans()
    if about.type == _D.TYPE_BYTES:
        return st.binary(max_size=64) | st.just(b"\x00" * 100_000)
    known = [text for texts in corpus.texts.values() for text in texts[:2]]
    return st.sampled_from([*ODD_TEXTS, *corpus.ids, *known])


def _set(message: Message, about: FieldDescriptor, values: Sequence[Any]) -> None:
    entry = about.message_type.GetOptions().map_entry if about.message_type is not None else False
    if entry:
        for item in values:
            _put(getattr(message, about.name), item)
    elif about.is_repeated:
        message.ClearField(about.name)
        getattr(message, about.name).extend(values)
    elif about.message_type is not None:
        getattr(message, about.name).CopyFrom(values[-1])
    else:
        setattr(message, about.name, values[-1])


def _put(into: Any, entry: Any) -> None:
    if isinstance(entry.value, Message):
        into[entry.key].CopyFrom(entry.value)
    else:
        into[entry.key] = entry.value


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))
