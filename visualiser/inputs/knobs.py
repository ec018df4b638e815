"""What a MIDI controller has under its fingers, and how config.toml writes it: "cc 1:21"."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from visualiser.controls import Control


@dataclass(frozen=True)
class Knob:
    """A knob or fader (cc), or a button, pad or key (note); channel: 1..16; number: 0..127."""

    kind: Literal["cc", "note"]
    channel: int
    number: int

    def __str__(self) -> str:
        return f"{self.kind} {self.channel}:{self.number}"


def parse(text: str) -> Knob:
    """The knob of that name. Raises ValueError."""
    found = re.fullmatch(r"\s*(cc|note)\s*(\d{1,3})\s*:\s*(\d{1,3})\s*", text, re.IGNORECASE)
    if found and 1 <= int(found[2]) <= 16 and int(found[3]) <= 127:
        kind: Literal["cc", "note"] = "cc" if found[1].lower() == "cc" else "note"
        return Knob(kind, int(found[2]), int(found[3]))
    raise ValueError(f"{text!r} is no knob; allowed is 'cc 1:21' or 'note 10:36', channel:number")


# What is pressed on the way to another control, and is not meant when a knob is learned.
PASSED = ("window.help", "window.panel", "window.hud", "window.scope", "window.inputs",
          "cues.strip", "show.undo")  # fmt: skip


def learnable(control: Control | None) -> bool:
    """Whether a knob can move it. What is done to knobs themselves is none of it."""
    return control is not None and not control.takes and control.section != "midi"


def mistakes(mapping: object, controls: Iterable[Control]) -> Iterator[tuple[str, str]]:
    """What is wrong with [midi.map]: the key it stands at, and words for the person."""
    if not isinstance(mapping, Mapping):
        return
    ids = [control.id for control in controls if learnable(control)]
    before: dict[Knob, str] = {}
    for key, id in mapping.items():
        try:
            knob = parse(key)
        except ValueError as error:
            yield key, f"midi.map: {error}"
            continue
        if knob in before:
            first = before[knob]
            yield (
                key,
                (
                    f"midi.map: the knob {knob} is given to both {mapping[first]} and {id},"
                    f" as {first!r} and {key!r}; allowed is one"
                ),
            )
        before.setdefault(knob, key)
        if id not in ids:
            close = difflib.get_close_matches(str(id), ids, 1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            yield key, f"midi.map: {key!r} = {id!r}; {hint}allowed is a control, as 'show.speed'"
