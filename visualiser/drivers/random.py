"""Jumps: a new place every so often, or with no hold at all, a new one each frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visualiser.controls import Value, number
from visualiser.drivers.base import Driver
from visualiser.types import Features, FloatArray, Tick
from visualiser.walk import FIELD


class Random(Driver):
    name = "random"
    key = "3"
    blurb = "jumps, or raw noise"
    controls = (
        number("random.hold", "time between jumps; 0 is raw noise each frame", 0.5, 0.0, 60.0, "s"),
        number("random.grain", "edge of the field's squares", 4.0, 1.0, 14.0, "px"),
    )

    def __init__(self, latent_dim: int, seed: int) -> None:
        super().__init__(latent_dim, seed)
        self._jumps = 0.0
        self._turn_s = 0.0  # 0 is no closed way
        self._turn = 1  # jumps in one
        self._grain = 1

    def advance(self, tick: Tick, features: Features, value: Mapping[str, Value]) -> None:
        hold = float(value["hold"])
        if tick.dt > 0 and self._turn_s:
            self._turn = max(round(self._turn_s / (hold or tick.dt)), 1)
            self._jumps += tick.dt / self._turn_s * self._turn
        elif tick.dt > 0:
            self._jumps += tick.dt / hold if hold > 0 else 1.0
        self._grain = round(float(value["grain"]))

    def go_round(self, turn_s: float) -> None:
        # From half-way between two jumps on, so that none falls on the seam.
        self._turn_s, self._jumps = turn_s, 0.5

    def _rng(self) -> np.random.Generator:
        # Numbered jumps: jump k is the same at every frame rate. The sum of many small steps may
        # end a hair below a whole number.
        jump = int(self._jumps + 1e-6)
        return np.random.default_rng([self.seed, jump % self._turn if self._turn_s else jump])

    def point(self) -> FloatArray:
        return self._rng().standard_normal(self.latent_dim, np.float32)

    def field(self) -> FloatArray:
        squares = -(-FIELD // self._grain)
        grey = self._rng().random((squares, squares), np.float32)
        return np.kron(grey, np.ones((self._grain, self._grain), np.float32))[:FIELD, :FIELD]
