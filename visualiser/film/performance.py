"""What a film is of: a show that plays now, or a take of one that did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Protocol

import numpy as np

from visualiser.calm import calm, has_panic
from visualiser.clock import FixedClock
from visualiser.conductor import Conductor
from visualiser.config import Settings
from visualiser.controls import Controls
from visualiser.cues import Cues
from visualiser.decode import Inline
from visualiser.film.loop import Turn, turn_of, whole_turns
from visualiser.film.soundtrack import Soundtrack, source_of
from visualiser.frame import Moment
from visualiser.listener import Listener
from visualiser.run import CUES, declared_controls
from visualiser.show import Show
from visualiser.timeline import EMPTY, Timeline
from visualiser.types import Features, FloatArray, Tick, UserError
from visualiser.way import RATE_HZ, Step, Way


class Performance(Protocol):
    """The same moments every time, at an even rate; those that lie before the film come first.

    controls: as they are at the moment that was given last; frames: how many moments of the film
    there are; soundtrack: what is heard with it, if anything.
    """

    controls: Controls
    frames: int
    soundtrack: Soundtrack | None

    def moments(self) -> Iterator[Moment]: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Order:
    """A film that is wanted: all that is needed to make it again, elsewhere. size: px; fps: frames
    a second; seconds: how long; song: what is heard; timeline: what is done when, and the beat;
    cue: the slot that it begins at; set_list: whether that plays; is_loop: whether its end leads to
    its beginning."""

    settings: Settings
    size: tuple[int, int]
    fps: float
    seconds: float
    song: Path | None = None
    timeline: Timeline = EMPTY
    cue: int | None = None
    set_list: bool = False
    is_loop: bool = False


class Played:
    """A show that plays with another clock and source than live.

    notices: lines about what is not quite as it was asked for. UserError where it cannot be played.
    """

    def __init__(self, order: Order) -> None:
        settings, song = order.settings, order.song
        self.controls = Controls(declared_controls(settings.model), settings.controls)
        self.notices: list[str] = []
        cues = self._cues(order)
        self._conductor = Conductor(order.timeline, self.controls)
        self._clock = FixedClock(order.fps, order.seconds)
        self._tick = Tick(0, 0.0, 0.0)  # the show's last
        self._until = 0.5 / order.fps  # what is asked for before begins
        self._turn: Turn | None = None
        turn_s = None  # in the show's time
        if order.is_loop:
            self._turn = turn_of(self.controls, order.seconds, order.fps)
            self.notices += whole_turns(self.controls, self._turn.seconds)
            turn_s = self._turn.seconds * self.controls.number("show.speed")
        self.frames = self._clock.frames
        # Nothing is drawn here: only of frames that are shown it is worth while.
        draw = Inline(lambda frame: frame)
        self._show = Show(self.controls, draw, settings.show.seed, cues=cues, turn_s=turn_s)
        self.soundtrack = Soundtrack(song) if song else None
        driver, turn = str(self.controls["show.driver"]), self._turn
        self._source = source_of(song, driver, turn.seconds if turn is not None else None)
        self._listener = Listener(self._source, settings.sound, self.controls)

    def _cues(self, order: Order) -> Cues:
        """All that are stored, and the one that the film begins at."""
        cues = Cues(self.controls, CUES, waits=True).read()
        given = {id: self.controls[id] for id in order.settings.given if self.controls.get(id)}
        for slot, cue in cues.slots.items():
            cues.slots[slot] = cue.instead(given)  # what the command line says, goes
        if order.cue is not None or order.set_list:
            cues.begin(order.cue, at_point=not order.is_loop)  # a loop is on a way of its own
            if order.set_list and (lines := cues.notices()):  # another list would be played
                raise UserError("\n".join(lines))
            cues.set_list.is_on = order.set_list
        return cues

    def moments(self) -> Iterator[Moment]:
        if self._turn is not None:
            yield from self._round(self._turn)
            return
        way = Way(self._steps())
        for shown in self._clock.ticks():
            self._until = shown.t + 0.5 / self._clock.fps  # a frame begins what is nearest to it
            frame, features = way.to(shown.t)
            if self._conductor.is_due(self._until):
                way.correct(self._go(replace(self._tick, dt=0.0), self._until))
                frame = way.at(shown.t)
            yield Moment(shown, frame, features, way.has_panicked)

    def _steps(self) -> Iterator[Step]:
        seconds = self._clock.frames / self._clock.fps
        for tick in FixedClock(RATE_HZ, seconds + 1).ticks():
            self._tick = tick
            yield self._go(tick, min(tick.t + tick.dt / 2, self._until))

    def _go(self, tick: Tick, until: float) -> Step:
        """The show's next tick, or once more the last: then nothing moves on."""
        features = self._conductor.hear(self._listener.listen(tick), tick.t)
        commands = self._conductor.commands(tick.t, until, seen_until=self._until)
        self._listener.obey(tick, commands)
        if panics := has_panic(commands):
            commands += calm(self.controls, self._show.paused, has_failed=False)
        frame = self._show.update(tick, features, commands)
        return Step(tick.t, frame, features, panics, begins=bool(commands))

    def _round(self, turn: Turn) -> Iterator[Moment]:
        """Turn after turn, of which the last is the film."""
        heard = turn.hear(self._listener)
        moves = np.zeros(turn.ticks)
        last: FloatArray | None = None
        for n in range(-turn.settling, -turn.before):
            frame = self._turn_to(turn, n, heard).frame
            here = frame.field if frame.z is None else frame.z
            if here is not None and last is not None:
                moves[n % turn.ticks] = np.abs(here - last).mean()
            last = here
        # A song begins where it begins; without, the seam is where least moves.
        start = 0 if self.soundtrack is not None else int(moves.argmin())
        way = Way(self._turn_to(turn, n, heard) for n in count(-turn.before))
        for n in range(-turn.looks_back, turn.frames):
            frame, features = way.to(start * turn.dt + n / turn.fps)
            yield Moment(Tick(n, n / turn.fps, 1 / turn.fps), frame, features)

    def _turn_to(self, turn: Turn, n: int, heard: list[Features]) -> Step:
        """The tick that is n after the beginning of a turn."""
        index = n % turn.ticks
        features = self._conductor.hear(heard[index], index * turn.dt)
        tick = Tick(index, n * turn.dt, turn.dt if n > -turn.settling else 0.0)
        return Step(tick.t, self._show.update(tick, features), features)

    def close(self) -> None:
        self._show.close()
        self._source.close()
        if self.soundtrack is not None:
            self.soundtrack.close()
