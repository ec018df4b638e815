"""Videos made at random that flash, or nearly so: what the fixed list of scenes may have missed.

Each has a seed, a frame rate of its own, 2 to 10 seconds, and something that flashes on a ground:
anywhere, still or moving, hardly larger or brighter than what counts, in any colours and rhythm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # (H, W, 3)
Light = Callable[[float], float]  # 0..1 at t, s
Colour = NDArray[np.float64]  # (3,)
RATES = (24.0, 25.0, 30.0, 50.0, 60.0)


@dataclass(frozen=True)
class Video:
    """A video at random. draw: what is seen at t, s; fps: of it."""

    name: str
    draw: Callable[[float], Picture]
    fps: float
    seconds: float


def video(seed: int, size: tuple[int, int], longest_s: float = 10.0) -> Video:
    """One for every seed. size: width, height, px."""
    rng = np.random.default_rng([7, seed])
    fps = float(rng.choice(RATES))
    seconds = float(rng.uniform(2, longest_s))
    kind = str(rng.choice(list(KINDS)))
    draw = KINDS[kind](rng, size, fps)
    return Video(f"{seed}: {kind}, {fps:g} fps, {seconds:.1f} s", draw, fps, seconds)


def _rate(rng: np.random.Generator) -> float:
    """Hz, as often near the limit as far from it."""
    return float(rng.uniform(3.05, 4.5) if rng.random() < 0.4 else np.exp(rng.uniform(1.1, 3.4)))


def _wave(rng: np.random.Generator, hz: float) -> Light:
    form, phase, duty = rng.integers(4), rng.random(), rng.uniform(0.1, 0.9)

    def at(t: float) -> float:
        x = (hz * t + phase) % 1.0
        if form == 0:
            return float(x < duty)
        if form == 1:
            return float(0.5 - 0.5 * np.cos(2 * np.pi * x))
        if form == 2:  # up and down, straight
            return float(x / duty if x < duty else (1 - x) / (1 - duty))
        return float(np.exp(-x * 4))  # a lamp that is struck

    return at


def _light(rng: np.random.Generator, fps: float) -> Light:
    """How the brightness goes."""
    kind, hz, seed = rng.integers(9), _rate(rng), int(rng.integers(1 << 30))
    wave = _wave(rng, hz)
    if kind == 0:  # bursts, with pauses
        on, off = rng.uniform(0.15, 1.5), rng.uniform(0.1, 1.5)
        return lambda t: wave(t) if t % (on + off) < on else 0.0
    if kind == 1:  # faster and faster, or slower
        low, high, long = rng.uniform(0.5, 3), rng.uniform(3, 15), rng.uniform(2, 8)
        return lambda t: _square(low * t + (high - low) * (t % long) ** 2 / (2 * long))
    if kind == 2:  # another level every frame or so
        chance = rng.uniform(0.08, 1)
        return _levels(seed, lambda r: 1 if r.random() < chance else int(r.integers(2, 12)), fps)
    if kind == 3:  # every few frames
        least, most = rng.integers(1, 9), rng.integers(1, 20)
        return _levels(seed, lambda r: int(r.integers(least, least + most)), fps)
    if kind == 4:  # beats that start and stop
        bpm, sharp, bars = rng.uniform(90, 420), rng.uniform(2, 12), rng.uniform(0.6, 3)
        return lambda t: (
            float(np.exp(-(t * bpm / 60 % 1) * sharp)) if t % (2 * bars) < bars else 0.1
        )
    if kind == 5:  # two at once
        other = _wave(rng, _rate(rng))
        return lambda t: 0.5 * wave(t) + 0.5 * other(t)
    if kind == 6:  # on a fade
        slow = rng.uniform(0.1, 1)
        return lambda t: wave(t) * (0.5 - 0.5 * float(np.cos(2 * np.pi * slow * t)))
    return wave


def _square(at: float) -> float:
    return float(at % 1 < 0.5)


def _levels(seed: int, frames: Callable[[np.random.Generator], int], fps: float) -> Light:
    """Other levels at random, each for some frames of a second."""
    rng = np.random.default_rng(seed)
    levels: list[float] = []
    while len(levels) < 11 * 60:
        levels += [rng.random()] * frames(rng)
    return lambda t: levels[int(t * fps + 0.5)]


def _colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Two that are seen in turn; some differ hardly more than what counts."""
    kind = rng.integers(6)
    if kind == 0:
        return np.zeros(3), np.full(3, 255.0)
    if kind == 1:
        return np.zeros(3), np.array([rng.uniform(60, 255), 0, 0])
    if kind == 2:
        return np.array([0, 0, rng.uniform(0, 255)]), np.array([rng.uniform(120, 255), 0, 0])
    if kind == 3:  # 8 to 20 % of luminance apart
        one = rng.uniform(0, 200)
        light = ((one / 255) ** 2.2 + rng.uniform(0.08, 0.2)) ** (1 / 2.2)
        return np.full(3, one), np.full(3, min(light * 255, 255))
    if kind == 4:
        grey = rng.uniform(40, 140)
        return np.full(3, grey), np.array(
            [rng.uniform(150, 255), rng.uniform(0, 60), rng.uniform(0, 40)]
        )
    return rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)


def _box(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """x, y, width, height in shares of the picture: the whole, or hardly more than what counts."""
    if rng.random() < 0.4:
        return 0.0, 0.0, 1.0, 1.0
    area = rng.uniform(0.9, 3) / 36
    width = min(max(np.sqrt(area) * np.exp(rng.uniform(-0.5, 0.5)), area), 1)
    height = area / width
    return rng.uniform(0, 1 - width), rng.uniform(0, 1 - height), width, height


def _filled(picture: Picture, box: tuple[float, float, float, float], colour: Colour) -> Picture:
    height, width = picture.shape[:2]
    x, y, w, h = box
    left, top = round(x * width), round(y * height)
    picture[top : top + round(h * height), left : left + round(w * width)] = np.round(colour)
    return picture


def _ground(rng: np.random.Generator, size: tuple[int, int]) -> Callable[[float], Picture]:
    """What lies under it: still or moving, soft or with grain."""
    width, height = size
    speed = rng.choice([0, 0.2, 1.0])
    x, y = np.linspace(0, 6, width), np.linspace(0, 4, height)[:, None]
    grain = rng.uniform(0, rng.choice([0, 0, 60]), (height, width))
    level, depth = rng.uniform(0, 120), rng.uniform(0, 60)

    def draw(t: float) -> Picture:
        wave = level + depth * np.sin(x + speed * t) * np.cos(y) + grain
        return np.repeat(np.clip(wave, 0, 255)[..., None], 3, axis=2).astype(np.uint8)

    if speed == 0:
        still = draw(0)
        return lambda t: still.copy()
    return draw


def _flashing(
    rng: np.random.Generator, size: tuple[int, int], fps: float
) -> Callable[[float], Picture]:
    ground, light, box = _ground(rng, size), _light(rng, fps), _box(rng)
    one, other = _colours(rng)
    return lambda t: _filled(ground(t), box, one + (other - one) * light(t))


def _several(
    rng: np.random.Generator, size: tuple[int, int], fps: float
) -> Callable[[float], Picture]:
    """Areas that flash each in its own way."""
    ground = _ground(rng, size)
    parts = [(_box(rng), _light(rng, fps), *_colours(rng)) for _ in range(rng.integers(2, 5))]

    def draw(t: float) -> Picture:
        picture = ground(t)
        for box, light, one, other in parts:
            _filled(picture, box, one + (other - one) * light(t))
        return picture

    return draw


def _moving(
    rng: np.random.Generator, size: tuple[int, int], fps: float
) -> Callable[[float], Picture]:
    """Something that flashes on its way."""
    ground, light = _ground(rng, size), _light(rng, fps)
    one, other = _colours(rng)
    side, speed, slow = rng.uniform(0.15, 0.5), rng.uniform(0.05, 2), rng.uniform(0.1, 2)

    def draw(t: float) -> Picture:
        x = abs((speed * t + 0.1) % 2 - 1) * (1 - side)
        y = (0.5 + 0.5 * np.sin(slow * t)) * (1 - side)
        return _filled(ground(t), (x, y, side, side), one + (other - one) * light(t))

    return draw


def _cuts(
    rng: np.random.Generator, size: tuple[int, int], fps: float
) -> Callable[[float], Picture]:
    """Another picture every few frames: soft blots or hard ones, in colour or in grey."""
    width, height = size
    rows, columns = int(rng.integers(1, 9)), int(rng.integers(1, 14))
    colours = 3 if rng.random() < 0.5 else 1
    small = (rng.random((rng.integers(2, 40), rows, columns, colours)) * 255).astype(np.uint8)
    y, x = np.arange(height) * rows // height, np.arange(width) * columns // width
    seed, least, more = int(rng.integers(1 << 30)), rng.integers(1, 12), rng.integers(1, 8)
    which = _levels(seed, lambda r: int(r.integers(least, least + more)), fps)
    return lambda t: np.broadcast_to(
        small[int(which(t) * len(small))][y][:, x], (height, width, 3)
    ).copy()


def _board(
    rng: np.random.Generator, size: tuple[int, int], fps: float
) -> Callable[[float], Picture]:
    """Fields of which some are lit while the others are dark."""
    width, height = size
    rows, columns, light = rng.integers(1, 8), rng.integers(1, 12), _light(rng, fps)
    y, x = np.arange(height)[:, None] * rows // height, np.arange(width) * columns // width
    first = ((x + y) % 2)[..., None]
    one, other = _colours(rng)

    def draw(t: float) -> Picture:
        share = light(t)
        parts = first * share + (1 - first) * (1 - share)
        return np.round(one + (other - one) * parts).astype(np.uint8)

    return draw


KINDS = {
    "flashing": _flashing, "flashing too": _flashing, "several": _several, "moving": _moving,
    "cuts": _cuts, "board": _board,
}  # fmt: skip
