"""Where ticks come from: the wall, or a count of frames."""

from __future__ import annotations

import time
from collections.abc import Iterator

from visualiser.types import Tick

LONGEST_DT = 0.1  # s: after a stall (a window being dragged) the show goes on, it does not leap


class WallClock:
    """Live: one tick a frame, at most fps of them a second; fps 0 is as fast as it goes."""

    def __init__(self, fps: float) -> None:
        self._period = 1 / fps if fps else 0.0

    def ticks(self) -> Iterator[Tick]:
        began = last = deadline = time.perf_counter()
        t, index = 0.0, 0
        while True:
            now = time.perf_counter()
            dt = min(now - last, LONGEST_DT)
            t, last = now - began, now
            yield Tick(index, t, dt)
            index += 1
            deadline += self._period
            now = time.perf_counter()
            if now < deadline:
                time.sleep(deadline - now)
            else:
                deadline = now  # late: start counting from here instead of rushing after


class FixedClock:
    """Offline: tick i is at i / fps, however long it takes to draw."""

    def __init__(self, fps: float, seconds: float) -> None:
        self.fps = fps
        self.frames = max(round(seconds * fps), 1)

    def ticks(self) -> Iterator[Tick]:
        for index in range(self.frames):
            yield Tick(index, index / self.fps, 1 / self.fps if index else 0.0)
