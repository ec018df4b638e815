"""What was seen a moment ago lingers, and drifts away: video feedback, kept crisp."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping

import numpy as np

from visualiser.controls import Value, number
from visualiser.look.effects.base import Effect
from visualiser.look.field import Field
from visualiser.look.upscale import resize
from visualiser.types import FloatArray

ECHOES = 9
GHOST = 0.5  # how fast its ground sinks, where a shape melts with 1
STEP_S = 1 / 60  # how finely the past is remembered
LONGEST_S = 8.0
MOST_PX = 128  # of the past's pictures


class Trails(Effect):
    """A camera that films its own screen shows each picture again and again, every time a little
    larger, turned and fainter. Here the echoes are drawn afresh from what is remembered of the
    past, so that they do not blur, and do not depend on the frame rate.
    """

    name = "trails"
    key = "t"
    blurb = "the past lingers"
    order = 1
    controls = (
        number("trails.length", "how long the past is seen", 2.0, 0.1, LONGEST_S, "s", 1.25),
        number("trails.zoom", "how much larger it gets", 1.4, 0.25, 4.0, "times/s", 1.1),
        number("trails.turn", "how fast it turns", 0.05, -2.0, 2.0, "turns/s"),
        number("trails.melt", "how fast its shapes melt", 0.16, 0.0, 2.0, "pictures/s", 1.25),
    )

    def __init__(self) -> None:
        self._now = 0.0
        self._times: deque[float] = deque(maxlen=int(LONGEST_S / STEP_S) + 2)
        self._past: deque[Field] = deque(maxlen=self._times.maxlen)

    def advance(self, dt: float, value: Mapping[str, Value]) -> None:
        self._now += dt

    @classmethod
    def looks_back(cls, value: Mapping[str, Value]) -> float:
        return float(value["length"]) * (1 + 1 / ECHOES) + STEP_S  # until all of it is up

    def forget(self) -> None:
        self._times.clear()
        self._past.clear()

    def apply(self, field: Field, value: Mapping[str, Value]) -> Field:
        length = float(value["length"])
        small = _small(field)
        last = self._past[-1] if self._past else small
        if (last.kind, last.values.shape) != (small.kind, small.values.shape):
            self.forget()
        join = np.minimum if field.kind == "distance" else np.maximum
        joined: FloatArray | None = None
        apart = length / ECHOES
        for age in np.arange(1, ECHOES + 1) * apart:
            known = self._now - age - self._times[0] if self._times else -1.0
            if known <= 0:
                break
            echo = _echo(self._at(self._now - age), float(age), float(age) / length, value)
            # The past begins when trails are switched on; its first picture comes up slowly.
            new = np.float32(max(1 - known / apart, 0.0))
            echo = echo + new if field.kind == "distance" else echo * (1 - new)
            joined = echo if joined is None else join(joined, echo)
        if not self._times or self._now - self._times[-1] >= STEP_S * 0.99:
            self._times.append(self._now)
            self._past.append(small)
        if joined is None:
            return field
        return field.with_values(join(field.values, _large(joined, field.values.shape)))

    def _at(self, t: float) -> Field:
        """The past at a time after its first picture, between the two around it."""
        after = bisect_right(self._times, t)
        if after == len(self._times):
            return self._past[-1]
        t0, t1 = self._times[after - 1], self._times[after]
        share = np.float32((t - t0) / (t1 - t0))
        a, b = self._past[after - 1], self._past[after]
        return a.with_values(a.values + (b.values - a.values) * share)


def _echo(past: Field, age: float, faded: float, value: Mapping[str, Value]) -> FloatArray:
    """A picture of the past as it is seen now. faded: 0 of the present to 1, where it is gone."""
    zoom = float(value["zoom"]) ** age
    turn = 2 * np.pi * float(value["turn"]) * age
    cos, sin = np.float32(np.cos(turn) / zoom), np.float32(np.sin(turn) / zoom)
    x, y = past.places()
    seen = past.sample(x * cos + y * sin, y * cos - x * sin)
    if past.kind != "distance":
        faint: FloatArray = seen * np.float32(max(1 - faded, 0.0) ** 1.5)
        return faint
    # What was the shape melts from its outline inwards, and where it was a level ground is left,
    # which sinks: solid in looks that draw the shape alone, and a ghost in those that shine.
    seen *= np.float32(zoom)
    sunk = np.float32(float(value["melt"]) * age)
    left: FloatArray = np.minimum(seen + sunk, np.maximum(seen, sunk * np.float32(GHOST)))
    return left


def _small(field: Field) -> Field:
    h, w = field.values.shape[:2]
    if max(h, w) <= MOST_PX:
        return field
    shape = (max(h * MOST_PX // max(h, w), 1), max(w * MOST_PX // max(h, w), 1))
    pitch = (field.size[0] / shape[1], field.size[1] / shape[0])
    return Field(field.kind, _large(field.values, shape), pitch)


def _large(values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    if values.shape[:2] == shape[:2]:
        return values
    if values.ndim == 2:
        return resize(values, (shape[0], shape[1]))
    channels = [resize(values[..., i], (shape[0], shape[1])) for i in range(values.shape[2])]
    return np.stack(channels, axis=2)
