"""Undo: what was lost last, and how to bring it back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from visualiser.controls import Command, Control, Controls, action
from visualiser.pins import NAMES, Pins
from visualiser.types import FloatArray

MOST = 32  # steps back
UNDO = "show.undo"
RELEASE = "latents.release"
_HANDS = {
    RELEASE: "the directions are held again",
    "latents.reset": "the directions are where they were before the reset",
    "latents.randomise": "the directions are where they were before chance",
    "latents.lock": "the directions move again as before",
}
_BY_PANIC = ("stage.", "show.model")  # that do not come back with what was before it


def declare() -> tuple[Control, ...]:
    return (action(UNDO, "undo: bring back what was lost last", "u"),)


class Seen(Protocol):
    """What is looked at before commands are carried out: show.Show."""

    controls: Controls
    pins: Pins

    @property
    def drawing(self) -> FloatArray: ...


@dataclass(frozen=True)
class Lost:
    """words: what is told once it is back, "" where whoever brings it back tells; back: the
    commands that do, which stand in a take as if someone had given them."""

    words: str
    back: tuple[Command, ...]


class History:
    """The last steps that lost something. Who loses something keeps how it comes back; what is
    lost by commands to the show is seen here."""

    def __init__(self) -> None:
        self._steps: deque[Lost] = deque(maxlen=MOST)
        self._given: list[Command] = []
        self._lines: list[str] = []

    def keep(self, words: str, *back: Command) -> None:
        """Something is lost now."""
        self._steps.append(Lost(words, back))

    def commands(self, commands: Iterable[Command]) -> list[Command]:
        """What else is to be done for undo among these commands. What somebody brings back in
        another way, with an action of its own, is no step any more."""
        asked: list[Command] = []
        for id, value in commands:
            if value is False:  # a key or a pad that comes up
                continue
            if id != UNDO:
                found = [n for n, step in enumerate(self._steps) if step.back == ((id, True),)]
                if found:
                    del self._steps[found[-1]]
            elif self._steps:
                step = self._steps.pop()
                asked += step.back
                self._lines += [f"undone: {step.words}"] if step.words else []
            else:
                self._lines.append("there is nothing to undo")
        self._given = asked
        return asked

    def gave(self, command: Command) -> bool:
        """Whether it is undo's own in this tick: what that takes away is not lost."""
        return command in self._given

    def watch(self, commands: Iterable[Command], show: Seen) -> None:
        """Keep what the show is about to lose by these commands. show: as it is before them."""
        commands = list(commands)
        for id, _ in commands:
            if id == "stage.panic":
                self.keep("all is as it was before the panic", *_before(commands, show))
                return  # which releases the directions
        for id, value in commands:
            if self.gave((id, value)):
                continue
            if id in _HANDS and (id != RELEASE or show.pins.held.any()):
                self.keep(_HANDS[id], *show.pins.as_commands())
            elif id == "latents.free" and (held := _held(show.pins, value)):
                which = held[0][0].removeprefix("latents.")
                self.keep(f"direction {which} is held again", *held)
            elif id == "draw.wipe" and show.drawing.any():
                self.keep("the drawing is there again", ("draw.undo", True))

    def notices(self) -> list[str]:
        """Lines for the person since the last call."""
        lines, self._lines = self._lines, []
        return lines


def _held(pins: Pins, number: object) -> list[Command]:
    """What holds the direction of that number where it is held now, if it is."""
    if not (isinstance(number, int | float) and 1 <= number <= len(NAMES)):
        return []
    return [command for command in pins.as_commands() if command[0] == NAMES[int(number) - 1]]


def _before(commands: Iterable[Command], show: Seen) -> list[Command]:
    """The present values of all controls that commands set, and where hands hold the directions."""
    back: dict[str, Command] = {}
    for id, _ in commands:
        control = show.controls.get(id)
        if control is not None and control.is_setting and not id.startswith(_BY_PANIC):
            back[id] = id, show.controls[id]
    return [*back.values(), *show.pins.as_commands()]
