"""Single points: numpy takes longer to be asked than to do what there is to do. What comes out is
the same to the bit, for a show begins before loops are loaded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualiser.types import FloatArray


def bend(
    points: FloatArray, begins: FloatArray, goes: FloatArray, rotations: FloatArray, scale: float,
) -> None:  # fmt: skip
    """Points (n, dim) through the layers of a LatentMap, from the last to the first, in their
    place.

    begins, goes: (layers, dim * knots), as the map has its pieces; rotations: (layers, dim, dim);
    scale: pieces for each deviation.
    """
    layers, dim = rotations.shape[0], points.shape[1]
    knots = begins.shape[1] // dim
    last, none = np.float32(knots - 1), np.float32(0)
    middle = np.float32((knots - 1) / 2)
    bent, turned = np.empty(dim, np.float32), np.empty(dim, np.float32)
    for n in range(len(points)):
        point = points[n]
        for layer in range(layers - 1, -1, -1):
            for i in range(dim):
                place = min(max(point[i] * scale + middle, none), last)
                below = np.float32(math.floor(place))
                # What is no number has no place, but must be looked for somewhere.
                at = i * knots + min(max(int(below), 0), knots - 1)
                bent[i] = (place - below) * goes[layer, at] + begins[layer, at]
            for k in range(dim):
                turned[k] = bent[0] * rotations[layer, 0, k]
            for i in range(1, dim):
                for k in range(dim):
                    turned[k] += bent[i] * rotations[layer, i, k]
            point[:] = turned


def perlin(
    places: NDArray[np.float64], table: NDArray[np.int64], gradients: NDArray[np.float64],
    values: NDArray[np.float64],
) -> None:  # fmt: skip
    """Noise at places (3, n), into values (n,), as `noise.perlin` has it. table: (514,);
    gradients: (256, 3)."""
    cell, apart, felt = np.empty(3, np.int64), np.empty((2, 3)), np.empty((2, 3))
    for n in range(places.shape[1]):
        for i in range(3):
            below = math.floor(places[i, n])
            cell[i] = int(below) & 255
            for step in range(2):
                apart[step, i] = places[i, n] - below - step
                t = max(1 - abs(apart[step, i]), 0.0)
                felt[step, i] = t * t * t * (t * (t * 6 - 15) + 10)
        total = 0.0
        for corner in range(8):
            x, y, z = corner >> 2, (corner >> 1) & 1, corner & 1
            at = table[table[table[cell[0] + x] + cell[1] + y] + cell[2] + z]
            gx, gy, gz = gradients[at, 0], gradients[at, 1], gradients[at, 2]
            slope = gx * apart[x, 0] + gy * apart[y, 1] + gz * apart[z, 2]
            total += felt[x, 0] * felt[y, 1] * felt[z, 2] * slope
        values[n] = total


LOOPS: dict[Callable[..., Any], str] = {
    perlin: "(float64[:,::1], int64[::1], float64[:,::1], float64[::1])",
    bend: "(float32[:,::1], float32[:,::1], float32[:,::1], float32[:,:,::1], float32)",
}
