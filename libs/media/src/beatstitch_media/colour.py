"""By which matrix a video's YUV is to be read, also where the file doesn't say.

What looks at clips and what makes videos of them must guess alike: a proxy has fewer lines than
its clip, so it says outright what would be guessed of the clip.
"""

from __future__ import annotations

# MatrixCoefficients of ITU-T H.273, table 4; libav's AVColorSpace has the same numbers.
BT709 = 1
FCC = 4
BT470BG = 5
SMPTE170M = 6
SMPTE240M = 7
BT2020_NCL = 9
BT2020_CL = 10
KNOWN = frozenset({BT709, FCC, BT470BG, SMPTE170M, SMPTE240M, BT2020_NCL, BT2020_CL})
# Untagged video of at least this many lines is BT.709, below it is BT.601, as players have it.
_HD_LINES = 720


def yuv_matrix(tagged: int, width: int, height: int) -> int:
    """The H.273 number of the matrix between YUV and RGB, one of `KNOWN`.

    Args:
        tagged: What the file says, 2 (unspecified) and what can't be YUV included.
        width: Of the coded picture, in pixels.
        height: The same; the shorter side counts as its lines, for clips that are turned later.
    """
    if tagged in KNOWN:
        return tagged
    return BT709 if min(width, height) >= _HD_LINES else BT470BG
