"""A server that hangs: its sockets stay open and say nothing."""

import inspect

from beatstitch_client.connection import OPTIONS, Connection


def test_it_is_left_while_a_call_may_still_go_to_another():
    options = dict(OPTIONS)
    deadline_ms = inspect.signature(Connection).parameters["timeout_s"].default * 1000
    noticed_ms = options["grpc.keepalive_time_ms"] + options["grpc.keepalive_timeout_ms"]
    assert noticed_ms < deadline_ms
    assert options["grpc.http2.ping_timeout_ms"] < deadline_ms / 2
    # Gateways refuse pings that come more often.
    assert options["grpc.keepalive_time_ms"] > 10_000
