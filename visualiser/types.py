"""The values that travel through one frame, from the clock to the screen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


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
class Features:
    """What is heard now.

    rms: loudness 0..1 after the automatic gain; bands: (n_bands,) float32 0..1, low to high;
    level_dbfs: the level before any gain, 0 is full scale and -120 is digital silence.
    """

    rms: float
    bands: FloatArray
    level_dbfs: float
