"""What is heard: windows of sound -> Features. docs/hearing.md says what each of them is for."""

from __future__ import annotations

import math

import numpy as np

from visualiser.audio.beat import Beat
from visualiser.audio.floor import Floor
from visualiser.audio.gain import Gain
from visualiser.audio.onsets import CHANNELS, Onsets
from visualiser.audio.spectrum import NOMINAL_HZ, SILENCE_DBFS, Array, Spectrum, db, level_db
from visualiser.smoothing import step
from visualiser.types import Features, FloatArray, Sound

_KNEE_DB = 3.0  # from the floor to fully open
_UNDER_FLOOR_DB = 20.0  # what is deeper does not delay the next attack
_NOTHING = 1e-3  # a value this low is drawn as nothing, and becomes exactly 0
_SLOWEST_S = 0.11  # ticks this far apart still hear every hop of the sound between them
_ENERGY_S, _ENERGY_PEAK_S, _ENERGY_END_S = 2.5, 60.0, 0.2
_LOUD_RISE_S, _LOUD_FALL_S = 0.01, 0.15  # of the level that loudness is made of
_LOUD_MEMORY_S, _LOUD_FORGET_S = 12.0, 4.0  # how long the loudest is held for that, and fades
# What is softer than music was for long, or than it may become, is by this share less loud for it:
# a build that begins soft begins calm. But no less than so far, or a soft source would do nothing.
_LOUD_SHARE, _LOUD_MOST_DB = 0.6, 10.0
_LOUD_LONG_S, _LOUD_EXPECTED_DBFS = 30.0, -10.0  # how slowly that is forgotten; at first


class Ear:
    """Listens to the sound once per tick.

    What it does, in order: power in bands that are evenly spaced by ear, from two windows; a tilt,
    so that treble counts; decibels below the loudest of the last seconds (gain.py); a gate at the
    room's floor (floor.py); attack and release. Beside that onsets (onsets.py) and the beat
    (beat.py), at fixed hops of the sound's own samples.

    n_bands: how many; n_fft: samples in the long window, at 48 kHz: 2048 are 43 ms at any rate;
    f_lo_hz, f_hi_hz: lower edge of the first and upper edge of the last band;
    attack_s, release_s: time constants of the values that come out;
    gain_attack_s, gain_release_s: of the gain, see Gain; floor_dbfs: see Floor;
    learned_floor: (n_bands,) dBFS as a Floor learned it; of another length it is left out;
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
        learned_floor: FloatArray | None = None,
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
        self._centres_hz = np.sqrt(self.edges_hz[1:] * self.edges_hz[:-1])
        self._tilt_db = tilt_db_per_octave * np.log2(self._centres_hz / 1_000.0)
        self._samplerate = 0
        self._lift = np.float32(1.0)
        self.floor = Floor(n_bands, floor_dbfs)
        if learned_floor is not None and np.shape(learned_floor) == (n_bands,):
            self.floor.use(learned_floor)
        self._tune(NOMINAL_HZ)
        self.reset()

    @property
    def n_samples(self) -> int:
        """How many samples a tick should bring, at the samplerate that was heard last."""
        return max(self._spectrum.long, self._onsets.window + self._new)

    @property
    def learned_floor(self) -> FloatArray | None:
        """(n_bands,) dBFS, or None where none was learned."""
        return self.floor.learned

    @property
    def learning(self) -> bool:
        return self.floor.learning

    def learn_floor(self) -> None:
        """Take the next 3 s for the quiet room; then learned_floor has it, and it is in use."""
        self.floor.learn()

    def stop_learning(self) -> None:
        """Too early: all stays as it was before learn_floor()."""
        self.floor.stop_learning()

    def use_floor(self, learned: FloatArray | None) -> None:
        """learned: (n_bands,) dBFS as learned_floor gave it; None is as if none was learned."""
        self.floor.use(learned)

    def set(
        self, attack_s: float, release_s: float, floor_dbfs: float, sensitivity_db: float
    ) -> None:
        """Change what can be changed while it listens; cheap enough for every tick.

        sensitivity_db: what the sound is lifted by before anything is made of it. level_dbfs alone
        stays that of the sound as it comes.
        """
        self.attack_s, self.release_s = attack_s, release_s
        self._lift = np.float32(10 ** (sensitivity_db / 20))
        if floor_dbfs != self.floor_dbfs:
            self.floor_dbfs = floor_dbfs
            self.floor.rebase(floor_dbfs)

    def reset(self) -> None:
        """Forget all that was heard, but not the floor that was learned."""
        # One row of values: the loudness first, then the bands, for they are treated alike.
        self._heard = np.zeros(1 + self.n_bands)
        self._loud = _Level(self.gain_attack_s, self.gain_release_s)
        self._loudest = _Level(self.gain_attack_s, self.gain_release_s)  # of the bands
        learned = self.floor.learned
        self.floor = Floor(self.n_bands, self.floor_dbfs)
        self.floor.use(learned)
        # The same thing as the gain, but slower: it remembers that it was louder a moment ago.
        self._memory = Gain(0.0, _LOUD_MEMORY_S, _LOUD_FORGET_S)
        self._long_db = _LOUD_EXPECTED_DBFS
        self._power = 0.0
        self._slow_db, self._slow_peak_db = self.floor_dbfs, self.floor_dbfs
        self._energy = 0.0
        self._end: int | None = None
        self._stalled_s = 0.0
        self._begun = np.zeros(CHANNELS)  # the strongest onsets that listen has not told of yet
        self._onsets.reset()
        self.beat = Beat(self._onsets.hop_s)

    def _tune(self, samplerate: int) -> None:
        """Make the tables for a samplerate."""
        self._samplerate = samplerate
        self._spectrum = Spectrum(self.edges_hz, self.n_fft, samplerate)
        self._onsets = Onsets(samplerate)
        self._told_floor: Array | None = None
        self._new = round(_SLOWEST_S * samplerate)
        self._end = None

    def listen(self, sound: Sound, dt: float) -> Features:
        """What is heard dt seconds after the last call.

        The last n_samples of sound.samples count; fewer are filled with silence in front; NaN and
        infinity count as 0. The samplerate may change and `end` may jump at any call.

        Returns rms 0..1, an amplitude, and bands (n_bands,) float32 0..1, in decibels over
        range_db: 1 is the loudest of the last seconds, bands above half the samplerate are 0, and
        after 1.2 s of digital silence (by default) all are exactly 0. level_dbfs -120..0 is the
        level now, before all of that: a full-scale sine has -3.
        """
        dt = min(max(dt, 0.0), 3600.0) if math.isfinite(dt) else 0.0
        self._retune(sound)
        samples = _clean(sound.samples, max(self._spectrum.long, self._n_windows(sound.end)))
        if self._lift != 1.0:
            samples = samples * self._lift
        powers = self._spectrum.powers(samples)
        bands_dbfs = db(powers)
        # How loud it is in the bands: rumble that nobody hears is no music.
        loud_dbfs = level_db(float(powers.sum()))
        tilted_db = bands_dbfs + self._tilt_db

        floor = self.floor
        floor.follow(loud_dbfs, bands_dbfs, dt)
        above_db = bands_dbfs - floor.bands_dbfs
        learned = floor.learned is not None
        over_db = float(above_db.max()) if learned else loud_dbfs - floor.level_dbfs
        is_open = over_db > 0.0 and not floor.learning
        up, down = step(dt, self.attack_s), step(dt, self.release_s)
        least_db = floor.level_dbfs - _UNDER_FLOOR_DB
        full_db = self._loud.follow(max(loud_dbfs, least_db), up, down, dt, is_open)
        full_band_db = self._loudest.follow(
            max(float(tilted_db.max()), least_db), up, down, dt, is_open
        )

        scaled = np.empty_like(self._heard)
        scaled[0] = 10 ** ((loud_dbfs - full_db) / 20)
        scaled[1:] = 1.0 + (tilted_db - full_band_db) / self.range_db
        np.minimum(np.maximum(scaled, 0.0, out=scaled), 1.0, out=scaled)
        # Quiet music opens the gate for itself, not for the noise in the bands it leaves free.
        scaled *= min(over_db / _KNEE_DB, 1.0) if is_open else 0.0
        scaled[1:] *= np.minimum(np.maximum(above_db / _KNEE_DB, 0.0), 1.0)
        scaled -= self._heard
        # If rises are the faster ones, the greater of the two is the one of its sign.
        followed = np.maximum if up >= down else np.minimum
        self._heard += followed(up * scaled, down * scaled)
        self._heard[self._heard < _NOTHING] = 0.0

        self._follow_beat(samples, sound, dt)
        onset, self._begun = self._begun, np.zeros(CHANNELS)
        on_scale = 1.0 + (floor.bands_dbfs + self._tilt_db - full_band_db) / self.range_db
        return Features(
            rms=float(self._heard[0]),
            bands=self._heard[1:].astype(np.float32),
            level_dbfs=level_db(self._spectrum.mean_square / float(self._lift) ** 2),
            floor=np.minimum(np.maximum(on_scale, 0.0), 1.0).astype(np.float32),
            gain_db=-full_db,
            onset=float(onset[0]),
            onset_low=float(onset[1]),
            onset_mid=float(onset[2]),
            onset_high=float(onset[3]),
            loudness=self._follow_loudness(loud_dbfs, dt, is_open),
            energy=self._follow_energy(loud_dbfs, dt, is_open),
            bpm=self.beat.bpm,
            beats=self.beat.beats,
            beat_confidence=self.beat.confidence,
            heard_t=sound.t,
        )

    def attend(self, sound: Sound) -> bool:
        """Look for beginnings alone, between two calls of `listen`, which tells of them. True if
        there are any that it has not told of yet: then it is time to call it.

        sound: as for listen; only its end is looked at, what came since the last look at it, so
        n_new(sound.end) samples are enough.
        """
        self._retune(sound)
        samples = _clean(sound.samples, self._n_windows(sound.end))
        self._follow_beat(samples * self._lift, sound, 0.0)
        return bool(self._begun[0] > 0)

    def _retune(self, sound: Sound) -> None:
        if sound.samplerate != self._samplerate:
            self._tune(sound.samplerate)
            self.beat.retune(self._onsets.hop_s)

    def n_new(self, end: int) -> int:
        """How many samples attend should be given of sound that is at `end`; 0 where it knows
        all of it."""
        return 0 if end == self._end else self._n_windows(end)

    def _n_windows(self, end: int) -> int:
        """How many samples hold the windows of all hops that are new."""
        new = 0 if self._end is None else min(max(end - self._end, 0), self._new)
        return min(self._onsets.window + self._onsets.hop + new, self.n_samples)

    def _follow_beat(self, samples: FloatArray, sound: Sound, dt: float) -> None:
        """Find what begins in the new samples, overall, low, mid and high, and the beat."""
        new = 0 if self._end is None else sound.end - self._end
        if self._end is None or new < 0 or new > self._new:  # another sound, or a long gap
            self._onsets.restart(sound.end)
            self.beat.advance(dt)
        elif new:
            self.beat.advance(new / self._samplerate)
        # A source that comes in blocks has ticks without new samples; one that is lost stalls.
        self._stalled_s = 0.0 if new else self._stalled_s + dt
        if self._end is not None and self._stalled_s > 0.2:
            self.beat.advance(dt)
        self._end = sound.end
        if self.floor.bands_dbfs is not self._told_floor:
            self._told_floor = self.floor.bands_dbfs
            of_flux = np.interp(self._onsets.centres_hz, self._centres_hz, self._told_floor)
            self._onsets.set_floor(10 ** (of_flux / 10))
        flux, strengths = self._onsets.advance(samples, sound.end)
        if len(flux):
            behind_s = (sound.end % self._onsets.hop) / self._samplerate
            self.beat.hear(flux, behind_s)
        if len(strengths):
            self._begun = np.maximum(self._begun, strengths.max(axis=0))

    def _follow_loudness(self, loud_dbfs: float, dt: float, is_open: bool) -> float:
        """0..1: the amplitude of the last moments, against the loudest of some seconds, and partly
        of a minute."""
        power = 10 ** (loud_dbfs / 10) if is_open else 0.0
        pace = _LOUD_RISE_S if power > self._power else _LOUD_FALL_S
        self._power += step(dt, pace) * (power - self._power)
        level = level_db(self._power)
        self._memory.follow(level, dt, is_open)
        full_db = self._memory.full_db
        if is_open:
            forgotten_db = step(dt, _LOUD_LONG_S) * (self._long_db - full_db)
            self._long_db = max(self._long_db - forgotten_db, full_db)
        full_db += min(_LOUD_SHARE * (self._long_db - full_db), _LOUD_MOST_DB)
        loudness: float = 10 ** ((level - full_db) / 20)
        return min(loudness, 1.0) if loudness >= _NOTHING else 0.0

    def _follow_energy(self, loud_dbfs: float, dt: float, is_open: bool) -> float:
        """0..1: loudness over seconds, between the floor and the loudest of the last minute."""
        floor_db = self.floor.level_dbfs
        now_db = max(loud_dbfs, floor_db)
        self._slow_db += step(dt, _ENERGY_S if is_open else _ENERGY_END_S) * (
            now_db - self._slow_db
        )
        fallen = step(dt, _ENERGY_PEAK_S) * (floor_db - self._slow_peak_db)
        loudest_db = self._loud.full_db if is_open else floor_db
        self._slow_peak_db = max(self._slow_peak_db + fallen, self._slow_db, loudest_db)
        span_db = min(self.range_db, max(self._slow_peak_db - floor_db, 6.0))
        energy = 1.0 + (self._slow_db - self._slow_peak_db) / span_db
        energy = min(max(energy, 0.0), 1.0) if self._slow_db > floor_db + 0.1 else 0.0
        return energy if energy >= _NOTHING else 0.0


def _clean(samples: FloatArray, n: int) -> FloatArray:
    """(n,) float32 -1..1, with silence in front where there are fewer."""
    recent = samples[-n:]
    if recent.size < n:
        recent = np.concatenate([np.zeros(n - recent.size, np.float32), recent])
    # NaN is the least and the most of what it is in, and neither more nor less than anything.
    if np.minimum.reduce(recent) >= -1.0 and np.maximum.reduce(recent) <= 1.0:
        return recent
    recent = np.where(np.isfinite(recent), recent, np.float32(0.0))
    return np.minimum(np.maximum(recent, -1.0), 1.0)


class _Level:
    """A level as it comes out, smooth as that is, and the gain that lifts it: so its peaks are
    full scale."""

    def __init__(self, gain_attack_s: float, gain_release_s: float) -> None:
        self._gain = Gain(gain_attack_s, gain_release_s)
        self._db = SILENCE_DBFS

    @property
    def full_db(self) -> float:
        return self._gain.full_db

    def follow(self, now_db: float, up: float, down: float, dt: float, is_open: bool) -> float:
        """Returns the level that is full scale."""
        self._db += (up if now_db > self._db else down) * (now_db - self._db)
        self._gain.follow(self._db, dt, is_open)
        return self._gain.full_db
