"""Smooth resizing of small pictures, as matrix products."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from visualiser.types import FloatArray

Band = tuple[slice, slice, FloatArray]


@lru_cache(maxsize=32)
def weights(n_in: int, n_out: int, span: float = 0.0, smooth: bool = True) -> FloatArray:
    """(n_out, n_in): how much each pixel gives to each new one.

    span: how many of the old pixels are shown, about the middle; 0 is all of them. smooth:
    Catmull-Rom's cubic (Keys, "Cubic convolution interpolation", IEEE Trans. ASSP 29(6), 1981,
    a = -1/2), widened where the picture shrinks; otherwise the nearest pixel. Edges are repeated.
    """
    shown = span or n_in
    ratio = shown / n_out
    at = (np.arange(n_out)[:, None] + 0.5) * ratio - 0.5 + (n_in - shown) / 2
    if smooth:
        wide = max(ratio, 1.0)
        reach = int(np.ceil(2 * wide))
        taps = np.floor(at).astype(int) + np.arange(1 - reach, 1 + reach)
        d = np.abs(at - taps) / wide
        weight = np.where(
            d < 1, (1.5 * d - 2.5) * d * d + 1, np.where(d < 2, ((2.5 - d / 2) * d - 4) * d + 2, 0)
        )
        weight /= weight.sum(1, keepdims=True)
    else:
        taps = np.floor(at + 0.5).astype(int)
        weight = np.ones_like(at)
    matrix = np.zeros((n_out, n_in))
    np.add.at(matrix, (np.arange(n_out)[:, None], np.clip(taps, 0, n_in - 1)), weight)
    return matrix.astype(np.float32)


@lru_cache(maxsize=32)
def bands(n_in: int, n_out: int, height: int, span: float = 0.0, smooth: bool = True) -> list[Band]:
    """The same weights without most of their zeros: for `height` rows of the new picture at a
    time, which rows of the old one they are made of, and the weights between them."""
    matrix = weights(n_in, n_out, span, smooth)
    found = []
    for start in range(0, n_out, height):
        rows = slice(start, min(start + height, n_out))
        used = np.flatnonzero(matrix[rows].any(axis=0))
        seen = slice(int(used[0]), int(used[-1]) + 1)
        found.append((rows, seen, np.ascontiguousarray(matrix[rows, seen])))
    return found


@lru_cache(maxsize=32)
def taps(
    n_in: int, n_out: int, span: float = 0.0, smooth: bool = True
) -> tuple[NDArray[np.int64], FloatArray]:
    """The same once more, without more zeros than must be: (n_out,) which is the first of the old
    pixels that make up a new one, and (n_out, taps) the weights of that and the next ones."""
    matrix = weights(n_in, n_out, span, smooth)
    used = matrix != 0
    first = used.argmax(axis=1)
    most = int((n_in - used[:, ::-1].argmax(axis=1) - first).max())
    first = np.minimum(first, n_in - most)
    return first, np.take_along_axis(matrix, first[:, None] + np.arange(most), axis=1)


def widen(image: FloatArray, n_out: int, span: float = 0.0, smooth: bool = True) -> FloatArray:
    """(h, w) -> (h, n_out): resized across alone."""
    wide = np.empty((image.shape[0], n_out), np.float32)
    for columns, seen, matrix in bands(image.shape[1], n_out, 96, span, smooth):
        np.matmul(image[:, seen], matrix.T, out=wide[:, columns])
    return wide


def resize(image: FloatArray, shape: tuple[int, int], out: FloatArray | None = None) -> FloatArray:
    """(h, w) float32 -> (H, W) float32, into `out` if given; edges may overshoot a little."""
    resized = np.empty(shape, np.float32) if out is None else out
    wide = widen(image, shape[1])
    for rows, seen, matrix in bands(image.shape[0], shape[0], 48):
        np.matmul(matrix, wide[seen], out=resized[rows])
    return resized
