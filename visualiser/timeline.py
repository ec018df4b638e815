"""A timeline: what is to be done when, as a file that people write.

    tempo = 120              # beats a minute: for bars, and for all that follows the beat
    begin = 0.35             # when bar 1 begins, s; 0 if not said

    [[at]]
    time = "0:32"            # or 32.5, or "bar 17"
    cue = 3
    over = "4 bars"

    [[at]]
    time = "bar 33"
    look.look = "neon"       # any control, by its id
    show.speed = 3.0         # a number goes there in the time that `over` says
    over = 8
    easing = "late"

Entries may come in any order: they are played in that of their times, and those of one time as they
stand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visualiser.controls import Control, Controls, Value
from visualiser.cue_files import SLOTS, short, unknown, wrong
from visualiser.morph import EASINGS
from visualiser.times import TEMPI, Metre, length, moment
from visualiser.toml_files import load_toml, read_bytes
from visualiser.types import UserError

HEAD = ("tempo", "begin", "beats", "end", "at")
ENTRY = ("time", "cue", "over", "easing", "do", "for")
APART = ("window", "teach")  # sections that are of the screen, or of a room, and of no film
NOT_PLAYED = ("cues.store", "cues.clear", "stage.output", "sound.learn")
MOST = 10_000  # entries


@dataclass(frozen=True)
class Entry:
    """t: when, s; cue: the slot that is recalled; do: actions; values: of controls, by id; over:
    how long what moves takes, s, None is as cues.time says, or at once; easing: of that, None is
    as cues.easing says, or even; hold: how long what is held stays so, s, None is for good; place:
    where it stands, in words."""

    t: float
    cue: int | None = None
    do: tuple[str, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    over: float | None = None
    easing: str | None = None
    hold: float | None = None
    place: str = ""

    @property
    def end(self) -> float:
        return self.t + max(self.over or 0.0, self.hold or 0.0)


@dataclass(frozen=True)
class Timeline:
    """entries: by their times; metre: None where there is no tempo; end: of the film, s, where it
    is said."""

    entries: tuple[Entry, ...] = ()
    metre: Metre | None = None
    end: float | None = None

    @property
    def cues(self) -> dict[int, str]:
        """The slots that are asked for, and where."""
        return {entry.cue: entry.place for entry in self.entries if entry.cue is not None}

    @property
    def seconds(self) -> float:
        """When the last of it is over."""
        return max((entry.end for entry in self.entries), default=0.0)


EMPTY = Timeline()


def read(path: Path, controls: Controls, tempo: float | None = None) -> Timeline:
    """A file. tempo: beats a minute, instead of the file's. UserError where something is wrong with
    it, a line for each mistake."""
    try:
        data = read_bytes(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    try:
        raw = load_toml(data)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return _Reading(path, data.decode("utf-8-sig"), controls).timeline(raw, tempo)


class _Reading:
    """Collects what is wrong, with the line where it stands."""

    def __init__(self, path: Path, text: str, controls: Controls) -> None:
        self._path, self._controls = path, controls
        self._lines = text.splitlines()
        self._heads = [
            n for n, line in enumerate(self._lines) if re.match(r"\s*\[\[\s*at\s*\]\]", line)
        ]
        self._mistakes: list[str] = []
        self._known = {
            control.id: control
            for control in controls
            if control.section not in APART and control.id not in NOT_PLAYED and not control.takes
        }
        self._sections = sorted({control.section for control in self._known.values()})

    def timeline(self, raw: dict[str, Any], tempo: float | None) -> Timeline:
        for key in raw.keys() - {*HEAD}:
            self._say(None, key, unknown(key, [*HEAD]))
        entries = raw.get("at", [])
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise UserError(f"{self._path}: every entry begins with a line [[at]]")
        if len(entries) > MOST:
            raise UserError(f"{self._path}: {len(entries)} entries; allowed are up to {MOST}")
        metre = self._metre(raw, tempo)
        end = self._time(None, "end", raw["end"], metre) if "end" in raw else None
        read = [self._entry(n, entry, metre) for n, entry in enumerate(entries)]
        if self._mistakes:
            raise UserError("\n".join(self._mistakes))
        return Timeline(tuple(sorted(read, key=lambda entry: entry.t)), metre, end)

    def _metre(self, raw: dict[str, Any], tempo: float | None) -> Metre | None:
        begin = self._time(None, "begin", raw.get("begin", 0.0), None)
        for key, (lo, hi) in (("tempo", TEMPI), ("beats", (1, 32))):
            value = raw.get(key, lo)
            is_number = isinstance(value, int if key == "beats" else int | float)
            if not is_number or isinstance(value, bool) or not lo <= value <= hi:
                what = "a whole number" if key == "beats" else "a number"
                self._say(
                    None, key, f"{key} = {short(value)}; allowed is {what} from {lo:g} to {hi:g}"
                )
                raw.pop(key)
        tempo = tempo or raw.get("tempo")
        if tempo is None:
            for key in ("begin", "beats"):
                if key in raw:
                    self._say(None, key, f"{key} is of a tempo, and there is none")
            return None
        return Metre(float(tempo), begin, raw.get("beats", 4))

    def _entry(self, n: int, raw: dict[str, Any], metre: Metre | None) -> Entry:
        t = self._time(n, "time", raw.pop("time", None), metre)
        times: dict[str, float] = {key: self._time(n, key, raw.pop(key), metre, length)
                 for key in ("over", "for") if key in raw}  # fmt: skip
        cue, easing = raw.pop("cue", None), raw.pop("easing", None)
        is_slot = isinstance(cue, int) and not isinstance(cue, bool) and 1 <= cue <= SLOTS
        if cue is not None and not is_slot:
            self._say(n, "cue", f"cue = {short(cue)}; allowed is a whole number from 1 to {SLOTS}")
        if easing is not None and not (isinstance(easing, str) and easing in EASINGS):
            allowed = " or ".join(map(repr, EASINGS))
            self._say(n, "easing", f"easing = {short(easing)}; allowed is {allowed}")
        do = self._do(n, raw.pop("do", []))
        values = self._values(n, raw)
        self._look_over(n, times, cue, easing, [self._known[id] for id in values])
        if cue is None and not do and not raw:
            self._say(n, "", "nothing is done: give it a cue, a control or do")
        place = self._place(n, "cue")
        return Entry(t, cue, do, values, times.get("over"), easing, times.get("for"), place)

    def _look_over(self, n: int, times: Mapping[str, float], cue: object, easing: object,
                   controls: list[Control]) -> None:  # fmt: skip
        """Whether there is something to move, and to hold."""
        moves = cue is not None or any(control.is_number for control in controls)
        if ("over" in times or easing is not None) and not moves:
            key = "over" if "over" in times else "easing"
            self._say(n, key, f"{key} is of a cue, or of a number that moves, and there is none")
        limits = self._controls.get("cues.time")
        if cue is not None and limits is not None and times.get("over", 0.0) > limits.hi:
            self._say(n, "over", f"over is {times['over']:g} s; a cue takes up to {limits.hi:g} s")
        if "for" in times and not any(control.kind == "hold" for control in controls):
            held = [control.id for control in self._known.values() if control.kind == "hold"]
            self._say(n, "for", f"for is of what is held, as {', '.join(held)}")

    def _do(self, n: int, raw: object) -> tuple[str, ...]:
        ids = [raw] if isinstance(raw, str) else raw
        actions = [control.id for control in self._known.values() if control.kind == "action"]
        if not isinstance(ids, list):
            self._say(n, "do", f"do = {short(raw)}; allowed is an action, or a list of them")
            return ()
        for id in ids:
            if id not in actions:
                self._say(n, "do", unknown(str(id), actions).replace("key", "action", 1))
        return tuple(map(str, ids))

    def _values(self, n: int, raw: dict[str, Any]) -> dict[str, Value]:
        """What is left in an entry: controls. Those that will do."""
        values: dict[str, Value] = {}
        for section, inner in raw.items():
            pairs = {section: inner}
            if isinstance(inner, dict):
                pairs = {f"{section}.{key}": value for key, value in inner.items()}
            for id, value in pairs.items():
                control = self._known.get(id)
                if control is None or control.kind == "action":
                    near = [k for k in self._known if k.startswith(f"{section}.")]
                    self._say(n, id, unknown(id, near or [*ENTRY, *self._sections]))
                elif said := wrong(control, id, value):
                    self._say(n, id, said)
                else:
                    values[id] = float(value) if control.is_number else value
        return values

    def _time(self, n: int | None, key: str, word: object, metre: Metre | None,
              read: Any = moment) -> float:  # fmt: skip
        try:
            return float(read(word, metre))
        except ValueError as error:
            said = f"{key} is missing" if word is None else f"{key} = {short(word)}"
            self._say(n, key, f"{said}; {error}")
            return 0.0

    def _say(self, n: int | None, key: str, said: str) -> None:
        self._mistakes.append(f"{self._place(n, key)}: {said}")

    def _place(self, n: int | None, key: str) -> str:
        """The file, and the line of a key. n: of the entry, None is before them all."""
        first, last = 0, self._heads[0] if self._heads else len(self._lines)
        place = str(self._path)
        if n is not None:
            if n < len(self._heads):
                ends = [*self._heads[1:], len(self._lines)]
                first, last = self._heads[n], ends[n]
                place = f"{self._path}:{first + 1}"
            else:
                place = f"{self._path}: entry {n + 1}"
        wanted = re.compile(rf"\s*[\"']?{re.escape(key)}\b")
        for line in range(first, last) if key else ():
            if wanted.match(self._lines[line]):
                return f"{self._path}:{line + 1}"
        return place
