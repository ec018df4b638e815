"""Beginnings: where the spectrum grows, at fixed hops of the sound's own samples.

Spectral flux of logarithmic band powers, with the maximum over neighbouring bands before it taken
off, so that vibrato is none (Boeck and Widmer, "Maximum filter vibrato suppression for onset
detection", 2013), each band measured against its own bed (adaptive whitening: Stowell and
Plumbley, 2007), and picked causally against a running median (Boeck, Krebs and Schedl, 2012).
"""

from __future__ import annotations

import numpy as np

from visualiser.audio.spectrum import Array, band_weights, samples_of, step
from visualiser.types import FloatArray

HOP_S = 0.005
WINDOW_S = 0.0213
CHANNELS = 4  # overall, low, mid, high
_EDGES_HZ = np.concatenate([[30.0, 70.0, 110.0, 155.0], np.geomspace(215, 16_000, 21)])
_SPLITS_HZ = (150.0, 4_000.0)  # between low, mid and high
_FALL = 0.25  # share of the window that fades out at its newest end: short, to be early
_LAG = 3  # hops that flux looks back
_BED_RISE_S, _BED_FALL_S = 1.5, 0.3
_BELOW_PEAK = 10**-5.0  # what is 50 dB under the loudest band is bed, too
_PEAK_S = 3.0
_HISTORY = 200  # hops of the running median: a second
_WEIGHTS = np.array([0.12, 0.44, 0.44])  # of low, mid and high in the overall flux

# Of overall, low, mid, high: the least flux that is an onset, and times the median.
_LEAST = np.array([0.5, 1.5, 0.6, 0.7])
_TIMES_MEDIAN = np.array([2.5, 3.0, 2.5, 2.5])
_OF_PEAK = 0.1  # and this share of the largest of the last seconds
_FULL = 3.0  # flux that is an onset of strength 1
_REFRACTORY = 12  # hops


class Onsets:
    """Samples in, at any pace -> flux and onsets for each hop that was completed.

    A hop ends at every multiple of 5 ms of the sound's own samples, so what is found does not
    depend on how the samples are handed over. floor: (n_flux_bands,) power under which a band is
    never heard.
    """

    def __init__(self, samplerate: int) -> None:
        self.hop = max(1, round(samplerate * HOP_S))
        self.hop_s = self.hop / samplerate
        self.window = samples_of(WINDOW_S, samplerate)
        fall = max(2, int(self.window * _FALL))
        rise = self.window - fall
        shape = np.concatenate(
            [
                np.sin(np.pi / 2 * (np.arange(rise) + 0.5) / rise) ** 2,
                np.cos(np.pi / 2 * (np.arange(fall) + 0.5) / fall) ** 2,
            ]
        )
        self._shape = (shape * np.sqrt(2 / self.window / (shape**2).sum())).astype(np.float32)
        edges_hz = _EDGES_HZ[: max(2, int(np.searchsorted(_EDGES_HZ, samplerate / 2)) + 1)]
        self._weights = band_weights(edges_hz, self.window, samplerate)
        self.centres_hz = np.sqrt(edges_hz[1:] * edges_hz[:-1])
        group = np.searchsorted(_SPLITS_HZ, self.centres_hz)
        members = (group[:, None] == np.arange(3)).astype(float)
        self._groups = members / np.maximum(members.sum(axis=0), 1)
        self._offsets = np.arange(self.window)
        self.floor = np.full(self.centres_hz.size, 1e-7)
        self._rise, self._fall = step(self.hop_s, _BED_RISE_S), step(self.hop_s, _BED_FALL_S)
        self._fade = 1 - step(self.hop_s, _PEAK_S)
        self.reset()

    def reset(self) -> None:
        n = self.centres_hz.size
        self._hops = 0  # of the sound so far: the next hop ends at (hops + 1) * hop
        self._bed = np.log(self.floor)
        self._peak = 0.0
        self._past = np.zeros((_LAG, n))
        self._median_of = np.zeros((CHANNELS, _HISTORY))
        self._median = np.zeros(CHANNELS)
        self._high = np.zeros(CHANNELS)
        self._since = np.full(CHANNELS, _REFRACTORY)
        self._low_since = np.zeros(CHANNELS)  # least flux since the last onset

    def restart(self, end: int) -> None:
        """The next sample is number end + 1 of some other sound."""
        self._hops = end // self.hop

    def advance(self, samples: FloatArray, end: int) -> tuple[Array, Array]:
        """samples: (n,) float32 up to number `end`; those before the window of the first hop that
        is new are not looked at, and where they are missing hops are left out.

        Returns flux (hops, 4) and strength (hops, 4) 0..1, which is 0 where nothing begins.
        """
        first, last = self._hops + 1, end // self.hop
        oldest = end - samples.size
        first = max(first, -((-oldest - self.window) // self.hop))
        if last < first:
            return np.zeros((0, CHANNELS)), np.zeros((0, CHANNELS))
        self._hops = last
        starts = np.arange(first, last + 1) * self.hop - self.window - oldest
        frames = samples[starts[:, None] + self._offsets]
        frames -= frames.mean(axis=1, keepdims=True)
        spectrum = np.fft.rfft(frames * self._shape, axis=1)
        powers = ((spectrum.real**2 + spectrum.imag**2) @ self._weights).astype(np.float64)
        flux = np.empty((powers.shape[0], CHANNELS))
        strengths = np.zeros_like(flux)
        for i, power in enumerate(powers):
            flux[i] = self._flux(power)
            self._pick(first + i, flux[i], strengths[i])
        return flux, strengths

    def _flux(self, power: Array) -> Array:
        """(4,): how much louder than a moment ago, in octaves of power above the bed."""
        self._peak = max(float(power.max()), self._peak * self._fade)
        least = np.maximum(self.floor, self._peak * _BELOW_PEAK)
        bed = np.maximum(self._bed, np.log(least))
        now = np.log2(1 + power / (2 * np.exp(bed)))
        log_power = np.log(np.maximum(power, least))
        pace = np.where(log_power > bed, self._rise, self._fall)
        self._bed = bed + pace * (log_power - bed)
        before = self._past[0].copy()
        np.maximum(before[1:], self._past[0][:-1], out=before[1:])
        np.maximum(before[:-1], self._past[0][1:], out=before[:-1])
        self._past[:-1] = self._past[1:]
        self._past[-1] = now
        grown = np.maximum(now - before, 0) @ self._groups
        return np.concatenate([[grown @ _WEIGHTS], grown])

    def _pick(self, hop: int, flux: Array, strength: Array) -> None:
        self._median_of[:, hop % _HISTORY] = flux
        if hop % 4 == 0:
            self._median = np.partition(self._median_of, _HISTORY // 2)[:, _HISTORY // 2]
        threshold = np.maximum(_LEAST, _TIMES_MEDIAN * self._median)
        threshold = np.maximum(threshold, _OF_PEAK * self._high)
        self._high = np.maximum(self._high * self._fade, flux)
        self._low_since = np.minimum(self._low_since, flux)
        self._since += 1
        begins = (flux > threshold) & (self._since > _REFRACTORY)
        begins &= flux - self._low_since > 0.5 * threshold
        strength[begins] = np.clip(flux[begins] / _FULL, 0, 1)
        self._since[begins] = 0
        self._low_since[begins] = flux[begins]
