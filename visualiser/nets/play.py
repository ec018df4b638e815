"""Playing a trained network, one picture at a time, without torch.

At a batch of one a dense layer in torch is mostly overhead: the same arithmetic in numpy is two to
four times as fast, needs no two seconds of import, and lets go of the interpreter's lock ten times
a picture instead of forty, so the window's thread is hardly disturbed.
"""

from __future__ import annotations

import numpy as np

from visualiser.nets.checkpoint import Checkpoint
from visualiser.types import FloatArray

Layers = list[tuple[FloatArray, FloatArray]]  # weights (n_in, n_out) and biases (n_out,)


class Dense:
    """The dense autoencoder of a checkpoint; agrees with nets.dense to 1e-5."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.shape = checkpoint.shape
        self._encoder = _layers(checkpoint, "encoder")
        self._decoder = _layers(checkpoint, "decoder")

    def encode(self, image: FloatArray) -> FloatArray:
        """(H, W) 0..1 -> (latent_dim,)."""
        return _run(self._encoder, image.ravel())

    def decode(self, z: FloatArray) -> FloatArray:
        """(latent_dim,) -> (H, W) 0..1."""
        x = _run(self._decoder, z)
        x *= 0.5  # the sigmoid, as a tanh, which cannot overflow
        np.tanh(x, out=x)
        x *= 0.5
        x += 0.5
        return x.reshape(self.shape)


def _layers(checkpoint: Checkpoint, part: str) -> Layers:
    weights = checkpoint.weights
    count = sum(name.startswith(part) for name in weights) // 2
    # numpy is twice as fast on a row times a matrix as on a matrix times a column.
    return [
        (
            np.ascontiguousarray(weights[f"{part}.{2 * i}.weight"].T),
            weights[f"{part}.{2 * i}.bias"],
        )
        for i in range(count)
    ]


def _run(layers: Layers, x: FloatArray) -> FloatArray:
    for i, (weight, bias) in enumerate(layers):
        if i:
            np.maximum(x, 0, out=x)
        x = np.dot(x, weight)
        x += bias
    return x
