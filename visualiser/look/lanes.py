"""The latent, along each of its directions: a lane with its last seconds behind it."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np
import pygame

from visualiser.frame import Frame
from visualiser.latents import LatentMap
from visualiser.look.palette import LINE, PANE, Palette
from visualiser.types import FloatArray

TRAIL_S = 3.0  # how much of the past is shown
TRAIL_STEP_S = 1 / 25  # how finely it is remembered
FADING = ((0.0, 0.25), (0.35, 0.5), (0.75, 1.0))  # from which share on, how strong
FURTHEST = 2.5  # deviations: the edge of a lane
DARKEST = 0.35  # place on the palette of a latent that is lowest


class Lanes:
    """Remembers where the latent came from."""

    def __init__(self) -> None:
        self._trail: deque[tuple[float, FloatArray]] = deque(
            maxlen=round(TRAIL_S / TRAIL_STEP_S) + 1
        )
        self._now: tuple[float, FloatArray] = (0.0, np.zeros(0, np.float32))  # s, latent
        self._latents: LatentMap | None = None  # whose latents the trail holds

    def remember(self, frame: Frame) -> None:
        if frame.z is None:
            return
        t = frame.tick.t
        if frame.model.latents is not self._latents or t < self._now[0]:
            self._trail.clear()  # another model's latents mean other things
            self._latents = frame.model.latents
        self._now = t, frame.z
        if not self._trail or t - self._trail[-1][0] >= TRAIL_STEP_S:
            self._trail.append((t, self._latents.along(frame.z)))

    def draw(self, canvas: pygame.Surface, box: pygame.Rect, palette: Palette) -> None:
        """Where it is now is the dot at the right of each lane, its past trails off."""
        canvas.fill(PANE, box)
        if not self._trail or self._latents is None:
            return
        now, z = self._now
        past = [(t, along) for t, along in self._trail if now - t <= TRAIL_S]
        past.append((now, self._latents.along(z)))
        places = np.clip(np.array([along for _, along in past]) / FURTHEST, -1, 1)
        colours = palette.srgb(64)

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
            place = DARKEST + (1 - DARKEST) * (row[-1] + 1) / 2
            colour = [int(c) for c in colours[int(place * 63)]]
            line = list(zip(xs, (middle - row * lane * 0.45).tolist(), strict=True))
            for (start, end), (_, strength) in zip(pairwise(steps), FADING, strict=True):
                faded = [int(p + (c - p) * strength) for p, c in zip(PANE, colour, strict=True)]
                points = line[max(start - 1, 0) : end]
                if len(points) > 1:
                    if width > 1:
                        pygame.draw.lines(canvas, faded, False, points, width)
                    pygame.draw.aalines(canvas, faded, False, points)
            pygame.draw.aacircle(canvas, colour, line[-1], dot)
