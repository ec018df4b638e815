"""Places of pictures, at which flashes are looked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualiser.types import FloatArray

Bools = NDArray[np.bool_]
Signs = NDArray[np.int8]
Octets = NDArray[np.uint8]


def see(
    levels: Octets, order: tuple[int, int, int], linear: FloatArray, weights: FloatArray,
    faint: float, light: FloatArray, red: FloatArray, saturated: Bools,
) -> None:  # fmt: skip
    """Levels of places (n, 4) as what is judged of them, (n,) each.

    order: where red, green and blue are; linear: the light of each level; weights: of each colour
    in the luminance; faint: red that is darker is no colour.
    """
    none, thrice = np.float32(0), np.float32(3)
    for i in range(levels.shape[0]):
        pixel = levels[i]
        r, g, b = linear[pixel[order[0]]], linear[pixel[order[1]]], linear[pixel[order[2]]]
        other = g + b
        light[i] = r * weights[0] + g * weights[1] + b * weights[2]
        red[i] = max(r - other, none)
        saturated[i] = (red[i] >= thrice * other) & (r > faint)


def follow(
    values: FloatArray, seen: Bools, change: FloatArray, dark: FloatArray,
    ends: FloatArray, can: Bools, since: Bools,
    next_ends: FloatArray, next_can: Bools, next_since: Bools, turns: Bools,
) -> None:  # fmt: skip
    """Curves that go on to values (n,), as `Turns` has them.

    change, dark: (k, 1); ends, can, since: (2, k, n), (2, k, n), (k, n), as it was before, and the
    next as it is then; turns: (2, k, n) which have risen, and fallen.
    """
    for k in range(change.shape[0]):
        enough, below = change[k, 0], dark[k, 0]
        lows, highs = ends[0, k], ends[1, k]
        next_lows, next_highs = next_ends[0, k], next_ends[1, k]
        can_rise, can_fall, before = can[0, k], can[1, k], since[k]
        next_rise, next_fall, after = next_can[0, k], next_can[1, k], next_since[k]
        rising, falling = turns[0, k], turns[1, k]
        for i in range(values.shape[0]):
            value = values[i]
            low, high = min(lows[i], value), max(highs[i], value)
            known = before[i] | seen[i]
            rises = (value - low >= enough) & (low < below) & can_rise[i] & known
            falls = (high - value >= enough) & (value < below) & can_fall[i] & known & (not rises)
            turned = rises | falls
            next_lows[i] = value if turned else low
            next_highs[i] = value if turned else high
            next_rise[i] = (can_rise[i] | falls) & (not rises)
            next_fall[i] = (can_fall[i] | rises) & (not falls)
            after[i] = seen[i] | (known & (not turned))
            rising[i], falling[i] = rises, falls


def light(
    lit: Signs, rises: Bools, falls: Bools, shape: tuple[int, int], after: Signs, fields: FloatArray
) -> None:
    """Which places are lit, (k, n), after those have risen and those fallen, and how many in each
    of the fields, as `Strand` has it: (k * 25 + k,). shape: of the grid."""
    height, width = shape[0] // 6, shape[1] // 6
    parts = np.empty((6, 6), np.int32)
    for k in range(lit.shape[0]):
        at = whole = 0
        was, up, down, now = lit[k], rises[k], falls[k], after[k]
        for i in range(lit.shape[1]):
            now[i] = was[i] * (not (up[i] | down[i])) + up[i] - down[i]
        parts[:] = 0
        for y in range(shape[0]):
            row = parts[y // height]
            for part in range(6):
                total = 0
                for _ in range(width):
                    total += now[at]
                    at += 1
                row[part] += total
                whole += total
        for y in range(5):
            for x in range(5):
                total = parts[y, x] + parts[y, x + 1] + parts[y + 1, x] + parts[y + 1, x + 1]
                fields[k * 25 + y * 5 + x] = np.float32(total) / np.float32(2)
        fields[lit.shape[0] * 25 + k] = np.float32(whole) / np.float32(2)


def most(marked: Bools, field: tuple[int, int]) -> int:
    """How many places of a grid (H, W) are marked in the field of that shape that has most."""
    height, width = field
    columns = np.zeros(marked.shape[1], np.int32)  # of as many rows as a field has
    largest = 0
    for y in range(marked.shape[0]):
        new = marked[y]
        for x in range(columns.shape[0]):
            columns[x] += new[x]
        if y >= height:
            old = marked[y - height]
            for x in range(columns.shape[0]):
                columns[x] -= old[x]
        total = 0
        for x in range(columns.shape[0]):
            total += columns[x]
            if x >= width:
                total -= columns[x - width]
            largest = max(largest, total)
    return largest


LOOPS: dict[Callable[..., Any], str] = {
    see: "(uint8[:,::1], UniTuple(int64, 3), float32[::1], float32[::1], float32, float32[::1],"
    " float32[::1], boolean[::1])",
    follow: "(float32[::1], boolean[::1], float32[:,::1], float32[:,::1], float32[:,:,::1],"
    " boolean[:,:,::1], boolean[:,::1], float32[:,:,::1], boolean[:,:,::1], boolean[:,::1],"
    " boolean[:,:,::1])",
    light: "(int8[:,::1], boolean[:,::1], boolean[:,::1], UniTuple(int64, 2), int8[:,::1],"
    " float32[::1])",
    most: "(boolean[:,::1], UniTuple(int64, 2))",
}
