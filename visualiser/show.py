"""The show: the only place where a frame is made, live and offline."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np

from visualiser.controls import (
    Command,
    Control,
    Controls,
    Key,
    Nudge,
    action,
    choice,
    number,
)
from visualiser.drivers import drivers
from visualiser.drivers.base import Driver
from visualiser.frame import Frame
from visualiser.nets import checkpoint
from visualiser.types import Features, FloatArray, Tick, UserError


def declare(models: Iterable[str]) -> list[Control]:
    """The show's own controls, and those of every driver. models: the names to choose from."""
    found = drivers()
    models = tuple(models)
    return [
        choice("show.driver", "what moves the point", "perlin", tuple(found),
               tuple(Key(d.key, f"{d.name}: {d.blurb}", d.name) for d in found.values())),
        choice("show.model", "the network that draws", "classic-56", models,
               (Key("m", "next model"),)),
        choice("show.mode", "what the network is given", "latent", ("latent", "pixel"),
               (Key("p", "latent mode, or pixel mode"),)),
        number("show.speed", "pace of every driver", 1.0, 0.05, 20.0, "times", 1.25,
               (Key("up", "faster"), Key("down", "slower", Nudge(-1)))),
        number("show.fade", "cross-fade when the driver changes", 1.5, 0.0, 30.0, "s"),
        action("show.pause", "pause, and go on", "space"),
        action("show.step", "one frame further while paused", "."),
        *(control for driver in found.values() for control in driver.controls),
    ]  # fmt: skip


class Decoder(Protocol):
    """What turns a frame's input into its picture: decode.Worker live, decode.Inline offline."""

    def submit(self, frame: Frame) -> None: ...
    def latest(self) -> Frame | None: ...
    def close(self) -> None: ...


class Show:
    """Holds what is playing: controls, driver, model.

    notices: lines for the person on stage, taken and emptied by whoever shows them.
    """

    def __init__(
        self, controls: Controls, decoder: Decoder, seed: int, folder: Path = checkpoint.MODELS
    ) -> None:
        self.controls = controls
        self.decoder = decoder
        self.paused = False
        self.notices: list[str] = []
        self._seed = seed
        self._folder = folder
        self._t = 0.0
        self._tick = Tick(0, 0.0, 0.0)
        self._playing = str(controls["show.model"])
        self.model = checkpoint.read(checkpoint.find(self._playing, folder))
        self._mover = self._make_mover()

    def update(self, tick: Tick, features: Features, commands: Iterable[Command] = ()) -> Frame:
        """Carry out commands, move the driver, and give the newest frame that is drawn.

        Before the first picture that frame holds the driver's input alone.
        """
        step, onward = False, None
        for command in commands:
            self.controls.apply(command)
            if command[0] == "show.model" and isinstance(command[1], Nudge):
                onward = command
            if command[0] == "show.pause":
                self.paused = not self.paused
            step |= command[0] == "show.step"
        self._follow_controls(onward)

        moving = not self.paused or step
        try:
            asked = self._ask(tick, features, moving)
        except Exception as error:
            self._give_way(error)
            asked = self._ask(tick, features, moving)
        self.decoder.submit(asked)
        return self.decoder.latest() or asked

    def close(self) -> None:
        self.decoder.close()

    def _ask(self, tick: Tick, features: Features, moving: bool) -> Frame:
        """Move the driver on, and ask for the picture of where it is."""
        if moving:
            dt = tick.dt * self.controls.number("show.speed")
            self._t += dt
            self._tick = tick  # while paused, frames go on belonging to the last one that moved
            self._mover.advance(Tick(tick.index, self._t, dt), tick.dt, features, self.controls)
        if self.controls["show.mode"] == "pixel":
            return Frame(self._tick, self.model, None, field=self._mover.field())
        point = self._mover.point()
        if point.shape != (self.model.latent_dim,) or not np.isfinite(point).all():
            raise ValueError(f"its point is not {self.model.latent_dim} finite numbers")
        return Frame(self._tick, self.model, self.model.latents.to_latent(point))

    def _give_way(self, error: Exception) -> None:
        """A driver that fails gives way to the first one: the show goes on."""
        failed, first = str(self.controls["show.driver"]), next(iter(drivers()))
        if failed == first:
            raise error
        self.notices.append(f"the driver {failed} failed: {type(error).__name__}: {error}")
        self.controls.apply(("show.driver", first))
        self._mover = self._make_mover()

    def _follow_controls(self, onward: Command | None) -> None:
        """onward: the step to the next model that was asked for, repeated where one is broken."""
        while (name := str(self.controls["show.model"])) != self._playing:
            try:
                self.model = checkpoint.read(checkpoint.find(name, self._folder))
            except UserError as error:
                self.notices.append(str(error))
                self.controls.apply(onward or ("show.model", self._playing))
            else:
                self._playing = name
                self._mover = self._make_mover()
        self._mover.choose(str(self.controls["show.driver"]))

    def _make_mover(self) -> Mover:
        return Mover(str(self.controls["show.driver"]), self.model.latent_dim, self._seed)


class Mover:
    """The driver that moves now, cross-faded with the one before it."""

    def __init__(self, name: str, latent_dim: int, seed: int) -> None:
        self._latent_dim, self._seed = latent_dim, seed
        self._drivers: dict[str, Driver] = {}
        self._now = name
        self._before: Driver | Held | None = None
        self._faded = 1.0

    def choose(self, name: str) -> None:
        """Fade to a driver. One chosen before goes on from where it was left."""
        if name == self._now:
            return
        # In the middle of a fade the blend as it is becomes what is faded from: nothing jumps.
        fading = self._before is not None
        self._before = Held(self.point(), self.field()) if fading else self._driver(self._now)
        self._now, self._faded = name, 0.0

    def advance(self, tick: Tick, wall_dt: float, features: Features, controls: Controls) -> None:
        """tick: the show's time, which pauses and runs at its pace; wall_dt: for the fade, s."""
        fade_s = controls.number("show.fade")
        self._driver(self._now).advance(tick, features, controls.section(self._now))
        if self._before is None:
            return
        self._faded += wall_dt / fade_s if fade_s > 0 else 1.0
        if self._faded >= 1:
            self._before = None
        elif isinstance(self._before, Driver):
            self._before.advance(tick, features, controls.section(self._before.name))

    def point(self) -> FloatArray:
        """(latent_dim,) normal coordinates."""
        now = self._driver(self._now).point()
        if self._before is None:
            return now
        # A circle's arc keeps the sum of two independent normal points standard normal.
        turn = self._eased() * math.pi / 2
        mixed = math.cos(turn) * self._before.point() + math.sin(turn) * now
        return mixed.astype(np.float32)

    def field(self) -> FloatArray:
        """(28, 28) 0..1."""
        now = self._driver(self._now).field()
        if self._before is None:
            return now
        share = np.float32(self._eased())
        mixed: FloatArray = self._before.field() * (1 - share) + now * share
        return mixed

    def _eased(self) -> float:
        return self._faded * self._faded * (3 - 2 * self._faded)

    def _driver(self, name: str) -> Driver:
        if name not in self._drivers:
            self._drivers[name] = drivers()[name](self._latent_dim, self._seed)
        return self._drivers[name]


class Held:
    """A point and a field that stand still."""

    def __init__(self, point: FloatArray, field: FloatArray) -> None:
        self._point, self._field = point, field

    def point(self) -> FloatArray:
        return self._point

    def field(self) -> FloatArray:
        return self._field
