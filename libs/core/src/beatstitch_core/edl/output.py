"""The shape of the video: sides, frame rate, background; one rule for an EDL and for settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch_core.limits import MIN_SIDE_PIXELS

if TYPE_CHECKING:
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import OutputFormat
    from beatstitch.v1.info_service_pb2 import Limits
    from beatstitch_core.edl.findings import Findings

MAX_RATIONAL_TERM = 1_000_000
MAX_RGB = 0xFFFFFF


def check_output(output: OutputFormat, limits: Limits, at: str, found: Findings) -> bool:
    """Checks an output format whose fields are all given.

    Args:
        output: The format.
        limits: What may be asked for.
        at: Path of the format, for example "output".
        found: Takes the violations.

    Returns:
        Whether frames can be counted at its rate.
    """
    for name, side in (("width", output.width), ("height", output.height)):
        found.expect(
            MIN_SIDE_PIXELS <= side <= limits.max_side_pixels and side % 2 == 0,
            f"{at}.{name}",
            f"must be even, {MIN_SIDE_PIXELS} to {limits.max_side_pixels} pixels, not {side}",
        )
    found.expect(
        output.background_rgb <= MAX_RGB,
        f"{at}.background_rgb",
        "must be a colour 0xRRGGBB, at most 0xffffff",
    )
    return check_rate(output.frame_rate, limits.max_fps, f"{at}.frame_rate", found)


def check_rate(rate: Rational, max_fps: int, at: str, found: Findings) -> bool:
    """Checks a rate, 1 to `max_fps` frames per second; returns whether it can be counted with."""
    num, den = rate.num, rate.den or 1
    if not (1 <= num <= MAX_RATIONAL_TERM and 1 <= den <= MAX_RATIONAL_TERM):
        found.add(at, f"num and den must be 1 to {MAX_RATIONAL_TERM}, not {rate.num}/{rate.den}")
        return False
    found.expect(
        den <= num <= max_fps * den,
        at,
        f"must be 1 to {max_fps} frames per second, not {num}/{den}",
    )
    return True
