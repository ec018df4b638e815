"""A field of distances, before effects and looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from visualiser.types import FloatArray

FAR = np.float32(5)  # times as far as much is mended


def mend(
    values: FloatArray, pitch: tuple[float, float], near: float, bounds: tuple[float, float],
    mended: FloatArray,
) -> None:  # fmt: skip
    """Distances (H, W) divided by how steep they are, the nearer to 0 the more; at least 3 by 3.

    pitch: from one to the next, across and down; near: as far as that much of it is done; bounds:
    least and most that a slope is taken for; mended: (H, W).
    """
    height, width = values.shape
    around = np.empty((height + 2, width + 2), np.float32)  # which goes on as at the edge
    steep = np.empty_like(around)  # squared
    across, down = np.float32(0.5 / pitch[0]), np.float32(0.5 / pitch[1])
    (least, most), one = bounds, np.float32(1)
    for y in range(height):
        row = around[y + 1]
        for x in range(width):
            row[x + 1] = values[y, x]
        row[0], row[-1] = 2 * row[1] - row[2], 2 * row[-2] - row[-3]
    for x in range(width + 2):
        around[0, x] = 2 * around[1, x] - around[2, x]
        around[-1, x] = 2 * around[-2, x] - around[-3, x]
    for y in range(height):
        upper, middle, lower, out = around[y], around[y + 1], around[y + 2], steep[y + 1]
        for x in range(width):
            a, b = (middle[x + 2] - middle[x]) * across, (lower[x + 1] - upper[x + 1]) * down
            out[x + 1] = a * a + b * b
        out[0], out[-1] = out[1], out[-2]
    steep[0], steep[-1] = steep[1], steep[-2]
    sums = np.empty(width + 2, np.float32)
    factors, fars = np.empty((2, width), np.float32)
    for y in range(height):
        upper, middle, lower = steep[y], steep[y + 1], steep[y + 2]
        for x in range(width + 2):
            sums[x] = upper[x] + (middle[x] + middle[x]) + lower[x]
        for x in range(width):
            square = (sums[x] + (sums[x + 1] + sums[x + 1]) + sums[x + 2]) * np.float32(1 / 16)
            factors[x] = one / min(max(np.sqrt(square), least), most)
            fars[x] = values[y, x] * factors[x] / near
        for x in range(width):
            far, share = fars[x], one
            if abs(far) < FAR:  # further off nothing is left of it
                share += (factors[x] - one) * np.exp(-far * far)
            mended[y, x] = values[y, x] * share


def surround(values: FloatArray, across: FloatArray, down: FloatArray, around: FloatArray) -> None:
    """Distances (H, W) and what lies beside them: each is the way over that place on the edge that
    makes it shortest.

    across: (m, H, H) from each place on the edge to those in the m-th column beside it; down:
    (n, W + 2 m, W + 2 m), so in rows; around: (H + 2 n, W + 2 m).
    """
    (height, width), m, n = values.shape, len(across), len(down)
    around[n : n + height, m : m + width] = values
    near, far = np.empty((2, max(height, width + 2 * m)), np.float32)
    for k in range(m):
        near[:], far[:] = 1e9, 1e9
        for i in range(height):
            left, right, ways = values[i, 0], values[i, width - 1], across[k, i]
            for y in range(height):
                near[y], far[y] = min(near[y], left + ways[y]), min(far[y], right + ways[y])
        around[n : n + height, m - 1 - k] = near[:height]
        around[n : n + height, m + width + k] = far[:height]
    for k in range(n):
        upper, lower = around[n - 1 - k], around[n + height + k]
        upper[:], lower[:] = 1e9, 1e9
        for i in range(width + 2 * m):
            top, bottom, ways = around[n, i], around[n + height - 1, i], down[k, i]
            for x in range(width + 2 * m):
                upper[x], lower[x] = min(upper[x], top + ways[x]), min(lower[x], bottom + ways[x])


LOOPS: dict[Callable[..., Any], str] = {
    mend: "(float32[:,::1], UniTuple(float32, 2), float32, UniTuple(float32, 2), float32[:,::1])",
    surround: "(float32[:,::1], float32[:,:,::1], float32[:,:,::1], float32[:,::1])",
}
