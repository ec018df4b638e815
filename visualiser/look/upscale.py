"""Smooth resizing of small pictures, as matrix products."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from visualiser.types import FloatArray


@lru_cache(maxsize=32)
def _weights(n_in: int, n_out: int) -> FloatArray:
    """(n_out, n_in): how much each pixel gives to each new one.

    Catmull-Rom's cubic (Keys, "Cubic convolution interpolation", IEEE Trans. ASSP 29(6), 1981,
    a = -1/2), widened where the picture shrinks; edges are repeated.
    """
    ratio = n_in / n_out
    wide = max(ratio, 1.0)
    at = (np.arange(n_out)[:, None] + 0.5) * ratio - 0.5
    reach = int(np.ceil(2 * wide))
    taps = np.floor(at).astype(int) + np.arange(1 - reach, 1 + reach)
    d = np.abs(at - taps) / wide
    weight = np.where(
        d < 1, (1.5 * d - 2.5) * d * d + 1, np.where(d < 2, ((2.5 - 0.5 * d) * d - 4) * d + 2, 0)
    )
    weight /= weight.sum(1, keepdims=True)
    matrix = np.zeros((n_out, n_in))
    np.add.at(matrix, (np.arange(n_out)[:, None], np.clip(taps, 0, n_in - 1)), weight)
    return matrix.astype(np.float32)


@lru_cache(maxsize=32)
def _bands(n_in: int, n_out: int) -> list[tuple[slice, slice, FloatArray]]:
    """The same weights without most of their zeros: for a few rows of the new picture at a time,
    which rows of the old one they are made of, and the weights between them."""
    weights = _weights(n_in, n_out)
    bands = []
    for start in range(0, n_out, 48):
        rows = slice(start, min(start + 48, n_out))
        used = np.flatnonzero(weights[rows].any(axis=0))
        seen = slice(int(used[0]), int(used[-1]) + 1)
        bands.append((rows, seen, np.ascontiguousarray(weights[rows, seen])))
    return bands


def resize(image: FloatArray, shape: tuple[int, int], out: FloatArray | None = None) -> FloatArray:
    """(h, w) float32 -> (H, W) float32, into `out` if given; edges may overshoot a little."""
    resized = np.empty(shape, np.float32) if out is None else out
    wide = image @ _weights(image.shape[1], shape[1]).T
    for rows, seen, weights in _bands(image.shape[0], shape[0]):
        np.matmul(weights, wide[seen], out=resized[rows])
    return resized
