"""Loops over every pixel of a picture, which numba compiles.

To load them takes half a second, and some more on the first time on a machine: what makes films
waits for that, while a window starts without them. Whoever has a loop can do the same with numpy or
ffmpeg, more slowly: until they are loaded, or where numba is not there.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Loop = TypeVar("Loop", bound=Callable[..., Any])
Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]
Floats = NDArray[np.float32]

SWITCH_S = 0.0001  # that another thread has the interpreter's lock while loading

_compiled: dict[Callable[..., Any], Any] = {}


def compiled(loop: Loop) -> Loop | None:
    """The compiled one, if they are loaded; it lets go of the interpreter's lock."""
    return _compiled.get(loop)


def load(stopping: Callable[[], bool] = lambda: False) -> bool:
    """Compile all of them, or take those that were kept; whether there are any now."""
    try:
        from numba import njit
    except ImportError:
        return False
    for loop, types in _LOOPS.items():
        if loop in _compiled or stopping():
            continue
        try:
            _compiled[loop] = njit(types, nogil=True, cache=True)(loop)
        except RuntimeError:  # there is no folder where it could be kept
            _compiled[loop] = njit(types, nogil=True)(loop)
    return True


class Loading:
    """Loads them on a thread of its own, while pictures are shown."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Once; from then on this does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._load, name="loops")
            self._thread.start()

    def close(self) -> None:
        """Wait for the one that is being compiled."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _load(self) -> None:
        # It hardly lets go of the interpreter's lock by itself, and pictures are to wait less.
        before = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        try:
            load(self._stopped.is_set)
            gc.freeze()  # what is loaded stays; looking through it again and again costs frames
        finally:
            sys.setswitchinterval(before)


def lines(places: Floats, slopes: Floats, least: float, values: Floats) -> None:
    """What lines are at places, and at least. places: (n, 3) x, y, 1; slopes: (3, m) of each line,
    what it gives for one of those; values: (n, m)."""
    for i in range(values.shape[0]):
        x, y, row = places[i, 0], places[i, 1], values[i]
        for j in range(values.shape[1]):
            row[j] = max(x * slopes[0, j] + y * slopes[1, j] + slopes[2, j], least)


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


_LOOPS: dict[Callable[..., Any], str] = {
    lines: "(float32[:,::1], float32[:,::1], float32, float32[:,::1])",
    paint: "(float32[:,::1], int64[::1], float32[:,::1], uint32[::1], float32, uint32[:,::1],"
    " int64, int64)",
    blend: "(uint8[::1], uint8[::1], uint16)",
    to_yuv420: "(uint32[:,::1], int64, uint8[:,::1], uint8[:,::1], uint8[:,::1])",
}
