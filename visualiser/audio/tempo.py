"""How fast it is: periods in the flux of the last seconds, and which of them is the beat.

The autocorrelations of low, mid and high flux at a beat's length and at its halves and multiples
tell a beat from its half and its double: kicks and snares come with beats, hats go between them.
(Scheirer, 1998; Ellis, "Beat tracking by dynamic programming", 2007, for the log-normal
preference.) The weights were fitted on generated patterns, by a softmax over tempi.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from visualiser.audio.spectrum import Array, power

BPM = np.geomspace(64.0, 196.0, 160)  # 0.7 % apart
SPAN_S = 6.0  # of flux that is looked at
MULTIPLES = np.array([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0])
_LOUD = 3.0  # flux is no louder than this
_LOUDEST = 9.0  # or than this, where kicks are to be told from bass
_REACH = 0.62  # share of what is known that lags may have: beyond, too little overlaps
_PREFER_BPM = 115.0
PHASES = 64
_SMOOTH_S = 0.02
_COMB_FADE_S = 3.0
_SMOOTH = np.array([1.0, 3.0, 4.0, 3.0, 1.0]) / 12
# Of each quarter of a beat and each phase: which phase, of the four times PHASES there are, is so
# many quarters before it.
_QUARTERS = np.arange(4)[:, None]
_BEFORE = (np.arange(PHASES) - _QUARTERS * PHASES // 4) % PHASES + _QUARTERS * PHASES
# Fitted: of low, mid, high and low + mid by the multiples; the same times the distance from the
# preferred tempo; of the pairs; of that distance, squared and plain.
_FITTED = np.array(
    [
        0.88, 0.66, 0.23, 1.53, 1.84, 0.55, -0.68, 1.57,
        -1.05, 1.32, 0.28, 2.40, 1.31, 1.72, 0.86, 0.85,
        0.06, 1.98, 0.38, 2.16, 1.79, 2.44, 0.85, 0.05,
        0.39, 1.02, 0.59, 2.33, 1.59, 0.97, 0.47, 1.21,
        0.04, 0.60, 0.34, 0.07, 0.37, 1.56, -0.79, 2.27,
        1.19, 2.41, 0.67, 0.15, 1.12, 1.37, 0.65, 1.43,
        1.04, -0.30, 0.82, -1.35, -0.41, -0.41, 1.15, 0.03,
        0.41, 1.48, 0.33, -0.23, 0.82, 0.98, -0.41, 1.89,
        -0.55, 1.68, 0.23, 1.52, 0.27, -0.07, -1.06,
        -3.61, -2.00,
    ]
)  # fmt: skip
# Of the channels of _profiles() on the beat; a quarter after it; a half; three quarters.
_FITTED_PHASE = np.array(
    [
        2.84, 3.36, 3.14, 3.11, 2.91, 3.48,
        -0.87, -2.29, -1.51, -2.64, -0.92, -1.54,
        2.00, -0.76, -0.28, 2.66, 1.10, -3.48,
        0.70, 2.00, 1.20, 2.97, -0.09, 0.53,
    ]
)  # fmt: skip


def scores(flux: Array, hop_s: float) -> Array:
    """(len(BPM),): how well each tempo explains flux (hops, 3), which is low, mid and high, oldest
    first; noise gives less than 4."""
    n = len(flux)
    size = -(-int((1 + _REACH) * n + 2) // 128) * 128  # lags beyond that may wrap round
    curves = [np.convolve(c, _SMOOTH, "same") for c in np.sqrt(np.minimum(flux.T, _LOUD))]
    signals = np.array([*curves, curves[0] + curves[1]])
    signals -= signals.mean(axis=1, keepdims=True)
    same = np.fft.irfft(power(np.fft.rfft(signals, size)), size)
    whole, early, late = _lags(n, hop_s)
    found = np.take(same, whole, axis=1) * early + np.take(same, whole + 1, axis=1) * late
    found *= n / np.maximum(same[:, :1, None], n * 1e-9)  # (4, bpm, multiples)
    at_half, at_one, at_two = found[3, :, 1], found[3, :, 3], found[3, :, 5]
    hats_half, hats_quarter = found[2, :, 1], found[2, :, 0]
    pairs = (at_half * at_one, at_one * at_two, at_half * hats_half, at_half * hats_quarter,
             at_one * hats_half, hats_half * hats_quarter, at_half * found[0, :, 1])  # fmt: skip
    columns = found.transpose(1, 0, 2).reshape(len(BPM), -1)
    plain, by_away, of_pairs, of_away = _FITTED[:32], _FITTED[32:64], _FITTED[64:71], _FITTED[71:]
    away = np.log2(BPM / _PREFER_BPM)
    preferred: Array = away * (columns @ by_away + of_away[0] * away + of_away[1])
    return columns @ plain + preferred + of_pairs @ np.array(pairs)


@lru_cache(maxsize=4)
def _lags(n: int, hop_s: float) -> tuple[NDArray[np.intp], Array, Array]:
    """Where the lags of all tempi and multiples lie in an autocorrelation of n hops: before which
    two, and the share of each, 0 where too little overlaps; (len(BPM), len(MULTIPLES)) each."""
    lags = (60.0 / BPM)[:, None] / hop_s * MULTIPLES
    at = np.minimum(lags, n - 2)
    whole = at.astype(np.intp)
    part = at - whole
    # As if the overlap were as long for all.
    early, late = (1 - part) / (n - whole), part / (n - whole - 1)
    inside = lags < n * _REACH
    return whole, early * inside, late * inside


def refine(found: Array, near: float = 0.0) -> float:
    """The best tempo by scores `found`, finer than BPM is spaced. near: only within 8 % of it."""
    if near:
        found = np.where(np.abs(np.log2(BPM / near)) < 0.11, found, -1e9)
        if found.max() <= -1e9:
            return near
    i = int(found.argmax())
    if not 0 < i < len(BPM) - 1:
        return float(BPM[i])
    before, at, after = found[i - 1 : i + 2]
    bend = before - 2 * at + after
    off = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return float(BPM[i] * (BPM[1] / BPM[0]) ** min(max(off, -0.5), 0.5))


def phases(flux: Array, hop_s: float, bpm: float) -> Array:
    """(PHASES,): how well each phase that the last row of flux (hops, 3) may have, evenly spaced
    from 0 to 1 beat, explains it."""
    profiles = _profiles(flux, hop_s, bpm)
    # A quarter of a beat after the beat is a quarter less ago.
    parts = _FITTED_PHASE.reshape(4, -1) @ profiles
    curve: Array = np.add.reduce(parts.take(_BEFORE))
    # A bin holds what lies behind its beginning.
    return shifted(curve, -0.5 / PHASES)


def shifted(curve: Array, by: float) -> Array:
    """A curve over a beat, (PHASES,), from `by` beats further on: [i] is what was at i + by."""
    at = np.arange(PHASES) + by * PHASES
    whole = np.floor(at).astype(np.intp)
    part = at - whole
    return (1 - part) * curve[whole % PHASES] + part * curve[(whole + 1) % PHASES]


def peak(curve: Array, near: float = 0.5) -> tuple[float, float]:
    """Where a curve over a beat is highest, -0.5..0.5, and how high; near: not further from 0."""
    n = len(curve)
    inside = np.minimum(np.arange(n), n - np.arange(n)) <= near * n
    i = int(np.where(inside, curve, -np.inf).argmax())
    before, at, after = curve[i - 1], curve[i], curve[(i + 1) % n]
    bend = before - 2 * at + after
    off = 0.5 * (before - after) / bend if bend < 0 else 0.0
    where = (i + min(max(off, -0.5), 0.5)) / n
    return float((where + 0.5) % 1.0 - 0.5), float(at)


def _profiles(flux: Array, hop_s: float, bpm: float) -> Array:
    """(6, 64): for each phase that the last row of flux (hops, 3) may have, how much began on the
    beats: low, mid, mid without low (snares are that, kicks are not) and high; then low and mid as
    loud as they are.
    """
    ago_s, fade = _ago(len(flux), hop_s)
    at = (ago_s * (bpm / 60 * PHASES)).astype(np.intp) % PHASES
    low, mid, high = np.sqrt(np.minimum(flux.T, _LOUD))
    snare = np.maximum(mid - low, 0.0)
    loud = np.minimum(flux.T[:2], _LOUDEST) / _LOUD
    channels = (low, mid, snare, high, *loud)
    profiles = np.array([np.bincount(at, channel * fade, PHASES) for channel in channels])
    profiles /= np.maximum(np.bincount(at, fade, PHASES), 1e-9)
    smooth = np.exp(-0.5 * (2 * np.pi * np.arange(PHASES // 2 + 1) * _SMOOTH_S * bpm / 60) ** 2)
    profiles = np.fft.irfft(np.fft.rfft(profiles) * smooth, PHASES)
    profiles /= max(float(profiles.max()), 1e-9)
    return profiles


@lru_cache(maxsize=4)
def _ago(n: int, hop_s: float) -> tuple[Array, Array]:
    """(n,) each, for the last n rows of flux: seconds before the last, and how much it counts."""
    ago_s: Array = np.arange(n, dtype=np.float64)[::-1] * hop_s
    fade: Array = np.exp(-ago_s / _COMB_FADE_S)
    return ago_s, fade
