"""Hands on the latent: directions that are held where someone put them, while the others go on."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from visualiser.controls import Command, Control, Controls, Nudge, action, live, number
from visualiser.latents import EDGE
from visualiser.smoothing import step
from visualiser.types import FloatArray

NAMES = tuple(f"latents.{i}" for i in range(1, 65))  # the controls of as many directions
STEP = 0.1  # deviations that a nudge moves one by
LETS_GO_S = 0.4  # time constant in which a direction goes back to the driver


def declare() -> tuple[Control, ...]:
    return (
        *(live(id, f"direction {i}, by how much it is seen", -EDGE, EDGE, "deviations")
          for i, id in enumerate(NAMES, 1)),
        number("latents.glide", "time constant in which a hand on a latent is followed",
               0.05, 0.0, 5.0, "s"),
        action("latents.free", "give one direction back to the driver",
               takes="its number"),
        action("latents.release", "give all directions back to the driver"),
        action("latents.reset", "hold all directions in the middle"),
        action("latents.randomise", "hold all directions at a place by chance"),
        action("latents.lock", "hold all directions where they are"),
    )  # fmt: skip


class Pins:
    """Which directions are held, and where. A hand never makes them jump: they glide to where it
    wants them, from where they were seen last."""

    def __init__(self, n: int, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 2])
        self._begin(n)

    def _begin(self, n: int) -> None:
        self.held = np.zeros(n, bool)
        self._wanted: FloatArray = np.zeros(n, np.float32)
        self._at: FloatArray = np.zeros(n, np.float32)
        self._share: FloatArray = np.zeros(n, np.float32)  # of the hand, where they are
        self._seen: FloatArray = np.zeros(n, np.float32)

    def obey(self, commands: Iterable[Command]) -> None:
        """Take in hand, or let go, what the commands say."""
        n = len(self.held)
        for id, value in commands:
            section, _, what = id.partition(".")
            if section != "latents":
                continue
            if what == "release":
                self.held[:] = False
            elif what == "lock":
                self._take(np.arange(n), self._seen)
            elif what == "reset":
                self._take(np.arange(n), np.zeros(n, np.float32))
            elif what == "randomise":
                by_chance = self._rng.standard_normal(n).astype(np.float32)
                self._take(np.arange(n), np.clip(by_chance, -EDGE, EDGE))
            elif what == "free":
                if isinstance(value, int | float) and 1 <= value <= n:
                    self.held[int(value) - 1] = False
            elif what.isdecimal() and 1 <= int(what) <= n:
                self._move(int(what) - 1, value)

    def as_commands(self) -> list[Command]:
        """What brings back which directions are held now, and where."""
        wanted = zip(self.held.tolist(), self._wanted.tolist(), strict=True)
        return [
            (NAMES[n], place) if is_held else ("latents.free", n + 1)
            for n, (is_held, place) in enumerate(wanted)
        ]

    def _move(self, direction: int, value: object) -> None:
        if isinstance(value, Nudge):
            steady = self.held[direction]
            before = self._wanted[direction] if steady else self._seen[direction]
            value = float(before) + STEP * value.steps
        if isinstance(value, int | float) and math.isfinite(value):
            place = np.array([min(max(value, -EDGE), EDGE)], np.float32)
            self._take(np.array([direction]), place)

    def _take(self, directions: np.ndarray, places: FloatArray) -> None:
        fresh = directions[~self.held[directions]]
        self._at[fresh] = self._seen[fresh]
        self._share[directions] = 1.0
        self.held[directions] = True
        self._wanted[directions] = places

    def hold(self, along: FloatArray, dt: float, glide_s: float) -> FloatArray:
        """Where it is along each direction, (n,) deviations, for where the driver is; dt seconds
        after the last call. Another number of directions is another model's: nothing is held."""
        if len(along) != len(self.held):
            self._begin(len(along))
            self._seen = along.copy()
        self._at += step(dt, glide_s) * (self._wanted - self._at)
        np.multiply(self._share, 1 - step(dt, LETS_GO_S), out=self._share, where=~self.held)
        self._share[self._share < 1e-3] = 0.0
        self._seen = (along + self._share * (self._at - along)).astype(np.float32)
        return self._seen

    def show(self, controls: Controls) -> None:
        """Let the controls have the present places."""
        for id, place in zip(NAMES, self._seen.tolist(), strict=False):
            controls.apply((id, place))
