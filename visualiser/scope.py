"""What it hears, drawn over the picture for whoever plays: the hearing view, key V."""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pygame
from numpy.typing import NDArray

from visualiser.look.palette import ALERT, INK, LINE, PAPER, QUIET
from visualiser.look.text import ADVANCE, text
from visualiser.types import CONFIDENT, Features, Tick

Colour = tuple[int, int, int]

_LAMP_S = 0.14  # time constant of lamps that go out
_PEAK_S = 0.9  # and of the caps on the bars
_ENERGY_S, _ENERGY_STEPS = 30.0, 120  # of the curve
_READ_S = 0.1  # between changes of numbers: faster ones cannot be read
_LIGHTS = 16  # steps from dark to bright
_DOTS = 40  # on the circle of the beat


@dataclass(frozen=True)
class Hearing:
    """What the ear and its source say beside the Features.

    source, trouble: its name, and why there is silence, in words; floor_dbfs: of the room,
    is_learned: whether it was learned; edges_hz: (n_bands + 1,); waiting: samples that came since
    the tick before; ring: how many the source keeps, 0 where it has no ring.
    """

    source: str
    trouble: str
    floor_dbfs: float
    is_learned: bool
    edges_hz: NDArray[np.float64]
    waiting: int
    ring: int


class Delay:
    """Sound to picture: from the capture of the newest sample that a frame heard to its flip."""

    def __init__(self) -> None:
        self._heard: deque[tuple[int, float]] = deque(maxlen=240)
        self._delays: deque[tuple[float, float]] = deque(maxlen=1024)
        self._last = -1

    def hear(self, index: int, heard_t: float) -> None:
        """The tick of that index hears sound up to heard_t, s of the show."""
        self._heard.append((index, heard_t))

    def flip(self, index: int, t: float) -> None:
        """The frame of that tick is seen since t, s of the show."""
        if index == self._last:
            return
        self._last = index
        for heard, heard_t in reversed(self._heard):
            if heard == index:
                self._delays.append((t, t - heard_t))
                break
        while self._delays and self._delays[0][0] < t - 1.0:
            self._delays.popleft()

    @property
    def median_ms(self) -> float | None:
        """Over the last second."""
        return 1000 * statistics.median(d for _, d in self._delays) if self._delays else None


class Scope:
    """Remembers what must be remembered while it is hidden, and draws when it is asked to."""

    def __init__(self) -> None:
        self.delay = Delay()
        self._lamps = np.zeros(4)  # overall, low, mid, high
        self._peaks = np.zeros(0)
        self._energy: deque[float] = deque([0.0] * _ENERGY_STEPS, _ENERGY_STEPS)
        self._curve: pygame.Surface | None = None
        self._is_sure = False
        self._waited_s = 0.0
        self._read_t = -math.inf
        self._numbers: dict[str, str] = {}
        self._ground: tuple[object, pygame.Surface] | None = None

    def hear(self, tick: Tick, features: Features) -> None:
        """Once a tick, seen or not."""
        self.delay.hear(tick.index, features.heard_t)
        onsets = (features.onset, features.onset_low, features.onset_mid, features.onset_high)
        self._lamps = np.maximum(self._lamps * math.exp(-tick.dt / _LAMP_S), np.sqrt(onsets))
        if len(self._peaks) != len(features.bands):
            self._peaks = np.zeros(len(features.bands))
        self._peaks = np.maximum(self._peaks * math.exp(-tick.dt / _PEAK_S), features.bands)
        self._waited_s += tick.dt
        if self._waited_s >= _ENERGY_S / _ENERGY_STEPS:
            self._waited_s = 0.0
            self._energy.append(features.energy)
            self._curve = None

    def draw(
        self,
        canvas: pygame.Surface,
        features: Features,
        hearing: Hearing,
        t: float,
        foot: int,
    ) -> None:
        """t: s, of the show; foot: how many pixels at the foot of the canvas are taken."""
        width, height = canvas.get_size()
        is_wide = width > 1.15 * height
        size = min(height // 36, width // 66) if is_wide else min(height // 48, width // 42)
        size = max(size, 8)
        small = max(size * 4 // 5, 8)
        box = pygame.Rect(size, 0, width - 2 * size, size * (12 if is_wide else 23))
        box.bottom = height - foot - size // 2
        if box.top < 3 * size or box.width < 36 * size:
            return  # no room for it
        if t - self._read_t >= _READ_S or t < self._read_t:
            self._read_t = t
            self._read(features, hearing)
        inner = pygame.Rect(box.left, box.top + 5 * size // 2, box.width, 0)
        inner.height = box.height - 7 * size // 2
        parts = _parts(inner.inflate(-3 * size, 0), is_wide, size)
        key = (box.size, size, hearing.edges_hz.tobytes())
        if self._ground is None or self._ground[0] != key:
            self._ground = key, _ground(box, parts, size, small, hearing)
        canvas.blit(self._ground[1], box)
        self._title(canvas, box, size, hearing)
        self._bands(canvas, parts[0], small, features)
        self._onsets(canvas, parts[1], small)
        self._beat(canvas, parts[2], size, features)
        self._table(canvas, parts[3], size, features)

    def _read(self, features: Features, hearing: Hearing) -> None:
        """Take down the numbers as they are now."""
        delay = self.delay.median_ms
        is_sure = features.beat_confidence >= CONFIDENT
        self._numbers = {
            "bpm": f"{features.bpm:.0f}" if features.bpm else "-",
            "sure": f"{100 * features.beat_confidence:.0f} % sure" if features.bpm else "no beat",
            "level": f"{features.level_dbfs:.0f} dBFS",
            "floor": f"{hearing.floor_dbfs:.0f} dBFS{', learned' * hearing.is_learned}",
            "gain": f"{features.gain_db:+.0f} dB",
            "delay": "-" if delay is None else f"{delay:.0f} ms",
            "queue": f"{hearing.waiting} of {hearing.ring}" if hearing.ring else "-",
        }
        self._is_sure = is_sure and features.bpm > 0

    def _title(self, canvas: pygame.Surface, box: pygame.Rect, size: int, hearing: Hearing) -> None:
        words = hearing.trouble or f"hears {hearing.source}"
        fit = int((box.width - 3 * size) / (size * ADVANCE))
        words = words if len(words) <= fit else f"{words[: fit - 3]}..."
        colour = ALERT if hearing.trouble else PAPER
        canvas.blit(text(words, size, colour), (box.left + 3 * size // 2, box.top + size * 3 // 4))

    def _bands(
        self, canvas: pygame.Surface, box: pygame.Rect, small: int, features: Features
    ) -> None:
        """Bars, dim below the floor; a mark for the floor, a cap for the latest peak."""
        n = len(features.bands)
        box, lefts, across = _bars(box, small, n)
        floors = features.floor if len(features.floor) == n else np.zeros(n)
        values = np.stack([features.bands, floors, self._peaks]) * box.height
        ups, unders, caps = np.clip(values, 0, box.height).astype(int).tolist()
        thin = max(small // 6, 2)
        fill, bottom = canvas.fill, box.bottom
        for left, up, under, cap in zip(lefts, ups, unders, caps, strict=True):
            if up > under:
                fill(PAPER, (left, bottom - up, across, up - under))
            if low := min(up, under):
                fill(QUIET, (left, bottom - low, across, low))
            if cap > up + thin:
                fill(QUIET, (left, bottom - cap, across, thin))
            at = min(max(bottom - under - thin // 2, box.top), bottom - thin)
            fill(ALERT, (left, at, across, thin))

    def _onsets(self, canvas: pygame.Surface, box: pygame.Rect, small: int) -> None:
        """Lamps that flash when something begins: the large one for all of it."""
        for n, (centre, radius) in enumerate(_lamps(box, small)):
            light = _light(LINE, ALERT if n == 0 else PAPER, float(self._lamps[n]))
            canvas.blit(*_disc(centre, radius, light))

    def _beat(
        self, canvas: pygame.Surface, box: pygame.Rect, size: int, features: Features
    ) -> None:
        """A light that goes round once a beat, from the top; dim where the beat is no more than a
        guess."""
        centre, radius = _circle(box, size)
        phase = features.beat_phase
        known = features.bpm > 0
        light = (PAPER if self._is_sure else QUIET) if known else LINE
        dot = max(radius * 0.055, 1.5)
        if known:
            warm = _light(INK, ALERT if self._is_sure else LINE, 0.75 * (1 - phase) ** 4)
            canvas.blit(*_disc(centre, radius - 3 * dot, warm))
        dots = []
        for n, (x, y) in enumerate(_UNIT):
            lit = max(1 - 1.6 * ((phase - n / _DOTS) % 1.0), 0.0) ** 2 if known else 0.0
            if lit < 0.5 / _LIGHTS:
                continue  # it is dark, as on the ground
            place = (centre[0] + radius * x, centre[1] + radius * y)
            dots.append(_disc(place, dot * (1 + 0.6 * lit), _light(LINE, light, lit)))
        canvas.fblits(dots)
        big = max(int(radius * 0.66), 8)
        drawn = text(self._numbers["bpm"], big, light if known else QUIET)
        canvas.blit(drawn, drawn.get_rect(center=(centre[0], centre[1] - big // 8)))
        label = max(int(radius * 0.26), 7)
        drawn = text("bpm", label, QUIET)
        canvas.blit(drawn, drawn.get_rect(center=(centre[0], centre[1] + int(radius * 0.5))))
        drawn = text(self._numbers["sure"], max(size * 4 // 5, 8), light if known else QUIET)
        canvas.blit(drawn, drawn.get_rect(midbottom=(box.centerx, box.bottom)))

    def _table(
        self, canvas: pygame.Surface, box: pygame.Rect, size: int, features: Features
    ) -> None:
        step = _step(box)
        for n, (name, _) in enumerate(_ROWS):
            drawn = text(self._numbers[name], size, PAPER)
            canvas.blit(drawn, (box.right - drawn.get_width(), box.top + n * step))
        curve = _curve(box, size)
        if self._curve is None or self._curve.get_size() != curve.size:
            self._curve = self._draw_curve(curve.size)
        canvas.blit(self._curve, curve)
        level = curve.bottom - 1 - (curve.height - 3) * features.energy
        canvas.blit(*_disc((curve.right - 1, level), max(size / 6, 2), PAPER))

    def _draw_curve(self, size: tuple[int, int]) -> pygame.Surface:
        """Energy over the last half minute; drawn only when it has moved on."""
        width, height = size
        drawn = pygame.Surface(size, pygame.SRCALPHA)
        line = [
            (i * (width - 1) / (_ENERGY_STEPS - 1), height - 1 - (height - 3) * level)
            for i, level in enumerate(self._energy)
        ]
        pygame.draw.polygon(drawn, LINE, [*line, (width - 1, height), (0, height)])
        pygame.draw.aalines(drawn, PAPER, False, line)
        return drawn


_ROWS = (
    ("level", "level"),
    ("floor", "room's floor"),
    ("gain", "gain"),
    ("delay", "sound to picture"),
    ("queue", "new samples"),
)
_UNIT = [
    (math.sin(math.tau * n / _DOTS), -math.cos(math.tau * n / _DOTS)) for n in range(_DOTS)
]  # from the top, clockwise


def _parts(box: pygame.Rect, is_wide: bool, size: int) -> list[pygame.Rect]:
    """Where bands, onsets, beat and numbers lie: in a row, or the bands above the others."""
    gap = 2 * size
    rows: list[tuple[pygame.Rect, tuple[float, ...]]]
    if is_wide:
        rows = [(box, (0.40, 0.14, 0.17, 0.29))]
    else:
        half = (box.height - size) // 2
        above = pygame.Rect(box.left, box.top, box.width, half)
        below = pygame.Rect(box.left, box.bottom - half, box.width, half)
        rows = [(above, (1.0,)), (below, (0.2, 0.28, 0.52))]
    parts = []
    for row, shares in rows:
        left, free = float(row.left), row.width - gap * (len(shares) - 1)
        for share in shares:
            parts.append(pygame.Rect(int(left), row.top, int(free * share), row.height))
            left += free * share + gap
    return parts


@lru_cache(maxsize=8)
def _bars_at(left: int, right: int, n: int) -> tuple[list[int], int]:
    """The left edges of n bars, and how wide each of them is."""
    lefts = [left + (right - left) * i // n for i in range(n)]
    narrowest = (right - left) // n
    return lefts, max(narrowest - max(narrowest // 5, 1), 1)


def _bars(box: pygame.Rect, small: int, n: int) -> tuple[pygame.Rect, list[int], int]:
    """Where the bars are, over their labels; their left edges, and how wide each of them is."""
    bars = pygame.Rect(box.left, box.top, box.width, box.height - small * 2)
    return bars, *_bars_at(bars.left, bars.right, n)


def _lamps(box: pygame.Rect, small: int) -> list[tuple[tuple[float, float], float]]:
    """(centre, radius) of the lamps: overall above low, mid and high."""
    free = box.height - small * 3
    large = min(free * 0.3, box.width * 0.3)
    little = min(free * 0.15, box.width * 0.13)
    lamps = [((float(box.centerx), box.top + large), large)]
    for n in range(3):
        at = (box.left + box.width * (1 + 2 * n) / 6, box.bottom - 2 * small - little)
        lamps.append((at, little))
    return lamps


def _circle(box: pygame.Rect, size: int) -> tuple[tuple[float, float], float]:
    radius = min((box.height - 2 * size) / 2, box.width / 2) - 2
    return (float(box.centerx), box.top + radius + 2), max(radius, 8.0)


def _step(box: pygame.Rect) -> int:
    return int(box.height * 0.72 / len(_ROWS))


def _curve(box: pygame.Rect, size: int) -> pygame.Rect:
    top = box.top + _step(box) * len(_ROWS) + size // 4
    left = box.left + int(7 * size * ADVANCE)
    return pygame.Rect(left, top, box.right - left, box.bottom - top)


def _ground(
    box: pygame.Rect, parts: list[pygame.Rect], size: int, small: int, hearing: Hearing
) -> pygame.Surface:
    """All of it that never moves: the veil, and the words."""
    ground = pygame.Surface(box.size, pygame.SRCALPHA)
    pygame.draw.rect(ground, (*INK, 240), ground.get_rect(), border_radius=size)
    pygame.draw.rect(ground, LINE, ground.get_rect(), width=1, border_radius=size)
    bands, onsets, beat, table = (part.move(-box.left, -box.top) for part in parts)

    edges = hearing.edges_hz
    bars, lefts, across = _bars(bands, small, len(edges) - 1)
    for left in lefts:
        ground.fill(LINE, (left, bars.top, across, bars.height))
    right = -size
    for hz in (50, 100, 200, 500, 1000, 2000, 5000, 10_000):
        place = math.log(hz / edges[0]) / math.log(edges[-1] / edges[0])
        words = text(f"{hz // 1000}k" if hz >= 1000 else f"{hz}", small, QUIET)
        label = words.get_rect(midbottom=(int(bands.left + bands.width * place), bands.bottom))
        if 0 <= place <= 1 and label.left > right + small // 2 and label.right < bands.right:
            ground.blit(words, label)
            right = label.right
    for word, (centre, _) in zip(("low", "mid", "high"), _lamps(onsets, small)[1:], strict=True):
        drawn = text(word, small, QUIET)
        ground.blit(drawn, drawn.get_rect(midbottom=(int(centre[0]), onsets.bottom)))
    middle, radius = _circle(beat, size)
    for x, y in _UNIT:
        spot = (middle[0] + radius * x, middle[1] + radius * y)
        ground.blit(*_disc(spot, max(radius * 0.055, 1.5), LINE))
    for n, (_, words_) in enumerate(_ROWS):
        ground.blit(text(words_, size, QUIET), (table.left, table.top + n * _step(table)))
    curve = _curve(table, size)
    ground.blit(text("energy", size, QUIET), (table.left, curve.bottom - size * 5 // 4))
    return ground.convert_alpha() if pygame.display.get_surface() else ground


def _light(dark: Colour, bright: Colour, share: float) -> Colour:
    """Between the two, in a few steps, so that discs of them can be kept."""
    share = round(min(max(share, 0.0), 1.0) * _LIGHTS) / _LIGHTS
    mixed = [round(a + (b - a) * share) for a, b in zip(dark, bright, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def _disc(
    centre: tuple[float, float], radius: float, colour: Colour
) -> tuple[pygame.Surface, tuple[int, int]]:
    """A smooth disc and where it goes: drawing one anew takes as long as all else together."""
    disc = _drawn_disc(max(round(2 * radius), 2), colour)
    half = disc.get_width() / 2
    return disc, (round(centre[0] - half), round(centre[1] - half))


@lru_cache(maxsize=512)
def _drawn_disc(across: int, colour: Colour) -> pygame.Surface:
    large = pygame.Surface((4 * across + 8, 4 * across + 8), pygame.SRCALPHA)
    large.fill((*colour, 0))
    middle = 2 * across + 4
    pygame.draw.circle(large, colour, (middle, middle), 2 * across)
    return pygame.transform.smoothscale(large, (across + 2, across + 2))
