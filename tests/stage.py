"""What the tests of the look use: true shapes, and a stage to draw them on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pygame
from conftest import hear

from visualiser.controls import Controls
from visualiser.data.shapes import KINDS
from visualiser.frame import Frame
from visualiser.look import panes
from visualiser.types import Features, Tick

FULL = {"look.output_only": True}


def shape(
    name: str, size: int = 64, radius: float = 0.3, stroke: float = 0.0, turn: float = 0.0
) -> np.ndarray:
    """(size, size) signed distances to a shape of data/shapes.py, in pictures; turn: radians."""
    centred = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    x, y = np.meshgrid(centred, centred)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    distance = KINDS[name](x * cos + y * sin, y * cos - x * sin, np.float32(radius))
    return (np.abs(distance) - stroke / 2 if stroke else distance).astype(np.float32)


def picture(kind: str, name: str = "star", size: int = 64) -> np.ndarray:
    """A shape as a network of that kind would draw it."""
    if kind == "distance":
        return shape(name, size)
    grey = np.clip(0.5 - shape(name, size) * size, 0, 1)
    if kind == "grey":
        return grey
    return np.stack([grey, 0.2 + 0.5 * grey, 1 - grey], axis=2)


class Stage:
    """Panes, a canvas, and the controls; values: of controls, by id."""

    def __init__(self, size: tuple[int, int], kind: str = "distance", **values: Any) -> None:
        given = FULL | {key.replace("__", "."): value for key, value in values.items()}
        self.controls = Controls(panes.declare(), given)
        self.panes = panes.Panes(self.controls)
        self.canvas = pygame.Surface(size, 0, 32)
        self.kind = kind
        self.index, self.t = 0, 0.0
        self._model: Any = None

    def draw(
        self, image: np.ndarray | None, dt: float = 0.0, features: Features | None = None
    ) -> np.ndarray:
        """(H, W, 3) 0..255 what is on the canvas, dt seconds later."""
        self.t += dt
        self.index += 1
        tick = Tick(self.index, self.t, dt)
        if self._model is None or self._model.card.architecture.pictures != self.kind:
            card = SimpleNamespace(architecture=SimpleNamespace(pictures=self.kind))
            self._model = SimpleNamespace(card=card)
        self.panes.draw(
            Frame(tick, self._model, None, field=np.zeros((28, 28), np.float32), image=image),
            self.canvas,
            tick,
            features or hear(),
        )
        return self.seen()

    def seen(self) -> np.ndarray:
        return pygame.surfarray.array3d(self.canvas).swapaxes(0, 1)

    def set(self, id: str, value: Any) -> None:
        self.controls.apply((id, value))
