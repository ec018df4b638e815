"""Lines at even distances from the outline, as a map shows height."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visualiser.controls import Value, number
from visualiser.look.looks.base import Look, line, over
from visualiser.look.palette import Palette
from visualiser.types import FloatArray


class Contour(Look):
    name = "contour"
    blurb = "lines at even distances, that drift like ripples"
    controls = (
        number("contour.spacing", "from line to line", 0.034, 0.004, 0.3, "pictures", 1.25),
        number("contour.width", "of a line", 0.0035, 0.0005, 0.05, "pictures", 1.25),
        number("contour.drift", "how fast lines go outwards", 0.0, -10.0, 10.0, "lines/s"),
        number("contour.reach", "how far lines are seen", 0.3, 0.02, 2.0, "pictures", 1.25),
    )

    def __init__(self) -> None:
        self._phase = 0.0

    def advance(self, dt: float, value: Mapping[str, Value]) -> None:
        self._phase = (self._phase + dt * float(value["drift"])) % 1

    def colours(
        self, depth: FloatArray, pixel: FloatArray, palette: Palette, value: Mapping[str, Value]
    ) -> FloatArray:
        # Hot at the outline, and cooler with every line further away.
        near = _near(depth, value)
        ground = palette(0.14 * near * (depth > 0))
        lines, outline = self._lines(depth, pixel, value)
        return over(over(ground, palette(0.08 + 0.82 * near), lines), palette(1), outline)

    def cover(self, depth: FloatArray, pixel: FloatArray, value: Mapping[str, Value]) -> FloatArray:
        return np.maximum(*self._lines(depth, pixel, value))

    def _lines(
        self, depth: FloatArray, pixel: FloatArray, value: Mapping[str, Value]
    ) -> tuple[FloatArray, FloatArray]:
        """(n,) each: how much of a pixel the lines cover, and how much the outline."""
        spacing, width = float(value["spacing"]), float(value["width"])
        at = depth / spacing + np.float32(self._phase)
        from_line = (at - np.rint(at)) * spacing
        lines = line(from_line, width, pixel) * _near(depth, value)
        return lines, line(depth, 2.5 * width, pixel)


def _near(depth: FloatArray, value: Mapping[str, Value]) -> FloatArray:
    near: FloatArray = np.exp(-np.abs(depth) / np.float32(value["reach"]))
    return near
