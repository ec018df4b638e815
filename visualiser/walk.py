"""A smooth walk through noise: normal coordinates for latent mode, a picture for pixel mode."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from visualiser.noise import Noise3, Points
from visualiser.types import FloatArray

FIELD = (
    28  # pixels along each edge of what a driver paints; models that see more are given it scaled
)

WAVES = (1, 2, 3)  # of a loop, a turn


class Walk:
    """Points and fields along a noise, at a phase counted in units of the noise's lattice.

    Noise gathers around zero. Its values are ranked against its own distribution, so that points
    are standard normal in every coordinate and fields use black, white and all greys evenly.
    """

    def __init__(self, noise: Noise3, latent_dim: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._noise = noise
        # Each latent runs along a line of its own: on a common axis they would all cross the
        # lattice, where Perlin's noise is zero, at the same moments.
        self._origin = rng.uniform(0, 256, (3, latent_dim))
        heading = rng.standard_normal((3, latent_dim))
        self._heading = heading / np.linalg.norm(heading, axis=0)
        aside = np.cross(self._heading, np.roll(self._heading, 1, axis=0), axis=0)
        self._aside = aside / np.linalg.norm(aside, axis=0)  # at right angles to it

        sampled = np.sort(noise(*rng.uniform(0, 256, (3, 8192))))
        self._shares = np.linspace(0.001, 0.999, 129)
        self._values = np.quantile(sampled, self._shares)
        self._scores = np.array([NormalDist().inv_cdf(share) for share in self._shares])

    def point(self, phase: float) -> FloatArray:
        """(latent_dim,) float32, standard normal over a long walk."""
        return self._at(self._origin + self._heading * phase)

    def round(self, turn: float, length: float) -> FloatArray:
        """As point, on a circle of that length: whole turns are the same place. It begins where the
        walk does, and as fast."""
        angle, radius = 2 * np.pi * (turn % 1), length / (2 * np.pi)
        place = self._origin + radius * np.sin(angle) * self._heading
        return self._at(place + radius * (1 - np.cos(angle)) * self._aside)

    def field_round(self, turn: float, length: float, cells: float, contrast: float) -> FloatArray:
        """As field, at a turn of a closed way of that length: the end goes over into what comes
        before the beginning."""
        turn %= 1
        eased = turn * turn * (3 - 2 * turn)
        here, before = self._plane(turn * length, cells), self._plane((turn - 1) * length, cells)
        # As in arc: noise that is mixed so is spread as widely.
        angle = eased * math.pi / 2
        return self._greys(math.cos(angle) * here + math.sin(angle) * before, contrast)

    def field(self, phase: float, cells: float, contrast: float) -> FloatArray:
        """(FIELD, FIELD) float32 0..1: cells of noise across, moving through its third axis."""
        return self._greys(self._plane(phase, cells), contrast)

    def _at(self, place: Points) -> FloatArray:
        value = self._noise(*place)
        return np.interp(value, self._values, self._scores).astype(np.float32)

    def _plane(self, phase: float, cells: float) -> Points:
        across = np.linspace(0, cells, FIELD)
        return self._noise(across[None, :], across[:, None], np.array([[phase]]))

    def _greys(self, value: Points, contrast: float) -> FloatArray:
        grey = np.interp(value, self._values, self._shares)
        return np.clip(0.5 + (grey - 0.5) * contrast, 0, 1).astype(np.float32)


def arc(a: FloatArray, b: FloatArray, share: float) -> FloatArray:
    """a where the share is 0, b where it is 1. On the way a circle's arc keeps the sum of two
    independent normal points standard normal."""
    turn = share * math.pi / 2
    return (math.cos(turn) * a + math.sin(turn) * b).astype(np.float32)


class Loop:
    """A closed path through latent space, without a seam: a few waves that come round together."""

    def __init__(self, latent_dim: int, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        waves = rng.standard_normal((2, len(WAVES), latent_dim)) / np.array(WAVES)[:, None]
        self._waves = waves / np.sqrt((waves**2).sum((0, 1)) / 2)

    def point(self, turn: float) -> FloatArray:
        """(latent_dim,) float32, standard normal over a turn; whole turns are the same place."""
        angles = 2 * np.pi * np.array(WAVES) * (turn % 1)
        point = np.cos(angles) @ self._waves[0] + np.sin(angles) @ self._waves[1]
        return point.astype(np.float32)
