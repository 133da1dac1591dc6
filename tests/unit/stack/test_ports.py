"""Ports that two test runs beside each other never share."""

import json
import subprocess
import sys

from beatstitch_stack import ports

OTHER_PROCESS = """
import sys
from beatstitch_stack import ports
print(ports.reserve(int(sys.argv[1])))
"""


def other_process_may_have(port):
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, str(port)], capture_output=True, text=True, check=True
    )
    return done.stdout.strip() == "True"


def test_a_drawn_port_is_no_other_processs():
    port = ports.free_port()
    assert ports.is_free(port)  # nobody listens yet, and still it is taken
    assert not other_process_may_have(port)


def test_a_process_that_ends_gives_its_ports_back():
    program = "from beatstitch_stack import ports; print(ports.free_port())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert other_process_may_have(int(done.stdout))


def test_a_remembered_port_is_drawn_anew_when_it_is_anothers(tmp_path):
    port, kept = ports.free_port(), tmp_path / "ports.json"
    kept.write_text(json.dumps([port]))
    assert ports.remembered_ports(kept, 1) == [port]
    program = (
        "import pathlib, sys; from beatstitch_stack import ports;"
        "print(ports.remembered_ports(pathlib.Path(sys.argv[1]), 1))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, kept], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "None"
