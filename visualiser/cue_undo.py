"""What was lost of cues, as it is kept to come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from visualiser.controls import Command
from visualiser.cue_files import Cue, Step
from visualiser.set_list import Place


@dataclass(frozen=True)
class Changed:
    """cues: slots as they were before, None what was free; current: the one that had come last;
    steps: of the set list before, None where that stayed as it was."""

    cues: Mapping[int, Cue | None]
    current: int | None
    steps: tuple[Step, ...] | None = None

    def __str__(self) -> str:
        said = [
            f"cue {slot} is {'free' if cue is None else repr(cue.name)} again"
            for slot, cue in sorted(self.cues.items())
        ]
        if self.steps is not None:
            n = len(self.steps)
            said.append(f"the set list has its {n} step{'' if n == 1 else 's'} again")
        return ", ".join(said)


@dataclass(frozen=True)
class Recalled:
    """state: what was played before; slot: the one it was from; place: in the set list; hands:
    the commands that bring back which directions were held, and where."""

    state: Cue
    slot: int | None
    place: Place
    hands: tuple[Command, ...]

    def __str__(self) -> str:
        return "back to what was before the cue"
