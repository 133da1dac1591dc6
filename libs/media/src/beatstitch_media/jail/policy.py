"""What a child is allowed, as it is handed to the process that becomes the child."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field

# What the child exits with where its command was never run.
EXIT_CANNOT_START = 126


@dataclass(frozen=True)
class Policy:
    """Limits of one child.

    Attributes:
        argv: The command; the first item is an absolute path.
        cwd: Where it runs.
        roots: Files and folders it may read and execute.
        reads: Files and folders it may read.
        writes: Folders in which it may do everything but execute.
        memory_bytes: Address space of the process.
        file_bytes: Largest file it may write.
        cpu_seconds: CPU time of all its threads together.
        open_files: Open files at once.
        parent: Process id of the parent, whose death is the child's.
        require: Whether to refuse to run where files or network can't be shut off.
    """

    argv: list[str]
    cwd: str
    roots: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    memory_bytes: int = 0
    file_bytes: int = 0
    cpu_seconds: int = 0
    open_files: int = 1024
    parent: int = 0
    require: bool = False

    def to_json(self) -> str:
        """The policy as one line of text."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, descriptor: int) -> Policy:
        """The policy that was written to an inherited file as `to_json`; closes the file.

        Not an argument: a single one is limited to 128 KiB.
        """
        with os.fdopen(descriptor) as file:
            return cls(**json.loads(file.read()))
