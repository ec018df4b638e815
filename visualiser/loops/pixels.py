"""Pictures at full size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]
Floats = NDArray[np.float32]


def paint(
    wide: Floats,
    first: NDArray[np.int64],
    weights: Floats,
    colours: Words,
    odd: float,
    canvas: Words,
    left: int,
    top: int,
) -> None:
    """Rows of levels into colours, at a place of a canvas (H, pitch).

    wide: (h, width) levels; first, weights: (height,), (height, taps): which rows of them make up
    a row of the box, and how much of each; colours: by a level's whole number; odd: how much
    further on an odd row's are.
    """
    height, width = weights.shape[0], wide.shape[1]
    level = np.empty(width, np.float32)
    index = np.empty(width, np.int32)
    last = np.int32(len(colours) - 1)
    for y in range(height):
        level[:] = odd * np.float32(y & 1)
        for tap in range(weights.shape[1]):
            weight, row = weights[y, tap], wide[first[y] + tap]
            for x in range(width):
                level[x] += weight * row[x]
        for x in range(width):
            index[x] = min(max(np.int32(level[x]), np.int32(0)), last)
        pixels = canvas[top + y]
        for x in range(width):
            pixels[left + x] = colours[np.uint32(index[x])]


def blend(octets: Octets, before: Octets, share: int) -> None:
    """Octets (n,) over those before, rounded; share: of them, of 255."""
    rest = np.uint16(255 - share)
    for i in range(octets.shape[0]):
        both = np.uint16(np.uint16(octets[i]) * share) + np.uint16(np.uint16(before[i]) * rest)
        both = np.uint16(both + 128)
        octets[i] = np.uint16(both + (both >> 8)) >> 8  # a whole number over 255


def to_yuv420(pixels: Words, width: int, luma: Octets, blue: Octets, red: Octets) -> None:
    """Pixels (H, pitch), 0xRRGGBB, as luma (H, at least width) and chroma of half that size each,
    in bt709's limited range (ITU-R BT.709-6, sections 3 and 4). H and width are even."""
    for y in range(0, pixels.shape[0], 2):
        for row in range(y, y + 2):
            source, out = pixels[row], luma[row]
            for x in range(width):
                p = np.int32(source[x])
                r, g, b = (p >> 16) & 255, (p >> 8) & 255, p & 255
                out[x] = (r * 11966 + g * 40254 + b * 4064 + (16 << 16) + (1 << 15)) >> 16
        upper, lower, u, v = pixels[y], pixels[y + 1], blue[y >> 1], red[y >> 1]
        for x in range(width >> 1):
            r = g = b = np.int32(0)
            for p in (upper[2 * x], upper[2 * x + 1], lower[2 * x], lower[2 * x + 1]):
                q = np.int32(p)
                r, g, b = r + ((q >> 16) & 255), g + ((q >> 8) & 255), b + (q & 255)
            u[x] = (b * 28784 - r * 6596 - g * 22188 + (128 << 18) + (1 << 17)) >> 18
            v[x] = (r * 28784 - g * 26145 - b * 2639 + (128 << 18) + (1 << 17)) >> 18


LOOPS: dict[Callable[..., Any], str] = {
    paint: "(float32[:,::1], int64[::1], float32[:,::1], uint32[::1], float32, uint32[:,::1],"
    " int64, int64)",
    blend: "(uint8[::1], uint8[::1], uint16)",
    to_yuv420: "(uint32[:,::1], int64, uint8[:,::1], uint8[:,::1], uint8[:,::1])",
}
