"""A gateway that hangs: its sockets stay open and say nothing. The call goes to another one."""

from contextlib import asynccontextmanager

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from support.fault_proxy import FaultProxy, Weather

from beatstitch_client.connection import Connection


@asynccontextmanager
async def server():
    """Anything that answers; yields its port."""
    running = grpc.aio.server()
    answers = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(answers, running)
    await answers.set("", health_pb2.HealthCheckResponse.SERVING)
    port = running.add_insecure_port("127.0.0.1:0")
    await running.start()
    yield port
    await running.stop(0)


async def test_a_call_to_a_gateway_that_hangs_is_answered_by_another():
    request = health_pb2.HealthCheckRequest()
    async with server() as first, server() as second, FaultProxy(first) as hangs:
        connection = Connection(f"ipv4:127.0.0.1:{hangs.port},127.0.0.1:{second}")
        check = health_pb2_grpc.HealthStub(connection.channel).Check
        await connection.call(check, request)
        hangs.change(Weather.STALL)
        reply = await connection.call(check, request)
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
        await connection.close()
