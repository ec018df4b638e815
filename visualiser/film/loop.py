"""Loops without a seam: what moves comes back to where it was, as fast as it left.

Drivers go round a closed way (Driver.go_round), what is heard is one turn that is heard again and
again, and colours and effects turn whole times. Turns that are not shown come before the one that
is: in the first ones what is heard and what follows it settle; of the last, as much is drawn as
pictures look back.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visualiser.audio import decode
from visualiser.audio.source import SAMPLERATE
from visualiser.controls import Controls
from visualiser.drivers import drivers
from visualiser.drivers.base import Driver
from visualiser.listener import Listener
from visualiser.look.effects import effects
from visualiser.look.flash import SEES_BACK_S
from visualiser.look.lanes import TRAIL_S
from visualiser.types import Features, FloatArray, Sound, Tick, UserError
from visualiser.way import RATE_HZ

SETTLE_S = 12.0  # the ear's gain, bands that fall, throws: after so long none of what was is left
LONGEST_S = 600.0


@dataclass(frozen=True)
class Turn:
    """frames: of one; fps: frames a second; looks_back: how many are drawn ahead of those."""

    frames: int
    fps: float
    looks_back: int

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

    @property
    def ticks(self) -> int:
        """Of the show in a turn: as often as in any film, whatever the frame rate."""
        return max(round(self.seconds * RATE_HZ), 2)

    @property
    def dt(self) -> float:
        """From tick to tick, s."""
        return self.seconds / self.ticks

    @property
    def before(self) -> int:
        """Ticks ahead of the first that is drawn on, of the turn that is shown."""
        return math.ceil(self.looks_back / self.fps / self.dt) + 1

    @property
    def settling(self) -> int:
        """Ticks of whole turns that come first: one more than what is drawn of them."""
        turns = max(SETTLE_S / self.seconds, self.before / self.ticks + 1)
        return math.ceil(turns) * self.ticks

    def hear(self, listener: Listener) -> list[Features]:
        """What is heard in a turn, tick by tick, once it has settled."""
        heard: list[Features] = []
        for n in range(self.settling + self.ticks):
            features = listener.listen(Tick(n, n * self.dt, self.dt if n else 0.0))
            if n >= self.settling:
                heard.append(features)
        return heard


def turn_of(controls: Controls, seconds: float, fps: float) -> Turn:
    """seconds: of one; the next whole number of frames is taken. UserError where a driver has no
    closed way, or that is too long."""
    name = str(controls["show.driver"])
    if drivers()[name].go_round is Driver.go_round:
        able = [n for n, kind in drivers().items() if kind.go_round is not Driver.go_round]
        raise UserError(f"the driver {name} makes no loops; allowed are {', '.join(able)}")
    frames = max(round(seconds * fps), 1)
    if frames < 2 or seconds > LONGEST_S:
        raise UserError(f"a loop of {seconds:g} s: allowed are two frames to {LONGEST_S:g} s")
    look_back = [effect.looks_back(controls.section(name)) for name, effect in effects().items()
                 if controls[f"{name}.on"]]  # fmt: skip
    if controls["show.mode"] == "latent" and not controls["look.output_only"]:
        look_back.append(TRAIL_S)
    if controls["stage.guard"]:
        look_back.append(SEES_BACK_S)
    return Turn(frames, fps, math.ceil(max(look_back, default=0.0) * fps) + 2)


def whole_turns(controls: Controls, turn_s: float) -> list[str]:
    """Let what moves the colours and effects turn whole times in a turn, or stand still; a line for
    each that is another by that."""
    look = str(controls["look.look"])
    moving = {"look.drift": 2.0}  # after so many palettes colours are back
    if "drift" in controls.section(look):
        moving[f"{look}.drift"] = 1.0
    if controls["kaleidoscope.on"]:
        moving["kaleidoscope.turn"] = 1.0
    lines = []
    for id, period in moving.items():
        was = controls.number(id)
        rate = round(was * turn_s / period) * period / turn_s
        if abs(rate - was) > 1e-9:
            controls.apply((id, rate))
            lines.append(f"{id} is {rate:.4g} instead of {was:.4g}, so that it closes")
    return lines


class Round:
    """A source that gives the first seconds of a song again and again; of a shorter one, with
    silence behind it. repeats: of a shorter one over and over instead."""

    state = "hearing"

    def __init__(self, path: Path, seconds: float, repeats: bool = False) -> None:
        self.label = path.name
        wanted, parts, n = round(seconds * SAMPLERATE), [np.zeros(0, np.float32)], 0
        for block in (blocks := decode.mono(path, deque(maxlen=1))):
            parts.append(block)
            n += len(block)
            if n >= wanted:
                break
        blocks.close()
        if not n:
            raise UserError(f"{path}: there is no sound in it, its length is zero")
        heard = np.concatenate(parts)[:wanted]
        if repeats:
            heard = np.resize(heard, wanted)
        self._turn: FloatArray = np.zeros(wanted, np.float32)
        self._turn[: len(heard)] = np.clip(heard, -1.0, 1.0)

    def window(self, t: float, n: int) -> Sound:
        end = round(t * SAMPLERATE)
        return Sound(self._turn.take(np.arange(end - n, end), mode="wrap"), SAMPLERATE, end, t)

    def notices(self) -> list[str]:
        return []

    def close(self) -> None:
        pass
