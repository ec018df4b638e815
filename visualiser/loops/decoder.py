"""What a decoder draws with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from visualiser.types import FloatArray

TILE = 8, 16  # pixels: rows, columns


def shape(
    across: FloatArray, down: FloatArray, lines: FloatArray, units: FloatArray, last: FloatArray,
    values: FloatArray,
) -> None:  # fmt: skip
    """Lines, cut at 0, that are joined by units, cut at 0 too, into one picture of whole tiles.

    across, down: (W,), (H,) x and y of its places; lines: (3, n) what each gives for x, y and 1;
    units: (n, m) of each line, how much it gives to each unit; last: (m,) how much each of those
    gives to the picture; values: (H, W).

    In a tile most lines are nowhere above 0, or nowhere below it. The former give nothing, and the
    latter are together one plane for each unit: only those that cross a tile take place by place.
    """
    height, width = TILE
    n, m = units.shape
    x, y = np.empty(height * width, np.float32), np.empty(height * width, np.float32)
    plane = np.empty((3, m), np.float32)
    crossing = np.empty((n + 3, height * width), np.float32)  # four are added at a time
    which = np.zeros(n + 3, np.int64)
    unit, total = np.empty_like(x), np.empty_like(x)
    for top in range(0, values.shape[0], height):
        for left in range(0, values.shape[1], width):
            for i in range(height * width):
                x[i], y[i] = across[left + i % width], down[top + i // width]
            middle_x, middle_y = (x[0] + x[-1]) / 2, (y[0] + y[-1]) / 2
            to_x, to_y = (x[-1] - x[0]) / 2, (y[-1] - y[0]) / 2
            plane[:] = 0
            found = 0
            for k in range(n):
                a, b, c = lines[0, k], lines[1, k], lines[2, k]
                middle, reach = a * middle_x + b * middle_y + c, abs(a) * to_x + abs(b) * to_y
                if middle <= -reach:
                    continue
                if middle < reach:
                    which[found] = k
                    for i in range(height * width):
                        crossing[found, i] = max(a * x[i] + b * y[i] + c, np.float32(0))
                    found += 1
                else:  # and where they are no numbers, which then go on
                    for j in range(m):
                        plane[0, j] += a * units[k, j]
                        plane[1, j] += b * units[k, j]
                        plane[2, j] += c * units[k, j]
            crossing[found : found + 3] = 0
            total[:] = 0
            for j in range(m):
                a, b, c = plane[0, j], plane[1, j], plane[2, j]
                for i in range(height * width):
                    unit[i] = a * x[i] + b * y[i] + c
                for k in range(0, found, 4):
                    one, two = crossing[k], crossing[k + 1]
                    three, four = crossing[k + 2], crossing[k + 3]
                    a, b = units[which[k], j], units[which[k + 1], j]
                    c, d = units[which[k + 2], j], units[which[k + 3], j]
                    for i in range(height * width):
                        unit[i] += a * one[i] + b * two[i] + c * three[i] + d * four[i]
                for i in range(height * width):
                    total[i] += last[j] * (np.float32(0) if unit[i] <= 0 else unit[i])
            for i in range(height * width):
                values[top + i // width, left + i % width] = total[i]


LOOPS: dict[Callable[..., Any], str] = {
    shape: "(float32[::1], float32[::1], float32[:,::1], float32[:,::1], float32[::1],"
    " float32[:,::1])",
}
