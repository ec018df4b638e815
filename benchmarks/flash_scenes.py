"""Videos that flash too much, and videos that do not: a fixed list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

SIZE = (300, 168)  # the audit's own grid: the smallest that loses nothing
Picture = NDArray[np.uint8]  # (H, W, 3)
Box = tuple[float, float, float, float]  # x, y, width, height in shares of the picture

BLACK, WHITE, RED, GREY = (0, 0, 0), (255, 255, 255), (255, 0, 0), (127, 127, 127)
DIM, BLUE, BRIGHT = (125, 125, 125), (0, 0, 255), (235, 235, 235)
WHOLE = (0.0, 0.0, 1.0, 1.0)
JUST_OVER, JUST_UNDER = 0.1708, 0.1475  # squares of 105 % and 78 % of the area that counts


@dataclass(frozen=True)
class Scene:
    """A video. draw: what is seen at t, s."""

    name: str
    draw: Callable[[float], Picture]
    fps: float = 60.0


def wave(form: str, hz: float, phase: float, t: float) -> float:
    """0..1."""
    at = (hz * t + phase) % 1.0
    # A hair late, so that rounding never moves a change to another frame.
    return float(at < 0.5 - 1e-6) if form == "square" else 0.5 - 0.5 * np.cos(2 * np.pi * at)


def ground() -> Picture:
    """A dim picture with some structure."""
    x, y = np.linspace(0, 6, SIZE[0]), np.linspace(0, 4, SIZE[1])[:, None]
    level = 45 + 30 * np.sin(x) * np.cos(y)
    return np.repeat(level[..., None], 3, axis=2).astype(np.uint8)


GROUND = ground()


def filled(box: Box, colour: tuple[float, ...], picture: Picture | None = None) -> Picture:
    picture = GROUND.copy() if picture is None else picture
    width, height = SIZE
    x, y, w, h = box
    left, top = round(x * width), round(y * height)
    right, bottom = left + round(w * width), top + round(h * height)
    picture[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = colour
    return picture


def mixed(one: tuple[int, ...], other: tuple[int, ...], share: float) -> tuple[float, ...]:
    return tuple(a + (b - a) * share for a, b in zip(one, other, strict=True))


def flashing(
    one: tuple[int, ...], other: tuple[int, ...], box: Box, hz: float, form: str, phase: float
) -> Callable[[float], Picture]:
    return lambda t: filled(box, mixed(one, other, wave(form, hz, phase, t)))


def fading(seconds: float) -> Callable[[float], Picture]:
    return lambda t: filled(WHOLE, mixed(BLACK, WHITE, min(t / seconds, 1)))


def moving(hz: float, speed: float, side: float) -> Callable[[float], Picture]:
    """A square that flashes on its way; speed: in pictures a second, 0 Hz is a steady one."""

    def draw(t: float) -> Picture:
        x = abs((speed * t + 0.1) % 2 - 1) * (1 - side)
        on = wave("square", hz, 0, t) if hz else 1.0
        y = 0.3 + 0.15 * np.sin(2 * t)
        return filled((x, y, side, side), mixed(BLACK, WHITE, on), np.zeros_like(GROUND))

    return draw


def halves(hz: float, upright: bool) -> Callable[[float], Picture]:
    """Each bright while the other is dark."""

    def draw(t: float) -> Picture:
        on = wave("square", hz, 0, t)
        half = (0, 0, 0.5, 1) if upright else (0, 0, 1, 0.5)
        return filled(half, mixed(BLACK, WHITE, on), filled(WHOLE, mixed(WHITE, BLACK, on)))

    return draw


def checks(hz: float, cells: int) -> Callable[[float], Picture]:
    """A board whose fields change places."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] * cells // SIZE[1]
    board = ((x + y) % 2)[..., None].astype(np.uint8).repeat(3, axis=2) * 255
    return lambda t: board if wave("square", hz, 0, t) else 255 - board


def cuts(every: int, seed: int) -> Callable[[float], Picture]:
    """Another picture every few frames of 60 a second: soft blots, in colour."""
    rng = np.random.default_rng(seed)
    small = (rng.random((40, 4, 7, 3)) * 255).astype(np.uint8)
    return lambda t: small[int(t * 60 + 0.5) // every % 40].repeat(42, 0).repeat(43, 1)[:, :300]


def noise(t: float) -> Picture:
    """Large grains, new in every frame."""
    rng = np.random.default_rng(int(t * 60 + 0.5))
    return (rng.random((14, 25, 1)) * 255).astype(np.uint8).repeat(12, 0).repeat(12, 1).repeat(3, 2)


def offending(quick: bool) -> Iterator[Scene]:
    """Videos that flash too much."""
    rates = (3.5, 5, 10, 30) if quick else (3.5, 4, 5, 6, 7.5, 10, 12, 15, 20, 30)
    over = (0.31, 0.42, JUST_OVER, JUST_OVER)
    pairs = {
        "white": (BLACK, WHITE), "dim": (BLACK, DIM), "bright": (GREY, WHITE),
        "red": (BLACK, RED), "red on grey": (GREY, RED), "red on blue": (BLUE, RED),
    }  # fmt: skip
    for n, (hz, (name, (one, other)), (where, box)) in enumerate(
        product(rates, pairs.items(), (("whole", WHOLE), ("small", over)))
    ):
        for form in ("square", "sine"):
            # A sine of 30 Hz at 60 a second is seen at its ends alone, if they fall on frames.
            phase = 0.0 if hz == 30 else n % 7 / 7
            fps = 60.0 if hz > 12 or n % 2 else 30.0
            words = f"{name}, {hz:g} Hz {form}, {where}, {fps:g} fps"
            yield Scene(words, flashing(one, other, box, hz, form, phase), fps)
    for hz in rates:
        yield Scene(f"halves side by side, {hz:g} Hz", halves(hz, True))
        yield Scene(f"halves, one above, {hz:g} Hz", halves(hz, False))
        for cells in (4, 20):
            yield Scene(f"board of {cells} rows, {hz:g} Hz", checks(hz, cells))
        for speed in (0.1, 0.5, 1.5):
            yield Scene(f"moving, {speed:g}/s, {hz:g} Hz", moving(hz, speed, 0.25))
    for every in (1, 2, 3, 4, 5, 6):
        for seed in range(1 if quick else 4):
            yield Scene(f"cuts every {every} frames, {seed}", cuts(every, seed))
    yield Scene("coarse noise", noise)


def complying(quick: bool) -> Iterator[Scene]:
    """Videos that do not."""
    under = (0.31, 0.42, JUST_UNDER, JUST_UNDER)
    for hz, (name, other), form in product((1, 2, 2.5, 3), (("white", WHITE), ("red", RED)),
                                           ("square", "sine")):  # fmt: skip
        for fps in (30.0, 60.0):
            words = f"{name}, {hz:g} Hz {form}, {fps:g} fps"
            # A sine that began in its middle would have half a flash more in its first second.
            phase = 0.125 if form == "square" else 0.0
            yield Scene(words, flashing(BLACK, other, WHOLE, hz, form, phase), fps)
    for hz, (name, other) in product((5, 10, 30), (("white", WHITE), ("red", RED))):
        draw = flashing(BLACK, other, under, hz, "square", 0)
        yield Scene(f"small and {name}, {hz:g} Hz", draw)
        yield Scene(f"low contrast, {hz:g} Hz",
                    flashing((190, 190, 190), (200, 200, 200), WHOLE, hz, "square", 0))  # fmt: skip
        yield Scene(f"bright alone, {hz:g} Hz", flashing(BRIGHT, WHITE, WHOLE, hz,
                                                         "square", 0))  # fmt: skip
    for seconds in (0.5, 1, 3):
        yield Scene(f"fade in {seconds:g} s", fading(seconds))
    for speed, side in product((0.1, 0.3, 0.8, 1.5), (0.15, 0.3, 0.6)):
        yield Scene(f"moving steadily, {speed:g}/s, side {side:g}", moving(0, speed, side))
    for every in (30, 60):
        yield Scene(f"cuts every {every} frames", cuts(every, 1))
