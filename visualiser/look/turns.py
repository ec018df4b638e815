"""Curves that rise and fall, and how often they have done so within the last second.

Many at once, in arrays: each place of a picture is one, and so is each field of it.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from visualiser import loops
from visualiser.types import FloatArray

PERIOD_S = 0.999  # "any one second", for files whose times are rounded to milliseconds
_FAR = np.float32(1e9)  # further than any value is from another

Bools = NDArray[np.bool_]
Counts = NDArray[np.int16]
Signs = NDArray[np.int8]


def is_any(marked: Bools) -> bool:
    """Whether one is; `any` takes several times as long to be asked."""
    return bool(np.count_nonzero(marked))


class Turns:
    """Many curves, each of which turns from rising to falling and back, by `change` or more.

    What counts is the way from the last extreme, however long it takes. values: (n,), or as many
    rows of them as change, dark: (rows, 1) have: every row goes by thresholds of its own. dark: no
    turn counts whose lower end is not below.
    """

    def __init__(self, values: FloatArray, change: FloatArray, dark: FloatArray | None) -> None:
        self._change = change
        self._dark = np.full_like(change, _FAR) if dark is None else dark
        shape = np.broadcast_shapes(values.shape, change.shape)
        # Since each turned last: the lowest and the highest value, and whether it was seen.
        self._ends = np.empty((2, *shape), np.float32)
        self._ends[:] = values
        self._seen: Bools = np.zeros(shape, bool)
        self._can: Bools = np.ones((2, *shape), bool)  # rise, and fall
        self._all: Bools = np.ones(values.shape, bool)

    @property
    def size(self) -> int:
        """How many curves there are in a row."""
        return self._seen.shape[-1]

    def follow(self, values: FloatArray, seen: Bools | None = None) -> tuple[Turns, Bools, Bools]:
        """How it is with these values: the next state, and which have risen, and fallen. seen: no
        turn counts without that at its end, its beginning, or in between."""
        after = object.__new__(Turns)  # a copy, in a tenth of the time of one
        after.__dict__.update(self.__dict__)
        after._ends = np.empty_like(self._ends)
        if compiled := loops.compiled(loops.flashes.follow):
            after._can, after._seen = np.empty_like(self._can), np.empty_like(self._seen)
            turns: Bools = np.empty_like(self._can)
            compiled(
                values, self._all if seen is None else seen, self._change, self._dark,
                self._ends, self._can, self._seen, after._ends, after._can, after._seen, turns,
            )  # fmt: skip
            return after, turns[0], turns[1]
        low = np.minimum(self._ends[0], values, out=after._ends[0])
        high = np.maximum(self._ends[1], values, out=after._ends[1])
        if seen is not None:
            after._seen = since = seen | self._seen
            if not is_any(since):
                return after, since, since  # none of them
        rises = values - low >= self._change
        rises &= self._can[0]
        falls = high - values >= self._change
        falls &= self._can[1]
        rises &= low < self._dark
        falls &= values < self._dark
        if seen is not None:
            rises &= since
            falls &= since
        falls &= ~rises
        turned = rises | falls
        if is_any(turned):
            # Where it has turned, both begin anew: without a mask, which is slow where they are
            # strewn about.
            stays = ~turned
            away = stays * _FAR
            np.maximum(low, values - away, out=low)
            np.minimum(high, values + away, out=high)
            if seen is not None:
                after._seen = (since & stays) | (seen & turned)
            after._can = np.stack(
                [(self._can[0] | falls) & ~rises, (self._can[1] | rises) & ~falls]
            )
        return after, rises, falls


class Tally:
    """How often each of many has turned within the last second."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.counts: Counts = np.zeros(shape, np.int16)
        self._past: deque[tuple[float, Bools]] = deque()

    def copy(self) -> Tally:
        other = Tally(())
        other.counts, other._past = self.counts.copy(), self._past.copy()
        return other

    def expire(self, t: float) -> None:
        """Forget what is older than a second at t, s."""
        while self._past and t - self._past[0][0] >= PERIOD_S:
            self.counts -= self._past.popleft()[1]

    def add(self, t: float, turned: Bools) -> None:
        if self._past:
            t = max(t, self._past[-1][0])  # the first is the first to expire
        self.counts += turned
        self._past.append((t, turned))


class Swings:
    """How often each of n has swung up and down within the last second, where several thresholds
    may say so, each in its turn: as often as a series of them can that takes turns."""

    def __init__(self, n: int) -> None:
        self.counts: Counts = np.zeros(n, np.int16)
        self._way: Signs = np.zeros(n, np.int8)  # of the last: 1 is up, -1 down, 0 there is none
        self._past: deque[tuple[float, Signs]] = deque()

    def copy(self) -> Swings:
        other = Swings(0)
        other.counts, other._way = self.counts.copy(), self._way
        other._past = self._past.copy()
        return other

    def expire(self, t: float) -> None:
        """Forget what is older than a second at t, s."""
        while self._past and t - self._past[0][0] >= PERIOD_S:
            gone = self._past.popleft()[1]
            at = np.flatnonzero(gone)
            later = np.array([ways[at] for _, ways in self._past] or [np.zeros_like(at)])
            follows = later[(later != 0).argmax(axis=0), np.arange(at.size)]  # 0 where nothing does
            self.counts[at] -= follows != gone[at]  # else it goes on with what follows
            self._way = self._way.copy()
            self._way[at[follows == 0]] = 0

    def turning(self, ways: Signs) -> Bools:
        """Which of these swings are no more of the same."""
        return (ways != 0) & (ways != self._way)

    def add(self, t: float, ways: Signs) -> None:
        if self._past:
            t = max(t, self._past[-1][0])
        self.counts += self.turning(ways)
        self._way = np.where(ways, ways, self._way)
        self._past.append((t, ways))
