"""The way of a show, tick by tick, seen at any frame rate.

A show has ticks of its own, and where they come decides where it goes: ears that are asked at other
times hear other beginnings. So films at all rates are of the same ticks. A frame between two of
them is drawn from the place between their latents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from visualiser.frame import Frame
from visualiser.types import Features

RATE_HZ = 60  # of ticks, where nobody says when they are
SAME_S = 1e-6  # times that are no further apart are one


@dataclass(frozen=True)
class Step:
    """What a show gave at a tick: t, s; has_panicked: whether somebody did in it; begins: whether
    something that is to be seen at once, if it is the last."""

    t: float
    frame: Frame
    features: Features
    has_panicked: bool = False
    begins: bool = False


class Way:
    """steps: one after the other, as far as they are needed; from the first on.

    has_panicked: whether somebody has, since the call of `to` before the last.
    """

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self._before = self._after = next(steps)
        self._features: Features | None = None
        self.has_panicked = False

    def to(self, t: float) -> tuple[Frame, Features]:
        """The frame at t, s, and what was heard since the call before; t must not shrink. Behind
        the last step all stays as it was there."""
        passed: list[Step] = []
        while self._after.t < t - SAME_S and (step := next(self._steps, None)) is not None:
            self._before, self._after = self._after, step
            passed.append(step)
        self.has_panicked = any(step.has_panicked for step in passed)
        if self._features is None:  # nothing is known of before
            self._features = self._after.features
        else:
            last = passed[-1].features if passed else self._features
            self._features = _since(last, [step.features for step in passed])
        return self.at(t), self._features

    def at(self, t: float) -> Frame:
        """The frame at t, between the two last steps."""
        a, b = self._before, self._after
        if b.t - t <= SAME_S or (b.begins and not _are_alike(a.frame, b.frame)):
            return b.frame
        return between(a.frame, b.frame, max((t - a.t) / (b.t - a.t), 0.0))

    def correct(self, step: Step) -> None:
        """The last step was another one, after all: of the same t."""
        self._after = step
        self.has_panicked |= step.has_panicked


def between(before: Frame, after: Frame, share: float) -> Frame:
    """The frame at a share, below 1, of the way from one tick to the next; latents go straight."""
    if share <= 0 or before.model is not after.model or before.along is None or after.along is None:
        return before  # pictures do not go from one to the other: the one that was shown is shown
    along = (before.along + np.float32(share) * (after.along - before.along)).astype(np.float32)
    latents = after.model.latents
    a, b = before.tick, after.tick
    tick = replace(b, t=a.t + share * (b.t - a.t))
    return replace(after, tick=tick, z=latents.bend(along @ latents.directions), along=along)


def _are_alike(before: Frame, after: Frame) -> bool:
    """Whether both are the same model's, in the same mode."""
    same_mode = (before.along is None) == (after.along is None)
    return before.model is after.model and same_mode


def _since(last: Features, passed: list[Features]) -> Features:
    """What was heard last, and whatever began meanwhile."""
    return replace(
        last,
        onset=max((each.onset for each in passed), default=0.0),
        onset_low=max((each.onset_low for each in passed), default=0.0),
        onset_mid=max((each.onset_mid for each in passed), default=0.0),
        onset_high=max((each.onset_high for each in passed), default=0.0),
    )
