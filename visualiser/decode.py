"""Turns a frame's input into its picture, on a thread of its own where the show is live.

The newest frame wins: one that was not begun when the next came is never drawn, so the window
never waits for the network and no queue can grow. A picture is only ever handed out inside the
frame that made it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from visualiser.look.upscale import resize
from visualiser.nets.checkpoint import Checkpoint
from visualiser.types import Frame

if TYPE_CHECKING:
    from visualiser.nets.dense import Dense

Draw = Callable[[Frame], Frame]


class Network:
    """Runs one model's network at a time. Imports torch on its first call."""

    def __init__(self) -> None:
        self._model: Checkpoint | None = None
        self._net: Dense | None = None

    def draw(self, frame: Frame) -> Frame:
        """The frame with z and image filled in; an exception where the network fails."""
        import torch

        model = frame.model
        with torch.inference_mode():
            if self._net is None or self._model is not model:
                torch.set_num_threads(1)  # a second thread buys nothing here and costs steadiness
                self._net, self._model = model.build(), model
            if frame.field is not None:
                seen = np.clip(resize(frame.field, model.shape), 0, 1)
                z = self._net.encode(torch.from_numpy(seen)[None])
                frame = replace(frame, z=z[0].numpy())
            else:
                z = torch.from_numpy(frame.z)[None]
            image = self._net.decode(z)[0].numpy()
        # A sum is finite only if every term is, and costs a tenth of looking at each.
        if not np.isfinite(image.sum()):
            raise ArithmeticError(f"{model.name} gave values that are not numbers")
        return replace(frame, image=image)


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

    def __init__(self, draw: Draw, prepare: Callable[[], None] = lambda: None) -> None:
        self._draw = draw
        self._prepare = prepare
        self._changed = threading.Condition()
        self._wanted: Frame | None = None
        self._latest: Frame | None = None
        self._open = True
        self._thread = threading.Thread(target=self._run, name="decode", daemon=True)
        self._thread.start()

    def submit(self, frame: Frame) -> None:
        """Ask for a frame; replaces one that was asked for and not begun."""
        with self._changed:
            self._wanted = frame
            self._changed.notify_all()

    def latest(self) -> Frame | None:
        """The newest drawn frame, or None before the first."""
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
        self._prepare()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted is not None or not self._open)
                if not self._open or self._wanted is None:
                    return
                frame, self._wanted = self._wanted, None
            drawn = self._attempt(frame)
            with self._changed:
                self._latest = drawn
                self._changed.notify_all()

    def _attempt(self, frame: Frame) -> Frame:
        try:
            return self._draw(frame)
        except Exception as error:  # whatever a network can raise: the show goes on
            text = f"{type(error).__name__}: {error}".splitlines()[0]
            return replace(self._latest or frame, error=text)


def load_torch() -> None:
    """Import torch without freezing the window.

    The import holds the interpreter's lock while its libraries load. Loading the largest through
    ctypes, which lets go of the lock, leaves little to wait for (270 ms became 60 ms).
    """
    spec = importlib.util.find_spec("torch")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name in ("libc10.so", "libtorch_cpu.so"):
            with suppress(OSError):
                ctypes.CDLL(str(Path(folder) / "lib" / name), mode=ctypes.RTLD_GLOBAL)
    import torch  # noqa: F401
