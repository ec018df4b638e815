"""Where ticks come from: the wall, or a count of frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from visualiser.types import Tick

LONGEST_DT = 0.1  # s: after a stall (a window being dragged) the show goes on, it does not leap
SHOWN_AFTER = 0.6  # of a frame's time after its tick, at most: room to draw in, 10 ms at 60 fps
IN_TIME = 0.8  # share of the frames that are to be drawn by then
ASK_S = 0.001  # between two questions whether a tick should come sooner
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
        self._is_sooner = False  # whether it came before
        self._room = SHOWN_AFTER * self._period  # from then until it is to be shown

    def ticks(self, sooner: Callable[[float], bool] | None = None) -> Iterator[Tick]:
        """sooner: asked while there is time left, with t; where it says so the next tick comes at
        once, and even times are counted from there."""
        self.began = last = self._due = time.perf_counter()
        index = 0
        while True:
            now = time.perf_counter()
            dt = min(now - last, LONGEST_DT)
            last = now
            yield Tick(index, now - self.began, dt)
            index += 1
            self._due += self._period
            if not self._rest(sooner):
                self._due = time.perf_counter()  # late: count from here, do not rush after

    def _rest(self, sooner: Callable[[float], bool] | None) -> bool:
        """Wait until the next tick is due; False if that was over already, or it is to come now."""
        if sooner is None:
            return _sleep_until(self._due)
        is_in_time = self._is_sooner = False
        while (left := self._due - time.perf_counter()) > 0:
            if sooner(self.now()):
                self._is_sooner = True
                return False
            time.sleep(min(left, ASK_S))
            is_in_time = True
        return is_in_time

    def now(self) -> float:
        """This moment, in seconds of the show as ticks have them: for measuring alone."""
        return time.perf_counter() - self.began

    @property
    def next_t(self) -> float:
        """When the next tick is due."""
        return self._due + self._period - self.began

    def hold(self) -> None:
        """Wait until the frame of the present tick is to be shown; what came sooner is shown at
        once."""
        if self._is_sooner:
            return
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
