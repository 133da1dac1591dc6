"""How a server that hangs is noticed."""

import inspect

from beatstitch_client.connection import OPTIONS, Connection


def test_a_hung_gateway_is_left_while_a_call_may_still_go_to_another():
    options = dict(OPTIONS)
    noticed_ms = options["grpc.keepalive_time_ms"] + options["grpc.keepalive_timeout_ms"]
    deadline_s = inspect.signature(Connection).parameters["timeout_s"].default
    assert noticed_ms < deadline_s * 1000 - 10_000
    # Gateways refuse pings that come more often.
    assert options["grpc.keepalive_time_ms"] > 10_000
