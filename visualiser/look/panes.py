"""The canvas: what goes into the network beside what comes out of it."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np
import pygame

from visualiser.frame import Frame
from visualiser.latents import LatentMap
from visualiser.look.palette import EMBER, INK, LAGOON, LINE, PANE, gradient
from visualiser.look.upscale import resize
from visualiser.types import FloatArray

# A picture becomes an 8-bit surface, coloured by its palette when it is blitted. Cubic upscaling
# overshoots black and white by up to a quarter; the ends of the palette are repeated to hold that,
# which costs nothing, where clipping would pass over every pixel again.
BLACK, LEVELS = 50, 156
TRAIL_S = 3.0  # how much of the past the latents' lanes show
TRAIL_STEP_S = 1 / 25  # how finely it is remembered
FADING = ((0.0, 0.25), (0.35, 0.5), (0.75, 1.0))  # from which share on, how strong

Stops = tuple[str, ...]  # colours of a gradient, from black to white


class Panes:
    """Draws frames on a surface of any size. The lanes of latents remember where they came from.

    smooth: upscale with a smooth curve, or show the network's own pixels as blocks.
    output_only: the picture alone.
    """

    def __init__(self) -> None:
        self.smooth = True
        self.output_only = False
        self.boxes: tuple[pygame.Rect, pygame.Rect] | None = None  # input and output, as last drawn
        self._lane_colours = gradient(LAGOON[1:], 64)
        self._slates: dict[tuple[tuple[int, ...], Stops], Slate] = {}
        self._trail: deque[tuple[float, FloatArray]] = deque(
            maxlen=round(TRAIL_S / TRAIL_STEP_S) + 1
        )
        self._now: tuple[float, FloatArray] = (0.0, np.zeros(0, np.float32))
        self._latents: LatentMap | None = None  # whose latents the trail holds

    def draw(self, frame: Frame, canvas: pygame.Surface, below: int = 0) -> None:
        """Draw both panes; `below` pixels at the foot of the canvas stay free."""
        self._remember(frame)
        left, right = layout(canvas.get_size(), below, self.output_only)
        self.boxes = (left, right)
        canvas.fill(INK)
        if not self.output_only:
            if frame.field is not None:
                self._picture(canvas, left, frame.field, LAGOON)
            else:
                self._lanes(canvas, left)
        if frame.image is not None:
            self._picture(canvas, right, frame.image, EMBER)
        else:
            canvas.fill(PANE, right)

    def _remember(self, frame: Frame) -> None:
        if frame.z is None:
            return
        t = frame.tick.t
        if frame.model.latents is not self._latents or t < self._now[0]:
            self._trail.clear()  # another model's latents mean other things
            self._latents = frame.model.latents
        self._now = t, frame.z
        if not self._trail or t - self._trail[-1][0] >= TRAIL_STEP_S:
            self._trail.append(self._now)

    def _picture(
        self, canvas: pygame.Surface, box: pygame.Rect, image: FloatArray, stops: Stops
    ) -> None:
        grey = image if image.ndim == 2 else image.mean(axis=2)
        level = grey * LEVELS + BLACK
        if self.smooth:
            slate = self._slate((box.height, box.width), stops)
            resize(level, (box.height, box.width), out=slate.level)
        else:
            slate = self._slate(grey.shape, stops)
            slate.level[:] = level
        np.copyto(slate.pixels, slate.level, casting="unsafe")
        if self.smooth:
            canvas.blit(slate.surface, box)
        else:
            canvas.blit(pygame.transform.scale(slate.surface, box.size), box)

    def _slate(self, shape: tuple[int, ...], stops: Stops) -> Slate:
        slate = self._slates.get((shape, stops))
        if slate is None:
            if len(self._slates) > 8:  # a window being resized
                self._slates.clear()
            slate = self._slates[shape, stops] = Slate(shape, stops)
        return slate

    def _lanes(self, canvas: pygame.Surface, box: pygame.Rect) -> None:
        """Every latent is a lane; its value now is the dot at the right, its past trails off."""
        canvas.fill(PANE, box)
        if not self._trail or self._latents is None:
            return
        now = self._now[0]
        past = [(t, z) for t, z in self._trail if now - t <= TRAIL_S] + [self._now]
        values = np.array([z for _, z in past])
        places = np.clip((values - self._latents.mean) / (2.5 * self._latents.std), -1, 1)

        lane = box.height / places.shape[1]
        pad = max(box.width // 14, 6)
        head = box.right - pad * 2
        pace = (head - box.left - pad) / TRAIL_S
        xs = [head - (now - t) * pace for t, _ in past]
        dot = max(2, min(box.width // 50, int(lane / 3)))
        width = max(1, dot // 5)
        # A line has one colour: the past fades in steps.
        steps = [int(share * len(xs)) for share, _ in FADING] + [len(xs)]
        for i, row in enumerate(places.T):
            middle = box.top + lane * (i + 0.5)
            pygame.draw.line(canvas, LINE, (box.left + pad, middle), (box.right - pad, middle))
            colour = self._lane_colours[int((row[-1] + 1) / 2 * 63)]
            line = list(zip(xs, (middle - row * lane * 0.45).tolist(), strict=True))
            for (start, end), (_, strength) in zip(pairwise(steps), FADING, strict=True):
                faded = [int(p + (c - p) * strength) for p, c in zip(PANE, colour, strict=True)]
                points = line[max(start - 1, 0) : end]
                if len(points) > 1:
                    if width > 1:
                        pygame.draw.lines(canvas, faded, False, points, width)
                    pygame.draw.aalines(canvas, faded, False, points)
            pygame.draw.aacircle(canvas, colour, line[-1], dot)


class Slate:
    """Memory for a picture of one size, kept from frame to frame: fresh memory costs more than
    what is written to it.

    level: (H, W) float32; pixels: (H, W), which the 8-bit surface shows.
    """

    def __init__(self, shape: tuple[int, ...], stops: Stops) -> None:
        self.level = np.zeros(shape, np.float32)
        self.pixels = np.zeros(shape, np.uint8)
        size = (shape[1], shape[0])
        self.surface = pygame.image.frombuffer(memoryview(self.pixels), size, "P")  # type: ignore[arg-type]
        self.surface.set_palette(_palette(stops))


def layout(size: tuple[int, int], below: int, output_only: bool) -> tuple[pygame.Rect, pygame.Rect]:
    """Where input and output lie on a canvas: side by side, or stacked on a tall one."""
    width, height = size
    height = max(height - below, 1)
    if output_only:
        side = max(min(width, height), 1)
        box = pygame.Rect(0, 0, side, side)
        box.center = (width // 2, height // 2)
        return box.copy(), box
    margin = max(min(width, height) // 24, 2)
    across = width >= height
    long, short = (width, height) if across else (height, width)
    side = max(min((long - 3 * margin) // 2, short - 2 * margin), 1)
    first = (long - 2 * side - margin) // 2
    second = first + side + margin
    other = (short - side) // 2
    corners = [(first, other), (second, other)] if across else [(other, first), (other, second)]
    boxes = [pygame.Rect(corner, (side, side)) for corner in corners]
    return boxes[0], boxes[1]


def _palette(stops: Stops) -> list[tuple[int, int, int]]:
    colours = [(int(r), int(g), int(b)) for r, g, b in gradient(stops, LEVELS)]
    after = 256 - BLACK - LEVELS
    return [colours[0]] * BLACK + colours + [colours[-1]] * after
