"""The end of a process that has used the storage.

obstore's threads are Tokio's, and nothing stops them before Python takes itself apart: one that
hands something over at that moment aborts the process (SIGABRT) when all its work is done. So
nothing is taken apart. Source: PyO3/pyo3-async-runtimes, issue 40.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """Ends the process once all that it has written is out; no `atexit` function is called.

    Args:
        code: The exit code.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # whoever read it has gone
            stream.flush()
    os._exit(code)
