"""What waits for no even time of a tick: sound that begins, and the first move of a hand."""

from __future__ import annotations

from collections.abc import Callable

REST_S = 0.1  # so long hands must have rested: in a sweep ticks stay even, and no more of them
GRANTED_S = 0.005  # time for a frame to be given up, until the tick has begun


class Sooner:
    """begins: whether sound has begun, at t; hands: whether somebody has asked for something that
    no tick has taken yet."""

    def __init__(self, begins: Callable[[float], bool], *hands: Callable[[], bool]) -> None:
        self._begins, self._hands = begins, hands
        self._moved = self._granted = -REST_S

    def __call__(self, t: float) -> bool:
        """Between two ticks: whether the next should come now. t: s of the show."""
        return self._begins(t) or self._has_moved(t)

    def _has_moved(self, t: float) -> bool:
        if not any(has_asked() for has_asked in self._hands):
            return False
        if t - self._moved >= REST_S:
            self._granted = t
        self._moved = t
        return t - self._granted < GRANTED_S
