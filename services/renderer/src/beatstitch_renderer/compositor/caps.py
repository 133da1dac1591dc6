"""A cap on the bit rate that holds, also with encoders that only aim at one.

SVT-AV1 and libvpx have no strict buffer model: what comes out is added up, second by second, and a
piece that passes its cap is encoded again, rougher and aimed lower. How often depends on the
pictures alone, so equal pieces stay equal bytes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from beatstitch_core.timebase import rate_fraction
from beatstitch_renderer.planning.encoding import AV1, VP9

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beatstitch.v1.edl_pb2 import OutputFormat
    from beatstitch_renderer.compositor.encoder import Coded
    from beatstitch_renderer.planning.encoding import Encoding

_LOOSE = frozenset({AV1, VP9})
# Five steps: a cap of a quarter, and at last the roughest that x264's scale has.
_STEP_CRF = 7
_LAST = 51
_TRIES = 6


def tries(encoding: Encoding) -> Iterator[Encoding]:
    """The encodings to try one after the other, until one `fits`; the last one counts anyway."""
    yield encoding
    if not encoding.max_bit_rate or encoding.codec not in _LOOSE:
        return
    for turn in range(1, _TRIES):
        crf = _LAST if turn == _TRIES - 1 else min(_LAST, encoding.crf + turn * _STEP_CRF)
        aim = max(1, encoding.max_bit_rate * 3**turn // 4**turn)
        yield replace(encoding, crf=crf, max_bit_rate=aim)


def fits(coded: Sequence[Coded], max_bit_rate: int, output: OutputFormat) -> bool:
    """Whether no second of a piece has more bits than a second may have; 0: any number."""
    if not max_bit_rate:
        return True
    bits = np.zeros(len(coded), np.int64)
    for picture in coded:
        bits[picture.frame] = 8 * len(picture.data)
    return worst_second(bits, float(rate_fraction(output.frame_rate))) <= max_bit_rate


def worst_second(bits: np.ndarray, rate: float) -> int:
    """The most bits of any second: the bits of each frame, frames per second."""
    window = min(len(bits), max(1, int(rate)))
    sums = np.concatenate(([0], np.cumsum(bits)))
    return int((sums[window:] - sums[:-window]).max(initial=0))
