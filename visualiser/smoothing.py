"""Values that follow others with a time constant, whatever the frame rate."""

from __future__ import annotations

import math


def step(dt: float, tau_s: float) -> float:
    """The part of the way that an exponential of time constant tau_s goes in dt seconds."""
    if tau_s <= 0.0:
        return 1.0
    return -math.expm1(-max(dt, 0.0) / tau_s)
