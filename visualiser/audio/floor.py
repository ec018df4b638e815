"""The room's floor: what is below it is no music, and is never lifted.

Learned in the quiet room, it is a level for each band. Until then it is found: what stays under
floor_dbfs is the room; but if it moves as music does, it is quiet music, and the floor goes under
it. And what stands still for long, louder than that, is a room with a loud fan.
"""

from __future__ import annotations

import numpy as np

from visualiser.audio.spectrum import SILENCE_DBFS, Array, level_db
from visualiser.smoothing import step
from visualiser.types import FloatArray

LEARN_S = 3.0
_LEARN_PERCENTILE = 95
_LEARN_MARGIN_DB = 8.0  # narrow bands of noise go so far above what they do in three seconds
_SHARE_DB = 12.0  # one band's share of a noise that is spread over all of them

_SMOOTH_S = 0.06
_EVERY_S = 0.05
_MEMORY = 160  # levels, 8 s of them
_QUIET, _LATEST = 30, 60  # levels: how long it must be quiet to be judged, and what is judged
_MOVES_DB, _STEADY_DB = 5.0, 4.0  # from the 10th to the 90th percentile
_UNDER_MUSIC_DB = 25.0
_MARGIN_DB = 4.0
_NEAR_DB = 8.0  # above base_dbfs: music that has louder moments is quiet music still
_LOWEST_DBFS, _HIGHEST_DBFS = -90.0, -40.0  # of what is found


class Floor:
    """base_dbfs: where it starts, a level in the bands (RMS)."""

    def __init__(self, n_bands: int, base_dbfs: float) -> None:
        self.base_dbfs = base_dbfs
        self.level_dbfs = base_dbfs
        self.bands_dbfs: Array = np.full(n_bands, base_dbfs - _SHARE_DB)
        self.learned: FloatArray | None = None
        self._collected: list[Array] = []
        self._learn_s = 0.0
        self._power = 10 ** (SILENCE_DBFS / 10)
        self._waited_s = 0.0
        self._levels = np.full(_MEMORY, SILENCE_DBFS)
        self._known = 0
        self._under = 0

    @property
    def learning(self) -> bool:
        return self._learn_s > 0

    def learn(self) -> None:
        """Take the next seconds for the quiet room."""
        self._collected, self._learn_s = [], LEARN_S

    def stop_learning(self) -> None:
        """Forget what was collected; the floor stays what it was."""
        self._collected, self._learn_s = [], 0.0

    def rebase(self, base_dbfs: float) -> None:
        """Start from another level, from now on."""
        self.base_dbfs = base_dbfs
        if self.learned is None:
            self._put(base_dbfs)

    def use(self, learned: FloatArray | None) -> None:
        """learned: (n_bands,) dBFS as learn() found it, or None to find it as it goes."""
        self.learned = learned
        if learned is None:
            self._put(self.base_dbfs)
            return
        self.bands_dbfs = np.asarray(learned, np.float64)
        self.level_dbfs = level_db(float((10 ** (self.bands_dbfs / 10)).sum()))

    def follow(self, level_dbfs: float, bands_dbfs: Array, dt: float) -> None:
        """level_dbfs: in all bands; bands_dbfs: (n_bands,); both now."""
        if self.learning:
            self._collected.append(bands_dbfs.copy())
            self._learn_s -= dt
            if not self.learning:
                found = np.percentile(self._collected, _LEARN_PERCENTILE, axis=0)
                self.use((found + _LEARN_MARGIN_DB).astype(np.float32))
                self._collected = []
        self._power += step(dt, _SMOOTH_S) * (10 ** (level_dbfs / 10) - self._power)
        self._waited_s += dt
        if self._waited_s < _EVERY_S:
            return
        self._waited_s = min(self._waited_s - _EVERY_S, _EVERY_S)
        level = level_db(self._power)
        self._levels[:-1] = self._levels[1:]
        self._levels[-1] = level
        self._known = min(self._known + 1, _MEMORY)
        self._under = self._under + 1 if level < self.base_dbfs + _NEAR_DB else 0
        if self.learned is None:
            self._put(self._find())

    def _put(self, level_dbfs: float) -> None:
        if level_dbfs == self.level_dbfs and self.learned is None and self._known:
            return
        self.level_dbfs = level_dbfs
        self.bands_dbfs = np.full_like(self.bands_dbfs, level_dbfs - _SHARE_DB)

    def _find(self) -> float:
        """The floor by the levels of the last seconds."""
        base, now = self.base_dbfs, self.level_dbfs
        if self._known == _MEMORY and _spread(self._levels) < _STEADY_DB:
            loudest = float(np.sort(self._levels)[-1 - _MEMORY // 10])
            if loudest < _HIGHEST_DBFS:
                return max(base, loudest + _MARGIN_DB)
        if self._under >= _QUIET:
            latest = self._quiet_levels()
            high = float(np.sort(latest)[-1 - len(latest) // 10])
            if _spread(self._levels[-_QUIET:]) < _STEADY_DB:
                return base if high < base else max(base, now)
            if _spread(latest) >= _MOVES_DB and high > _LOWEST_DBFS and self._turns() >= 3:
                return max(high - _UNDER_MUSIC_DB, _LOWEST_DBFS)
            return now
        return max(now, base)  # it is loud

    def _quiet_levels(self) -> Array:
        """What was below base_dbfs of late, without the end of what was louder."""
        return self._levels[-min(self._under - 6, _LATEST) :]

    def _turns(self) -> int:
        """How often they went through their middle: a rise or an end alone is no music."""
        levels = self._quiet_levels()
        middle = (max(levels.max() - _UNDER_MUSIC_DB, levels.min()) + levels.max()) / 2
        return int(np.count_nonzero(np.diff(levels > middle)))


def _spread(levels: Array) -> float:
    """Decibels from the 10th to the 90th percentile."""
    ordered = np.sort(levels)
    tenth = len(ordered) // 10
    return float(ordered[-1 - tenth] - ordered[tenth])
