"""What a take is made of, and how it stands in the file.

A take is gzip of lines of JSON, so that `zcat` shows it: first a line about the whole, then one a
tick. It is flushed several times a second in such a way that what was written can be read though
the end is missing. Numbers are written so that they read back the very same. Takes that are joined
lie one behind the other, each with its own first line.

What the show finds on the disk is in the lines as it was found, so that it is there again when the
take is played, whatever the disk holds by then: models by name, cues and the set list by content,
pictures that were dropped as the points they led to.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from visualiser.controls import Command, Control, Nudge, Pulse, Stroke, Swap, Value
from visualiser.cue_files import Cue, Step, to_text
from visualiser.cue_folder import Found
from visualiser.types import Features, FloatArray, Tick

VERSION = 2
READ = (1, 2)  # versions
MARK = "squircle take"  # the key of the first line that says what it is, and its version
STEP_S = 0.004  # a song that is off by more than this is not where it was thought to be
DIGITS = 4  # of what is heard: finer than anything it does
SCALARS = (
    "rms", "level_dbfs", "onset", "onset_low", "onset_mid", "onset_high", "loudness", "energy",
    "bpm", "beats", "beat_confidence",
)  # fmt: skip


@dataclass(frozen=True)
class Head:
    """The first line. controls: their values at the start; song: path of the song that was heard,
    or ""; size: of the output, px; loops: whether the song began again at its end; models: that
    could be chosen from, in their order, () where that is not known; begin_s, end_s: which seconds
    from the first tick on are seen: what is before them is gone through unseen, since all that
    moves has come from there; song_digest: SHA-256 of the song, "" where that is not known."""

    seed: int
    controls: dict[str, Value]
    created: str
    song: str = ""
    size: tuple[int, int] = (1280, 720)
    loops: bool = True
    models: tuple[str, ...] = ()
    begin_s: float = 0.0
    end_s: float | None = None
    song_digest: str = ""

    def settings(self, declared: Iterable[Control]) -> dict[str, Value]:
        """Values at the start of those controls that there still are."""
        known = {control.id for control in declared if control.is_setting}
        return {id: value for id, value in self.controls.items() if id in known}


@dataclass(frozen=True)
class Event:
    """One tick: what was heard and asked for. plays: the name of the model that begins to play, ""
    where the one before goes on; models: file -> SHA-256 of that; offered: models that can be
    chosen from now on; song_at: where the song was, s, or None; departed: the point that the walk
    was let go on from, of a picture that may be gone by now; found: in the folder of cues, before
    the commands."""

    tick: Tick
    features: Features
    commands: tuple[Command, ...] = ()
    plays: str = ""
    models: dict[str, str] = field(default_factory=dict)
    offered: tuple[str, ...] = ()
    song_at: float | None = None
    departed: FloatArray | None = None
    found: Found | None = None


def digest(path: Path) -> str:
    """SHA-256 of a file, or "" where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def rounded(features: Features) -> Features:
    """As it stands in a take. A show that is logged hears this, so that it can be played again to
    the last bit. What is no number is 0."""
    values = {name: round(_or_0(getattr(features, name)), DIGITS) for name in SCALARS}
    bands = np.nan_to_num(features.bands, posinf=0.0, neginf=0.0)
    bands = np.round(bands, DIGITS).astype(np.float32)
    return Features(
        **values, bands=bands, floor=features.floor, gain_db=features.gain_db,
        heard_t=features.heard_t,
    )  # fmt: skip


def of_head(head: Head) -> dict[str, Any]:
    line: dict[str, Any] = {
        MARK: VERSION, "created": head.created, "seed": head.seed, "size": list(head.size),
        "song": head.song, "loops": head.loops, "models": list(head.models),
    }  # fmt: skip
    if head.song_digest:
        line["song_digest"] = head.song_digest
    if head.begin_s or head.end_s is not None:
        line |= {"begin": head.begin_s, "end": head.end_s}
    return line | {"controls": head.controls}


def to_head(line: Any) -> Head:
    """ValueError where it is none."""
    try:
        width, height = line["size"]
        values = {str(id): value for id, value in line["controls"].items()}
        if not all(isinstance(value, bool | int | float | str) for value in values.values()):
            raise ValueError("a control has a value that is none")
        return Head(
            int(line["seed"]), values, str(line["created"]), str(line["song"]),
            (int(width), int(height)), bool(line.get("loops", True)),
            tuple(str(name) for name in line.get("models", [])),
            max(_finite(line.get("begin", 0.0)), 0.0), _maybe(line.get("end")),
            str(line.get("song_digest", "")),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"its first line lacks {error}") from None


def of_event(event: Event, before: Event | None) -> dict[str, Any]:
    """What can be told from the event before is left out: a dt, a song that goes on."""
    tick, features = event.tick, event.features
    line: dict[str, Any] = {"i": tick.index, "t": tick.t}
    if before is None or tick.t - before.tick.t != tick.dt:
        line["dt"] = tick.dt
    heard = [
        *(getattr(features, name) for name in SCALARS),
        *(round(float(band), DIGITS) for band in features.bands),
    ]
    if before is None or before.features is not features:
        line["f"] = heard
    if event.commands:
        line["c"] = [[id, _of_value(value)] for id, value in event.commands]
    if event.plays:
        line["p"] = event.plays
    if event.models:
        line["m"] = event.models
    if event.offered:
        line["o"] = list(event.offered)
    if event.departed is not None:
        line["d"] = event.departed.tolist()
    if event.found is not None:
        line["w"] = _of_found(event.found)
    expected = song_after(before, tick.t)
    at = event.song_at
    if at is not None and (expected is None or abs(expected - at) > STEP_S):
        line["s"] = round(at, 6)
    elif at is None and expected is not None:
        line["s"] = None
    return line


def to_event(line: Any, before: Event | None) -> Event:
    """ValueError where it is none."""
    try:
        t = _finite(line["t"])
        dt = _finite(line["dt"]) if "dt" in line else t - (before.tick.t if before else 0.0)
        if "f" in line:
            heard = [_finite(number) for number in line["f"]]
            named: dict[str, Any] = dict(zip(SCALARS, heard[: len(SCALARS)], strict=True))
            features = Features(**named, bands=np.array(heard[len(SCALARS) :], np.float32))
        elif before is None:
            raise ValueError("nothing was heard")
        else:
            features = before.features
        point = [_finite(number) for number in line["d"]] if "d" in line else None
        return Event(
            Tick(int(line["i"]), t, dt),
            features,
            tuple((str(id), _to_value(value)) for id, value in line.get("c", [])),
            str(line.get("p", "")),
            {str(name): str(found) for name, found in line.get("m", {}).items()},
            tuple(str(name) for name in line.get("o", [])),
            _maybe(line["s"]) if "s" in line else song_after(before, t),
            None if point is None else np.array(point, np.float32),
            to_found(line["w"]) if "w" in line else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a line lacks {error}") from None


def _of_found(found: Found) -> dict[str, Any]:
    line: dict[str, Any] = {}
    if found.cues:
        line["q"] = {str(slot): to_text(cue) if cue else "" for slot, cue in found.cues.items()}
    if found.steps is not None:
        line["l"] = [[step.cue, step.time, step.hold_s, step.bars] for step in found.steps]
    if found.broken:
        line["x"] = sorted(found.broken)
    return line


def to_found(line: Any) -> Found:
    """q: slot -> a cue's text, "" where it has gone; l: steps of the set list; x: slots whose file
    is broken. The first version had q and l among what is of the tick, as they were after it."""
    steps = None
    if "l" in line:
        steps = tuple(
            Step(int(cue), _maybe(time), _maybe(hold), _maybe(bars))
            for cue, time, hold, bars in line["l"]
        )
    cues = {int(slot): _to_cue(str(text)) for slot, text in line.get("q", {}).items()}
    return Found(cues, steps, {int(slot): "" for slot in line.get("x", [])})


def _to_cue(text: str) -> Cue | None:
    """It was a right one when it was found; what it asks for may be gone by now, and is left out
    when it comes."""
    if not text:
        return None
    raw = tomllib.loads(text)
    name, model = str(raw.pop("name")), str(raw.pop("model"))
    point = np.array([_finite(number) for number in raw.pop("point")], np.float32)
    values = {f"{section}.{key}": v for section, inner in raw.items() for key, v in inner.items()}
    if not all(isinstance(value, bool | int | float | str) for value in values.values()):
        raise ValueError("a cue has a value that is none")
    return Cue(name, model, point, values)


def song_after(before: Event | None, t: float) -> float | None:
    """Where the song is at t if it went on since the event before."""
    if before is None or before.song_at is None:
        return None
    return before.song_at + t - before.tick.t


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not finite")
    return number


def _or_0(value: float) -> float:
    return float(value) if math.isfinite(value) else 0.0


def _maybe(value: Any) -> float | None:
    return None if value is None else _finite(value)


def _of_value(value: Any) -> Any:
    if isinstance(value, Nudge):
        return {"nudge": value.steps}
    if isinstance(value, Swap):
        return {"swap": [value.to, value.back]}
    if isinstance(value, Stroke):
        return {"stroke": [*value.start, *value.end]}
    if isinstance(value, Pulse):
        return {"pulse": [value.bpm, value.phase]}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def _to_value(value: Any) -> Any:
    if not isinstance(value, dict):
        if not isinstance(value, bool | int | float | str):
            raise ValueError(f"{value!r} is no value")
        return value
    if "nudge" in value:
        return Nudge(int(value["nudge"]))
    if "swap" in value:
        to, back = value["swap"]
        return Swap(str(to), str(back))
    if "pulse" in value:
        bpm, phase = value["pulse"]
        return Pulse(_finite(bpm), None if phase is None else _finite(phase))
    x0, y0, x1, y1 = (_finite(number) for number in value["stroke"])
    return Stroke((x0, y0), (x1, y1))
