"""Which latent directions are seen, and how much: from the decoder's Jacobian over its prior.

The mean of J^T J over many points, J being how the picture changes with each normal coordinate, has
for its eigenvectors the directions in which pictures change most (Ramesh, Choi and LeCun 2018,
"A spectral regularizer for unsupervised disentanglement"; Haerkoenen et al. 2020, "GANSpace").
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.types import FloatArray

STEP = 0.25  # deviations
DEAD = 0.04  # of the most visible direction: what is seen less is no direction at all
LARGEST_PX = 128  # of a picture that is looked at
EDGE_PX = 1.5  # of a shape's outline, when it is looked at to see what changes


def order_directions(
    model: Checkpoint, seed: int = 1, samples: int = 300, within: FloatArray | None = None
) -> Checkpoint:
    """The model with its latent directions measured: ordered, dead ones left out.

    within: (k, latent_dim), orthonormal: directions are looked for among these and what lies
    between them, where all of latent space is too much. It takes samples * (5 k + 1) pictures.
    """
    within = np.eye(model.latent_dim, dtype=np.float32) if within is None else within
    n = len(within)
    samples = min(samples, max(8, 1_500 // (n + 1)))
    rng = np.random.default_rng(seed)
    normal = np.clip(rng.standard_normal((samples, n)), -2.5, 2.5).astype(np.float32) @ within
    see = _sight(model)

    squares = np.zeros((n, n))
    for point in normal:
        here = see(point)
        jacobian = np.stack([see(point + STEP * axis) - here for axis in within])
        squares += jacobian.reshape(n, -1) @ jacobian.reshape(n, -1).T
    axes = np.linalg.eigh(squares)[1].T[::-1].astype(np.float32) @ within

    largest = np.abs(axes).argmax(axis=1)
    axes *= np.sign(axes[np.arange(n), largest])[:, None]  # the same sign every time

    # How much each is seen depends on where one is, and that on how far each is stretched: the
    # second look is from places that the first one leads to.
    latents = model.latents
    for round in range(2):
        if round:
            points = rng.standard_normal((samples, latents.n_directions)).astype(np.float32)
            normal = latents.places(points) @ latents.directions
            axes = latents.directions
        seen = np.zeros(len(axes), np.float32)
        for point in normal:
            for i, axis in enumerate(axes):
                change = see(point + STEP / 2 * axis) - see(point - STEP / 2 * axis)
                seen[i] += np.abs(change).mean() / (samples * STEP)
        order = np.argsort(-seen, kind="stable")
        order = order[seen[order] >= max(seen.max() * DEAD, 1e-9)]
        if len(order) == 0:  # a network that draws the same whatever it is given
            order = np.array([0])
        latents = replace(
            latents,
            directions=np.ascontiguousarray(axes[order], dtype=np.float32),
            visibility=seen[order],
        )
    return replace(model, latents=latents)


class _sight:
    """What is seen of a picture, at normal coordinates (latent_dim,); a large one is thinned."""

    def __init__(self, model: Checkpoint) -> None:
        self._bend = model.latents.bend
        self._decode = Player(model).decode
        self._distances = model.architecture.pictures == "distance"
        self._every = max(1, max(model.shape) // LARGEST_PX)
        self._soft = np.float32(model.architecture.width / EDGE_PX)

    def __call__(self, normal: FloatArray) -> FloatArray:
        drawn = self._decode(self._bend(normal))
        drawn = drawn[:: self._every, :: self._every]
        return np.clip(0.5 - drawn * self._soft, 0, 1) if self._distances else drawn
