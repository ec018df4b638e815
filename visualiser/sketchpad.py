"""What a hand draws on the input pane: lines of light on a dark ground."""

from __future__ import annotations

from collections import deque

import numpy as np

from visualiser.types import FloatArray

WIPED = 8  # drawings that can be had back
SIZE = 96  # pixels along each edge; networks are given it at their own size


class Sketchpad:
    """field: (SIZE, SIZE) float32 0..1, a new array after every change."""

    def __init__(self) -> None:
        self.field: FloatArray = np.zeros((SIZE, SIZE), np.float32)
        self._wiped: deque[FloatArray] = deque(maxlen=WIPED)
        middles = (np.arange(SIZE) + 0.5) / SIZE
        self._x, self._y = np.meshgrid(middles, middles)

    def line(self, start: tuple[float, float], end: tuple[float, float], width: float) -> None:
        """From x, y to x, y, all in shares of the pane from its upper left corner, with round
        ends."""
        (x0, y0), (x1, y1) = start, end
        along = np.array([x1 - x0, y1 - y0])
        length = max(float(along @ along), 1e-12)
        at = np.clip(((self._x - x0) * along[0] + (self._y - y0) * along[1]) / length, 0, 1)
        away = np.hypot(self._x - x0 - at * along[0], self._y - y0 - at * along[1])
        ink = np.clip((width / 2 - away) * SIZE + 0.5, 0, 1).astype(np.float32)
        self.field = np.maximum(self.field, ink)

    def wipe(self) -> None:
        if self.field.any():
            self._wiped.append(self.field)
        self.field = np.zeros((SIZE, SIZE), np.float32)

    def undo(self) -> None:
        """What was wiped last is there again, beside what was drawn since."""
        if self._wiped:
            self.field = np.maximum(self.field, self._wiped.pop())
