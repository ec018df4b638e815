"""Lines that trail off, and dots at their heads."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualiser.types import FloatArray

Words = NDArray[np.uint32]

BLOCK = 16  # columns that are drawn at once


def trace(
    canvas: Words,
    xs: FloatArray,
    ys: FloatArray,
    colours: Words,
    strengths: FloatArray,
    first: int,
    radius: float,
    dot: float,
) -> None:
    """Smooth lines with round joins over what is on a canvas (H, pitch), and a dot at each's end.

    xs, ys: (times,) that never fall, and (n, times), px, of at least two times; colours: (n,), as
    the canvas has them; strengths: (columns,) of the lines, 0..256, from the column `first` of the
    canvas on: no others are drawn; radius: half a line's width; dot: a dot's radius, 0 for none.
    """
    zero, half, one, far = np.float32(0), np.float32(0.5), np.float32(1), np.float32(1e9)
    lower, upper = np.uint32(0x00FF00FF), np.uint32(0xFF00FF00)  # two colours at a time
    byte, rounding = np.uint32(8), np.uint32(0x00800080)
    tall, n_parts = np.float32(len(canvas)), len(xs) - 1
    reach, full = radius + half, min(radius + radius, one)
    end, dot_reach = xs[n_parts], dot + half
    scales = np.empty(n_parts, np.float32)
    # Of each pixel: its distance from the line, squared, and then how much of it is covered.
    cover: NDArray[Any] = np.empty(BLOCK, np.float32)
    for lane in range(len(ys)):
        line, colour = ys[lane], colours[lane]
        for part in range(n_parts):
            across, down = xs[part + 1] - xs[part], line[part + 1] - line[part]
            scales[part] = one / max(across * across + down * down, np.float32(1e-6))
        near = 0  # the first part that comes near a block
        for start in range(0, len(strengths), BLOCK):
            size = min(BLOCK, len(strengths) - start)
            left = np.float32(first + start)
            low, high = left - reach, left + np.float32(size - 1) + reach
            while near < n_parts - 1 and xs[near + 1] < low:
                near += 1
            top, bottom, last = far, -far, near
            while last < n_parts and xs[last] <= high:
                from_y, to_y = line[last], line[last + 1]
                slope = (to_y - from_y) / max(xs[last + 1] - xs[last], np.float32(1e-3))
                if xs[last + 1] > high:
                    to_y = from_y + slope * (high - xs[last])
                if xs[last] < low:
                    from_y += slope * (low - xs[last])
                top, bottom = min(top, from_y, to_y), max(bottom, from_y, to_y)
                last += 1
            line_top, line_bottom = top - reach, bottom + reach
            top, bottom = line_top, line_bottom
            has_dot = dot > 0 and low - dot < end < high + dot
            if has_dot:
                top = min(top, line[n_parts] - dot_reach)
                bottom = max(bottom, line[n_parts] + dot_reach)
            if not (top < tall and bottom > -one):  # nor where they are no numbers
                continue
            for row in range(math.ceil(max(top, zero)), math.floor(min(bottom, tall - one)) + 1):
                y = np.float32(row)
                for i in range(BLOCK):
                    cover[i] = reach * reach
                for part in range(near, last if line_top <= y <= line_bottom else near):
                    across, down = xs[part + 1] - xs[part], line[part + 1] - line[part]
                    right, below, scale = left - xs[part], y - line[part], scales[part]
                    for i in range(BLOCK):
                        x = right + np.float32(i)
                        along = min(max((x * across + below * down) * scale, zero), one)
                        beside, under = x - along * across, below - along * down
                        cover[i] = min(cover[i], beside * beside + under * under)
                for i in range(BLOCK):
                    cover[i] = min(reach - np.float32(math.sqrt(cover[i])), full)
                if has_dot:
                    under = y - line[n_parts]
                    for i in range(BLOCK):
                        beside = left + np.float32(i) - end
                        away = np.float32(math.sqrt(beside * beside + under * under))
                        cover[i] = max(cover[i], min(dot_reach - away, one))
                pixels, strength = canvas[row, first + start :], strengths[start:]
                for i in range(size):
                    share = np.uint32(np.int32(max(cover[i], zero) * strength[i] + half))
                    rest, pixel = np.uint32(np.uint32(256) - share), pixels[i]
                    odd = np.uint32((colour & lower) * share + (pixel & lower) * rest + rounding)
                    even = np.uint32(
                        (colour >> byte & lower) * share + (pixel >> byte & lower) * rest + rounding
                    )
                    pixels[i] = (odd >> byte & lower) | (even & upper)


LOOPS: dict[Callable[..., Any], str] = {
    trace: "(uint32[:,::1], float32[::1], float32[:,::1], uint32[::1], float32[::1], int64,"
    " float32, float32)",
}
