"""Tries the protections out from inside; prints what held as JSON."""

from __future__ import annotations

import json
import os
import socket
import sys

from beatstitch_media.jail.enter import enter, missing
from beatstitch_media.jail.policy import Policy


def _refused_socket() -> bool:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect(("127.0.0.1", 9))
    except OSError:
        return True
    return False


def _refused_file(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError:
        return True
    return False


def main() -> None:
    """Enters the policy, as `enter`; its argv names a file outside it to try to read."""
    policy = Policy.read(int(sys.argv[-1]))
    held = enter(policy)
    report: dict[str, object] = dict(held)
    report["network_refused"] = _refused_socket()
    report["outside_file_refused"] = _refused_file(policy.argv[0])
    report["missing"] = missing(held)
    sys.stdout.write(json.dumps(report))
