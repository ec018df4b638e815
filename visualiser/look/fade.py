"""Changes that take a moment: what was seen before goes over into what is chosen now."""

from __future__ import annotations

import numpy as np

from visualiser.types import FloatArray


class Fade:
    """How far something is, from 0 to 1, on its way to either end."""

    def __init__(self, share: float) -> None:
        self.share = share

    def advance(self, dt: float, fade_s: float, up: bool = True) -> None:
        step = dt / fade_s if fade_s > 0 else 1.0
        self.share = min(max(self.share + (step if up else -step), 0.0), 1.0)

    @property
    def eased(self) -> float:
        return self.share * self.share * (3 - 2 * self.share)


def mix(a: FloatArray, b: FloatArray, share: float | FloatArray) -> FloatArray:
    """a where the share is 0, b where it is 1."""
    mixed: FloatArray = a + (b - a) * np.asarray(share, a.dtype)
    return mixed
