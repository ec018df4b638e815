"""The latent, along each of its directions: a lane with its last seconds behind it."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pygame
from numpy.typing import NDArray

from visualiser import loops
from visualiser.frame import Frame
from visualiser.latents import LatentMap
from visualiser.look.paint import fill
from visualiser.look.palette import LINE, PANE, Palette
from visualiser.look.sheet import Canvas, Sheet, bare, painted
from visualiser.loops.pixels import BLOCK, UNMARKED
from visualiser.surfaces import octets
from visualiser.types import FloatArray

TRAIL_S = 3.0  # how much of the past is shown
TRAIL_STEP_S = 1 / 25  # how finely it is remembered
KEPT = round(TRAIL_S / TRAIL_STEP_S) + 1  # times
ROUNDED_S = 1e-6  # times are off by less
FADED = 0.8  # of the past's length: what is younger has its full colour
STEPS = 8  # in which it fades where a line has one colour
FURTHEST = 2.5  # deviations: the edge of a lane
SHORTEST_PX = 1.5  # of a line: what pygame draws of shorter ones is left to chance
DARKEST = 0.35  # place on the palette of a latent that is lowest


class Lanes:
    """Remembers where the latent came from."""

    def __init__(self) -> None:
        self._forget(0)
        self._now: tuple[float, FloatArray] = (0.0, np.zeros(0, np.float32))  # s, along each
        self.latents: LatentMap | None = None  # whose the trail holds
        self._drawn_to = 0  # the column where the past stops that was drawn last
        self._shades: tuple[FloatArray, Palette, NDArray[np.uint8]] | None = None  # along, by which

    def _forget(self, n: int) -> None:
        self._times = np.zeros(0)  # (times,) s, of what is remembered
        self._trail = np.zeros((n, 0), np.float32)  # (n, times) deviations

    def remember(self, frame: Frame) -> None:
        if frame.z is None:
            return
        t = frame.tick.t
        along = frame.along if frame.along is not None else frame.model.latents.along(frame.z)
        if frame.model.latents is not self.latents or t < self._now[0]:
            self._forget(len(along))  # another model's latents mean other things
            self.latents = frame.model.latents
        self._now = t, along
        if not len(self._times) or t - self._times[-1] >= TRAIL_STEP_S - ROUNDED_S:
            self._times = np.append(self._times, t)[-KEPT:]
            self._trail = np.append(self._trail, along[:, None], axis=1)[:, -KEPT:]

    def draw_past(self, canvas: Canvas, box: pygame.Rect, palette: Palette, now: float) -> None:
        """The lanes, and what trails off in them, as it will be at `now`, s of the show. The box
        lies on the canvas, which has 32 bits."""
        fill(canvas, PANE, [box])
        times, along = self._seen(now)
        if not len(times):
            return
        at = _places(tuple(box), len(along))
        width = at.right - at.left + 1
        fill(canvas, LINE, [pygame.Rect(at.left, round(y), width, 1) for y in at.middles])
        if isinstance(canvas, Sheet):  # nothing is painted before all is known: in one go, then
            self._drawn_to = at.left
            return
        lines = Lines(canvas, at, self._colours(palette))
        self._drawn_to = lines.draw_past(at.across(now - times), at.heights(along))

    def draw_now(self, canvas: Canvas, box: pygame.Rect, palette: Palette) -> None:
        """Where it is now: the dot at the right of each lane, and the way there from its past,
        which was drawn before on the same canvas."""
        if not len(self._times):
            return
        now, here = self._now
        times, along = self._seen(now)
        at = _places(tuple(box), len(here))
        xs = at.across(now - np.append(times, now))
        ys = at.heights(np.append(along, here[:, None], axis=1))
        Lines(canvas, at, self._colours(palette)).draw_now(xs, ys, self._drawn_to)

    def _seen(self, now: float) -> tuple[NDArray[np.float64], FloatArray]:
        """What of the past is seen then: (times,) s and (n, times) deviations."""
        span = now - TRAIL_S - ROUNDED_S, now + ROUNDED_S
        first, last = np.searchsorted(self._times, span)
        return self._times[first:last], self._trail[:, first:last]

    def _colours(self, palette: Palette) -> NDArray[np.uint8]:
        """(n_directions, 3): the higher, the hotter."""
        along = self._now[1]
        if self._shades is None or self._shades[0] is not along or self._shades[1] != palette:
            high = np.clip(along / FURTHEST, -1, 1)
            places = DARKEST + (1 - DARKEST) * (high + 1) / 2
            self._shades = along, palette, palette.srgb_at(places)
        return self._shades[2]


class Places:
    """Where lanes lie in a box, in pixels. pace: of the past, px/s; head: x of now; radius: half
    the width of a line."""

    def __init__(self, box: pygame.Rect, n: int) -> None:
        self.lane = box.height / n
        pad = max(box.width // 14, 6)
        self.left, self.right, self.head = box.left + pad, box.right - pad, box.right - 2 * pad
        self.pace = max(self.head - self.left, 0) / TRAIL_S
        self.dot = max(2, min(box.width // 50, int(self.lane / 3)))
        self.radius = max(self.dot / 11, 0.55)
        self.middles = (box.top + self.lane * (np.arange(n) + 0.5)).tolist()

    def across(self, ages: NDArray[np.float64]) -> FloatArray:
        """(times,) s ago -> their x."""
        return (self.head - ages * self.pace).astype(np.float32)

    def heights(self, along: FloatArray) -> FloatArray:
        """(n, times) deviations -> their y."""
        high = np.clip(along / FURTHEST, -1, 1)
        ys = np.array(self.middles)[:, None] - high * self.lane * 0.45
        return np.ascontiguousarray(ys, np.float32)

    def strengths(self, xs: FloatArray) -> FloatArray:
        """(places,) x -> how strong lines are there, 0..1: the past fades into the pane."""
        share = (xs - self.left) / max(self.pace * TRAIL_S * FADED, 1)
        return np.clip(share, 0, 1).astype(np.float32)


@lru_cache(maxsize=8)
def _places(box: tuple[int, int, int, int], n: int) -> Places:
    return Places(pygame.Rect(box), n)


class Lines:
    """Draws lines over lanes, each in one of the colours (n, 3). Where compiled loops are loaded
    they are smooth at any angle and fade evenly; else they are what pygame makes of them."""

    def __init__(self, canvas: Canvas, at: Places, colours: NDArray[np.uint8]) -> None:
        self._canvas = canvas
        self._at = at
        self._colours = colours
        self._trace = loops.compiled(loops.pixels.trace)

    def draw_past(self, xs: FloatArray, ys: FloatArray) -> int:
        """Lines along (times,) and (n, times), but for the last of them: the dot lies there, and
        how they end depends on what comes. Where they stop: the first column that is left."""
        at = self._at
        stop = math.ceil(min(xs[-1] - at.radius, at.head - at.dot) - 1)
        stop -= (stop - at.left) % BLOCK  # so that blocks are the same as of all in one go
        if self._trace and len(xs) > 1:
            self._smooth(xs, ys, at.left, stop, 0)
        elif len(xs) > 1:
            self._plain(xs, ys)
        return stop

    def draw_now(self, xs: FloatArray, ys: FloatArray, start: int) -> None:
        """The lines from the column `start` on, and a dot at the end of each."""
        at = self._at
        if self._trace:
            self._smooth(xs, ys, start, at.head + at.dot + 2, at.dot + 0.5)  # as pygame has it
            return
        first = max(int(np.searchsorted(xs, start)) - 1, 0)
        if at.head - xs[first] >= SHORTEST_PX:
            self._plain(xs[first:], ys[:, first:])
        for colour, y in zip(self._colours.tolist(), ys[:, -1].tolist(), strict=True):
            pygame.draw.aacircle(painted(self._canvas), colour, (at.head, y), at.dot)

    def _smooth(self, xs: FloatArray, ys: FloatArray, start: int, stop: int, dot: float) -> None:
        """The columns from start to stop."""
        assert self._trace is not None
        canvas = self._canvas
        first = max(start, 0)
        columns = np.arange(first, min(stop, canvas.get_width()), dtype=np.float32)
        map_rgb = bare(canvas).map_rgb
        colours = [map_rgb(colour) for colour in self._colours.tolist()]
        strengths = self._at.strengths(columns) * np.float32(256)
        trace = xs, ys, np.array(colours, np.uint32), strengths, first, self._at.radius, dot
        if isinstance(canvas, Sheet):
            canvas.traces.append(trace)
            return
        pixels = octets(canvas).view(np.uint32)
        self._trace(pixels.reshape(canvas.get_height(), -1), *trace, 0, UNMARKED)

    def _plain(self, xs: FloatArray, ys: FloatArray) -> None:
        """With pygame, a line of which has one colour and whole pixels as its width."""
        at, canvas = self._at, painted(self._canvas)
        stride = math.ceil(SHORTEST_PX / max(at.pace * TRAIL_STEP_S, 0.01))
        xs, ys = xs[::-stride][::-1], ys[:, ::-stride][:, ::-1]
        ends = np.linspace(0, len(xs), STEPS + 1).astype(int)
        middles = (ends[:-1] + ends[1:]) // 2
        strengths = at.strengths(xs[np.minimum(middles, len(xs) - 1)])[:, None, None]
        colours = (PANE + (self._colours - PANE) * strengths).astype(int).tolist()
        width = max(1, at.dot // 5)
        for i, line in enumerate(ys.tolist()):
            points = list(zip(xs.tolist(), line, strict=True))
            for step, (start, end) in enumerate(pairwise(ends.tolist())):
                part = points[max(start - 1, 0) : end]
                if len(part) > 1:
                    if width > 1:
                        pygame.draw.lines(canvas, colours[step][i], False, part, width)
                    pygame.draw.aalines(canvas, colours[step][i], False, part)
