"""Where ticks come from: the wall, or a count of frames."""

from __future__ import annotations

import time
from collections.abc import Iterator

from visualiser.types import Tick

LONGEST_DT = 0.1  # s: after a stall (a window being dragged) the show goes on, it does not leap
SHOWN_AFTER = 0.6  # of a frame's time after its tick, at most: room to draw in, 10 ms at 60 fps
IN_TIME = 0.8  # share of the frames that are to be drawn by then
PACE_S = 0.0005  # how fast that is learned, a frame


class WallClock:
    """Live: one tick a frame, at most fps of them a second; fps 0 is as fast as it goes.

    Ticks come at even times, and `hold` waits for an even time to show what was drawn for one.
    Drawing that takes a little longer now and then is not seen, then: what is shown is evenly
    spaced, and as old. How long it waits is what four of five frames of the last seconds needed,
    and the fifth is shown as soon as it is drawn: were the slowest waited for, all would be as
    late behind what is heard as the one that the machine kept waiting. began: perf_counter's at
    t 0.
    """

    def __init__(self, fps: float) -> None:
        self._period = 1 / fps if fps else 0.0
        self.began = 0.0
        self._due = 0.0  # when the present tick was to begin
        self._room = SHOWN_AFTER * self._period  # from then until it is to be shown

    def ticks(self) -> Iterator[Tick]:
        self.began = last = self._due = time.perf_counter()
        index = 0
        while True:
            now = time.perf_counter()
            dt = min(now - last, LONGEST_DT)
            last = now
            yield Tick(index, now - self.began, dt)
            index += 1
            self._due += self._period
            if not _sleep_until(self._due):
                self._due = time.perf_counter()  # late: count from here, do not rush after

    def now(self) -> float:
        """This moment, in seconds of the show as ticks have them: for measuring alone."""
        return time.perf_counter() - self.began

    def hold(self) -> None:
        """Wait until the frame of the present tick is to be shown."""
        is_in_time = _sleep_until(self._due + self._room)
        # Steps up and down balance where that share is in time.
        room = self._room + PACE_S * (IN_TIME - is_in_time)
        self._room = min(max(room, 0.0), SHOWN_AFTER * self._period)


def _sleep_until(due: float) -> bool:
    """False if that time was over already."""
    left = due - time.perf_counter()
    if left > 0:
        time.sleep(left)
    return left > 0


class FixedClock:
    """Offline: tick i is at i / fps, however long it takes to draw."""

    def __init__(self, fps: float, seconds: float) -> None:
        self.fps = fps
        self.frames = max(round(seconds * fps), 1)

    def ticks(self) -> Iterator[Tick]:
        for index in range(self.frames):
            yield Tick(index, index / self.fps, 1 / self.fps if index else 0.0)
