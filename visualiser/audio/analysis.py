"""What is heard: a window of samples -> Features."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visualiser.types import Features, FloatArray

Array = NDArray[np.float64]

_SILENCE_DBFS = -120.0
_FIRST_PEAK_DBFS = -20.0  # what we expect before anything was heard: music at an ordinary level
_KNEE_DB = 3.0  # from the floor to fully open
_SHARE_DB = 12.0  # one band's share of a noise that is spread over all of them
_NOTHING = 1e-3  # a band this low is drawn as nothing, and becomes exactly 0


class Ear:
    """Listens to one window of sound per tick.

    What it does, in order: level and FFT of the Hann-windowed samples; power in bands that are
    evenly spaced by ear; a tilt, so that treble counts; decibels below the loudest of the last
    seconds (the automatic gain); a gate at the noise floor; attack and release.

    n_bands: how many; n_fft: samples in a window, 2048 are 43 ms at 48 kHz;
    f_lo_hz, f_hi_hz: lower edge of the first and upper edge of the last band;
    attack_s, release_s: time constants of the values that come out;
    gain_attack_s, gain_release_s: time constants of the gain, in decibels a second: after a 50 dB
    drop it is back within 4 dB of full scale in 2.5 of the latter;
    floor_dbfs: level (RMS, within the bands) below which all is room noise, and gives nothing,
    however long it lasts; 3 dB above it everything is let through;
    range_db: how far below the loudest a band is 0;
    tilt_db_per_octave: added to each band. Music has less and less power towards the treble, 3 to
    5 dB an octave in bands such as these; without it the upper half of the bands never moves.

    All time constants are in seconds, so results do not depend on the tick rate.
    """

    def __init__(
        self,
        n_bands: int = 16,
        n_fft: int = 2048,
        f_lo_hz: float = 40.0,
        f_hi_hz: float = 16_000.0,
        attack_s: float = 0.01,
        release_s: float = 0.15,
        gain_attack_s: float = 0.03,
        gain_release_s: float = 1.5,
        floor_dbfs: float = -58.0,
        range_db: float = 36.0,
        tilt_db_per_octave: float = 3.0,
    ) -> None:
        self.n_bands = n_bands
        self.n_fft = n_fft
        self.edges_hz = np.geomspace(f_lo_hz, f_hi_hz, n_bands + 1)
        self.attack_s = attack_s
        self.release_s = release_s
        self.gain_attack_s = gain_attack_s
        self.gain_release_s = gain_release_s
        self.floor_dbfs = floor_dbfs
        self.range_db = range_db
        centres_hz = np.sqrt(self.edges_hz[1:] * self.edges_hz[:-1])
        self._tilt_db = tilt_db_per_octave * np.log2(centres_hz / 1_000.0)
        window = np.hanning(n_fft + 1)[:-1]
        # Scaled so that powers of all bins add up to the mean square of the samples.
        self._hann = (window * np.sqrt(2 / n_fft / (window**2).sum())).astype(np.float32)
        self._samplerate = 0
        self._weights = np.zeros((0, n_bands), np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget all that was heard."""
        # One row of values: the loudness first, then the bands, for they are treated alike.
        self._heard = np.zeros(1 + self.n_bands)
        self._peaks_db = np.full(2, _FIRST_PEAK_DBFS)  # of the loudness, and of the loudest band

    def listen(self, samples: FloatArray, samplerate: int, dt: float) -> Features:
        """What is heard in the last n_fft samples, dt seconds after the last call.

        samples: (n,) float32 -1..1, of which the last n_fft count; fewer are filled with silence
        in front; NaN and infinity count as 0. samplerate: Hz, may change at any call.

        Returns rms 0..1, an amplitude, and bands (n_bands,) float32 0..1, in decibels over
        range_db: 1 is the loudest of the last seconds, bands above half the samplerate are 0, and
        after 1.2 s of digital silence (by default) all are exactly 0. level_dbfs -120..0 is the
        level now, before all of that: a full-scale sine has -3.
        """
        if samplerate != self._samplerate:
            self._samplerate = samplerate
            self._weights = _band_weights(self.edges_hz, self.n_fft, samplerate)
        window = np.zeros(self.n_fft, np.float32)
        recent = samples[-self.n_fft :]
        window[self.n_fft - len(recent) :] = np.where(np.isfinite(recent), recent, 0.0)
        np.clip(window, -1.0, 1.0, out=window)
        window -= window.mean()  # a constant offset is not sound

        spectrum = np.fft.rfft(window * self._hann)
        powers = (spectrum.real**2 + spectrum.imag**2) @ self._weights
        bands_dbfs = _db(powers)
        # How loud it is in the bands: rumble that nobody hears is no music.
        loud_dbfs = float(_db(powers.sum()))
        tilted_db = bands_dbfs + self._tilt_db

        # The gain: the peaks follow what is heard, up fast and down slowly. Below the floor they
        # stay where they are, so that a pause neither lifts the room's noise nor makes the next
        # beat too bright.
        now_db = np.array([loud_dbfs, tilted_db.max()])
        if loud_dbfs > self.floor_dbfs:
            up = now_db > self._peaks_db
            step = np.where(up, _step(dt, self.gain_attack_s), _step(dt, self.gain_release_s))
            self._peaks_db += step * (now_db - self._peaks_db)

        scaled = np.empty_like(self._heard)
        scaled[0] = 10 ** ((loud_dbfs - self._peaks_db[0]) / 20)
        scaled[1:] = 1.0 + (tilted_db - self._peaks_db[1]) / self.range_db
        np.clip(scaled, 0.0, 1.0, out=scaled)
        scaled *= np.clip((loud_dbfs - self.floor_dbfs) / _KNEE_DB, 0.0, 1.0)
        # Quiet music opens the gate for itself, not for the noise in the bands it leaves free.
        band_floor_dbfs = self.floor_dbfs - _SHARE_DB
        scaled[1:] *= np.clip((bands_dbfs - band_floor_dbfs) / _KNEE_DB, 0.0, 1.0)

        up = scaled > self._heard
        step = np.where(up, _step(dt, self.attack_s), _step(dt, self.release_s))
        self._heard += step * (scaled - self._heard)
        self._heard[self._heard < _NOTHING] = 0.0
        level_dbfs = float(_db(np.dot(window, window) / self.n_fft))
        return Features(float(self._heard[0]), self._heard[1:].astype(np.float32), level_dbfs)


def _step(dt: float, tau_s: float) -> float:
    """The part of the way that an exponential of time constant tau_s goes in dt seconds."""
    if tau_s <= 0.0:
        return 1.0
    return float(-np.expm1(-max(dt, 0.0) / tau_s))


def _db(power: ArrayLike) -> Array:
    """Decibels of a power, no less than those of silence."""
    decibels: Array = 10.0 * np.log10(np.maximum(power, 10 ** (_SILENCE_DBFS / 10)))
    return np.maximum(decibels, _SILENCE_DBFS)  # the logarithm may come out a hair below


def _band_weights(edges_hz: Array, n_fft: int, samplerate: int) -> FloatArray:
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
