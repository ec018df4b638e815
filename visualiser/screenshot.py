"""Screenshots: what the audience sees, at its own size, or drawn again at any other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pygame

from visualiser import config, crew, typed
from visualiser.audio.source import drain
from visualiser.files import free_path, name_now, write_bytes
from visualiser.frame import Frame
from visualiser.look.layer import Layer
from visualiser.look.panes import Panes
from visualiser.types import Features, Tick, UserError
from visualiser.video.picture import pixels_of
from visualiser.video.pictures import png

FOLDER = config.ROOT / "screenshots"
AT_ONCE = 4  # that may be on their way


class Screenshots:
    """Takes them while the show plays; they are drawn and written on threads of their own."""

    def __init__(self, settings: config.Record, folder: Path = FOLDER) -> None:
        self._said: deque[str] = deque()
        self._settings = settings
        self._folder = folder
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()  # one after the other: they choose their names

    def take(
        self,
        panes: Panes,
        output: pygame.Surface,
        frame: Frame,
        tick: Tick,
        features: Features,
        is_as_drawn: bool,
        is_alone: bool,
    ) -> None:
        """panes: that have just drawn the frame, with tick and features; output: what is seen;
        is_as_drawn: whether nothing came between them; is_alone: whether it has a window of its
        own. What is black, frozen or held back is not drawn again: it is saved as it is."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) >= AT_ONCE:
            self._said.append("no screenshot: the last ones are still being written")
            return
        wanted, alpha = self._settings.screenshot_size, self._settings.screenshot_alpha
        if not is_as_drawn or (wanted == config.OUTPUT and not alpha):
            pixels = pixels_of(output, output.get_size())
            self._start(lambda: png(pixels))
            return
        size = output.get_size() if wanted == config.OUTPUT else typed.size(wanted)
        layer = Layer(size) if alpha else None
        twin = panes.twin(layer, is_alone)
        now = replace(tick, dt=0.0)  # nothing moves on

        def draw() -> bytes:
            canvas = pygame.Surface(size, 0, 32)
            twin.draw(frame, canvas, now, features)
            return png(pixels_of(layer.surface if layer else canvas, size), alpha)

        self._start(draw)

    def said(self) -> list[str]:
        """Lines since the last call: where they are, or why there is none."""
        return drain(self._said)

    def close(self) -> None:
        """Wait until all are written."""
        for thread in self._threads:
            thread.join()

    def _start(self, draw: Callable[[], bytes]) -> None:
        thread = threading.Thread(target=self._run, args=(draw,), name="screenshot", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, draw: Callable[[], bytes]) -> None:
        crew.step_back(self._settings.yields)
        try:
            data = draw()
            with self._lock:
                path = free_path(self._folder, name_now(), ".png")
                write_bytes(path, data)
        except UserError as error:
            self._said.append(f"no screenshot: {error}")
        except Exception as error:  # whatever drawing can raise: the show goes on
            self._said.append(f"no screenshot: {type(error).__name__}: {error}")
        else:
            self._said.append(f"saved {path}")
