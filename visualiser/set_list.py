"""Which cue comes when: by key, after a time, or on a beat."""

from __future__ import annotations

import math
from collections.abc import Iterable

from visualiser.controls import Controls
from visualiser.cue_files import Step
from visualiser.types import Features

ADVANCES = ("key", "time", "beats")
BEATS = 4  # in a bar
MOST_AT_ONCE = 8  # beats in a tick; more is another count, after a tap or a new tempo

Place = tuple[int | None, bool, bool]


class SetList:
    """steps: as they are written in its file, empty where there is none; at: the index of the one
    that plays, None before the first; is_gone: whether that one was taken away, so that `at` is
    what comes after it; is_on: whether it goes on by itself."""

    def __init__(self, controls: Controls) -> None:
        self.steps: tuple[Step, ...] = ()
        self.at: int | None = None
        self.is_gone = False
        self.is_on = False
        self._controls = controls
        self._held_s = 0.0
        self._beats = 0
        self._last = 0.0  # beats that had gone by at the last tick

    @property
    def place(self) -> Place:
        """Where it is, to come back to."""
        return self.at, self.is_gone, self.is_on

    def return_to(self, place: Place) -> None:
        """Be there again; a step begins anew."""
        self.begin(None)
        self.at, self.is_gone, self.is_on = place

    def order(self, slots: Iterable[int]) -> tuple[Step, ...]:
        """What is played: without a file all cues, by their numbers; else what it says, but for
        steps whose cue is not there."""
        there = sorted(slots)
        if not self.steps:
            return tuple(Step(slot) for slot in there)
        return tuple(step for step in self.steps if step.cue in there)

    def begin(self, at: int | None) -> None:
        """A step begins now."""
        self.at, self.is_gone = at, False
        self._held_s, self._beats = 0.0, 0

    def lose(self, order: tuple[Step, ...], slot: int) -> None:
        """A cue's steps are taken away from the order: what comes next stays the same."""
        if self.at is not None:
            self.is_gone |= self._step(order).cue == slot
            self.at -= sum(step.cue == slot for step in order[: self.at])

    def find(self, order: tuple[Step, ...], slot: int) -> int | None:
        """Where a cue comes next in the order: here, behind here, or from the start."""
        here = self.at or 0
        found = [at for at, step in enumerate(order) if step.cue == slot]
        return next((at for at in found if at >= here), found[0] if found else None)

    def beside(self, order: tuple[Step, ...], way: int) -> int | None:
        """The step after this one (way 1) or before it (-1); None where there is none."""
        if not order:
            return None
        if self.at is None:
            return 0 if way > 0 else len(order) - 1
        at = self.at + way - (self.is_gone and way > 0)
        if self._controls["cues.loop"]:
            return at % len(order)
        return at if 0 <= at < len(order) else None

    def is_time(self, order: tuple[Step, ...], dt: float, features: Features) -> bool:
        """Whether the next step is to begin, once a tick; dt: s."""
        last, self._last = self._last, features.beats
        if not self.is_on or self.at is None:
            return False
        self._held_s += dt
        went = math.floor(features.beats) - math.floor(last) if features.bpm > 0 else 0
        if 0 < went <= MOST_AT_ONCE:
            self._beats += went
        step, advance = self._step(order), self._controls["cues.advance"]
        if advance == "time":
            return self._held_s >= self._hold_s(step) - 1e-6
        return advance == "beats" and went > 0 and self._beats >= self._hold_beats(step)

    def seconds(self, order: tuple[Step, ...], beat_s: float) -> float:
        """How long all of it takes, s; beat_s: from one beat to the next."""
        if self._controls["cues.advance"] == "beats":
            return sum(self._hold_beats(step) for step in order) * beat_s
        return sum(self._hold_s(step) for step in order)

    def left(self, order: tuple[Step, ...], bpm: float) -> str:
        """What the next step waits for, in words."""
        if not self.is_on or self.at is None:
            return ""
        step, advance = self._step(order), self._controls["cues.advance"]
        if advance == "time":
            return f"next in {math.ceil(max(self._hold_s(step) - self._held_s, 0))} s"
        if advance == "beats":
            beats = max(self._hold_beats(step) - self._beats, 0)
            words = f"{beats} beat{'s' if beats != 1 else ''}"
            return f"next in {words}" if bpm > 0 else f"{words}, none heard"
        return "next by key"

    def _step(self, order: tuple[Step, ...]) -> Step:
        """The one that plays; where that was taken away, one of no cue."""
        if self.at is None or self.at >= len(order) or self.is_gone:
            return Step(0)
        return order[self.at]

    def _hold_s(self, step: Step) -> float:
        return self._controls.number("cues.hold_s") if step.hold_s is None else step.hold_s

    def _hold_beats(self, step: Step) -> int:
        bars = self._controls.number("cues.bars") if step.bars is None else step.bars
        return max(round(bars * BEATS), 1)
