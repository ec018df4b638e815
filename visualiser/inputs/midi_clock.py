"""MIDI clock, 24 pulses a beat, as tempo and phase: a line through the last pulses, so that one
that comes late moves it little."""

from __future__ import annotations

from collections import deque

import numpy as np

from visualiser.controls import Pulse
from visualiser.inputs.midi_heard import CLOCK, CONTINUE, POSITION, START, STOP, Clocked

PPQN = 24  # pulses a beat
SPAN = 2 * PPQN  # pulses that the line is drawn through
FEWEST = 9  # until then there is no tempo
RESTART = 3  # pulses that are kept when the tempo jumps
OFF = 0.6  # pulses from where one was expected: the tempo, or the clock, is another
SILENT_S = 0.5  # a clock that says nothing for so long is gone
SLOWEST, FASTEST = 20.0, 400.0  # bpm that are believed


class Follower:
    """Follows a clock. Where it was not heard to start, its tempo alone is known."""

    def __init__(self) -> None:
        self._pulses: deque[tuple[int, float]] = deque(maxlen=SPAN)  # number, t in s
        self._next = 0
        self._has_begun = False
        self._is_stopped = False
        self._line: tuple[float, float, float] | None = None  # t, number there, s a pulse

    def hear(self, said: Clocked) -> None:
        if said.word == CLOCK:
            self._pulse(said.t)
        elif said.word == START:
            self._go_to(0)
            self._has_begun, self._is_stopped = True, False
        elif said.word == CONTINUE:
            self._has_begun, self._is_stopped = True, False
        elif said.word == STOP:
            self._is_stopped = True
        elif said.word == POSITION:
            self._go_to(said.at * PPQN // 4)

    def at(self, t: float) -> Pulse | None:
        """Where the clock is at t, s; None while it is stopped, gone or not known yet."""
        if self._line is None or self._is_stopped or t - self._pulses[-1][1] > SILENT_S:
            return None
        begin, number, period_s = self._line
        bpm = 60.0 / (PPQN * period_s)
        if not SLOWEST <= bpm <= FASTEST:
            return None
        phase = (number + (t - begin) / period_s) / PPQN % 1.0
        return Pulse(bpm, phase if self._has_begun else None)

    def _pulse(self, t: float) -> None:
        number, self._next = self._next, self._next + 1
        if self._pulses and t - self._pulses[-1][1] > SILENT_S:
            self._forget(0)
        if self._line is not None:
            begin, first, period_s = self._line
            if abs(number - first - (t - begin) / period_s) > OFF:
                self._forget(RESTART)
        self._pulses.append((number, t))
        if len(self._pulses) >= FEWEST:
            numbers, times = np.array(self._pulses).T
            slope = float(np.polyfit(numbers - numbers.mean(), times, 1)[0])
            self._line = (float(times.mean()), float(numbers.mean()), slope) if slope > 0 else None

    def _go_to(self, number: int) -> None:
        """The next pulse has that number: those before it, too, count towards it."""
        off = number - self._next
        self._next = number
        self._pulses = deque(((n + off, t) for n, t in self._pulses), maxlen=SPAN)
        if self._line is not None:
            self._line = (self._line[0], self._line[1] + off, self._line[2])

    def _forget(self, kept: int) -> None:
        """All but the last few pulses."""
        self._pulses = deque(list(self._pulses)[-kept:] if kept else (), maxlen=SPAN)
        self._line = None
