"""Several channels into one, so that none is lost."""

from __future__ import annotations

import math

import numpy as np

from visualiser.types import FloatArray

_DEAD = 1e-3  # -60 dB: a channel that is so far below the loudest has nothing plugged in
_CANCELLED = 0.1  # -20 dB: a mean that is so far below its channels has them against each other
_HOLD_S = 3.0  # how long a channel is remembered as loud, time constant
_TURN_S = 0.1  # how fast the mix changes, time constant: no steps in what is heard


class Mix:
    """The mean of the channels that carry something.

    A signal on one of two channels keeps its level, however much the other one hums 60 dB below.
    Where the channels are each other's opposite (a cable with a wire crossed) the loudest alone is
    heard, for their mean would be nothing.
    """

    def __init__(self) -> None:
        self._loud = np.zeros(0)  # (channels,) root mean square, held
        self._mean = 0.0  # the same of the mean of those that carry something
        self._weights = np.zeros(0)  # (channels,)
        self._passed_s = 0.0  # since there were samples

    def mono(self, samples: FloatArray, dt: float) -> FloatArray:
        """(n, channels) -> (n,). dt: seconds since the last call, for what is remembered."""
        self._passed_s += dt
        channels = samples.shape[1]
        if channels == 1 or not len(samples):
            return samples[:, 0] if channels else np.zeros(len(samples), np.float32)
        dt, self._passed_s = self._passed_s, 0.0
        first = self._loud.size != channels
        if first:
            self._loud = np.zeros(channels)
        even = np.full(len(samples), 1 / len(samples), np.float32)
        swing = samples - even @ samples  # a constant says nothing
        products = swing.T @ swing / np.float32(len(samples))  # mean ones, of every pair
        keep = math.exp(-dt / _HOLD_S)
        self._loud = np.maximum(np.sqrt(np.diag(products)), self._loud * keep)
        loudest = self._loud.max()
        alive = self._loud >= max(loudest * _DEAD, 1e-9)
        if not alive.any():
            alive[:] = True
        mean_square = float(products[alive][:, alive].mean())
        self._mean = max(math.sqrt(max(mean_square, 0.0)), self._mean * keep)
        if self._mean < loudest * _CANCELLED:
            alive = np.arange(channels) == self._loud.argmax()
        target = alive / alive.sum()
        turn = 1.0 if first else 1 - math.exp(-dt / _TURN_S)
        self._weights = target if first else self._weights + turn * (target - self._weights)
        return samples @ self._weights.astype(np.float32)
