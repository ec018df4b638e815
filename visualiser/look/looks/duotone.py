"""Two colours, as two inks are printed."""

from __future__ import annotations

from collections.abc import Mapping

from visualiser.controls import Value, number
from visualiser.look.looks.base import Look, inside, over
from visualiser.look.palette import Palette
from visualiser.types import FloatArray


class Duotone(Look):
    name = "duotone"
    blurb = "two colours that meet in a crisp edge"
    controls = (
        number("duotone.ground", "the ground's place on the palette", 0.34, 0.0, 1.0, "share"),
        number("duotone.shape", "the shape's place on the palette", 0.82, 0.0, 1.0, "share"),
    )

    def colours(
        self, depth: FloatArray, pixel: FloatArray, palette: Palette, value: Mapping[str, Value]
    ) -> FloatArray:
        ground, shape = palette(float(value["ground"])), palette(float(value["shape"]))
        return over(ground, shape, inside(depth, pixel))

    def ground(self, palette: Palette, value: Mapping[str, Value]) -> FloatArray:
        return palette(float(value["ground"]))
