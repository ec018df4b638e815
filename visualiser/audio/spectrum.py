"""Power in bands, from two windows: a short one for attacks, a long one for bass."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visualiser.types import FloatArray

Array = NDArray[np.float64]

SILENCE_DBFS = -120.0
NOMINAL_HZ = 48_000  # lengths in samples are said at this rate, and hold their time at others
_SHORT = 4  # the long window is so many short ones


class Spectrum:
    """(n,) samples -> powers (n_bands,), as shares of the mean square of the samples.

    A band is taken from the short window if it is at least two of its bins wide: an attack is
    then seen in a quarter of the time. edges_hz: (n_bands + 1,); n_fft: the long window in
    samples at 48 kHz; samplerate: Hz.
    """

    def __init__(self, edges_hz: Array, n_fft: int, samplerate: int) -> None:
        self.long = samples_of(n_fft / NOMINAL_HZ, samplerate)
        self.short = samples_of(n_fft / NOMINAL_HZ / _SHORT, samplerate)
        self._hanns = [hann(self.long), hann(self.short)]
        wide = np.diff(edges_hz) >= 2 * samplerate / self.short
        both = [band_weights(edges_hz, n, samplerate) for n in (self.long, self.short)]
        self._weights = [both[0] * ~wide, both[1] * wide]

    def powers(self, samples: FloatArray) -> FloatArray:
        """samples: (n,) float32, n at least `long`, of which the last ones count."""
        total = np.zeros(self._weights[0].shape[1], np.float32)
        for window, weights in zip(self._hanns, self._weights, strict=True):
            recent = samples[-window.size :]
            found = np.fft.rfft((recent - recent.sum() / np.float32(recent.size)) * window)
            total += (found.real**2 + found.imag**2) @ weights
        return total


def samples_of(seconds: float, samplerate: int) -> int:
    """An even number of samples, 16 at least."""
    return max(16, 2 * round(seconds * samplerate / 2))


def hann(n: int) -> FloatArray:
    """Scaled so that powers of all bins of an rfft add up to the mean square of the samples."""
    window = np.hanning(n + 1)[:-1]
    return (window * np.sqrt(2 / n / (window**2).sum())).astype(np.float32)


def step(dt: float, tau_s: float) -> float:
    """The part of the way that an exponential of time constant tau_s goes in dt seconds."""
    if tau_s <= 0.0:
        return 1.0
    return float(-np.expm1(-max(dt, 0.0) / tau_s))


def db(power: ArrayLike) -> Array:
    """Decibels of a power, no less than those of silence."""
    decibels: Array = 10.0 * np.log10(np.maximum(power, 10 ** (SILENCE_DBFS / 10)))
    return np.maximum(decibels, SILENCE_DBFS)  # the logarithm may come out a hair below


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
