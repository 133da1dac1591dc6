"""One code path on every CPU, so that a mixed fleet makes the same pixels and shares its pieces.

OpenCV picks its code by what the CPU has, and not all of its paths round alike: Intel's primitives
(IPP) inside it resize differently with AVX-512, AVX2 and SSE4.2, and its own `warpAffine` differs
with AVX2. Without both it gives the same bytes on all of them; a frame of a moving still takes
about 3 ms more. swscale and x264 are told the same in their own ways: `planes.SCALER` rounds as the
C code does, and x264 has `cpu-independent`. (Without that x264 is not even the same from run to run
with AVX-512, where the width is no multiple of 128: its mbtree reads beyond the row.)
"""

from __future__ import annotations

import platform
from typing import Final

_X86 = frozenset({"x86_64", "AMD64"})

CHILD_ENV: Final[dict[str, str]] = (
    {
        "OPENCV_IPP": "disabled",
        "OPENCV_CPU_DISABLE": "AVX2,AVX512-SKX",
        "OPENCV_LOG_LEVEL": "ERROR",  # else it warns that it was told so
    }
    if platform.machine() in _X86
    else {}
)
"""Environment of each child that composes pictures; OpenCV reads it once, when it is loaded."""

# No part of the fingerprint, as it decides no byte of a piece. What is freed of large blocks goes
# back to the machine instead of leaving holes, and the few threads share two heaps.
PIECE_ENV: Final[dict[str, str]] = CHILD_ENV | {
    "MALLOC_MMAP_THRESHOLD_": "4000000",
    "MALLOC_ARENA_MAX": "2",
}
"""Environment of a piece's child."""
