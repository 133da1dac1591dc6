"""Writes docs/api.md from the proto files: every service, message and enum with its comments.

Run by `make docs`; `make check` fails when the file is not up to date.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "beatstitch.v1"
# Numbers of fields in descriptor.proto: how SourceCodeInfo paths name what a comment belongs to.
MESSAGE, ENUM, SERVICE = 4, 5, 6
FIELD, NESTED, VALUE, METHOD = 2, 3, 2, 2

Comments = dict[tuple[int, ...], str]


def load(package: str) -> list[FileDescriptorProto]:
    """The package's files with their comments, in order of name."""
    folder = ROOT / "protos" / package.replace(".", "/")
    names = sorted(str(path.relative_to(ROOT / "protos")) for path in folder.glob("*.proto"))
    with tempfile.NamedTemporaryFile() as out:
        arguments = [
            "protoc",
            f"-I{ROOT / 'protos'}",
            f"-I{Path(protoc.__file__).parent / '_proto'}",
        ]
        arguments += ["--include_source_info", f"--descriptor_set_out={out.name}", *names]
        if protoc.main(arguments) != 0:
            raise SystemExit("protoc refused the proto files")
        return list(FileDescriptorSet.FromString(Path(out.name).read_bytes()).file)


def comments_of(file: FileDescriptorProto) -> Comments:
    """Leading comments by path, each as one paragraph per block, comment art kept."""
    return {
        tuple(place.path): "\n".join(
            line.removeprefix(" ") for line in place.leading_comments.splitlines()
        )
        for place in file.source_code_info.location
        if place.leading_comments
    }


def one_line(text: str) -> str:
    """A comment for a table cell."""
    return " ".join(text.split()).replace("|", "\\|")


def type_name(field: FieldDescriptorProto) -> str:
    """The field's type with links to our own messages and enums."""
    if field.type_name:
        short = field.type_name.rsplit(".", 1)[-1]
        ours = field.type_name.startswith(f".{PACKAGE}.") and not short.endswith("Entry")
        name = f"[{short}](#{short.lower()})" if ours else f"`{field.type_name.lstrip('.')}`"
        if short.endswith("Entry"):
            return "`map<string, string>`"
    else:
        name = f"`{FieldDescriptorProto.Type.Name(field.type).removeprefix('TYPE_').lower()}`"
    repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
    return f"repeated {name}" if repeated else name


def message_lines(
    message: DescriptorProto, path: tuple[int, ...], comments: Comments
) -> Iterator[str]:
    """A message as a heading and a table of its fields."""
    yield from (f"### {message.name}", "", comments.get(path, ""), "")
    if not message.field:
        return
    yield from ("| field | type | meaning |", "|---|---|---|")
    for index, field in enumerate(message.field):
        meaning = one_line(comments.get((*path, FIELD, index), ""))
        if field.HasField("oneof_index"):
            meaning += f" *(one of `{message.oneof_decl[field.oneof_index].name}`)*"
        yield f"| `{field.name}` | {type_name(field)} | {meaning} |"
    yield ""


def enum_lines(
    enum: EnumDescriptorProto, path: tuple[int, ...], comments: Comments
) -> Iterator[str]:
    """An enum as a heading and a table of its values."""
    comment = comments.get(path, "")
    # Comment art (the state graphs) has to keep its columns.
    art = "──" in comment
    yield from (f"### {enum.name}", "", f"```\n{comment}\n```" if art else comment, "")
    yield from ("| value | number | meaning |", "|---|---|---|")
    for index, value in enumerate(enum.value):
        meaning = one_line(comments.get((*path, VALUE, index), ""))
        yield f"| `{value.name}` | {value.number} | {meaning} |"
    yield ""


def service_lines(
    service: ServiceDescriptorProto, path: tuple[int, ...], comments: Comments
) -> Iterator[str]:
    """A service as a heading and a table of its RPCs."""
    yield from (f"### {service.name}", "", comments.get(path, ""), "")
    yield from ("| RPC | request | response | what it does |", "|---|---|---|---|")
    for index, method in enumerate(service.method):
        request = method.input_type.rsplit(".", 1)[-1]
        response = method.output_type.rsplit(".", 1)[-1]
        into = ("stream " if method.client_streaming else "") + f"[{request}](#{request.lower()})"
        out = ("stream " if method.server_streaming else "") + f"[{response}](#{response.lower()})"
        meaning = one_line(comments.get((*path, METHOD, index), ""))
        yield f"| `{method.name}` | {into} | {out} | {meaning} |"
    yield ""


def reference(files: Iterable[FileDescriptorProto]) -> str:
    """The whole page."""
    files = list(files)
    lines = ["# API reference", "", f"Package `{PACKAGE}`, served by the gateway. Generated from"]
    lines += ["`protos/` by `make docs`; don't edit. Errors: [errors.md](errors.md).", ""]
    lines += ["## Services", ""]
    for file in files:
        for index, service in enumerate(file.service):
            lines += service_lines(service, (SERVICE, index), comments_of(file))
    lines += ["## Messages", ""]
    for file in files:
        for index, message in enumerate(file.message_type):
            lines += message_lines(message, (MESSAGE, index), comments_of(file))
    lines += ["## Enums", ""]
    for file in files:
        for index, enum in enumerate(file.enum_type):
            lines += enum_lines(enum, (ENUM, index), comments_of(file))
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


if __name__ == "__main__":
    target = ROOT / "docs" / "api.md"
    page = reference(load(PACKAGE))
    if "--check" in sys.argv:
        raise SystemExit(
            0 if target.read_text() == page else "docs/api.md is stale: run `make docs`"
        )
    target.write_text(page)
