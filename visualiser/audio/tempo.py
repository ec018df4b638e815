"""How fast it is: periods in the flux of the last seconds, and which of them is the beat.

The autocorrelations of low, mid and high flux at a beat's length and at its halves and multiples
tell a beat from its half and its double: kicks and snares come with beats, hats go between them.
(Scheirer, 1998; Ellis, "Beat tracking by dynamic programming", 2007, for the log-normal
preference.) The weights were fitted on generated patterns, by a softmax over tempi.
"""

from __future__ import annotations

import numpy as np

from visualiser.audio.spectrum import Array

BPM = np.geomspace(64.0, 196.0, 160)  # 0.7 % apart
SPAN_S = 6.0  # of flux that is looked at
MULTIPLES = np.array([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0])
_LOUD = 3.0  # flux is no louder than this
_LOUDEST = 9.0  # or than this, where kicks are to be told from bass
_REACH = 0.62  # share of what is known that lags may have: beyond, too little overlaps
_PREFER_BPM = 115.0
_PHASES = 64
_SMOOTH_S = 0.02
_COMB_FADE_S = 3.0
_SMOOTH = np.array([1.0, 3.0, 4.0, 3.0, 1.0]) / 12
# Fitted: of low, mid, high and low + mid by the multiples; the same times the distance from the
# preferred tempo; of the pairs; of that distance, squared and plain.
_FITTED = np.array(
    [
        0.23, 0.78, -0.52, 1.15, 2.19, 0.40, -1.31, 1.67,
        -0.30, 0.50, 0.88, 2.73, 0.55, 1.93, 1.13, 0.90,
        0.10, 2.17, 0.41, 2.19, 2.08, 2.70, 0.74, 0.15,
        -0.23, 0.77, -0.02, 2.39, 1.52, 1.00, 0.40, 1.44,
        0.12, 0.51, -0.03, 0.49, -0.01, 1.43, -0.54, 2.24,
        0.61, 1.90, -0.08, 0.70, 0.64, 1.12, 0.55, 1.36,
        0.98, -0.39, 0.98, -1.30, -0.46, -0.59, 0.66, 0.22,
        0.33, 1.31, -0.06, 0.64, 0.53, 1.28, -0.05, 2.07,
        -1.18, 1.66, 0.30, 0.81, 0.24, -0.09, -0.68,
        -3.72, -1.72,
    ]
)  # fmt: skip
# Of the channels of phase_features() on the beat; a quarter after it; a half; three quarters.
_FITTED_PHASE = np.array(
    [
        2.86, 3.33, 3.42, 3.06, 2.86, 3.33,
        -0.68, -2.26, -1.64, -2.33, -0.87, -1.50,
        1.92, -1.06, -1.70, 2.76, 1.33, -3.19,
        0.49, 2.02, 1.36, 2.67, -0.07, 0.54,
    ]
)  # fmt: skip
# End of the fit


def describe(flux: Array, hop_s: float) -> Array:
    """(len(BPM), n_features) of flux (hops, 3): low, mid, high, oldest first."""
    n = len(flux)
    size = -(-int((1 + _REACH) * n + 2) // 128) * 128  # lags beyond that may wrap round
    curves = np.sqrt(np.minimum(flux, _LOUD))
    signals = np.stack([curves[:, 0], curves[:, 1], curves[:, 2], curves[:, 0] + curves[:, 1]])
    signals = np.stack([np.convolve(s, _SMOOTH, "same") for s in signals])
    signals = signals - signals.mean(axis=1, keepdims=True)
    spectra = np.fft.rfft(signals, size)
    same = np.fft.irfft(np.abs(spectra) ** 2, size)[:, :n]
    same /= n - np.arange(n)  # as if the overlap were as long for all
    same /= np.maximum(same[:, :1], 1e-9)
    lags = (60.0 / BPM)[:, None] / hop_s * MULTIPLES
    inside = lags < n * _REACH
    at = np.minimum(lags, n - 2)
    whole = at.astype(int)
    part = at - whole
    found = same[:, whole] * (1 - part) + same[:, whole + 1] * part  # (4, bpm, multiples)
    found *= inside
    columns = found.transpose(1, 0, 2).reshape(len(BPM), -1)
    away = np.log2(BPM / _PREFER_BPM)[:, None]
    at_half, at_one, at_two = found[3, :, 1], found[3, :, 3], found[3, :, 5]
    hats_half, hats_quarter = found[2, :, 1], found[2, :, 0]
    pairs = (at_half * at_one, at_one * at_two, at_half * hats_half, at_half * hats_quarter,
             at_one * hats_half, hats_half * hats_quarter, at_half * found[0, :, 1])  # fmt: skip
    return np.concatenate([columns, columns * away, np.stack(pairs, 1), away**2, away], axis=1)


def scores(flux: Array, hop_s: float) -> Array:
    """(len(BPM),): how well each tempo explains flux (hops, 3); noise gives less than 4."""
    return describe(flux, hop_s) @ _FITTED


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


def phase(flux: Array, hop_s: float, bpm: float) -> float:
    """0..1: how far into a beat the last row of flux (hops, 3) is."""
    curve = phase_features(flux, hop_s, bpm) @ _FITTED_PHASE
    n = len(curve)
    i = int(curve.argmax())
    before, at, after = curve[i - 1], curve[i], curve[(i + 1) % n]
    bend = before - 2 * at + after
    off = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return float(((i + 0.5 + off) / n) % 1.0)


def phase_features(flux: Array, hop_s: float, bpm: float) -> Array:
    """(64, 24): for each phase that the last row of flux (hops, 3) may have, how much began on the
    beats, and a quarter, half and three quarters of a beat after them: low, mid, mid without low
    (snares are that, kicks are not) and high; then low and mid as loud as they are.
    """
    ago_s = np.arange(len(flux))[::-1] * hop_s
    at = (ago_s * bpm / 60 % 1.0 * _PHASES).astype(int) % _PHASES
    fade = np.exp(-ago_s / _COMB_FADE_S)
    curves = np.sqrt(np.minimum(flux, _LOUD))
    snare = np.maximum(curves[:, 1] - curves[:, 0], 0.0)
    loud = np.minimum(flux[:, :2], _LOUDEST) / _LOUD
    channels = (curves[:, 0], curves[:, 1], snare, curves[:, 2], loud[:, 0], loud[:, 1])
    profiles: Array = np.stack(
        [np.bincount(at, c * fade, _PHASES).astype(np.float64) for c in channels]
    )
    profiles /= np.maximum(np.bincount(at, fade, _PHASES), 1e-9)
    smooth = np.exp(-0.5 * (2 * np.pi * np.arange(_PHASES // 2 + 1) * _SMOOTH_S * bpm / 60) ** 2)
    profiles = np.fft.irfft(np.fft.rfft(profiles) * smooth, _PHASES)
    profiles /= max(float(profiles.max()), 1e-9)
    # A quarter of a beat after the beat is a quarter less ago.
    turned = [np.roll(profiles, k * _PHASES // 4, axis=1) for k in range(4)]
    return np.concatenate(turned).T
