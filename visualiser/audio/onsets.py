"""Beginnings: where the spectrum grows, at fixed steps of the sound's own samples.

Spectral flux of logarithmic band powers, with the maximum over neighbouring bands before it taken
off, so that vibrato is none (Boeck and Widmer, "Maximum filter vibrato suppression for onset
detection", 2013), each band measured against its own bed (adaptive whitening: Stowell and
Plumbley, 2007), and picked causally against a running median (Boeck, Krebs and Schedl, 2012).
"""

from __future__ import annotations

import math

import numpy as np

from visualiser.audio.spectrum import Array, band_weights, is_silent, power, samples_of
from visualiser.smoothing import step
from visualiser.types import FloatArray

STEP_S = 0.0025  # between two looks: half of it is waited for in the mean
HOP = 2  # steps between two values that the beat is made of
WINDOW_S = 0.0213
CHANNELS = 4  # overall, low, mid, high
_EDGES_HZ = np.concatenate([[30.0, 70.0, 110.0, 155.0], np.geomspace(215, 16_000, 21)])
_SPLITS_HZ = (150.0, 4_000.0)  # between low, mid and high
_FALL = 0.25  # share of the window that fades out at its newest end: short, to be early
_LAG = 6  # steps that flux looks back
_BEDDED = 8  # steps after which the beds move: they do so slowly
_BED_RISE_S, _BED_FALL_S = 1.5, 0.3
_BELOW_PEAK = math.log(10**-5.0)  # what is 50 dB under the loudest band is bed, too
_PEAK_S = 3.0
_HISTORY = 400  # steps of the running median: a second
_RENEWED = 8  # steps after which it is taken anew
_WEIGHTS = np.array([0.12, 0.44, 0.44])  # of low, mid and high in the overall flux

# Of overall, low, mid, high: the least flux that is an onset, and times the median.
_LEAST = (0.5, 1.5, 0.6, 0.7)
_TIMES_MEDIAN = (2.5, 3.0, 2.5, 2.5)
_SURE = 1.5  # times that, between two hops: what begins clearly is told half a hop sooner
_OF_PEAK = 0.1  # and this share of the largest of the last seconds
_FULL = 3.0  # flux that is an onset of strength 1
_REFRACTORY = 24  # steps
_TOGETHER = 12  # steps after a beginning in which those of its parts are heard


class Onsets:
    """Samples in, at any pace -> flux of each hop, and onsets of each step, that was completed.

    A step ends at every multiple of 2.5 ms of the sound's own samples, and every other one ends a
    hop, so what is found does not depend on how the samples are handed over.
    """

    def __init__(self, samplerate: int) -> None:
        self._step = max(1, round(samplerate * STEP_S))
        self.hop = HOP * self._step
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
        weights = band_weights(edges_hz, self.window, samplerate)
        self._weights = weights[: 1 + np.flatnonzero(weights.any(axis=1)).max()]
        self.centres_hz = np.sqrt(edges_hz[1:] * edges_hz[:-1])
        group = np.searchsorted(_SPLITS_HZ, self.centres_hz)
        members = (group[:, None] == np.arange(3)).astype(float)
        members /= np.maximum(members.sum(axis=0), 1)
        self._groups = np.concatenate([members @ _WEIGHTS[:, None], members], axis=1)
        self._floor_log = np.full(self.centres_hz.size, math.log(1e-7))
        step_s = self._step / samplerate
        self._rise, self._fall = (
            step(_BEDDED * step_s, pace_s) for pace_s in (_BED_RISE_S, _BED_FALL_S)
        )
        self._peak_fade = 1 - step(_BEDDED * step_s, _PEAK_S)
        self._fade = 1 - step(step_s, _PEAK_S)
        self.reset()

    def reset(self) -> None:
        n = self.centres_hz.size
        self._steps = 0  # of the sound so far: the next ends at (steps + 1) * step
        self._lie(self._floor_log)
        self._peak = 0.0
        self._past = np.zeros((_LAG, n))
        self._told = np.zeros((_HISTORY + _RENEWED, CHANNELS))  # flux up to now
        self._medians, self._medians_at = [0.0] * CHANNELS, -1
        self._high = [0.0] * CHANNELS
        self._began = [-_REFRACTORY] * CHANNELS  # the step of the last beginning
        self._lowest = [0.0] * CHANNELS  # flux since the last onset

    def set_floor(self, floor: Array) -> None:
        """floor: (n_flux_bands,) power under which a band is never heard."""
        self._floor_log = np.log(floor)
        self._lie(np.maximum(self._bed, self._floor_log))

    def restart(self, end: int) -> None:
        """The next sample is number end + 1 of some other sound."""
        steps = end // self._step
        self._began = [began + steps - self._steps for began in self._began]
        self._steps = steps
        self._medians_at = -1

    def advance(self, samples: FloatArray, end: int) -> tuple[Array, Array]:
        """samples: (n,) float32, in one piece, up to number `end`; those before the window of the
        first step that is new are not looked at, and where they are missing steps are left out.

        Returns flux (hops, 4) and strength (steps, 4) 0..1, which is 0 where nothing begins.
        """
        first, last = self._steps + 1, end // self._step
        oldest = end - samples.size
        first = max(first, -((-oldest - self.window) // self._step))
        if last < first:
            return np.zeros((0, CHANNELS)), np.zeros((0, CHANNELS))
        self._steps = last
        at, n = first * self._step - self.window - oldest, last + 1 - first
        if is_silent(samples[at:]):
            powers = np.zeros((n, self._weights.shape[1]), np.float32)
        else:
            strides = (self._step * samples.itemsize, samples.itemsize)
            shape, start = (n, self.window), at * samples.itemsize
            frames = np.ndarray(shape, samples.dtype, samples, start, strides)
            sums = np.add.reduce(frames, axis=1, keepdims=True)
            frames = frames - sums / np.float32(self.window)
            frames *= self._shape
            powers = power(np.fft.rfft(frames)[:, : len(self._weights)]) @ self._weights
        flux = self._flux(first, powers.astype(np.float64))
        return flux[-first % HOP :: HOP], self._pick(first, flux)

    def _flux(self, first: int, powers: Array) -> Array:
        """(steps, n_flux_bands) from step `first` on -> (steps, 4): how much louder than a moment
        ago, in octaves of power above the bed."""
        n = len(powers)
        known = np.empty((_LAG + n, powers.shape[1]))
        known[:_LAG] = self._past
        over = known[_LAG:]
        begin = 0
        while begin < n:
            end = min(begin + 1 + -(first + begin) % _BEDDED, n)
            np.multiply(powers[begin:end], self._gain, out=over[begin:end])
            if (first + end - 1) % _BEDDED == 0:
                self._follow_bed(powers[end - 1])
            begin = end
        over += 1.0
        np.log2(over, out=over)
        self._past = known[n:]
        highest = known[:n].copy()
        np.maximum(highest[:, 1:], known[:n, :-1], out=highest[:, 1:])
        np.maximum(highest[:, :-1], known[:n, 1:], out=highest[:, :-1])
        return np.maximum(over - highest, 0) @ self._groups

    def _follow_bed(self, powers: Array) -> None:
        """Each band's bed goes towards its power, (n_flux_bands,), as it is now."""
        self._peak = max(float(np.maximum.reduce(powers)), self._peak * self._peak_fade, 1e-12)
        least = np.maximum(self._floor_log, math.log(self._peak) + _BELOW_PEAK)
        bed = np.maximum(self._bed, least)
        off = np.maximum(np.log(np.maximum(powers, 1e-15)), least) - bed
        # It rises slower than it falls: the lesser of the two is the one of its sign.
        bed += np.minimum(off * self._rise, off * self._fall)
        self._lie(bed)

    def _lie(self, bed: Array) -> None:
        """bed: (n_flux_bands,), logarithms of power from now on."""
        self._bed = bed
        self._gain = 0.5 * np.exp(-bed)  # power that is twice the bed counts as 1

    def _pick(self, first: int, flux: Array) -> Array:
        """Find what begins, overall and in each group: flux (steps, 4) from step `first` on ->
        strengths (steps, 4). Plain numbers are fastest here."""
        strengths = np.zeros(flux.shape)
        self._told = np.concatenate([self._told[-_HISTORY - _RENEWED :], flux])
        overall = [self._began[0]]
        for k, column in enumerate(flux.T.tolist()):
            lowest, high, least = self._lowest[k], self._high[k], _LEAST[k]
            if max(column) <= least:  # nothing begins
                self._lowest[k] = min(lowest, min(column))
                self._high[k] = high * self._fade ** len(column)
                continue
            for at, value in enumerate(column, first):
                lowest = min(lowest, value)
                before, high = high, max(high * self._fade, value)
                # What begins in one group alone is mostly none: a kick's own waves, heard one by
                # one.
                together = k == 0 or any(0 <= at - began <= _TOGETHER for began in overall)
                if value > least and at - self._began[k] > _REFRACTORY and together:
                    median = self._median(k, at)
                    threshold = max(least, _TIMES_MEDIAN[k] * median, _OF_PEAK * before)
                    threshold *= 1.0 if at % HOP == 0 else _SURE
                    if value > threshold and value - lowest > 0.5 * threshold:
                        strengths[at - first, k] = min(value / _FULL, 1.0)
                        self._began[k], lowest = at, value
                        overall += [at] if k == 0 else []
            self._lowest[k], self._high[k] = lowest, high
        return strengths

    def _median(self, channel: int, step: int) -> float:
        """Of the flux of the last second, as it is taken now and then; it is worked out only when
        it is asked for, for mostly nobody does."""
        at = step - step % _RENEWED
        if at != self._medians_at:
            end, middle = len(self._told) - (self._steps - at), _HISTORY // 2
            told = self._told[end - _HISTORY : end].T
            self._medians = np.partition(told, middle)[:, middle].tolist()
            self._medians_at = at
        return self._medians[channel]
