"""Turns a frame's input into its picture, on a thread of its own where the show is live.

The newest frame wins: one that was not begun when the next came is never drawn, so no queue can
grow, and a network that is slow is never waited for. A picture is only ever handed out inside the
frame that made it.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from visualiser.frame import Frame
from visualiser.look.upscale import resize
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.types import FloatArray, UserError

Draw = Callable[[Frame], Frame]
SWIFT_S = 0.003  # a network whose own work is less is waited for
PATIENCE_S = 0.008  # and so long at most: half a frame at 60 fps
_LAST = 8  # pictures that say how fast a network is, in the median: a busy machine has slow ones


class Network:
    """Runs one model's network at a time."""

    def __init__(self) -> None:
        self._model: Checkpoint | None = None
        self._net: Player | None = None

    def draw(self, frame: Frame) -> Frame:
        """The frame with z and image filled in; UserError if it comes out as no numbers."""
        if self._net is None or self._model is not frame.model:
            self._net, self._model = Player(frame.model), frame.model
        z = frame.z
        with np.errstate(over="ignore", invalid="ignore"):  # told below, in words
            if frame.field is not None:
                z = self._net.encode(_as_input(frame.field, frame.model))
            if z is None:
                raise ValueError("a frame to draw needs a field or a latent")
            image = self._net.decode(z)
            # A sum is finite only if every term is, and costs a tenth of looking at each.
            is_finite = np.isfinite(image.sum()) or np.isfinite(image).all()
        if not is_finite:
            raise UserError(f"{frame.model.name} gave values that are not numbers")
        return replace(frame, z=z, image=image)


def _as_input(field: FloatArray, model: Checkpoint) -> FloatArray:
    """What a driver painted or a hand drew, at the size and in the colours a model takes."""
    grey = np.clip(resize(field, model.shape), 0, 1)
    return (
        np.repeat(grey[..., None], 3, axis=2) if model.architecture.pictures == "colour" else grey
    )


class Inline:
    """Draws each frame at once: for rendering, where every frame counts."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._latest: Frame | None = None

    def submit(self, frame: Frame) -> None:
        self._latest = self._draw(frame)

    def latest(self) -> Frame | None:
        return self._latest

    def close(self) -> None:
        pass


class Worker:
    """Draws the newest frame on its own thread. If the network fails, the last good frame stays
    the latest, with the error written on it.
    """

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._changed = threading.Condition()
        self._wanted: Frame | None = None
        self._latest: Frame | None = None
        self._busy = self._swift = False
        self._took: deque[float] = deque(maxlen=_LAST)
        self._open = True
        self._thread = threading.Thread(target=self._run, name="decode", daemon=True)
        self._thread.start()

    def submit(self, frame: Frame) -> None:
        """Ask for a frame; replaces one that was asked for and not begun."""
        with self._changed:
            self._wanted = frame
            self._changed.notify_all()

    def latest(self) -> Frame | None:
        """The newest drawn frame, or None before the first.

        A network whose own work has been less than SWIFT_S is waited for: two threads that take
        turns at the interpreter's lock are slower than one after the other, and the picture shown
        is then this tick's own. A slower one never is. What a busy machine keeps it waiting does
        not count, or it would stay a frame behind for good; such a moment is waited through, for
        a picture that is a whole frame old is later still.
        """
        with self._changed:
            if self._swift:
                self._swift = self._changed.wait_for(
                    lambda: self._wanted is None and not self._busy, PATIENCE_S
                )
        return self._latest

    def wait(self, index: int, timeout_s: float) -> bool:
        """Wait until the frame of tick `index` or a later one is drawn; False if it was not."""

        def drawn() -> bool:
            return self._latest is not None and self._latest.tick.index >= index

        with self._changed:
            return self._changed.wait_for(drawn, timeout_s)

    def close(self) -> None:
        """Stop and join. What is being drawn is finished first."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted is not None or not self._open)
                if not self._open or self._wanted is None:
                    return
                frame, self._wanted = self._wanted, None
                self._busy = True
            began = time.thread_time()
            drawn = self._attempt(frame)
            with self._changed:
                self._took.append(time.thread_time() - began)
                self._swift = statistics.median(self._took) < SWIFT_S
                self._busy = False
                self._latest = drawn
                self._changed.notify_all()

    def _attempt(self, frame: Frame) -> Frame:
        try:
            return self._draw(frame)
        except Exception as error:  # whatever a network can raise: the show goes on
            what = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
            text = f"{what}{error}".splitlines()[0]
            return replace(self._latest or frame, error=text)
