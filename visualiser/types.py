"""The values that travel through one frame, from the clock to the screen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
CONFIDENT = 0.5  # of a beat: from here on it counts as heard


class UserError(Exception):
    """Something the person at the keyboard can put right; its text is the one line they see."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One frame's time. Nothing in the program reads any other clock.

    index: frames since the start; t: seconds since the start; dt: seconds since the last tick.
    """

    index: int
    t: float
    dt: float


@dataclass(frozen=True, slots=True)
class Sound:
    """A window of sound, as a source gives it.

    samples: (n,) float32 mono, -1..1, zeros where there is nothing yet; samplerate: Hz; end: which
    sample the last one is, counted from 1 since the source started: it only grows, and says how
    many are new; t: when the last one was captured, or is heard, in the show's seconds.
    """

    samples: FloatArray
    samplerate: int
    end: int
    t: float


@dataclass(frozen=True, slots=True)
class Features:
    """What is heard now. docs/hearing.md has the units and time constants of all of them.

    rms: loudness 0..1 after the automatic gain; bands: (n_bands,) float32 0..1, low to high;
    level_dbfs: the level before any gain, 0 is full scale and -120 is digital silence; floor:
    (n_bands,) where the room's noise lies on the scale of the bands; gain_db: what level the
    loudest of the last seconds is lifted by, to be full scale;
    onset, onset_low, onset_mid, onset_high: how strong a beginning is that came since the last
    tick, 0..1, and 0 where none came;
    loudness: amplitude 0..1 against the loudest of the last seconds, which the gain evens out;
    energy: a slow curve of loudness, 0..1, for builds and drops;
    bpm: 0 where no beat is known; beats: how many beats have gone by, its fraction being the phase,
    0 on the beat; beat_confidence: 0..1;
    heard_t: when the newest sample was captured, in the show's seconds.
    """

    rms: float
    bands: FloatArray
    level_dbfs: float
    floor: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    gain_db: float = 0.0
    onset: float = 0.0
    onset_low: float = 0.0
    onset_mid: float = 0.0
    onset_high: float = 0.0
    loudness: float = 0.0
    energy: float = 0.0
    bpm: float = 0.0
    beats: float = 0.0
    beat_confidence: float = 0.0
    heard_t: float = 0.0

    @property
    def beat_phase(self) -> float:
        """0..1, 0 on the beat."""
        return self.beats % 1.0

    @property
    def has_beat(self) -> bool:
        """Whether there is a beat that can be trusted."""
        return self.bpm > 0 and self.beat_confidence >= CONFIDENT
