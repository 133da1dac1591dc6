"""Become another program that dies when its launcher dies.

Run as a script: `python -I -S exec_child.py LAUNCHER_PID PROGRAM [ARGUMENT ...]`. It asks the
kernel for SIGKILL at the launcher's death (which survives the exec), and becomes PROGRAM under
the same pid. A script, because `preexec_fn` is slow and unsafe in a process with threads (gRPC),
and because the request has to come after any change of user, which clears it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Bind this process's life to the launcher's, then exec."""
    launcher, *argv = sys.argv[1:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != int(launcher):
        sys.exit("the launcher ended before its child began")
    # Python ignores these, and an ignored signal stays ignored across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.execv(argv[0], argv)  # noqa: S606 - the arguments come from the launcher, no shell


if __name__ == "__main__":
    main()
