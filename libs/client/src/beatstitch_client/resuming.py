"""Where a large upload was left, on disk, so that another process can go on with it.

All that is kept is the request_id under which the upload was declared: the server answers it with
the same asset again, and GetUpload says which parts are there. The file is written before the
upload is declared, so no moment of a crash leaves an upload behind that nobody finds again. Its
name is a hash of where the upload goes and of what is uploaded, the bytes included: a changed file
is another upload.

The file is locked while its upload runs. A second process that uploads the same file at the same
time means a second asset, and gets one.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

from beatstitch_core.ids import is_id, new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows: nothing is resumed there
    fcntl = None  # type: ignore[assignment]

# Smaller files are sent again faster than looked for.
RESUME_BYTES = 8 * 1024 * 1024

log = logging.getLogger(__name__)


class Ticket:
    """An upload's request_id.

    Attributes:
        request_id: Under which the upload is declared.
        resumed: Whether another process declared it, or may have.
        lasting: Whether it outlives this process.
        named: Whether the caller keeps it, and comes again with it to the same asset, even to one
            that was completed.
    """

    named = False

    def __init__(self, request_id: str, path: Path | None = None, *, resumed: bool = False) -> None:
        self.request_id = request_id
        self.resumed = resumed
        self._path = path

    @property
    def lasting(self) -> bool:
        """Whether another process can go on with the upload."""
        return self._path is not None

    def renew(self) -> None:
        """Begins another upload: the one that was left is over."""
        self.request_id = new_id()
        self.resumed = False
        if self._path is not None:
            self._path.write_text(self.request_id)

    def done(self) -> None:
        """The upload is over, one way or another: nobody is to go on with it."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            self._path = None


class Named(Ticket):
    """A request_id that the caller gave: what becomes of the upload is the caller's."""

    named = True

    def __init__(self, request_id: str) -> None:
        super().__init__(request_id, resumed=True)

    @property
    def lasting(self) -> bool:
        """Another process of the caller's may come again with it."""
        return True


@contextlib.contextmanager
def ticket(size_bytes: int, *identity: str) -> Iterator[Ticket]:
    """The ticket of an upload, held while it runs.

    Args:
        size_bytes: Of the file; small ones are not kept track of.
        identity: Where it goes and what it is: server, project, name, checksum.
    """
    if size_bytes < RESUME_BYTES or fcntl is None:
        yield Ticket(new_id())
        return
    name = hashlib.sha256("\n".join(identity).encode()).hexdigest()
    path = state_folder() / name
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = stack.enter_context(path.open("a+"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            kept = _read(file)
            if not is_id(kept):
                kept = ""
                path.write_text(new_id())
            found = Ticket(kept or path.read_text(), path, resumed=bool(kept))
        except OSError as error:
            # A home that can't be written, or another process that uploads the same.
            log.debug("the upload can't be resumed: %s", type(error).__name__)
            found = Ticket(new_id())
        yield found


def state_folder() -> Path:
    """The folder of unfinished uploads, by the XDG Base Directory Specification."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "beatstitch" / "uploads"


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read(100).strip()
