"""What a driver is. A new one is one file beside this: see CONTRIBUTING.md."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from visualiser.controls import Control, Value, number
from visualiser.noise import Noise3
from visualiser.types import Features, FloatArray, Tick
from visualiser.walk import Walk


class Driver(ABC):
    """Moves a point through latent space, and paints a field for the encoder.

    name: on the command line and as the section of its controls; key: the key that chooses it;
    blurb: what it does, for the help; controls: declared with ids "name.something".

    A driver is made for a number of latents and a seed; the same seed, ticks and features give
    the same path. Time comes from the tick alone: sum up `tick.dt`, so that the path does not
    depend on the frame rate and a change of speed does not jump.
    """

    name: ClassVar[str]
    key: ClassVar[str]
    blurb: ClassVar[str]
    controls: ClassVar[tuple[Control, ...]] = ()

    def __init__(self, latent_dim: int, seed: int) -> None:
        self.latent_dim = latent_dim
        self.seed = seed

    @abstractmethod
    def advance(self, tick: Tick, features: Features, value: Mapping[str, Value]) -> None:
        """Move on by tick.dt seconds. value: this driver's controls by short name."""

    def go_round(self, turn_s: float) -> None:
        """From now on, before the first `advance`: a closed way, whose turns take turn_s and are
        all the same. A driver that has none leaves this out, and makes no loops."""
        raise NotImplementedError

    @abstractmethod
    def point(self) -> FloatArray:
        """(latent_dim,) float32 in normal coordinates: each about mean 0 and deviation 1.

        The model's own map takes it to z, so that drivers need not know where latents lie.
        """

    @abstractmethod
    def field(self) -> FloatArray:
        """(28, 28) float32 0..1: what the encoder sees in pixel mode."""


class NoiseDriver(Driver):
    """A driver that walks along a smooth noise; controls: as walk_controls gives them."""

    def __init__(self, latent_dim: int, seed: int) -> None:
        super().__init__(latent_dim, seed)
        self._walk = Walk(self.noise(seed), latent_dim, seed)
        self._phase = 0.0
        self._turn_s = 0.0  # 0 is no closed way
        self._speed = 0.0
        self._cells = self._contrast = 1.0

    @staticmethod
    @abstractmethod
    def noise(seed: int) -> Noise3:
        """The noise it walks along."""

    def advance(self, tick: Tick, features: Features, value: Mapping[str, Value]) -> None:
        self._speed = float(value["speed"])
        self._phase += tick.dt * (1 / self._turn_s if self._turn_s else self._speed)
        self._cells, self._contrast = float(value["cells"]), float(value["contrast"])

    def go_round(self, turn_s: float) -> None:
        self._turn_s = turn_s

    def point(self) -> FloatArray:
        if self._turn_s:
            return self._walk.round(self._phase, self._turn_s * self._speed)
        return self._walk.point(self._phase)

    def field(self) -> FloatArray:
        if self._turn_s:
            length = self._turn_s * self._speed
            return self._walk.field_round(self._phase, length, self._cells, self._contrast)
        return self._walk.field(self._phase, self._cells, self._contrast)


def walk_controls(name: str) -> tuple[Control, ...]:
    return (
        number(f"{name}.speed", "how fast it walks", 0.25, 0.0, 10.0, "noise units/s", 1.25),
        number(f"{name}.cells", "hills across the field", 3.0, 0.5, 14.0, "noise units", 1.25),
        number(f"{name}.contrast", "of the field", 1.6, 0.1, 8.0, "times", 1.25),
    )
