"""What a take is made of, and how it stands in the file.

A take is gzip of lines of JSON, so that `zcat` shows it: first a line about the whole, then one a
tick. It is flushed twice a second in such a way that what was written can be read though the end is
missing. Numbers are written so that they read back the very same.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from visualiser.controls import Command, Nudge, Pulse, Stroke, Swap, Value
from visualiser.cue_files import Step
from visualiser.types import Features, FloatArray, Tick

VERSION = 1
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
    or ""; size: of the output, px."""

    seed: int
    controls: dict[str, Value]
    created: str
    song: str = ""
    size: tuple[int, int] = (1280, 720)


@dataclass(frozen=True)
class Event:
    """One tick: what was heard and asked for. models: file -> SHA-256 of those that begin to play
    with it; song_at: where the song was, s, or None; departed: the point that the walk was let go
    on from, of a picture that may be gone by now; cues: slot -> the text of those that have come or
    changed, "" for one that has gone; steps: of the set list, where they have changed."""

    tick: Tick
    features: Features
    commands: tuple[Command, ...] = ()
    models: dict[str, str] = field(default_factory=dict)
    song_at: float | None = None
    departed: FloatArray | None = None
    cues: dict[int, str] = field(default_factory=dict)
    steps: tuple[Step, ...] | None = None


def digest(path: Path) -> str:
    """SHA-256 of a file, or "" where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def rounded(features: Features) -> Features:
    """As it stands in a take. A show that is logged hears this, so that it can be played again to
    the last bit."""
    values = {name: round(getattr(features, name), DIGITS) for name in SCALARS}
    bands = np.round(features.bands, DIGITS).astype(np.float32)
    return Features(
        **values, bands=bands, floor=features.floor, gain_db=features.gain_db,
        heard_t=features.heard_t,
    )  # fmt: skip


def of_head(head: Head) -> dict[str, Any]:
    return {
        MARK: VERSION, "created": head.created, "seed": head.seed, "size": list(head.size),
        "song": head.song, "controls": head.controls,
    }  # fmt: skip


def to_head(line: Any) -> Head:
    """ValueError where it is none."""
    try:
        width, height = line["size"]
        values = {str(id): value for id, value in line["controls"].items()}
        if not all(isinstance(value, bool | int | float | str) for value in values.values()):
            raise ValueError("a control has a value that is none")
        return Head(int(line["seed"]), values, str(line["created"]), str(line["song"]),
                    (int(width), int(height)))  # fmt: skip
    except (KeyError, TypeError, AttributeError) as error:
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
    if event.models:
        line["m"] = event.models
    if event.departed is not None:
        line["d"] = event.departed.tolist()
    if event.cues:
        line["q"] = {str(slot): text for slot, text in event.cues.items()}
    if event.steps is not None:
        line["l"] = [[step.cue, step.time, step.hold_s, step.bars] for step in event.steps]
    expected = song_after(before, tick.t)
    at = event.song_at
    if at is not None and (expected is None or abs(expected - at) > STEP_S):
        line["s"] = round(at, 6)
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
        commands = tuple((str(id), _to_value(value)) for id, value in line.get("c", []))
        models = {str(name): str(found) for name, found in line.get("m", {}).items()}
        song_at = _finite(line["s"]) if "s" in line else song_after(before, t)
        point = [_finite(number) for number in line["d"]] if "d" in line else None
        departed = None if point is None else np.array(point, np.float32)
        cues = {int(slot): str(text) for slot, text in line.get("q", {}).items()}
        steps = None
        if "l" in line:
            steps = tuple(
                Step(int(cue), _maybe(time), _maybe(hold), _maybe(bars))
                for cue, time, hold, bars in line["l"]
            )
        tick = Tick(int(line["i"]), t, dt)
        return Event(tick, features, commands, models, song_at, departed, cues, steps)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a line lacks {error}") from None


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
