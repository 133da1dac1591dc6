"""How sharp a picture is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Pictures and frames are compared in one size: longer side in pixels, unless they are smaller.
SIDE = 480
_SHARPEST_LOG = 4.0


def sharpness(grey: NDArray[np.float32]) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al., 2000) on a log scale, 0 to 1.

    A portrait out of focus has about 0.3, a sharp one 0.6, a text 0.9.

    Args:
        grey: Luma 0 to 255, (height, width), longer side `SIDE` or less.
    """
    if min(grey.shape) < 3:
        return 0.0
    middle = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    variance = float(np.var(around - 4 * middle))
    return min(float(np.log10(1 + variance)) / _SHARPEST_LOG, 1.0)
