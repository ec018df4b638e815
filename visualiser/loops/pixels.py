"""Pictures at full size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualiser.types import FloatArray

Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]

_SECOND = np.uint64(0x00FF00FF00FF00FF)  # every second octet of two pixels


def paint(
    wide: FloatArray,
    first: NDArray[np.int64],
    weights: FloatArray,
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
        start, rows, share = odd * np.float32(y & 1), wide[first[y] :], weights[y]
        if len(share) == 4:  # as nearly always: in one go
            a, b, c, d = rows[0], rows[1], rows[2], rows[3]
            of_a, of_b, of_c, of_d = share[0], share[1], share[2], share[3]
            for x in range(width):
                total = start + of_a * a[x] + of_b * b[x] + of_c * c[x] + of_d * d[x]
                index[x] = min(max(np.int32(total), np.int32(0)), last)
        else:
            level[:] = start
            for tap in range(len(share)):
                weight, row = share[tap], rows[tap]
                for x in range(width):
                    level[x] += weight * row[x]
            for x in range(width):
                index[x] = min(max(np.int32(level[x]), np.int32(0)), last)
        pixels = canvas[top + y, left : left + width]  # none counts from the end: faster
        for x in range(width):
            pixels[x] = colours[np.uint32(index[x])]


def blend(octets: Octets, before: Octets, share: int) -> None:
    """Octets (n,) over those before, rounded, into both; share: of them, of 255."""
    rest = np.uint16(255 - share)
    for i in range(octets.shape[0]):
        both = np.uint16(np.uint16(octets[i]) * share) + np.uint16(np.uint16(before[i]) * rest)
        both = np.uint16(both + 128)
        octets[i] = before[i] = np.uint16(both + (both >> 8)) >> 8  # a whole number over 255


def to_yuv420(pixels: Words, width: int, luma: Octets, blue: Octets, red: Octets) -> None:
    """Pixels (H, pitch), 0xRRGGBB, as luma (H, at least width) and chroma of half that size each,
    in bt709's limited range (ITU-R BT.709-6, sections 3 and 4). H, pitch and width are even."""
    pairs = pixels.view(np.uint64)  # of neighbours, whose sums need no reading with gaps
    half = width >> 1
    outer, green = np.empty(half, np.uint32), np.empty(half, np.uint32)  # sums of four pixels
    for y in range(0, pixels.shape[0], 2):
        for row in range(y, y + 2):
            source, out = pixels[row], luma[row]
            for x in range(width):
                p = np.int32(source[x])
                r, g, b = (p >> 16) & 255, (p >> 8) & 255, p & 255
                out[x] = (r * 11966 + g * 40254 + b * 4064 + (16 << 16) + (1 << 15)) >> 16
        upper, lower, u, v = pairs[y], pairs[y + 1], blue[y >> 1], red[y >> 1]
        for x in range(half):
            sums = (upper[x] & _SECOND) + (lower[x] & _SECOND)
            outer[x] = np.uint32(sums + (sums >> np.uint64(32)))
            sums = ((upper[x] >> np.uint64(8)) & _SECOND) + ((lower[x] >> np.uint64(8)) & _SECOND)
            green[x] = np.uint32(sums + (sums >> np.uint64(32)))
        for x in range(half):  # in 32 bits, which numba would make 64
            r, b = np.int32((outer[x] >> 16) & 1023), np.int32(outer[x] & 1023)
            g = np.int32(green[x] & 1023)
            u[x] = np.int32(b * 28784 - r * 6596 - g * 22188 + (128 << 18) + (1 << 17)) >> 18
            v[x] = np.int32(r * 28784 - g * 26145 - b * 2639 + (128 << 18) + (1 << 17)) >> 18


LOOPS: dict[Callable[..., Any], str] = {
    paint: "(float32[:,::1], int64[::1], float32[:,::1], uint32[::1], float32, uint32[:,::1],"
    " int64, int64)",
    blend: "(uint8[::1], uint8[::1], uint16)",
    to_yuv420: "(uint32[:,::1], int64, uint8[:,::1], uint8[:,::1], uint8[:,::1])",
}
