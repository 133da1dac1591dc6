"""Generates the Python stubs from protos/: a hatch build hook, and a script for `make proto`.

The stubs are never committed, so they can't lag behind the contract.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script, without the build backend
    BuildHookInterface = object  # type: ignore[assignment,misc]

HERE = Path(__file__).resolve().parent
PROTO_ROOT = HERE.parent.parent / "protos"
STUB_ROOT = HERE / "src"


def generate(proto_root: Path = PROTO_ROOT, stub_root: Path = STUB_ROOT) -> list[Path]:
    """Writes message stubs, gRPC stubs and their types; returns the files written.

    Raises:
        RuntimeError: protoc refused a proto file; its message stands on stderr.
    """
    # Only the build needs it, and the build alone has it.
    from grpc_tools import protoc  # noqa: PLC0415

    protos = sorted(str(path.relative_to(proto_root)) for path in proto_root.rglob("*.proto"))
    well_known = resources.files("grpc_tools") / "_proto"
    with tempfile.TemporaryDirectory() as scratch:
        # protoc finds the two mypy plugins on PATH beside this interpreter, which a build
        # environment does not always put there: name them.
        arguments = ["protoc", f"-I{proto_root}", f"-I{well_known}"]
        for plugin in ("mypy", "mypy_grpc"):
            program = shutil.which(f"protoc-gen-{plugin}") or str(
                Path(sys.executable).parent / f"protoc-gen-{plugin}"
            )
            arguments.append(f"--plugin=protoc-gen-{plugin}={program}")
        services = [name for name in protos if name.endswith("_service.proto")]
        for outputs, names in (
            (("python", "mypy"), protos),
            (("grpc_python", "mypy_grpc"), services),
        ):
            chosen = [f"--{output}_out={scratch}" for output in outputs]
            if protoc.main([*arguments, *chosen, *names]) != 0:
                raise RuntimeError("protoc refused the proto files, see above")
        _remove_old(stub_root)
        written = []
        for made in sorted(Path(scratch).rglob("*.py*")):
            target = stub_root / made.relative_to(scratch)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made, target)
            written.append(target)
        return written


def _remove_old(stub_root: Path) -> None:
    for pattern in ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi"):
        for path in stub_root.rglob(pattern):
            path.unlink()


class StubBuildHook(BuildHookInterface):
    """Called by hatchling before each build, editable ones too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Generates the stubs; `version` and `build_data` are hatchling's."""
        generate()


if __name__ == "__main__":
    print(f"{len(generate())} stubs written")  # noqa: T201
