"""Playing lines that latents move about, and the shape that they are joined to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from visualiser import loops
from visualiser.loops.decoder import TILE
from visualiser.nets.layers import Activation, Dense, Layer, Lines
from visualiser.types import FloatArray

Run = Callable[[FloatArray], FloatArray]


def points(height: int, width: int) -> FloatArray:
    """(height * width, 3): x, y, 1 of the pixels' middles, x and y from -1 to 1."""
    columns, rows = np.meshgrid(_middles(width), _middles(height))
    return np.stack([columns.ravel(), rows.ravel(), np.ones(rows.size)], 1).astype(np.float32)


def values(layer: Lines, w: Mapping[str, FloatArray]) -> Run:
    """What the layer gives: latents (latent_dim,) -> (height, width, count + 1)."""
    places, slopes = points(layer.height, layer.width), _slopes(layer, w)
    found = np.empty((len(places), layer.count + 1), np.float32)

    def run(z: FloatArray) -> FloatArray:
        np.dot(places, slopes(z), out=found)
        return found.reshape(layer.height, layer.width, layer.count + 1)

    return run


def quickly(spec: Sequence[Layer], weights: Mapping[str, FloatArray], usual: Run) -> Run:
    """The decoder of nets.shape in one go, wherever that is loaded; else, and where the spec is
    any other, as usual."""
    match spec:
        case [
            Lines() as first,
            Activation(name="relu"),
            Dense(bias=False),
            Activation(name="relu"),
            Dense(units=1, bias=False),
        ] if first.height % TILE[0] == first.width % TILE[1] == 0:
            own = {name.removeprefix("0."): w for name, w in weights.items() if name[:2] == "0."}
            slopes = _slopes(first, own)
        case _:
            return usual
    across, down = _middles(first.width), _middles(first.height)
    units = np.ascontiguousarray(weights["2.kernel"])
    last = np.ascontiguousarray(weights["4.kernel"][:, 0])

    def run(z: FloatArray) -> FloatArray:
        compiled = loops.compiled(loops.decoder.shape)
        if compiled is None:
            return usual(z)
        picture = np.empty((first.height, first.width, 1), np.float32)
        compiled(across, down, slopes(z.astype(np.float32)), units, last, picture[..., 0])
        return picture

    return run


def _middles(n: int) -> FloatArray:
    """(n,): where pixels lie along a picture, from -1 to 1."""
    return ((np.arange(n) + 0.5) / n * 2 - 1).astype(np.float32)


def _slopes(layer: Lines, w: Mapping[str, FloatArray]) -> Run:
    """Latents (latent_dim,) -> (3, count + 1): what each line gives for x, y and 1."""
    dense = [
        (np.ascontiguousarray(w[f"kernel{i}"]), w[f"bias{i}"]) for i in range(len(layer.hidden) + 1)
    ]
    line = np.zeros((3, layer.count + 1), np.float32)

    def run(z: FloatArray) -> FloatArray:
        h = z[3:]
        for i, (kernel, bias) in enumerate(dense):
            # np.dot: on a single row it is twice as fast as matmul.
            h = np.dot(np.maximum(h, 0) if i else h, kernel) + bias
        size = np.logaddexp(np.float32(0), z[2] * w["size"][0] + w["size"][1])
        line[:, :-1] = h.reshape(layer.count, 3).T
        line[2, :-1] = size * line[2, :-1] - (z[:2] * w["place"]) @ line[:2, :-1]
        line[2, -1] = size
        return line

    return run
