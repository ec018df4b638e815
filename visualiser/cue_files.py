"""A cue, a set list, and what both look like as files.

    cues/3.toml      what is on slot 3
    cues/set.toml    in which order cues are played, and how long
    cues/old/        what was stored over or cleared

Reading never executes anything, and says of a file that is none what is allowed, in one line.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from visualiser.controls import Control, Controls, Value
from visualiser.toml_files import load_toml
from visualiser.types import FloatArray, UserError

SLOTS = 64
MOST_STEPS = 1000
FURTHEST = 1e6  # of a point's numbers; how many there can be:
MOST_NUMBERS = 512
LONGEST_NAME = 60
STEP_KEYS = {"time": "cues.time", "hold_s": "cues.hold_s", "bars": "cues.bars"}


@dataclass(frozen=True, eq=False)
class Cue:
    """A state of the show that can come back.

    model: as show.model names it; point: (n_directions,) float32, along that model's directions, as
    Driver.point gives it; controls: the values that come back with it, by id, without show.model.
    """

    name: str
    model: str
    point: FloatArray
    controls: Mapping[str, Value]

    def instead(self, values: Mapping[str, Value]) -> Cue:
        """The same with other values of controls, by id, where they come back with it."""
        model = str(values.get("show.model", self.model))
        controls = {id: values.get(id, value) for id, value in self.controls.items()}
        return replace(self, model=model, controls=controls)


@dataclass(frozen=True)
class Step:
    """Of a set list. cue: its slot; time, hold_s, bars: as the controls of those names, which are
    asked where it is None."""

    cue: int
    time: float | None = None
    hold_s: float | None = None
    bars: float | None = None


def to_text(cue: Cue) -> str:
    """A cue as TOML: the keys that config.toml has, under a head."""
    point = ", ".join(_plain(number) for number in cue.point)
    lines = [
        f"name = {_toml(cue.name)}",
        f"model = {_toml(cue.model)}",
        f"point = [{point}] # along the model's directions, the most visible first",
    ]
    section = ""
    for id in sorted(cue.controls):
        head, _, name = id.partition(".")
        if head != section:
            section = head
            lines += ["", f"[{section}]"]
        lines.append(f"{name} = {_toml(cue.controls[id])}")
    return "\n".join(lines) + "\n"


def _plain(number: np.floating[Any]) -> str:
    """The shortest that reads as the same float32."""
    return repr(float(str(np.float32(number))))


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(float(value))


def read_cue(data: bytes, controls: Controls, kept: frozenset[str]) -> Cue:
    """kept: ids of controls that a cue may have. UserError where a mistake is, one line for all of
    them, without the file's name."""
    raw = load_toml(data)
    mistakes: list[str] = []
    name, model = raw.pop("name", ""), raw.pop("model", None)
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        mistakes.append(f"name = {short(name)}; allowed is a text of up to {LONGEST_NAME} letters")
    if said := wrong(controls.get("show.model"), "model", model):
        mistakes.append(said)
    point = _point(raw.pop("point", None), mistakes)
    values: dict[str, Value] = {}
    for section, inner in raw.items():
        if not isinstance(inner, dict):
            allowed = sorted({id.partition(".")[0] for id in kept})
            if section in allowed:
                mistakes.append(f"{section} = {short(inner)}; it must be a section, [{section}]")
            else:
                mistakes.append(unknown(section, ["name", "model", "point", *allowed]))
            continue
        for key, value in inner.items():
            control = controls.get(id := f"{section}.{key}")
            if id not in kept or control is None:
                near = sorted(k for k in kept if k.startswith(f"{section}.")) or sorted(kept)
                mistakes.append(unknown(id, near))
            elif said := wrong(control, id, value):
                mistakes.append(said)
            else:
                values[id] = float(value) if control.kind == "number" else value
    _tell(mistakes)
    return Cue(name, str(model), point, values)


def read_steps(data: bytes, controls: Controls) -> tuple[Step, ...]:
    """A set list. UserError as above."""
    raw = load_toml(data)
    mistakes = [unknown(key, ["step"]) for key in raw if key != "step"]
    entries = raw.get("step", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError("step must be a list: every step begins with a line [[step]]")
    if len(entries) > MOST_STEPS:
        raise UserError(f"it has {len(entries)} steps; allowed are up to {MOST_STEPS}")
    steps: list[Step] = []
    for n, entry in enumerate(entries, 1):
        slot = entry.pop("cue", None)
        if not isinstance(slot, int) or isinstance(slot, bool) or not 1 <= slot <= SLOTS:
            mistakes.append(
                f"step {n}: cue = {short(slot)}; allowed is a whole number from 1 to {SLOTS}"
            )
        for key, value in entry.items():
            if key not in STEP_KEYS:
                mistakes.append(f"step {n}: {unknown(key, ['cue', *STEP_KEYS])}")
            elif said := wrong(controls.get(STEP_KEYS[key]), key, value):
                mistakes.append(f"step {n}: {said}")
        if not mistakes:
            steps.append(Step(slot, **{key: float(value) for key, value in entry.items()}))
    _tell(mistakes)
    return tuple(steps)


def _point(raw: object, mistakes: list[str]) -> FloatArray:
    numbers = raw if isinstance(raw, list) else []
    if not 1 <= len(numbers) <= MOST_NUMBERS or not all(
        isinstance(x, int | float) and not isinstance(x, bool) and abs(x) <= FURTHEST
        for x in numbers
    ):
        what = "is missing" if raw is None else f"= {short(raw)}"
        mistakes.append(
            f"point {what}; allowed is a list of 1 to {MOST_NUMBERS} numbers"
            f" from {-FURTHEST:g} to {FURTHEST:g}"
        )
        numbers = []
    return np.array(numbers, np.float32)


def wrong(control: Control | None, key: str, value: object) -> str:
    """What is wrong with a control's value, "" where it will do."""
    if control is None:
        return f"there is no {key}"
    if control.is_number:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and control.lo <= value <= control.hi:  # type: ignore[operator]
            return ""
        allowed = f"a number from {control.lo:g} to {control.hi:g}"
    elif control.kind in ("switch", "hold"):
        if isinstance(value, bool):
            return ""
        allowed = "true or false"
    else:
        if isinstance(value, str) and (value in control.choices or not control.choices):
            return ""
        allowed = " or ".join(map(repr, control.choices)) or "a text"
    what = "is missing" if value is None else f"= {short(value)}"
    return f"{key} {what}; allowed is {allowed}"


def unknown(key: str, allowed: list[str]) -> str:
    """What is said of a key that there is not."""
    close = difflib.get_close_matches(key, allowed, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown key {short(key)}; {hint}allowed are {', '.join(allowed)}"


def short(value: object) -> str:
    """It may be a number of a thousand digits, which Python does not even write."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        said = repr(value)
    except ValueError:
        said = "a number without end"
    said = re.sub(r"\s+", " ", said)
    return said if len(said) <= 40 else f"{said[:40]}..."


def _tell(mistakes: list[str]) -> None:
    if mistakes:
        more = len(mistakes) - 1
        rest = f" (and {more} more mistake{'s' if more > 1 else ''})" if more else ""
        raise UserError(mistakes[0] + rest)
