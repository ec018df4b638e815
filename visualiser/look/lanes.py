"""The latent, along each of its directions: a lane with its last seconds behind it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pygame
from numpy.typing import NDArray

from visualiser.frame import Frame
from visualiser.latents import LatentMap
from visualiser.look.palette import LINE, PANE, Palette
from visualiser.types import FloatArray

TRAIL_S = 3.0  # how much of the past is shown
TRAIL_STEP_S = 1 / 25  # how finely it is remembered
ROUNDED_S = 1e-6  # times are off by less
FADING = ((0.0, 0.25), (0.35, 0.5), (0.75, 1.0))  # from which share on, how strong
FURTHEST = 2.5  # deviations: the edge of a lane
SHORTEST_PX = 1.5  # of a line: what pygame draws of shorter ones is left to chance
DARKEST = 0.35  # place on the palette of a latent that is lowest


class Lanes:
    """Remembers where the latent came from."""

    def __init__(self) -> None:
        self._trail: deque[tuple[float, FloatArray]] = deque(
            maxlen=round(TRAIL_S / TRAIL_STEP_S) + 1
        )
        self._now: tuple[float, FloatArray] = (0.0, np.zeros(0, np.float32))  # s, along each
        self.latents: LatentMap | None = None  # whose the trail holds

    def remember(self, frame: Frame) -> None:
        if frame.z is None:
            return
        t = frame.tick.t
        if frame.model.latents is not self.latents or t < self._now[0]:
            self._trail.clear()  # another model's latents mean other things
            self.latents = frame.model.latents
        self._now = t, frame.along if frame.along is not None else self.latents.along(frame.z)
        if not self._trail or t - self._trail[-1][0] >= TRAIL_STEP_S - ROUNDED_S:
            self._trail.append(self._now)

    def draw_past(
        self, canvas: pygame.Surface, box: pygame.Rect, palette: Palette, now: float
    ) -> None:
        """The lanes, and what trails off in them, as it will be at `now`, s of the show."""
        canvas.fill(PANE, box)
        past = [(t, along) for t, along in self._trail if 0 <= now - t <= TRAIL_S + ROUNDED_S]
        if not past:
            return
        at = Places(box, len(past[0][1]))
        past = past[:: -at.stride][::-1]
        xs = at.head - (now - np.array([t for t, _ in past])) * at.pace
        line = np.empty((at.n, len(past), 2))
        line[..., 0] = xs
        line[..., 1] = at.heights(np.array([along for _, along in past]).T)
        # A line has one colour: the past fades in steps.
        strength = np.array([strength for _, strength in FADING])[:, None, None]
        colours = (PANE + (self._colours(palette) - PANE) * strength).astype(int).tolist()
        steps = [int(share * len(past)) for share, _ in FADING] + [len(past)]
        for i, (middle, points) in enumerate(zip(at.middles, line.tolist(), strict=True)):
            pygame.draw.line(canvas, LINE, (at.left, middle), (at.right, middle))
            for step, (start, end) in enumerate(pairwise(steps)):
                _line(canvas, colours[step][i], points[max(start - 1, 0) : end], at.width)

    def draw_now(self, canvas: pygame.Surface, box: pygame.Rect, palette: Palette) -> None:
        """Where it is now: the dot at the right of each lane, and the way there from its past."""
        if not self._trail:
            return
        now, along = self._now
        then, before = self._trail[-1]
        at = Places(box, len(along))
        start = at.head - max(now - then, 0.0) * at.pace
        here, there = at.heights(along[:, None])[:, 0], at.heights(before[:, None])[:, 0]
        colours = self._colours(palette).tolist()
        for colour, y, from_y in zip(colours, here.tolist(), there.tolist(), strict=True):
            if at.head - start >= SHORTEST_PX:
                _line(canvas, colour, [(start, from_y), (at.head, y)], at.width)
            pygame.draw.aacircle(canvas, colour, (at.head, y), at.dot)

    def _colours(self, palette: Palette) -> NDArray[np.uint8]:
        """(n_directions, 3): the higher, the hotter."""
        high = np.clip(self._now[1] / FURTHEST, -1, 1)
        return palette.srgb_at(DARKEST + (1 - DARKEST) * (high + 1) / 2)


class Places:
    """Where lanes lie in a box, in pixels. pace: of the past, px/s; head: x of now; stride: every
    which moment of the past is drawn."""

    def __init__(self, box: pygame.Rect, n: int) -> None:
        self.n = n
        self.lane = box.height / n
        pad = max(box.width // 14, 6)
        self.left, self.right, self.head = box.left + pad, box.right - pad, box.right - 2 * pad
        self.pace = (self.head - self.left) / TRAIL_S
        self.stride = math.ceil(SHORTEST_PX / max(self.pace * TRAIL_STEP_S, 0.01))
        self.dot = max(2, min(box.width // 50, int(self.lane / 3)))
        self.width = max(1, self.dot // 5)
        self.middles = (box.top + self.lane * (np.arange(n) + 0.5)).tolist()

    def heights(self, along: FloatArray) -> FloatArray:
        """(n, times) deviations -> their y."""
        high = np.clip(along / FURTHEST, -1, 1)
        return np.array(self.middles)[:, None] - high * self.lane * 0.45


def _line(
    canvas: pygame.Surface, colour: list[int], points: Sequence[Sequence[float]], width: int
) -> None:
    if len(points) > 1:
        if width > 1:
            pygame.draw.lines(canvas, colour, False, points, width)
        pygame.draw.aalines(canvas, colour, False, points)
