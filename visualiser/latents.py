"""Where a model's latents lie, and the map that takes noise there.

A walk that gives every latent the same range of its own misses most of what a network can draw:
latents are correlated, lie in clusters, and squares hide in a corner. So each model file carries
a map between its latents, as its training pictures are encoded, and independent standard normal
numbers. Drivers move in those normal coordinates; this map takes them to z. What is drawn as
often as it was trained on: squares as often as circles.

The map is rotation-based iterative Gaussianisation (Laparra, Camps-Valls and Malo, "Iterative
Gaussianization: from ICA to random rotations", IEEE Trans. Neural Networks 22(4), 2011): rotate,
bend every axis to a normal distribution, repeat. It is continuous and invertible, so a smooth
walk stays smooth, and a drawn picture's latent has a place on it. A variational network needs no
bends: its latents are standard normal as they are.

Drivers, bands and sliders do not move single latents, some of which are hardly seen and some of
which change everything, but directions: the ones in which pictures change most, in that order
(nets.visibility finds them), at a scale at which the same move is the same visible change on each.
What goes too far in a direction is turned back, so that no driver leaves what was learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np

from visualiser import loops
from visualiser.types import FloatArray

REACH = (
    3.5  # standard deviations covered; 1 in 2,000 normal numbers lies outside, and is held there
)
EDGE = 2.0  # deviations: where a direction turns back, so that even where it is stretched far it
# lies about as wide as a normal number does
LEAST_SEEN = 0.1  # of the most visible direction: less is not stretched any further


@dataclass(frozen=True, eq=False)
class LatentMap:
    """Points (..., n_directions) <-> latents (..., latent_dim), float32.

    mean, std: (latent_dim,); rotations: (layers, latent_dim, latent_dim), orthonormal; knots:
    (layers, latent_dim, n_knots), increasing: what lies at n_knots normal scores from -REACH to
    REACH, evenly spaced; directions: (n_directions, latent_dim), orthonormal, the one that is seen
    most first; visibility: (n_directions,), how much a unit along each changes the picture, mean
    absolute grey 0..1.
    """

    mean: FloatArray
    std: FloatArray
    rotations: FloatArray
    knots: FloatArray
    directions: FloatArray
    visibility: FloatArray

    @property
    def latent_dim(self) -> int:
        return len(self.mean)

    @property
    def n_directions(self) -> int:
        return len(self.directions)

    @cached_property
    def stretch(self) -> FloatArray:
        """(n_directions,): normal deviations that a unit of a point's coordinate goes."""
        seen = np.maximum(self.visibility, self.visibility.max() * LEAST_SEEN)
        return np.where(seen > 0, self.visibility.max() / np.maximum(seen, 1e-12), 1).astype(
            np.float32
        )

    def to_latent(self, point: FloatArray) -> FloatArray:
        """Where a point lies. One that goes on for ever in a direction goes to and fro."""
        return self.bend(self.places(point) @ self.directions)

    def places(self, point: FloatArray) -> FloatArray:
        """Where a point is along each direction, (..., n_directions) normal deviations."""
        along = np.asarray(point, np.float32) * self.stretch
        return np.abs((along - EDGE) % (4 * EDGE) - 2 * EDGE) - EDGE

    def to_point(self, z: FloatArray) -> FloatArray:
        """The point of a latent, or the nearest one of a latent that lies beyond EDGE; what it has
        beside the directions is left out."""
        point: FloatArray = np.clip(self.along(z), -EDGE, EDGE) / self.stretch
        return point

    def along(self, z: FloatArray) -> FloatArray:
        """(..., n_directions): how far a latent lies along each direction, normal deviations."""
        return self.straighten(z) @ self.directions.T

    @cached_property
    def _turns(self) -> FloatArray:
        return np.ascontiguousarray(self.rotations, np.float32)

    @cached_property
    def _pieces(self) -> tuple[FloatArray, FloatArray]:
        """(layers, latent_dim * n_knots) each: where a piece begins, and how far it goes; what
        begins at the last knot goes nowhere."""
        layers, dim, n_knots = self.knots.shape
        begins, goes = self.knots.copy(), np.zeros_like(self.knots)
        goes[..., :-1] = np.diff(self.knots)
        # Where the piece before it comes out, which may be a hair beside the knot.
        begins[..., -1:] = begins[..., -2:-1] + goes[..., -2:-1]
        flat = (layers, dim * n_knots)
        return begins.reshape(flat), goes.reshape(flat)

    def bend(self, normal: FloatArray) -> FloatArray:
        """Standard normal numbers (..., latent_dim) -> latents: the same to the bit whether loops
        are loaded or not, so sums go in order, which those of BLAS do not."""
        x = np.array(normal, np.float32, order="C")
        pieces = self.knots.shape[2] - 1
        scale = np.float32(pieces / (2 * REACH))
        begins, goes = self._pieces
        if compiled := loops.compiled(loops.points.bend):
            compiled(x.reshape(-1, self.latent_dim), begins, goes, self._turns, float(scale))
            return (x * self.std + self.mean).astype(np.float32, copy=False)
        middle, last = np.float32(pieces / 2), np.float32(pieces)
        starts = np.arange(self.latent_dim) * (pieces + 1)
        for knots, steps, rotation in zip(begins[::-1], goes[::-1], self._turns[::-1], strict=True):
            place = np.minimum(np.maximum(x * scale + middle, np.float32(0)), last)
            below = np.floor(place)
            at = starts + below.astype(np.intp)
            bent = (place - below) * steps.take(at) + knots.take(at)
            x = np.add.reduce(bent[..., None] * rotation, axis=-2)
        return (x * self.std + self.mean).astype(np.float32, copy=False)

    def straighten(self, z: FloatArray) -> FloatArray:
        """Latents -> standard normal numbers (..., latent_dim): the inverse of bend."""
        x = (np.asarray(z, np.float32) - self.mean) / self.std
        pieces = self.knots.shape[2] - 1
        width = np.float32(2 * REACH / pieces)
        starts = np.arange(self.latent_dim) * (pieces + 1)
        for rotation, inner, knots, steps in zip(
            self.rotations, self.knots[..., 1:-1], *self._pieces, strict=True
        ):
            x = x @ rotation.T
            below = (inner <= x[..., None]).sum(axis=-1)
            step = np.maximum(steps.take(starts + below), np.float32(1e-12))
            place = (x - knots.take(starts + below)) / step
            x = (below + np.minimum(np.maximum(place, 0), 1)) * width - np.float32(REACH)
        return x.astype(np.float32, copy=False)


def fit(z: FloatArray, seed: int, layers: int = 12, n_knots: int = 65) -> LatentMap:
    """Fit the map to latents z (n, latent_dim), n at least 100; dead latents stay as they are."""
    n, dim = z.shape
    mean, std = z.mean(0), z.std(0)
    std = np.where(std < 1e-6, 1, std).astype(np.float32)
    x = ((z - mean) / std).astype(np.float64)
    rng = np.random.default_rng(seed)
    normal = NormalDist()
    scores = np.linspace(-REACH, REACH, n_knots)
    shares = np.array([normal.cdf(s) for s in scores])
    ranks = (np.arange(n) + 0.5) / n

    rotations, knots = [], []
    for layer in range(layers):
        if layer == 0:
            rotation = np.linalg.eigh(np.cov(x, rowvar=False).reshape(dim, dim))[1].T
            # Axes along which nothing varies: dead latents, and latents that move as one.
            alive = np.flatnonzero((x @ rotation.T).std(0) > 1e-3)
        else:
            rotation = np.eye(dim)
            turn = np.linalg.qr(rng.standard_normal((len(alive), len(alive))))[0]
            rotation[np.ix_(alive, alive)] = turn
        x = x @ rotation.T
        table = np.stack([np.interp(shares, ranks, np.sort(x[:, i])) for i in range(dim)])
        table += np.arange(n_knots) * 1e-6  # strictly increasing, so that it can be inverted
        rotations.append(rotation)
        knots.append(table)
        x = np.stack([np.interp(x[:, i], table[i], scores) for i in range(dim)], axis=1)
    return LatentMap(
        mean.astype(np.float32),
        std,
        np.array(rotations, np.float32),
        np.array(knots, np.float32),
        np.eye(dim, dtype=np.float32),
        np.ones(dim, np.float32),
    )


def standard(dim: int) -> LatentMap:
    """The map of a network whose latents are standard normal."""
    zeros, ones = np.zeros(dim, np.float32), np.ones(dim, np.float32)
    rotations, knots = np.zeros((0, dim, dim), np.float32), np.zeros((0, dim, 2), np.float32)
    return LatentMap(zeros, ones, rotations, knots, np.eye(dim, dtype=np.float32), ones)
