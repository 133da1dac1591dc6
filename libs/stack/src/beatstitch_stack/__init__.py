"""BeatStitch's embedded stack: the real servers it stands on, and its services, as children.

    async with Stack.start() as stack:
        await nats.connect(stack.nats.url)

    async with System.start(Path("state")) as system:
        channel = grpc.aio.insecure_channel(system.gateway_address)

Tests use the fixtures of `beatstitch_stack.testing`.
"""

from beatstitch_stack.errors import ChildExitedError, StackError
from beatstitch_stack.nats import NatsServer
from beatstitch_stack.nats_cluster import NatsCluster
from beatstitch_stack.postgres import PostgresServer
from beatstitch_stack.s3 import S3Server
from beatstitch_stack.server import Server
from beatstitch_stack.services import ServiceProcess
from beatstitch_stack.stack import Stack
from beatstitch_stack.system import System

__all__ = [
    "ChildExitedError",
    "NatsCluster",
    "NatsServer",
    "PostgresServer",
    "S3Server",
    "Server",
    "ServiceProcess",
    "Stack",
    "StackError",
    "System",
]
