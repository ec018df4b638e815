"""Plays a timeline: what it asks for, tick by tick, as commands like everybody's."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from visualiser.controls import Command, Control, Controls, Value
from visualiser.morph import EASINGS
from visualiser.timeline import Entry, Timeline
from visualiser.types import Features

OF_CUES = {"over": "cues.time", "easing": "cues.easing"}


@dataclass(frozen=True)
class Glide:
    """A number on its way: from and to are shares of its range, as a slider has it."""

    control: Control
    entry: Entry
    start: float
    end: float

    def at(self, t: float) -> tuple[Value, bool]:
        """Its value at t, and whether it is there."""
        over = self.entry.over or 0.0
        share = min(max((t - self.entry.t) / over, 0.0), 1.0) if over > 0 else 1.0
        if share >= 1 - 1e-9:
            return self.entry.values[self.control.id], True
        eased = EASINGS[self.entry.easing or "linear"](share)
        return self.control.value_at(self.start + (self.end - self.start) * eased), False


class Conductor:
    def __init__(self, timeline: Timeline, controls: Controls) -> None:
        self._controls = controls
        self._metre = timeline.metre
        self._left = deque(timeline.entries)
        self._glides: dict[str, Glide] = {}
        self._held: list[tuple[float, str]] = []  # until when, s
        self._back: dict[str, Value] = {}  # what is to be again in the next tick

    def hear(self, features: Features, t: float) -> Features:
        """What is heard at t of the timeline, on its beat if it has one."""
        return features if self._metre is None else self._metre.hear(features, t)

    def is_due(self, until: float) -> bool:
        """Whether anything begins, or is let go, before that time."""
        begins = bool(self._left) and self._left[0].t <= until
        return begins or any(ends <= until for ends, _ in self._held)

    def commands(
        self,
        t: float,
        until: float,
        others: Collection[Command] = (),
        seen_until: float | None = None,
    ) -> list[Command]:
        """What is asked for at t of the timeline, once a tick; what comes before `until` begins.
        others: what hands ask for in the same tick: a number that they move is theirs. seen_until:
        what is held is not let go before, for until then nobody sees it; None is now."""
        for id, _ in others:
            self._glides.pop(id, None)
        asked: list[Command] = list(self._back.items())
        asked += [(id, False) for ends, id in self._held if ends <= until]
        self._held = [(ends, id) for ends, id in self._held if ends > until]
        self._back = {}
        while self._left and self._left[0].t <= until:
            self._begin(self._left.popleft(), asked, until if seen_until is None else seen_until)
        for id, glide in list(self._glides.items()):
            value, is_there = glide.at(t)
            asked.append((id, value))
            if is_there:
                del self._glides[id]
        return asked

    def _begin(self, entry: Entry, asked: list[Command], seen_until: float) -> None:
        """Add to what is asked for in this tick."""
        for id, value in entry.values.items():
            control = self._controls.get(id)
            if control is None:
                continue
            self._glides.pop(id, None)
            if control.is_number and entry.over:
                start = control.share_of(self._value(id, asked))
                self._glides[id] = Glide(control, entry, start, control.share_of(value))
                continue
            asked.append((id, value))
            if control.kind == "hold" and value and entry.hold is not None:
                ends = max(entry.t + entry.hold, math.nextafter(seen_until, math.inf))
                self._held.append((ends, id))
        if entry.cue is not None:
            for key, id in OF_CUES.items():
                if (wanted := getattr(entry, key)) is not None:
                    self._back.setdefault(id, self._value(id, asked))
                    asked.append((id, wanted))
            asked.append(("cues.recall", entry.cue))
        asked += [(id, True) for id in entry.do]

    def _value(self, id: str, asked: list[Command]) -> Value:
        """A control's, once all that has been asked for."""
        found = [value for other, value in asked if other == id and isinstance(value, Value)]
        return found[-1] if found else self._controls[id]
