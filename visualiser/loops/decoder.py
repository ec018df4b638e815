"""What a decoder draws with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def lines(places: Floats, slopes: Floats, least: float, values: Floats) -> None:
    """What lines are at places, and at least. places: (n, 3) x, y, 1; slopes: (3, m) of each line,
    what it gives for one of those; values: (n, m)."""
    for i in range(values.shape[0]):
        x, y, row = places[i, 0], places[i, 1], values[i]
        for j in range(values.shape[1]):
            row[j] = max(x * slopes[0, j] + y * slopes[1, j] + slopes[2, j], least)


LOOPS: dict[Callable[..., Any], str] = {
    lines: "(float32[:,::1], float32[:,::1], float32, float32[:,::1])",
}
