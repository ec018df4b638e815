"""The picture between two mirrors that meet in the middle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visualiser.controls import Value, number
from visualiser.look.effects.base import Effect
from visualiser.look.field import Field


class Kaleidoscope(Effect):
    """The picture lies in the wedge between the mirrors, where it turns, as bits of glass do in the
    tube."""

    name = "kaleidoscope"
    key = "k"
    blurb = "a flower of wedges"
    order = 3
    controls = (
        number("kaleidoscope.wedges", "of the flower, each with its mirror image", 6.0, 1.0, 24.0,
               "wedges"),
        number("kaleidoscope.turn", "how fast the picture turns in its wedge", 0.04, -2.0, 2.0,
               "turns/s"),
        number("kaleidoscope.apart", "from the middle to the picture's", 0.24, 0.0, 1.0,
               "pictures"),
        number("kaleidoscope.scale", "size of the picture in its wedge", 0.7, 0.1, 3.0, "times",
               1.25),
    )  # fmt: skip

    def __init__(self) -> None:
        self._turns = 0.0

    def advance(self, dt: float, value: Mapping[str, Value]) -> None:
        self._turns = (self._turns + dt * float(value["turn"])) % 1

    def apply(self, field: Field, value: Mapping[str, Value]) -> Field:
        wedge = 2 * np.pi / max(round(float(value["wedges"])), 1)
        scale, apart = float(value["scale"]), float(value["apart"])
        x, y = field.places()
        radius, angle = np.hypot(x, y), np.arctan2(y, x) + np.pi / 2  # one points up
        folded = np.abs((angle + wedge / 2) % wedge - wedge / 2)
        x, y = radius * np.cos(folded) - np.float32(apart), radius * np.sin(folded)
        turn = 2 * np.pi * self._turns
        cos, sin = np.float32(np.cos(turn) / scale), np.float32(np.sin(turn) / scale)
        seen = field.sample(x * cos - y * sin, x * sin + y * cos)
        if field.kind == "distance":
            seen = seen * np.float32(scale)
        return field.with_values(seen)
