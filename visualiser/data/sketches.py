"""Shapes as hands draw them, each with the clean shape that was meant.

The encoder is shown filled shapes, outlines, squiggles, lines with gaps and pictures full of noise;
what is asked of the decoder is always the distance to the clean outline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visualiser.data.shapes import KINDS, distances
from visualiser.types import FloatArray, UserError


@dataclass(frozen=True)
class SketchSettings:
    """size: pixels along each edge; kinds: drawn equally often; size_min, size_max: the diameter,
    and offset: how far off the middle, shares of the picture, less where there is no room;
    blended: share of shapes that are half-way between two, so that what lies between is learned
    too; rough: share of the others that are drawn by hand. What is drawn by hand is never meant to
    be half of anything."""

    size: int = 64
    kinds: tuple[str, ...] = tuple(KINDS)
    size_min: float = 0.17
    size_max: float = 0.9
    offset: float = 0.25
    blended: float = 0.4
    rough: float = 0.6

    def __post_init__(self) -> None:
        unknown = [word for word in self.kinds if word not in KINDS]
        if unknown or not self.kinds:
            wrong = f"unknown shape kind {unknown[0]!r}" if unknown else "no shape kind"
            raise UserError(f"{wrong}: allowed are {', '.join(KINDS)}")
        if not 16 <= self.size <= 256:
            raise UserError(f"size {self.size} px of a shape model: allowed are 16 to 256")
        if not 0 < self.size_min <= self.size_max <= 1:
            raise UserError(
                f"shape sizes {self.size_min} to {self.size_max}: allowed are 0 to 1, ascending"
            )


@dataclass(frozen=True)
class Sketches:
    """pictures: (n, S, S) float32 0..1, as drawn; distance: (n, S, S) float32, to the outline that
    was meant, in shares of the picture, negative inside; kind: (n,) index into settings.kinds, of
    the larger part where two are blended; diameter: (n,) and middle: (n, 2), x and y from the
    picture's middle, shares of the picture."""

    pictures: FloatArray
    distance: FloatArray
    kind: NDArray[np.int64]
    diameter: NDArray[np.float64]
    middle: NDArray[np.float64]


def make(n: int, rng: np.random.Generator, settings: SketchSettings) -> Sketches:
    """n sketches, every kind equally likely, turned by any angle."""
    size = settings.size
    kind = rng.integers(0, len(settings.kinds), n)
    diameter = rng.uniform(settings.size_min, settings.size_max, n)
    room = np.minimum(np.maximum((1 - diameter) / 2, 0.08), settings.offset)
    offset = rng.uniform(-1, 1, (n, 2)) * room[:, None]

    def of_kind(kind: NDArray[np.int64], rows: NDArray[np.int64]) -> FloatArray:
        drawn = np.empty((len(rows), size, size), np.float32)
        angle = rng.uniform(0, 2 * np.pi, n)
        for k, name in enumerate(settings.kinds):
            at = np.flatnonzero(kind[rows] == k)
            of = rows[at]
            drawn[at] = distances(KINDS[name], size, diameter[of], offset[of], angle[of])
        return drawn

    distance = of_kind(kind, np.arange(n))
    blended = rng.random(n) < settings.blended
    rows = np.flatnonzero(blended)
    share = rng.uniform(0, 0.5, len(rows)).astype(np.float32)[:, None, None]
    distance[rows] += share * (
        of_kind(rng.integers(0, len(settings.kinds), n), rows) - distance[rows]
    )
    pictures = np.clip(np.float32(0.5) - distance, 0, 1)
    rough = np.flatnonzero(~blended & (rng.random(n) < settings.rough))
    if len(rough):
        pictures[rough] = roughen(distance[rough], rng)
    return Sketches(pictures, distance / np.float32(size), kind, diameter, offset)


def roughen(distance: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(n, S, S) distances in pixels -> drawings of the same shapes, by an unsteady hand."""
    n, size, _ = distance.shape

    def some(share: float) -> FloatArray:
        """1 for that share of the pictures, and 0."""
        return np.where(rng.random(n) < share, 1, 0).astype(np.float32)

    def per_picture(values: FloatArray | NDArray[np.float64]) -> FloatArray:
        return values.astype(np.float32)[:, None, None]

    # A hand that strays moves the outline to and fro, smoothly.
    stray = per_picture(some(0.6) * rng.uniform(0.005, 0.04, n) * size)
    d = distance + stray * waves(n, size, rng, 4)
    width = rng.uniform(0.02, 0.09, n) * size
    line = np.clip(per_picture(width / 2 + 0.5) - np.abs(d), 0, 1)
    gaps = waves(n, size, rng, 3) > per_picture(np.where(some(0.3) > 0, 1.0, 9.0))
    line = np.where(gaps, 0, line)
    pictures = np.where(per_picture(some(0.6)) > 0, line, np.clip(np.float32(0.5) - d, 0, 1))
    return add_dots(pictures, some(0.4) * rng.uniform(0, 0.65, n), rng)


def add_dots(
    pictures: FloatArray, share: FloatArray | NDArray[np.float64] | float, rng: np.random.Generator
) -> FloatArray:
    """Pictures (n, H, W) with a share of their pixels, 0..1, replaced by greys drawn by lot."""
    shares = np.broadcast_to(np.asarray(share, np.float32), (len(pictures),))[:, None, None]
    hit = rng.random(pictures.shape, np.float32) < shares
    return np.where(hit, rng.random(pictures.shape, np.float32), pictures).astype(np.float32)


def waves(n: int, size: int, rng: np.random.Generator, cycles: float) -> FloatArray:
    """(n, size, size) smooth noise about 0, deviation about 1: a few plane waves each."""
    at = np.linspace(-np.pi, np.pi, size, dtype=np.float32)
    total = np.zeros((n, size, size), np.float32)
    for _ in range(3):
        along = rng.uniform(-cycles, cycles, (n, 2)).astype(np.float32)
        phase = rng.uniform(0, 2 * np.pi, n).astype(np.float32)
        across = along[:, 0, None] * at + phase[:, None]
        down = along[:, 1, None] * at
        # sin(a + b), from the two axes' own sines: a sum over each picture's pixels is all it takes
        total += np.sin(across)[:, None, :] * np.cos(down)[:, :, None]
        total += np.cos(across)[:, None, :] * np.sin(down)[:, :, None]
    return total * np.float32(np.sqrt(2 / 3))


class Known:
    """Neat shapes to compare others with."""

    def __init__(self, shapes: Sketches, n_kinds: int) -> None:
        self._kind, self._n_kinds = shapes.kind, n_kinds
        self._flat = _alike(shapes.distance)

    def shares(self, distance: FloatArray) -> NDArray[np.float64]:
        """How often each kind is the nearest to shapes given as distances (n, S, S), in pictures;
        over what would be fair: (n_kinds,), 1 where every kind is as frequent."""
        nearest = (_alike(distance) @ self._flat.T).argmax(1)
        counts = np.bincount(self._kind[nearest], minlength=self._n_kinds)
        share: NDArray[np.float64] = counts * self._n_kinds / len(distance)
        return share


def _alike(distance: FloatArray) -> FloatArray:
    """Shapes as vectors whose products are the correlations of their pictures."""
    pictures = np.clip(0.5 - distance * distance.shape[1], 0, 1).reshape(len(distance), -1)
    pictures -= pictures.mean(1, keepdims=True)
    length = np.maximum(np.linalg.norm(pictures, axis=1, keepdims=True), 1e-6)
    return (pictures / length).astype(np.float32)
