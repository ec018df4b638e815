"""A decoded picture as the looks and effects take it: a small field over the plane."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from visualiser import loops
from visualiser.look.upscale import resize
from visualiser.types import FloatArray

Kind = Literal["grey", "colour", "distance"]

FAR = 3.0  # pictures; a network that means to say "far away" may say anything
NEAR_PX = 2.5  # pixels of the field; closer than that to the outline, distances are made true
# Where a shape is thin, or has a corner, the slope cannot be told: it is trusted in bounds.
SLOPES = 0.2, 3.0
MOST_PX = 128  # a field of distances needs no more: it is smooth
FADE_PX = 3.0  # pixels in which a grey picture fades out beside itself


@dataclass(frozen=True)
class Field:
    """kind: what the values are. values: (H, W) float32, or (H, W, 3) for colour: grey and colour
    from 0 to 1, distances in pictures, negative inside. pitch: how far its pixels lie apart, across
    and down, in pictures; a picture is as wide as the square that the network drew.
    """

    kind: Kind
    values: FloatArray
    pitch: tuple[float, float]

    def __deepcopy__(self, memo: object) -> Field:
        return self  # nobody changes one

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, in pictures."""
        return self.values.shape[1] * self.pitch[0], self.values.shape[0] * self.pitch[1]

    def places(self) -> tuple[FloatArray, FloatArray]:
        """(H, W) each: how far its pixels lie right of the middle, and below it, in pictures."""
        return _places(self.values.shape[:2], self.pitch)

    def sample(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """The values at places (H, W), mixed of the four pixels around; beyond the edge the
        edge's, and where they are distances, more by what is beyond it."""
        h, w = self.values.shape[:2]
        column, row = x / self.pitch[0] + (w - 1) / 2, y / self.pitch[1] + (h - 1) / 2
        column_in, row_in = np.clip(column, 0, w - 1), np.clip(row, 0, h - 1)
        left = np.minimum(column_in.astype(np.intp), max(w - 2, 0))
        top = np.minimum(row_in.astype(np.intp), max(h - 2, 0))
        across, down = (column_in - left).astype(np.float32), (row_in - top).astype(np.float32)
        if self.kind == "colour":
            across, down = across[..., None], down[..., None]
        flat = self.values.reshape(h * w, *self.values.shape[2:])
        at, right, below = top * w + left, min(w - 1, 1), w * min(h - 1, 1)
        upper = flat[at] + (flat[at + right] - flat[at]) * across
        lower = flat[at + below] + (flat[at + below + right] - flat[at + below]) * across
        mixed: FloatArray = upper + (lower - upper) * down
        if self.kind == "distance":
            beyond = np.hypot((column - column_in) * self.pitch[0], (row - row_in) * self.pitch[1])
            mixed = mixed + beyond.astype(np.float32)
        return mixed

    def with_values(self, values: FloatArray) -> Field:
        return replace(self, values=values.astype(np.float32, copy=False))


def field_of(image: FloatArray, kind: Kind, aspect: float = 1.0) -> Field:
    """A decode as a field that fills a box; aspect: the box's width over its height.

    What lies beside the decoded square is made up: distances go on growing, greys fade to black.
    Colour pictures stay square.
    """
    if not np.isfinite(image.sum()):  # a tenth of looking at each
        image = np.nan_to_num(image)
    if kind != "colour" and image.ndim == 3:
        image = image.mean(axis=2)
    if kind == "distance" and max(image.shape) > MOST_PX:
        image = resize(image, (min(image.shape[0], MOST_PX), min(image.shape[1], MOST_PX)))
    h, w = image.shape[:2]
    pitch = (1 / w, 1 / h)
    if kind == "distance":
        image = true_distances(np.clip(image, -FAR, FAR), pitch)
    if kind != "colour":
        image = _surrounded(image, kind, aspect, pitch)
    return Field(kind, np.ascontiguousarray(image, np.float32), pitch)


def true_distances(values: FloatArray, pitch: tuple[float, float]) -> FloatArray:
    """Distances divided, near the outline, by how steep they are there.

    In the middle of a morph a network's distances may rise too slowly, which would make edges
    soft, or too fast, which would make them jagged. This is the distance to first order (Taubin,
    "Distance approximations for rasterizing implicit curves", ACM Trans. Graphics 13(1), 1994).
    """
    if min(values.shape) < 3:
        return values
    if compiled := loops.compiled(loops.field.mend):
        mended = np.empty(values.shape, np.float32)
        near_to = NEAR_PX * max(pitch)
        compiled(np.ascontiguousarray(values, np.float32), pitch, near_to, SLOPES, mended)
        return mended
    across: FloatArray = _slope(values.T, pitch[0]).T
    steep: FloatArray = _slope(values, pitch[1])
    across *= across
    steep *= steep
    steep += across
    steep = np.sqrt(_blurred(_blurred(steep).T).T)
    factor = 1 / np.clip(steep, np.float32(SLOPES[0]), np.float32(SLOPES[1]))
    near = values * factor
    near /= np.float32(NEAR_PX * max(pitch))
    near *= -near
    share = np.exp(near, out=near)
    factor -= 1
    factor *= share
    factor += 1
    factor *= values
    return np.asarray(factor, np.float32)


def _slope(values: FloatArray, pitch: float) -> FloatArray:
    """How fast values rise from row to row, from one neighbour to the other; as np.gradient, in a
    third of its time."""
    slope = np.empty_like(values)
    np.subtract(values[2:], values[:-2], out=slope[1:-1])
    slope[1:-1] /= 2
    slope[0], slope[-1] = values[1] - values[0], values[-1] - values[-2]
    slope /= np.float32(pitch)
    return slope


def _blurred(values: FloatArray) -> FloatArray:
    """Each row's mean with its neighbours, weighted 1 2 1; the edge's are repeated."""
    blurred = values * 2
    blurred[1:] += values[:-1]
    blurred[:-1] += values[1:]
    blurred[0] += values[0]
    blurred[-1] += values[-1]
    blurred /= 4
    return blurred


def _many(aspect: float, pitch: float) -> int:
    """How many pixels there are on each side of a picture that is so much longer than wide."""
    return int(np.ceil(max(aspect - 1, 0) / 2 / pitch - 1e-6))


def _surrounded(
    image: FloatArray, kind: Kind, aspect: float, pitch: tuple[float, float]
) -> FloatArray:
    """The image with columns added left and right, or rows above and below, as a box needs them."""
    columns, rows = _many(aspect, pitch[0]), _many(1 / aspect, pitch[1])
    if kind == "distance":  # so that upscaling sees how they go on at the very edge
        columns, rows = columns + 2, rows + 2
    if kind == "distance" and (compiled := loops.compiled(loops.field.surround)):
        h, w = image.shape
        around = np.empty((h + 2 * rows, w + 2 * columns), np.float32)
        across, down = _ways(columns, h, pitch), _ways(rows, w + 2 * columns, pitch[::-1])
        compiled(np.ascontiguousarray(image, np.float32), across, down, around)
        return around
    image = _widened(image, kind, columns, pitch)
    return _widened(image.T, kind, rows, pitch[::-1]).T


def _widened(image: FloatArray, kind: Kind, n: int, pitch: tuple[float, float]) -> FloatArray:
    """The image with n columns added left and right."""
    if n == 0:
        return image
    edges = image[:, [0, -1]].T
    if kind == "distance":
        # The way to the shape leads through some place on the edge: the shortest is it.
        sides = (edges[:, None, :, None] + _ways(n, len(image), pitch)).min(axis=2)
    else:
        sides = edges[:, None] * np.exp(-(np.arange(n, dtype=np.float32) + 1) / FADE_PX)[:, None]
    return np.concatenate([sides[0, ::-1].T, image, sides[1].T], axis=1)


@lru_cache(maxsize=8)
def _ways(n: int, h: int, pitch: tuple[float, float]) -> FloatArray:
    """(n, h, h): from a place in the n-th column beside the edge to each place on it, and as far
    from that to this."""
    out = (np.arange(n) + 1)[:, None, None] * pitch[0]
    along = np.subtract.outer(np.arange(h), np.arange(h)) * pitch[1]
    return np.hypot(out, along).astype(np.float32)


@lru_cache(maxsize=8)
def _places(shape: tuple[int, int], pitch: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    h, w = shape
    x = ((np.arange(w) - (w - 1) / 2) * pitch[0]).astype(np.float32)
    y = ((np.arange(h) - (h - 1) / 2) * pitch[1]).astype(np.float32)
    across, down = np.meshgrid(x, y)
    return across, down
