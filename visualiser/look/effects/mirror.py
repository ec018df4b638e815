"""The picture and its mirror image, as one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visualiser.controls import Value, number, switch
from visualiser.look.effects.base import Effect
from visualiser.look.field import Field


class Mirror(Effect):
    name = "mirror"
    key = "x"
    blurb = "left and right alike"
    order = 2
    controls = (
        number("mirror.apart", "from the seam to the picture's middle", 0.2, 0.0, 1.0, "pictures"),
        switch("mirror.quarters", "above and below alike, too", False),
    )

    def apply(self, field: Field, value: Mapping[str, Value]) -> Field:
        apart = np.float32(value["apart"])
        x, y = field.places()
        x = np.abs(x) - apart
        if value["quarters"]:
            y = np.abs(y) - apart
        return field.with_values(field.sample(x, y))
