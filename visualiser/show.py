"""The show: the only place where a frame is made, live and offline."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np

from visualiser import pictures
from visualiser.controls import (
    Command,
    Control,
    Controls,
    Key,
    Nudge,
    Stroke,
    Swap,
    action,
    choice,
    number,
)
from visualiser.cue_controls import declare as declare_cues
from visualiser.cues import Cues
from visualiser.drivers import drivers
from visualiser.drivers.base import Driver
from visualiser.frame import Frame
from visualiser.nets import checkpoint
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.pins import Pins
from visualiser.pins import declare as declare_pins
from visualiser.sketchpad import Pen, Sketchpad
from visualiser.sketchpad import declare as declare_drawing
from visualiser.types import Features, FloatArray, Tick, UserError
from visualiser.undo import declare as declare_undo
from visualiser.walk import arc

MODES = ("latent", "pixel", "draw")


def declare(models: Iterable[str]) -> list[Control]:
    """The show's own controls, and those of every driver. models: the names to choose from."""
    found = drivers()
    models = tuple(models)
    return [
        choice("show.driver", "what moves the point", "perlin", tuple(found),
               tuple(Key(d.key, f"{d.name}: {d.blurb}", d.name) for d in found.values())),
        choice("show.model", "the network that draws", "shapes", models,
               (Key("m", "next model"),)),
        choice("show.mode", "what the network is given", "latent", MODES,
               (Key("p", "pixel mode, and latent mode", Swap("pixel", "latent")),
                Key("g", "what you draw on the input pane, and back", Swap("draw", "latent")))),
        number("show.speed", "pace of every driver", 1.0, 0.05, 20.0, "times", 1.25,
               (Key("up", "faster"), Key("down", "slower", Nudge(-1)))),
        number("show.fade", "cross-fade when the driver changes", 1.5, 0.0, 30.0, "s"),
        action("show.pause", "pause, and go on", "space"),
        action("show.step", "one frame further while paused", ".", repeats=True),
        *declare_undo(),
        action("show.drop", "start from a picture that is dropped on the window",
               takes="a path"),
        number("show.return", "how long a walk keeps to where it was started", 12.0, 0.1, 600.0,
               "s", 1.25),
        *declare_drawing(),
        number("draw.noise", "share of the input that random greys replace", 0.0, 0.0, 1.0, "",
               keys=(Key("]", "more noise on the input"), Key("[", "less noise", Nudge(-1)))),
        *declare_pins(),
        *(control for driver in found.values() for control in driver.controls),
        *declare_cues(),
    ]  # fmt: skip


class Decoder(Protocol):
    """What turns a frame's input into its picture: decode.Worker live, decode.Inline offline."""

    def submit(self, frame: Frame) -> None: ...
    def latest(self) -> Frame | None: ...
    def close(self) -> None: ...


class Show:
    """Holds what is playing: controls, driver, model, and path, that model's file.

    notices: lines for the person on stage, taken and emptied by whoever shows them; departed: the
    point that the walk was let go on from in the last update, or None. turn_s: of a closed way, in
    the show's time, which every driver goes then.
    """

    def __init__(
        self,
        controls: Controls,
        decoder: Decoder,
        seed: int,
        folder: Path = checkpoint.MODELS,
        cues: Cues | None = None,
        turn_s: float | None = None,
    ) -> None:
        self.controls = controls
        self.cues = cues or Cues(controls)
        self.decoder = decoder
        self.paused = False
        self.notices: list[str] = []
        self.departed: FloatArray | None = None
        self._seed = seed
        self._folder = folder
        self._turn_s = turn_s
        self._t = 0.0
        self._tick = Tick(0, 0.0, 0.0)
        self._playing = str(controls["show.model"])
        self.path = checkpoint.find(self._playing, folder)
        self.model = checkpoint.read(self.path)
        self._mover = self._make_mover()
        self._sketchpad, self._pen = Sketchpad(), Pen()
        self.pins = Pins(self.model.latents.n_directions, seed)
        self.cues.hands = self.pins.as_commands
        self._mode = str(controls["show.mode"])
        self._refused: Checkpoint | None = None

    def update(self, tick: Tick, features: Features, commands: Iterable[Command] = ()) -> Frame:
        """Carry out commands, move the driver, and give the newest frame that is drawn.

        Before the first picture that frame holds the driver's input alone.
        """
        step, onward, self.departed = False, None, None
        commands = list(commands)
        self.pins.obey(commands)
        for command in commands:
            self.controls.apply(command)
            self._draw(command)
            if command[0] == "show.drop":
                self._start_from(Path(str(command[1])))
            if command[0] == "show.model" and isinstance(command[1], Nudge):
                onward = command
            if command[0] == "show.pause":
                self.paused = not self.paused
            step |= command[0] == "show.step"
        if stroke := self._pen.move(self.controls, tick.dt):
            self._line(stroke)
        if self.cues.obey(tick, features, commands):
            # A cue comes back as it was seen, and what was before one with hands on it.
            self.pins.obey([("latents.release", True), *self.cues.held])
        self.notices += self.cues.notices()
        self._follow_controls(onward)
        self._follow_mode()

        moving = not self.paused or step
        try:
            asked = self._ask(tick, features, moving)
        except Exception as error:
            self._give_way(error)
            asked = self._ask(tick, features, moving)
        self.decoder.submit(asked)
        return self.decoder.latest() or asked

    @property
    def drawing(self) -> FloatArray:
        """What is drawn on the input pane, (S, S) 0..1: another array once it has changed."""
        return self._sketchpad.field

    def close(self) -> None:
        self.decoder.close()
        self.cues.close()

    def _ask(self, tick: Tick, features: Features, moving: bool) -> Frame:
        """Move the driver on, and ask for the picture of where it is."""
        if moving:
            dt = tick.dt * self.controls.number("show.speed")
            self._t += dt
            self._tick = tick  # while paused, frames go on belonging to the last one that moved
            self._mover.advance(Tick(tick.index, self._t, dt), tick.dt, features, self.controls)
        latents = self.model.latents
        point = self.cues.lead(self._mover, latents.n_directions)
        fade_s = self.cues.fade_s
        if self._mode != "latent":
            drawn = self._mode == "draw"
            field = self._sketchpad.field if drawn else self._mover.field()
            field = self._with_noise(field)
            return Frame(self._tick, self.model, None, field=field, fade_s=fade_s)
        if point.shape != (latents.n_directions,) or not np.isfinite(point).all():
            raise ValueError(f"its point is not {latents.n_directions} finite numbers")
        glide_s = self.controls.number("latents.glide")
        places = latents.places(point)
        along = self.pins.hold(places, tick.dt, glide_s)
        if (along != places).any():
            self.cues.see(along / latents.stretch)
        self.pins.show(self.controls)
        z = latents.bend(along @ latents.directions)
        return Frame(self._tick, self.model, z, along=along, fade_s=fade_s)

    def _with_noise(self, field: FloatArray) -> FloatArray:
        """The field with some of its pixels replaced by greys: others each frame."""
        share = self.controls.number("draw.noise")
        if share == 0:
            return field
        rng = np.random.default_rng([self._seed, self._tick.index])
        return np.where(
            rng.random(field.shape, np.float32) < share, rng.random(field.shape, np.float32), field
        )

    def _draw(self, command: Command) -> None:
        id, value = command
        if id == "draw.wipe":
            self._sketchpad.wipe()
        if id == "draw.undo":
            self._sketchpad.undo()
        if id == "draw.line" and isinstance(value, Stroke):
            self.controls.apply(("show.mode", "draw"))
            self._line(value)
            self._pen.follow(self.controls, value.end)

    def _line(self, stroke: Stroke) -> None:
        self._sketchpad.line(stroke.start, stroke.end, self.controls.number("draw.width"))

    def _start_from(self, path: Path) -> None:
        """Let the walk begin at the latent of a picture."""
        try:
            player = Player(self.model)
            if not player.has_encoder:
                raise UserError(f"{self.model.name} has no encoder: it cannot start from a picture")
            z = player.encode(pictures.read(path, self.model.architecture, turn_light=True))
            if not np.isfinite(z).all():
                raise UserError(f"{self.model.name} gave values that are not numbers")
        except UserError as error:
            self.notices.append(str(error))
            return
        self._start_at(self.model.latents.to_point(z))
        self.notices.append(f"from {path.name}")

    def _start_at(self, point: FloatArray) -> None:
        self.controls.apply(("show.mode", "latent"))
        self._mode = "latent"
        self.depart(point)

    def depart(self, point: FloatArray) -> None:
        """Let the walk go on from a point, (n_directions,)."""
        self._mover.depart(point)
        self.departed = point

    def _follow_mode(self) -> None:
        """A network without an encoder goes on from latents; a walk after drawing starts from what
        was drawn."""
        wanted = str(self.controls["show.mode"])
        if wanted != "latent" and not self.model.architecture.encoder:
            if self._refused is not self.model:
                self.notices.append(f"{self.model.name} has no encoder: it draws latents only")
            self._refused = self.model
            wanted = "latent"
        if wanted == "latent" and self._mode == "draw" and self._sketchpad.field.any():
            seen = self.decoder.latest()
            if seen and seen.model is self.model and seen.z is not None:
                self.depart(self.model.latents.to_point(seen.z))
        self._mode = wanted

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
                path = checkpoint.find(name, self._folder)
                self.model = checkpoint.read(path)
            except UserError as error:
                self.notices.append(str(error))
                self.controls.apply(onward or ("show.model", self._playing))
            else:
                self._playing, self.path = name, path
                self._mover = self._make_mover()
        self._mover.choose(str(self.controls["show.driver"]))

    def _make_mover(self) -> Mover:
        name, n = str(self.controls["show.driver"]), self.model.latents.n_directions
        return Mover(name, n, self._seed, self._turn_s)


class Mover:
    """The driver that moves now, cross-faded with the one before it."""

    def __init__(self, name: str, latent_dim: int, seed: int, turn_s: float | None = None) -> None:
        self._latent_dim, self._seed, self._turn_s = latent_dim, seed, turn_s
        self._drivers: dict[str, Driver] = {}
        self._now = name
        self._before: Driver | Held | None = None
        self._faded = 1.0
        self._start: FloatArray = np.zeros(latent_dim, np.float32)
        self._kept = 0.0  # share of the start in where it is

    def depart(self, point: FloatArray) -> None:
        """Go on from a point, (latent_dim,): near it at first, and slowly back to the driver's own
        way; a point that is no numbers is none to go on from."""
        if np.isfinite(point).all():
            self._start, self._kept = point.astype(np.float32), 1.0

    def choose(self, name: str) -> None:
        """Fade to a driver. One chosen before goes on from where it was left."""
        if name == self._now:
            return
        # In the middle of a fade the blend as it is becomes what is faded from: nothing jumps.
        fading = self._before is not None
        self._before = Held(self._blend(), self.field()) if fading else self._driver(self._now)
        self._now, self._faded = name, 0.0

    def advance(self, tick: Tick, wall_dt: float, features: Features, controls: Controls) -> None:
        """tick: the show's time, which pauses and runs at its pace; wall_dt: for the fade, s."""
        fade_s = controls.number("show.fade")
        self._kept *= math.exp(-wall_dt / controls.number("show.return"))
        self._driver(self._now).advance(tick, features, controls.section(self._now))
        if self._before is None:
            return
        self._faded += wall_dt / fade_s if fade_s > 0 else 1.0
        if self._faded >= 1:
            self._before = None
        elif isinstance(self._before, Driver):
            self._before.advance(tick, features, controls.section(self._before.name))

    def point(self) -> FloatArray:
        """(latent_dim,) coordinates along the model's directions."""
        return arc(self._start, self._blend(), 1 - self._kept)

    def _blend(self) -> FloatArray:
        now = self._driver(self._now).point()
        if self._before is None:
            return now
        return arc(self._before.point(), now, self._eased())

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
            made = self._drivers[name] = drivers()[name](self._latent_dim, self._seed)
            if self._turn_s is not None:
                made.go_round(self._turn_s)
        return self._drivers[name]


class Held:
    """A point and a field that stand still."""

    def __init__(self, point: FloatArray, field: FloatArray) -> None:
        self._point, self._field = point, field

    def point(self) -> FloatArray:
        return self._point

    def field(self) -> FloatArray:
        return self._field
