"""A glowing tube along the outline."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visualiser.controls import Value, number
from visualiser.look.looks.base import Look
from visualiser.look.palette import Palette
from visualiser.types import FloatArray


class Neon(Look):
    """The light of a long tube falls off with the inverse of the distance."""

    name = "neon"
    blurb = "a glowing tube along the outline"
    controls = (
        number("neon.width", "of the tube", 0.014, 0.001, 0.1, "pictures", 1.25),
        number("neon.glow", "how far it shines", 0.055, 0.0, 0.5, "pictures", 1.25),
    )

    def colours(
        self, depth: FloatArray, pixel: FloatArray, palette: Palette, value: Mapping[str, Value]
    ) -> FloatArray:
        half, glow = float(value["width"]) / 2, float(value["glow"])
        away = np.abs(depth)
        shine = 0.62 * glow / (away + glow + 1e-6) * np.exp(-away / (6 * glow + 1e-6))
        core = np.exp(-((away / np.maximum(np.float32(half), pixel / 2)) ** 4))
        return palette(shine + (1 - shine) * core)

    def cover(self, depth: FloatArray, pixel: FloatArray, value: Mapping[str, Value]) -> FloatArray:
        return np.zeros_like(depth)  # it is all light
