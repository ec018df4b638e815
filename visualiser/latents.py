"""Where a model's latents lie, and the map that takes noise there.

A walk that gives every latent the same range of its own misses most of what a network can draw:
latents are correlated, lie in clusters, and squares hide in a corner. So each model file carries
a map between its latents, as its training pictures are encoded, and independent standard normal
numbers. Drivers move in those normal coordinates; this map takes them to z. What is drawn as
often as it was trained on: squares as often as circles.

The map is rotation-based iterative Gaussianisation (Laparra, Camps-Valls and Malo, "Iterative
Gaussianization: from ICA to random rotations", IEEE Trans. Neural Networks 22(4), 2011): rotate,
bend every axis to a normal distribution, repeat. It is continuous and invertible, so a smooth
walk stays smooth, and a drawn picture's latent has a place on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np

from visualiser.types import FloatArray

REACH = (
    3.5  # standard deviations covered; 1 in 2,000 normal numbers lies outside, and is held there
)


@dataclass(frozen=True)
class LatentMap:
    """Standard normal coordinates <-> latents, both (..., latent_dim) float32.

    mean, std: (latent_dim,); rotations: (layers, latent_dim, latent_dim), orthonormal; knots:
    (layers, latent_dim, n_knots), increasing: what lies at n_knots normal scores from -REACH to
    REACH, evenly spaced.
    """

    mean: FloatArray
    std: FloatArray
    rotations: FloatArray
    knots: FloatArray

    @property
    def latent_dim(self) -> int:
        return len(self.mean)

    @cached_property
    def _pieces(self) -> tuple[FloatArray, FloatArray]:
        """(layers, latent_dim * pieces) each: where a piece begins, and how far it goes."""
        layers = len(self.knots)
        return self.knots[..., :-1].reshape(layers, -1), np.diff(self.knots).reshape(layers, -1)

    def to_latent(self, normal: FloatArray) -> FloatArray:
        x = np.asarray(normal, np.float32)
        pieces = self.knots.shape[2] - 1  # straight ones, between knots
        scale, middle = np.float32(pieces / (2 * REACH)), np.float32(pieces / 2)
        starts = np.arange(self.latent_dim) * pieces
        knots, steps = self._pieces
        for i in range(len(knots) - 1, -1, -1):
            place = np.minimum(np.maximum(x * scale + middle, 0), pieces)
            below = np.minimum(place.astype(np.intp), pieces - 1)
            place -= below
            below += starts
            x = (knots[i].take(below) + steps[i].take(below) * place) @ self.rotations[i]
        return (x * self.std + self.mean).astype(np.float32)

    def to_normal(self, z: FloatArray) -> FloatArray:
        x = (np.asarray(z, np.float32) - self.mean) / self.std
        scores = np.linspace(-REACH, REACH, self.knots.shape[2])
        for rotation, knots in zip(self.rotations, self.knots, strict=True):
            x = x @ rotation.T
            bent = [np.interp(x[..., i], knots[i], scores) for i in range(self.latent_dim)]
            x = np.stack(bent, axis=-1).astype(np.float32)
        return x


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
    )
