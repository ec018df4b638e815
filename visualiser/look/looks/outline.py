"""A line around the shape, of one width."""

from __future__ import annotations

from collections.abc import Mapping

from visualiser.controls import Value, number
from visualiser.look.looks.base import Look, inside, line, over
from visualiser.look.palette import Palette
from visualiser.types import FloatArray


class Outline(Look):
    name = "outline"
    blurb = "a line around the shape"
    controls = (
        number("outline.width", "of the line", 0.012, 0.0005, 0.1, "pictures", 1.25),
        number("outline.tint", "how much colour is inside", 0.14, 0.0, 1.0, "share"),
    )

    def colours(
        self, depth: FloatArray, pixel: FloatArray, palette: Palette, value: Mapping[str, Value]
    ) -> FloatArray:
        tinted = over(palette(0), palette(float(value["tint"])), inside(depth, pixel))
        return over(tinted, palette(1), line(depth, float(value["width"]), pixel))

    def cover(self, depth: FloatArray, pixel: FloatArray, value: Mapping[str, Value]) -> FloatArray:
        return line(depth, float(value["width"]), pixel)  # it is tinted glass inside
