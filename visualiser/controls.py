"""The one table of controls: everything a performer can change, declared once where it is used.

The keyboard map, the help on screen, the keys of config.toml and the README's table are all read
from these declarations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from visualiser.types import UserError

Value = float | bool | str


@dataclass(frozen=True)
class Nudge:
    """A relative change: that many steps of a number, on/off of a switch, the next choice."""

    steps: int


@dataclass(frozen=True)
class Swap:
    """One choice; or, where that is chosen already, the other."""

    to: str
    back: str


@dataclass(frozen=True)
class Stroke:
    """A line drawn by hand: x, y of its ends, in shares of the input pane."""

    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True)
class Pulse:
    """Where another clock is in its beat: bpm, and phase 0..1, 0 on the beat, or None where its
    tempo alone is known."""

    bpm: float
    phase: float | None


@dataclass(frozen=True)
class Key:
    """A key and what it sends; does: the words of the help screen.

    name: as pygame names keys ("1", "space", "up", "f11"), after "ctrl " where that is held (or
    command); mode: of the show in which it means this, whatever else it means; "" is in all.
    """

    name: str
    does: str
    sends: Value | Nudge | Swap = Nudge(1)
    mode: str = ""


@dataclass(frozen=True)
class Control:
    """One thing a performer can change.

    id: "section.name", which is also its place in config.toml; label: what it does, in a line;
    kind: number (lo..hi, in unit), switch (on/off), choice (one of choices), action (does
    something once, holds no value), hold (on while its key is down), live (a number that goes its
    own way until someone takes it in hand, and so has no start value); ratio: a nudge multiplies by
    this, where 0 adds a twentieth of the range instead; keys: none, one or more; repeats: whether
    an action is done over and over while its key is down; takes: what an action has to be told,
    "its number": no key, knob or plain message can ask for it.
    """

    id: str
    label: str
    kind: Literal["number", "switch", "choice", "action", "hold", "live"] = "number"
    default: Value = 0.0
    lo: float = 0.0
    hi: float = 1.0
    unit: str = ""
    ratio: float = 0.0
    choices: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    repeats: bool = False
    takes: str = ""

    @property
    def is_setting(self) -> bool:
        """Whether it has a value to start with, in config.toml."""
        return self.kind in ("number", "switch", "choice")

    @property
    def is_number(self) -> bool:
        return self.kind in ("number", "live")

    @property
    def address(self) -> str:
        """Its OSC address: "show.speed" is /show/speed."""
        return "/" + self.id.replace(".", "/")

    def share_of(self, value: Value) -> float:
        """Where a value lies in its range, 0..1: what a slider or a knob shows. Numbers that a
        nudge multiplies lie logarithmically; each choice has as much room, and is in the middle of
        it; an action has no place, and is 0."""
        if self.is_number:
            number = min(max(float(value), self.lo), self.hi)
            if self.ratio and self.lo > 0:
                return math.log(number / self.lo) / math.log(self.hi / self.lo)
            return (number - self.lo) / (self.hi - self.lo)
        if self.kind == "choice":
            at = self.choices.index(str(value)) if value in self.choices else 0
            return (at + 0.5) / max(len(self.choices), 1)
        return float(bool(value)) if self.kind in ("switch", "hold") else 0.0

    def value_at(self, share: float) -> Value:
        """The value at a place in its range: the inverse of share_of. A switch is on from the
        middle on, and so is an action done."""
        share = min(max(share, 0.0), 1.0)
        if self.is_number:
            if self.ratio and self.lo > 0:
                return self.lo * (self.hi / self.lo) ** share
            return self.lo + share * (self.hi - self.lo)
        if self.kind == "choice":
            n = len(self.choices)
            return self.choices[min(int(share * n), n - 1)] if n else ""
        return share >= 0.5

    @cached_property
    def section(self) -> str:
        return self.id.partition(".")[0]

    @cached_property
    def name(self) -> str:
        return self.id.partition(".")[2]


def number(
    id: str,
    label: str,
    default: float,
    lo: float,
    hi: float,
    unit: str = "",
    ratio: float = 0.0,
    keys: tuple[Key, ...] = (),
) -> Control:
    return Control(id, label, "number", default, lo, hi, unit, ratio, keys=keys)


def switch(id: str, label: str, default: bool, keys: tuple[Key, ...] = ()) -> Control:
    return Control(id, label, "switch", default, keys=keys)


def choice(
    id: str, label: str, default: str, choices: tuple[str, ...], keys: tuple[Key, ...] = ()
) -> Control:
    return Control(id, label, "choice", default, choices=choices, keys=keys)


def live(id: str, label: str, lo: float, hi: float, unit: str = "") -> Control:
    """A number that moves by itself, and that a hand can take."""
    return Control(id, label, "live", 0.0, lo, hi, unit)


def action(id: str, label: str, key: str = "", repeats: bool = False, takes: str = "") -> Control:
    keys = (Key(key, label),) if key else ()
    return Control(id, label, "action", keys=keys, repeats=repeats, takes=takes)


def hold(id: str, label: str, key: str = "", mode: str = "") -> Control:
    """On while the key is down: True is sent when it goes down, False when it comes up."""
    return Control(id, label, "hold", False, keys=(Key(key, label, True, mode),) if key else ())


Command = tuple[str, Value | Nudge | Swap | Stroke | Pulse]


class Controls:
    """The declared controls and their present values.

    Raises UserError where two controls share an id or a key, or a setting is none of the choices.
    """

    def __init__(self, declared: Iterable[Control], settings: Mapping[str, Value] = {}) -> None:
        self._declared: dict[str, Control] = {}
        self._keys: dict[tuple[str, str], tuple[Control, Key]] = {}  # by name and mode
        self._values: dict[str, Value] = {}
        self._sections: dict[str, dict[str, Value]] = {}
        for control in declared:
            if control.id in self._declared:
                raise UserError(f"two controls are called {control.id}: ids must differ")
            self._declared[control.id] = control
            for key in control.keys:
                at = key.name, key.mode
                if at in self._keys:
                    other, has = self._keys[at]
                    raise UserError(
                        f"the key {key.name!r} is given to both {other.id} and {control.id}"
                        f" ({has.does}; {key.does})"
                    )
                self._keys[at] = control, key
        self.begin(settings)

    def begin(self, settings: Mapping[str, Value]) -> None:
        """Everything as at the start. Raises UserError as above."""
        self._values.clear()
        for control in self:
            if control.kind in ("hold", "live"):
                self._set(control, control.default)
            if control.is_setting:
                value = settings.get(control.id, control.default)
                self._set(control, value)
                if control.id not in self._values:
                    allowed = " or ".join(map(repr, control.choices)) or "a number"
                    raise UserError(f"{control.id} = {value!r}; allowed is {allowed}")

    def __iter__(self) -> Iterator[Control]:
        return iter(self._declared.values())

    def __getitem__(self, id: str) -> Value:
        return self._values[id]

    def get(self, id: str) -> Control | None:
        """The declaration of that id."""
        return self._declared.get(id)

    def twin(self) -> Controls:
        """Another with the same values, which then go ways of their own."""
        other = copy(self)
        other._declared, other._values = dict(self._declared), dict(self._values)
        other._sections = {name: dict(section) for name, section in self._sections.items()}
        return other

    def limit(self, id: str, choices: Iterable[str]) -> None:
        """Let a control have these choices, and no others."""
        self._declared[id] = replace(self._declared[id], choices=tuple(choices))

    def offer(self, id: str, choice: str) -> None:
        """Add to the choices of a control that has some; one that is there already stays."""
        control = self._declared[id]
        if choice not in control.choices:
            self._declared[id] = replace(control, choices=(*control.choices, choice))

    @property
    def values(self) -> Mapping[str, Value]:
        """The present value of every control that has one, by id."""
        return self._values

    def number(self, id: str) -> float:
        return float(self._values[id])

    def section(self, name: str) -> Mapping[str, Value]:
        """The values of one section, by short name: {"speed": 0.25, ...}."""
        return self._sections.get(name, {})

    def on_key(self, name: str) -> Command | None:
        """What a key press asks for, or None for a key that means nothing."""
        mode = str(self._values.get("show.mode", ""))
        found = self._keys.get((name, mode)) or self._keys.get((name, ""))
        return (found[0].id, found[1].sends) if found else None

    def is_hold(self, id: str) -> bool:
        """Whether it is on while its key is down."""
        return self._declared[id].kind == "hold"

    def repeats(self, id: str) -> bool:
        """Whether a key that stays down asks again and again."""
        control = self._declared[id]
        return control.is_number or control.repeats

    def apply(self, command: Command) -> bool:
        """Carry out one command; True if it was an action. Numbers are held in their range.

        A command that does not fit its control (an unknown id, a choice that is not one) changes
        nothing: on stage the show goes on.
        """
        id, value = command
        control = self._declared.get(id)
        if control is None:
            return False
        if control.kind == "action":
            return True
        if isinstance(value, Nudge):
            value = self._nudged(control, value.steps)
        if isinstance(value, Swap):
            value = value.back if self._values[id] == value.to else value.to
        if not isinstance(value, Stroke | Pulse):
            self._set(control, value)
        return False

    def _nudged(self, control: Control, steps: int) -> Value:
        now = self._values[control.id]
        if control.kind in ("switch", "hold"):
            return now if steps % 2 == 0 else not now
        if control.kind == "choice":
            at = control.choices.index(str(now)) if control.choices else 0
            return control.choices[(at + steps) % len(control.choices)] if control.choices else now
        # More steps than that reach either end from anywhere, and do not overflow.
        steps = min(max(steps, -1000), 1000)
        if control.ratio:
            return float(now) * control.ratio**steps
        return float(now) + steps * (control.hi - control.lo) / 20

    def _set(self, control: Control, value: Value) -> None:
        if control.is_number:
            try:
                number = float(value)
            except (ValueError, TypeError, OverflowError):
                return
            if number != number:  # NaN
                return
            value = min(max(number, control.lo), control.hi)
        elif control.kind in ("switch", "hold"):
            value = bool(value)
        elif control.choices and value not in control.choices:
            return
        self._values[control.id] = value
        self._sections.setdefault(control.section, {})[control.name] = value
