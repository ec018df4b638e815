"""The shape, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from visualiser.controls import Value, number
from visualiser.look.looks.base import Look, inside, over
from visualiser.look.palette import Palette
from visualiser.types import FloatArray


class Fill(Look):
    name = "fill"
    blurb = "the shape in one colour, as crisp as the screen"
    controls = (number("fill.tone", "the shape's place on the palette", 1.0, 0.0, 1.0, "share"),)

    def colours(
        self, depth: FloatArray, pixel: FloatArray, palette: Palette, value: Mapping[str, Value]
    ) -> FloatArray:
        return over(palette(0), palette(float(value["tone"])), inside(depth, pixel))
