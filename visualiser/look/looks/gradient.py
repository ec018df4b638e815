"""A body that is lit from within, in soft surroundings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visualiser.controls import Value, number
from visualiser.look.looks.base import Look, inside, over
from visualiser.look.palette import Palette
from visualiser.types import FloatArray


class Gradient(Look):
    name = "gradient"
    blurb = "lit from within, in soft surroundings"
    controls = (
        number("gradient.depth", "where it is hottest inside", 0.16, 0.01, 1.0, "pictures", 1.25),
        number("gradient.halo", "how far it shines outside", 0.1, 0.0, 1.0, "pictures", 1.25),
    )

    def colours(
        self, depth: FloatArray, pixel: FloatArray, palette: Palette, value: Mapping[str, Value]
    ) -> FloatArray:
        within = np.sqrt(np.clip(depth / np.float32(value["depth"]), 0, 1))
        halo = np.exp(np.minimum(depth, 0) / (np.float32(value["halo"]) + 1e-6))
        return over(palette(0.36 * halo), palette(0.6 + 0.4 * within), inside(depth, pixel))
