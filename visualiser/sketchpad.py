"""What a hand draws on the input pane: lines of light on a dark ground."""

from __future__ import annotations

from collections import deque

import numpy as np

from visualiser.controls import Control, Controls, Stroke, action, hold, number
from visualiser.types import FloatArray

WIPED = 8  # drawings that can be had back
SIZE = 96  # pixels along each edge; networks are given it at their own size


def declare() -> tuple[Control, ...]:
    """The pen's controls, and the drawing's."""
    return (
        action("draw.line", "draw on the input pane", takes="a stroke"),
        hold("draw.pen", "hold: the pen draws (draw mode)", "6", "draw"),
        number("draw.x", "where the pen is, from the left", 0.5, 0.0, 1.0, "of the pane"),
        number("draw.y", "and from the top", 0.5, 0.0, 1.0, "of the pane"),
        hold("draw.left", "the pen to and fro (draw mode)", "left", "draw"),
        hold("draw.right", "the pen to and fro (draw mode)", "right", "draw"),
        hold("draw.up", "the pen up and down (draw mode)", "up", "draw"),
        hold("draw.down", "the pen up and down (draw mode)", "down", "draw"),
        number("draw.speed", "of a pen that keys move", 0.35, 0.02, 4.0, "panes/s", 1.25),
        action("draw.wipe", "wipe the drawing", "d"),
        action("draw.undo", "what was wiped, again"),
        number("draw.width", "of the pen", 0.06, 0.01, 0.5, "of the pane", 1.25),
    )  # fmt: skip


class Sketchpad:
    """field: (SIZE, SIZE) float32 0..1, a new array after every change."""

    def __init__(self) -> None:
        self.field: FloatArray = np.zeros((SIZE, SIZE), np.float32)
        self._wiped: deque[FloatArray] = deque(maxlen=WIPED)
        middles = (np.arange(SIZE) + 0.5) / SIZE
        self._x, self._y = np.meshgrid(middles, middles)

    def line(self, start: tuple[float, float], end: tuple[float, float], width: float) -> None:
        """From x, y to x, y, all in shares of the pane from its upper left corner, with round
        ends."""
        (x0, y0), (x1, y1) = start, end
        along = np.array([x1 - x0, y1 - y0])
        length = max(float(along @ along), 1e-12)
        at = np.clip(((self._x - x0) * along[0] + (self._y - y0) * along[1]) / length, 0, 1)
        away = np.hypot(self._x - x0 - at * along[0], self._y - y0 - at * along[1])
        ink = np.clip((width / 2 - away) * SIZE + 0.5, 0, 1).astype(np.float32)
        self.field = np.maximum(self.field, ink)

    def wipe(self) -> None:
        if self.field.any():
            self._wiped.append(self.field)
        self.field = np.zeros((SIZE, SIZE), np.float32)

    def undo(self) -> None:
        """What was wiped last is there again, beside what was drawn since."""
        if self._wiped:
            self.field = np.maximum(self.field, self._wiped.pop())


class Pen:
    """Is moved by keys, knobs and whatever else moves its controls, and draws while it is down and
    the show is in draw mode: to go down brings that about, and no more than that."""

    def __init__(self) -> None:
        self._at: tuple[float, float] | None = None  # where it was last, while it was down

    def move(self, controls: Controls, dt: float) -> Stroke | None:
        """Go on by dt, s; what it draws on the way, if it does."""
        begun, speed = _place(controls), controls.number("draw.speed")
        for id, back, on in (("draw.x", "left", "right"), ("draw.y", "up", "down")):
            way = bool(controls[f"draw.{on}"]) - bool(controls[f"draw.{back}"])
            if way:
                controls.apply((id, controls.number(id) + way * speed * dt))
        before, here = self._at, _place(controls)
        if controls["draw.pen"] and before is None:
            controls.apply(("show.mode", "draw"))
        draws = controls["draw.pen"] and controls["show.mode"] == "draw"
        self._at = here if controls["draw.pen"] else None
        return Stroke(before or begun, here) if draws and before != here else None

    def follow(self, controls: Controls, place: tuple[float, float]) -> None:
        """Another has drawn to a place: this one goes on from there."""
        for id, value in zip(("draw.x", "draw.y"), place, strict=True):
            controls.apply((id, value))
        if self._at is not None:
            self._at = _place(controls)


def _place(controls: Controls) -> tuple[float, float]:
    return controls.number("draw.x"), controls.number("draw.y")
