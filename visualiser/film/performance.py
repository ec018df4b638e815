"""What a film is of: a show that plays now, or a take of one that did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from visualiser.calm import calm
from visualiser.clock import FixedClock
from visualiser.conductor import Conductor
from visualiser.config import Settings
from visualiser.controls import Controls
from visualiser.cues import Cues
from visualiser.decode import Inline
from visualiser.film.loop import Turn, turn_of, whole_turns
from visualiser.film.soundtrack import Soundtrack, source_of
from visualiser.frame import Frame, Moment
from visualiser.listener import Listener
from visualiser.run import CUES, declared_controls
from visualiser.show import Show
from visualiser.timeline import EMPTY, Timeline
from visualiser.types import Features, FloatArray, Tick, UserError


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
        for tick in self._clock.ticks():
            features = self._conductor.hear(self._listener.listen(tick), tick.t)
            commands = self._conductor.commands(tick, tick.t)
            self._listener.obey(tick, commands)
            if panics := any(id == "stage.panic" for id, _ in commands):
                commands += calm(self.controls, self._show.paused, has_failed=False)
            yield Moment(tick, self._show.update(tick, features, commands), features, panics)

    def _round(self, turn: Turn) -> Iterator[Moment]:
        heard = turn.hear(self._listener)
        moves = np.zeros(turn.frames)
        last: FloatArray | None = None
        for n in range(-turn.settling, -turn.before):
            _, frame = self._go(turn, n, heard)
            here = frame.field if frame.z is None else frame.z
            if here is not None and last is not None:
                moves[n % turn.frames] = np.abs(here - last).mean()
            last = here
        # A song begins where it begins; without, the seam is where least moves.
        start = 0 if self.soundtrack is not None else int(moves.argmin())
        for n in range(-turn.before, start + turn.frames):
            features, frame = self._go(turn, n, heard)
            if n >= start - turn.before:
                tick = Tick(n - start, (n - start) / turn.fps, 1 / turn.fps)
                yield Moment(tick, frame, features)

    def _go(self, turn: Turn, n: int, heard: list[Features]) -> tuple[Features, Frame]:
        """To the frame that is n after the beginning of a turn."""
        index = n % turn.frames
        features = self._conductor.hear(heard[index], index / turn.fps)
        dt = 1 / turn.fps if n > -turn.settling else 0.0
        return features, self._show.update(Tick(index, n / turn.fps, dt), features)

    def close(self) -> None:
        self._show.close()
        self._source.close()
        if self.soundtrack is not None:
            self.soundtrack.close()
