"""Bands of colour that spread from the outline."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visualiser.controls import Value, number
from visualiser.look.looks.base import Look, inside, smooth
from visualiser.look.palette import Palette
from visualiser.types import FloatArray


class Aura(Look):
    name = "aura"
    blurb = "bands of colour that spread from the outline"
    controls = (
        number("aura.spacing", "from band to band", 0.045, 0.004, 0.3, "pictures", 1.25),
        number("aura.drift", "how fast bands go outwards", 0.0, -10.0, 10.0, "bands/s"),
        number("aura.reach", "how far they are seen", 0.46, 0.02, 2.0, "pictures", 1.25),
    )

    def __init__(self) -> None:
        self._phase = 0.0

    def advance(self, dt: float, value: Mapping[str, Value]) -> None:
        self._phase = (self._phase + dt * float(value["drift"])) % 1

    def colours(
        self, depth: FloatArray, pixel: FloatArray, palette: Palette, value: Mapping[str, Value]
    ) -> FloatArray:
        spacing, reach = float(value["spacing"]), float(value["reach"])

        def tone(d: FloatArray) -> FloatArray:
            return 0.76 * smooth(1 + d / reach) + 0.24 * np.clip(d / 0.25, 0, 1)

        # Each band has the colour of its inner edge, and pales towards the next.
        at = depth / spacing + np.float32(self._phase)
        step = np.floor(at)
        along = at - step
        here = tone((step + 1 - self._phase) * spacing)
        below = tone((step - self._phase) * spacing)
        covered = inside(along * spacing, pixel)
        place = below + (here - below) * covered
        # The brighter, the less: else a kick changes as much light as counts as a flash.
        return palette(place * (1 - 0.2 * (1 - 0.8 * place) * (1 - along)))
