"""The automatic gain: what level is full scale now."""

from __future__ import annotations

from visualiser.audio.spectrum import SILENCE_DBFS
from visualiser.smoothing import step

_FIRST_PEAK_DBFS = -20.0  # what we expect before anything was heard: music at an ordinary level
_HEADROOM_DB = 0.9  # so that a steady tone stands just under full scale, and is not stuck there
_BUCKETS = 8
_HURRY = 5.0  # times faster than it was held


class Gain:
    """Follows the loudest of the last seconds: up at once, down after a hold.

    attack_s: time constant of the way up; release_s: how long a peak is held; fall_s: time constant
    of the way down after that, in decibels, a fifth of release_s if it is not given. So beats a
    release_s apart leave the gain where it is, and after a drop of 50 dB it is back within 1 dB in
    two of them.
    """

    def __init__(self, attack_s: float, release_s: float, fall_s: float | None = None) -> None:
        self.attack_s = attack_s
        self.release_s = release_s
        self.fall_s = release_s / _HURRY if fall_s is None else fall_s
        self._peak_db = _FIRST_PEAK_DBFS
        self._held_db = [SILENCE_DBFS] * _BUCKETS
        self._bucket, self._filled_s = 0, 0.0

    @property
    def full_db(self) -> float:
        """The level that is full scale."""
        return self._peak_db + _HEADROOM_DB

    def follow(self, level_db: float, dt: float, is_open: bool) -> None:
        """level_db: now. While it is not open, which is below the room's floor, the gain
        stays as it is: a pause neither lifts the room's noise nor makes the next beat too bright.
        """
        self._filled_s += dt
        if self._filled_s >= self.release_s / _BUCKETS:
            self._filled_s = 0.0
            self._bucket = (self._bucket + 1) % _BUCKETS
            self._held_db[self._bucket] = SILENCE_DBFS
        self._held_db[self._bucket] = max(self._held_db[self._bucket], level_db)
        if not is_open:
            return
        target_db = max(self._held_db)
        tau_s = self.attack_s if target_db > self._peak_db else self.fall_s
        self._peak_db += step(dt, tau_s) * (target_db - self._peak_db)
