"""Folds of shining cloth around the shape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visualiser.controls import Value, number
from visualiser.look.looks.base import Look, inside, over, smooth
from visualiser.look.palette import Palette
from visualiser.types import FloatArray


class Silk(Look):
    name = "silk"
    blurb = "folds that shine, and wander outwards"
    controls = (
        number("silk.fold", "from fold to fold", 0.16, 0.01, 0.5, "pictures", 1.25),
        number("silk.drift", "how fast folds go outwards", 0.0, -10.0, 10.0, "folds/s"),
        number("silk.reach", "how far it spreads", 0.42, 0.02, 2.0, "pictures", 1.25),
    )

    def __init__(self) -> None:
        self._phase = 0.0

    def advance(self, dt: float, value: Mapping[str, Value]) -> None:
        self._phase = (self._phase + dt * float(value["drift"])) % 1

    def colours(
        self, depth: FloatArray, pixel: FloatArray, palette: Palette, value: Mapping[str, Value]
    ) -> FloatArray:
        at = depth / np.float32(value["fold"]) + np.float32(self._phase)
        wave = 0.5 + 0.5 * np.sin(np.float32(2 * np.pi) * at)
        sheen = wave**3
        spread = smooth(1 + depth / np.float32(value["reach"]))
        cloth = palette(spread * (0.2 + 0.16 * wave + 0.1 * sheen))
        body = palette(0.66 + 0.13 * wave + 0.09 * sheen)
        return over(cloth, body, inside(depth, pixel))
