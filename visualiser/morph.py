"""From one state of the show to another, without a jump."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from visualiser.controls import Command, Control, Controls, Value
from visualiser.cue_files import Cue
from visualiser.types import FloatArray

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "smooth": lambda x: x * x * (3 - 2 * x),
    "smoother": lambda x: x * x * x * (x * (6 * x - 15) + 10),
    "late": lambda x: x * x,
    "early": lambda x: x * (2 - x),
}
PATHS = ("spherical", "straight")
FADES = ("show.fade", "look.fade")  # what is switched at the start fades as long as the rest moves


class Morph:
    """Takes all that is a number to a cue's values in so many seconds, and the point with them.

    What is switched or chosen is so from the start. A number that somebody moves meanwhile is
    theirs: `let_go` of it.
    """

    def __init__(self, cue: Cue, controls: Controls, seconds: float, easing: str, path: str):
        self.cue = cue
        self.seconds = seconds
        self._ease = EASINGS[easing]
        self._path = path
        self._elapsed = 0.0
        self._has_begun = False
        self._numbers: dict[str, tuple[Control, float, float]] = {}  # from and to, shares of it
        self._chosen: dict[str, Value] = {"show.model": cue.model}
        self.fades: dict[str, Value] = {}  # what those will be again in the end
        for id, value in cue.controls.items():
            control = controls.get(id)
            if control is None:
                continue
            if id in FADES:
                self.fades[id] = value
            elif control.kind != "number":
                self._chosen[id] = value
            elif controls[id] != value:
                start = control.share_of(controls[id])
                self._numbers[id] = control, start, control.share_of(value)

    @property
    def share(self) -> float:
        """How much of its time is over, 0 to 1."""
        return 1.0 if self.is_done else self._elapsed / self.seconds

    @property
    def is_done(self) -> bool:
        return self._has_begun and self._elapsed >= self.seconds - 1e-6  # lost in rounding

    def let_go(self, id: str) -> None:
        """Leave that control to whoever moves it."""
        self._numbers.pop(id, None)
        self.fades.pop(id, None)

    def advance(self, dt: float) -> Iterator[Command]:
        """What to do now, dt seconds after the last call."""
        if not self._has_begun:
            self._has_begun = True
            yield from self._chosen.items()
            for id in self.fades:
                yield id, self.seconds
        self._elapsed += dt
        eased = self._ease(self.share)
        for id, (control, start, end) in self._numbers.items():
            done = self.cue.controls[id]
            yield id, done if self.is_done else control.value_at(start + (end - start) * eased)
        if self.is_done:
            yield from self.fades.items()

    def place(self, own: FloatArray) -> FloatArray:
        """Between where the walk is by itself and the cue's point."""
        if self.is_done:
            return self.cue.point
        return between(own, self.cue.point, self._ease(self.share), self._path)


def between(a: FloatArray, b: FloatArray, share: float, path: str = "spherical") -> FloatArray:
    """a where the share is 0, b where it is 1. Spherical is along the great circle about the
    middle, its distance from there changing evenly: points that are drawn as often as others lie
    on such shells. Where both lie in the same direction, or in opposite ones, it is straight.
    """
    straight: FloatArray = (a + (b - a) * np.float32(share)).astype(np.float32)
    if path == "straight" or share in (0.0, 1.0):
        return straight
    far_a, far_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(far_a, far_b) < 1e-6:
        return straight
    angle = math.acos(min(max(float(a @ b) / (far_a * far_b), -1.0), 1.0))
    if not 1e-3 < angle < math.pi - 1e-3:
        return straight
    ahead = math.sin((1 - share) * angle) / far_a * a + math.sin(share * angle) / far_b * b
    far = far_a + (far_b - far_a) * share
    return (ahead * (far / math.sin(angle))).astype(np.float32)
