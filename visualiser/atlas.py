"""A map of what a network draws, over the two directions that are seen most."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pygame

from visualiser.frame import Frame
from visualiser.latents import EDGE
from visualiser.look.field import field_of
from visualiser.look.palette import ALERT, INK, PANE, PAPER, Palette
from visualiser.look.upscale import resize
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.types import FloatArray

ACROSS = 11  # pictures along each edge of the map
CELL_PX = 48  # of each picture, as it is kept
REST_S = 0.004  # between two pictures, so that the show does not feel it
TRAIL = 120  # frames that the way here is shown of
DARKEST, BRIGHTEST = 0.1, 0.8  # places on the palette, of black and white


class Atlas:
    """Draws its map anew, on a thread of its own, whenever another model plays."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "atlas")
        self._stop = threading.Event()
        self._model: Checkpoint | None = None
        self._drawing: Future[FloatArray | None] | None = None
        self._map: FloatArray | None = None  # greys (H, W), or colours (H, W, 3)
        self._surface: tuple[tuple[int, int], Palette, pygame.Surface] | None = None
        self._trail: deque[tuple[float, float]] = deque(maxlen=TRAIL)

    def follow(self, frame: Frame) -> None:
        """Remember where the frame's latent lies, and whose it is."""
        if frame.model is not self._model:
            self._model, self._map, self._surface = frame.model, None, None
            self._trail.clear()
            self._stop.set()  # the map of the model before is not wanted any more
            self._stop = threading.Event()
            self._drawing = self._thread.submit(_draw, frame.model, self._stop)
        if self._drawing is not None and self._drawing.done():
            drawing, self._drawing = self._drawing, None
            self._map = None if drawing.exception() else drawing.result()
        if frame.along is not None:
            two = np.append(frame.along, 0.0)[:2]
            self._trail.append((float(two[0]), float(two[1])))

    n_pictures = ACROSS * ACROSS

    @property
    def is_drawn(self) -> bool:
        return self._map is not None

    def draw(self, canvas: pygame.Surface, box: pygame.Rect, palette: Palette) -> None:
        """The map, where the latent is on it, and how it came there."""
        if self._map is None:
            canvas.fill(PANE, box)
        else:
            kept = self._surface
            if kept is None or kept[0] != box.size or kept[1] != palette:
                self._surface = kept = box.size, palette, _scaled(self._map, box.size, palette)
            canvas.blit(kept[2], box)
        if not self._trail:
            return
        half = box.width / (2 * EDGE)
        way = [(box.centerx + x * half, box.centery - y * half) for x, y in self._trail]
        if len(way) > 1:
            pygame.draw.lines(canvas, INK, False, way, 3)
            pygame.draw.aalines(canvas, PAPER, False, way)
        dot = max(box.width // 60, 3)
        pygame.draw.aacircle(canvas, INK, way[-1], dot + 2)
        pygame.draw.aacircle(canvas, ALERT, way[-1], dot)

    def close(self) -> None:
        self._stop.set()
        self._thread.shutdown()


def place(box: pygame.Rect, position: tuple[int, int]) -> tuple[float, float]:
    """Where a pixel of the box lies along the two directions, deviations."""
    x = (position[0] - box.left) / box.width * 2 - 1
    y = 1 - (position[1] - box.top) / box.height * 2
    return min(max(x, -1.0), 1.0) * EDGE, min(max(y, -1.0), 1.0) * EDGE


def _draw(model: Checkpoint, stop: threading.Event) -> FloatArray | None:
    """(ACROSS * CELL_PX, ...) greys or colours, 0..1; None where it was stopped."""
    player, latents = Player(model), model.latents
    kind = model.architecture.pictures
    depth = (3,) if kind == "colour" else ()
    whole = np.zeros((ACROSS, CELL_PX, ACROSS, CELL_PX, *depth), np.float32)
    steps = ((np.arange(ACROSS) + 0.5) / ACROSS * 2 - 1) * EDGE
    along = np.zeros(latents.n_directions, np.float32)
    for row, y in enumerate(steps[::-1]):
        for column, x in enumerate(steps):
            if stop.wait(REST_S):
                return None
            along[:2] = np.array([x, y])[: len(along)]
            image = np.nan_to_num(player.decode(latents.bend(along @ latents.directions)))
            whole[row, :, column] = _cell(image, kind)
    return whole.reshape(ACROSS * CELL_PX, ACROSS * CELL_PX, *depth)


def _cell(image: FloatArray, kind: str) -> FloatArray:
    """A decode as a small picture, 0..1."""
    if kind == "colour":
        channels = [resize(image[..., i], (CELL_PX, CELL_PX)) for i in range(3)]
        return np.clip(np.stack(channels, axis=2), 0, 1)
    if kind == "distance":
        near = field_of(image, "distance").values[2:-2, 2:-2]
        return np.clip(0.5 - resize(near, (CELL_PX, CELL_PX)) * CELL_PX, 0, 1)
    grey = image.mean(axis=2) if image.ndim == 3 else image
    return np.clip(resize(grey, (CELL_PX, CELL_PX)), 0, 1)


def _scaled(drawn: FloatArray, size: tuple[int, int], palette: Palette) -> pygame.Surface:
    if drawn.ndim == 2:
        colours = palette.srgb_at(np.linspace(DARKEST, BRIGHTEST, 256))
        octets = colours[(drawn * 255 + 0.5).astype(np.uint8)]
    else:
        octets = (drawn * 255 + 0.5).astype(np.uint8)
    surface = pygame.image.frombytes(octets.tobytes(), octets.shape[1::-1], "RGB")
    return pygame.transform.smoothscale(surface, size).convert(32)
