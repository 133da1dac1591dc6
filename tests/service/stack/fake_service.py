"""A gRPC server with health and nothing else, standing in for a BeatStitch service.

Its manners come from FAKE_… variables: SILENT (never SERVING), STUBBORN (ignores SIGTERM),
CRASH (ends at once), GRANDCHILD (a file that gets the pid of a child in a session of its own).
"""

import os
import signal
import subprocess
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


def main():
    sys.stderr.write(f"fake service {os.environ['BEATSTITCH_GRPC_PORT']} begins\n")
    if "FAKE_CRASH" in os.environ:
        sys.exit("no such film")
    ended = threading.Event()
    stubborn = "FAKE_STUBBORN" in os.environ
    signal.signal(signal.SIGTERM, signal.SIG_IGN if stubborn else lambda *_: ended.set())
    if "FAKE_GRANDCHILD" in os.environ:
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        Path(os.environ["FAKE_GRANDCHILD"]).write_text(str(child.pid))
    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    servicer = health.HealthServicer()
    status = health_pb2.HealthCheckResponse
    servicer.set("", status.NOT_SERVING if "FAKE_SILENT" in os.environ else status.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    address = f"{os.environ['BEATSTITCH_GRPC_HOST']}:{os.environ['BEATSTITCH_GRPC_PORT']}"
    server.add_insecure_port(address)
    server.start()
    ended.wait()
    server.stop(0).wait()
    sys.stderr.write("fake service ends\n")


if __name__ == "__main__":
    main()
