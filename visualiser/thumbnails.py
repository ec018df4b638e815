"""Small pictures of cues, decoded from their points on a thread, in their own look and colours."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pygame

from visualiser.controls import Controls
from visualiser.cue_files import SLOTS, Cue
from visualiser.decode import Network
from visualiser.frame import Frame
from visualiser.look import panes
from visualiser.look.eye import Eye
from visualiser.nets import checkpoint
from visualiser.types import Features, Tick, UserError

SIDE = 160  # pixels; who shows one scales it
_LOUD = Features(1.0, np.zeros(16, np.float32), -20.0)  # looks may be dark in silence


class Thumbnails:
    """Draws what it is asked for, once. folder: of the models."""

    def __init__(self, folder: Path = checkpoint.MODELS) -> None:
        self._folder = folder
        self._drawn: dict[Cue, Future[pygame.Surface]] = {}
        self._thread: ThreadPoolExecutor | None = None
        self._last: tuple[str, checkpoint.Checkpoint, Network] | None = None  # the thread's own

    def of(self, cue: Cue) -> pygame.Surface | None:
        """SIDE x SIDE, None as long as it is not there, or where its model cannot draw it."""
        if cue not in self._drawn:
            if len(self._drawn) >= 2 * SLOTS:
                self._drawn.pop(next(iter(self._drawn)))
            self._thread = self._thread or ThreadPoolExecutor(1, "thumbnails")
            self._drawn[cue] = self._thread.submit(self._draw, cue)
        drawing = self._drawn[cue]
        return drawing.result() if drawing.done() and not drawing.exception() else None

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)

    def _draw(self, cue: Cue) -> pygame.Surface:
        if self._last is None or self._last[0] != cue.model:
            model = checkpoint.read(checkpoint.find(cue.model, self._folder))
            self._last = cue.model, model, Network()
        _, model, network = self._last
        if len(cue.point) != model.latents.n_directions:
            raise UserError(f"{cue.name} was stored with another {cue.model}")
        tick = Tick(0, 0.0, 0.0)
        frame = network.draw(Frame(tick, model, model.latents.to_latent(cue.point)))
        eye = Eye(Controls(panes.declare(), cue.controls))
        eye.advance(frame, tick, _LOUD)
        picture = pygame.Surface((SIDE, SIDE), 0, 32)
        eye.draw(frame, picture, picture.get_rect())
        return picture
