"""Who PostgreSQL runs as: it refuses root.

Root gets a user namespace in which it is uid 1000 (files still belong to root outside, so nothing
else changes hands). Where namespaces are off, as in many containers, uid 65534 that may read and
write what root can.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

from beatstitch_stack import tools
from beatstitch_stack.errors import StackError

NOBODY = "65534"
NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
UNPRIVILEGED = (
    *("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"),
    *("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--"),
)


@functools.cache
def prefix_for_postgres() -> tuple[str, ...]:
    """The command that runs PostgreSQL's programs as somebody they accept; empty if not root.

    Raises:
        StackError: This is root and none of the ways works here.
    """
    if os.geteuid() != 0:
        return ()
    reasons: list[str] = []
    for way in (NAMESPACE, UNPRIVILEGED):
        program = shutil.which(way[0])
        if program is None:
            reasons.append(f"{way[0]}: not installed")
            continue
        prefix = (program, *way[1:])
        done = subprocess.run(
            [*prefix, str(tools.postgres()), "--version"],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            timeout=10,
        )
        if done.returncode == 0:
            return prefix
        reasons.append(f"{way[0]}: {done.stderr.strip()}")
    msg = "PostgreSQL refuses to run as root, and there is no other way here: " + "; ".join(reasons)
    raise StackError(msg)
