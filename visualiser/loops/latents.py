"""Single points, which are so small that numpy takes longer to be asked than to do it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

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
    if layers == 0:
        return
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


LOOPS: dict[Callable[..., Any], str] = {
    bend: "(float32[:,::1], float32[:,::1], float32[:,::1], float32[:,:,::1], float32)",
}
