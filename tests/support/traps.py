"""What a hostile file must not reach: a server that counts calls, files that notice readers."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_OPENED, _READ, _NONBLOCK = 0x20, 0x1, os.O_NONBLOCK
_HEADER = struct.Struct("iIII")


class Trap:
    """A server on this machine that notes whether anybody called."""

    def __init__(self) -> None:
        self.calls = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/secret"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._server.accept()
            with connection:
                connection.settimeout(5)
                try:
                    if connection.recv(4) == b"stop":
                        return
                except TimeoutError:
                    pass
                self.calls += 1

    def close(self) -> None:
        with socket.create_connection(self._server.getsockname()) as last:
            last.sendall(b"stop")
        self._thread.join()
        self._server.close()


class Canaries:
    """Watches files and folders by inotify: whoever opens or reads one is noticed.

    What is refused before it is opened (by Landlock, by a missing mount) is not.
    """

    def __init__(self, paths: list[Path]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._queue = libc.inotify_init1(_NONBLOCK)
        if self._queue < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._paths = {}
        for path in paths:
            watch = libc.inotify_add_watch(self._queue, os.fsencode(path), _OPENED | _READ)
            if watch < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch", str(path))
            self._paths[watch] = path

    def opened(self) -> set[Path]:
        """Those that were opened or read since this was last asked."""
        found = set()
        while True:
            try:
                data = os.read(self._queue, 65_536)
            except BlockingIOError:
                return found
            at = 0
            while at < len(data):
                watch, _, _, length = _HEADER.unpack_from(data, at)
                found.add(self._paths[watch])
                at += _HEADER.size + length

    def close(self) -> None:
        os.close(self._queue)
