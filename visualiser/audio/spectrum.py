"""Power in bands, from two windows: a short one for attacks, a long one for bass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualiser.types import FloatArray

Array = NDArray[np.float64]

SILENCE_DBFS = -120.0
_SILENCE = 10 ** (SILENCE_DBFS / 10)
NOMINAL_HZ = 48_000  # lengths in samples are said at this rate, and hold their time at others
_SHORT = 4  # the long window is so many short ones


class Spectrum:
    """(n,) samples -> powers (n_bands,), as shares of the mean square of the samples.

    A band is taken from the short window if it is at least two of its bins wide: an attack is
    then seen in a quarter of the time. edges_hz: (n_bands + 1,), no band narrower than the one
    below it; n_fft: the long window in samples at 48 kHz; samplerate: Hz. mean_square: of what
    powers() was asked for last, over the long window, without its offset.
    """

    def __init__(self, edges_hz: Array, n_fft: int, samplerate: int) -> None:
        self.long = samples_of(n_fft / NOMINAL_HZ, samplerate)
        self.short = samples_of(n_fft / NOMINAL_HZ / _SHORT, samplerate)
        narrow = np.count_nonzero(np.diff(edges_hz) < 2 * samplerate / self.short)
        self.mean_square = 0.0
        self._windows = []
        for n, edges in ((self.long, edges_hz[: narrow + 1]), (self.short, edges_hz[narrow:])):
            weights = band_weights(edges, n, samplerate)
            used = 1 + np.flatnonzero(weights.any(axis=1)).max(initial=0)
            self._windows.append((hann(n), weights[:used]))
        self._nothing = np.zeros(edges_hz.size - 1, np.float32)

    def powers(self, samples: FloatArray) -> FloatArray:
        """samples: (n,) float32, n at least `long`, of which the last ones count."""
        if is_silent(samples[-self.long :]):
            self.mean_square = 0.0
            return self._nothing
        found: list[FloatArray] = []
        for window, weights in self._windows:
            recent = samples[-window.size :]
            recent = recent - np.add.reduce(recent) / np.float32(recent.size)
            if not found:
                self.mean_square = float(np.dot(recent, recent)) / recent.size
            recent *= window
            found.append(power(np.fft.rfft(recent)[: len(weights)]) @ weights)
        return np.concatenate(found)


def power(spectrum: NDArray[Any]) -> NDArray[Any]:
    """Of each bin of a complex spectrum; of the same shape and precision."""
    return np.square(spectrum.real) + np.square(spectrum.imag)


def is_silent(samples: NDArray[Any]) -> bool:
    """Whether all of them are 0; the newest alone mostly tells that of music."""
    return not (samples.item(-1) or samples.any())


def samples_of(seconds: float, samplerate: int) -> int:
    """The next even number of samples, 16 at least, that a Fourier transform is quick with: one
    without prime factors above 7. A prime length takes ten times as long."""
    wanted = max(16, 2 * round(seconds * samplerate / 2))
    while (2 * 3 * 5 * 7) ** 40 % wanted:
        wanted += 2
    return wanted


def hann(n: int) -> FloatArray:
    """Scaled so that powers of all bins of an rfft add up to the mean square of the samples."""
    window = np.hanning(n + 1)[:-1]
    return (window * np.sqrt(2 / n / (window**2).sum())).astype(np.float32)


def db(power: FloatArray | Array) -> Array:
    """Decibels of a power, no less than those of silence."""
    decibels: Array = 10.0 * np.log10(np.maximum(power, _SILENCE))
    return np.maximum(decibels, SILENCE_DBFS)  # the logarithm may come out a hair below


def level_db(power: float) -> float:
    """The same of a single number, in a tenth of the time."""
    return max(10.0 * math.log10(max(power, _SILENCE)), SILENCE_DBFS)


def band_weights(edges_hz: Array, n_fft: int, samplerate: int) -> FloatArray:
    """(n_fft // 2 + 1, n_bands) float32: how much of each bin's power belongs to each band.

    A bin is a strip of the spectrum, one bin wide, and is shared out by overlap. So every band
    below half the samplerate has some bin, however narrow it is, and no power is counted twice.
    The lowest bin is the offset that was taken out; the next one answers for all that is below it.
    """
    bin_hz = samplerate / n_fft
    bins_hz = np.arange(n_fft // 2 + 1)[:, None] * bin_hz
    starts_hz, ends_hz = bins_hz - bin_hz / 2, np.minimum(bins_hz + bin_hz / 2, samplerate / 2)
    starts_hz[1] = ends_hz[0] = 0.0
    lo_hz, hi_hz = np.maximum(starts_hz, edges_hz[:-1]), np.minimum(ends_hz, edges_hz[1:])
    weights: FloatArray = (np.maximum(hi_hz - lo_hz, 0.0) / bin_hz).astype(np.float32)
    return weights
