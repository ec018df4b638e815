"""The last seconds of sound, written by one thread and read by others, without a lock."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualiser.types import FloatArray

HISTORY = 1 << 17  # samples a ring keeps: 2.7 s at 48 kHz


class Ring:
    """The last `capacity` samples of one or more channels.

    Why a read is never torn: `append` says how far it is going to write (`_claimed`) before it
    touches a sample, and how far it has written (`written`) after the last one. `copy` takes
    samples up to `written`, and afterwards looks at `_claimed`: if by then no writer had set out
    to write over the first sample it took, none of them changed under its hands; otherwise `read`
    tries again. Both counts are whole Python integers, stored and loaded in one step and in
    program order. An audio callback so never waits for anyone.
    """

    def __init__(self, capacity: int = HISTORY, channels: int = 1) -> None:
        self.capacity = capacity
        self.channels = channels
        self.written = 0  # samples, ever
        self._claimed = 0
        self._samples = np.zeros((capacity, channels), np.float32)

    def append(self, block: FloatArray, columns: Sequence[int] | None = None) -> None:
        """Copy a block in, (n, channels); or of a wider one these columns. Nothing is allocated."""
        self._claimed = self.written + len(block)
        block = block[-self.capacity :]
        at = (self._claimed - len(block)) % self.capacity
        before_edge = min(len(block), self.capacity - at)
        for part, to in ((block[:before_edge], at), (block[before_edge:], 0)):
            if columns is None:
                self._samples[to : to + len(part)] = part
            else:
                for own, column in enumerate(columns):
                    self._samples[to : to + len(part), own] = part[:, column]
        self.written = self._claimed

    def copy(self, out: FloatArray, end: int) -> bool:
        """Fill `out`, (n, channels), with the n samples before sample number `end`.

        Zeros where nothing had been written yet; False when they are no longer (all) kept.
        """
        n = len(out)
        at = (end - n) % self.capacity
        before_edge = min(n, self.capacity - at)
        out[:before_edge] = self._samples[at : at + before_edge]
        out[before_edge:] = self._samples[: n - before_edge]
        return self._claimed <= end - n + self.capacity

    def read(self, n: int, end: int | None = None) -> FloatArray:
        """A copy of the n samples before number `end` (default: the newest): (n, channels).

        Zeros where nothing had been written yet; ValueError when they are no longer kept.
        """
        out = np.empty((n, self.channels), np.float32)
        while True:
            stop = self.written if end is None else end
            if n <= self.capacity and self.copy(out, stop):
                return out
            if end is not None or n > self.capacity // 2:
                raise ValueError(f"this ring no longer holds the {n} samples before {stop}")
