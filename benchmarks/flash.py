"""What the flash guard promises: flashing videos brought under the limit, all others left alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import pygame
from numpy.typing import NDArray

from benchmarks.row import Row
from visualiser.controls import Controls
from visualiser.look import flash as guarding
from visualiser.look.flash import FlashGuard
from visualiser.verbs.flashes import Audit, Violation

SIZE = (300, 168)  # the audit's own grid: the smallest that loses nothing
SECONDS = 2.0
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


def controls() -> Controls:
    return Controls(guarding.declare())


def put(picture: Picture, canvas: pygame.Surface) -> None:
    """Draw (H, W, 3) on a surface of that size."""
    with_rest = np.zeros((*picture.shape[:2], 4), np.uint8)
    with_rest[..., :3] = picture[..., ::-1]
    canvas.get_buffer().write(with_rest.tobytes())


def seen(canvas: pygame.Surface) -> Picture:
    width, height = canvas.get_size()
    pixels = np.frombuffer(canvas.get_buffer().raw, np.uint8).reshape(height, width, 4)
    return pixels[..., 2::-1]


def judge(scene: Scene) -> tuple[list[Violation], list[Violation], int]:
    """What is wrong with it before and after the guard, and how many pictures the guard changed."""
    guard, canvas = FlashGuard(controls()), pygame.Surface(SIZE, 0, 32)
    before, after, changed = Audit(), Audit(), 0
    for n in range(round(SECONDS * scene.fps)):
        t = n / scene.fps
        picture = scene.draw(t)
        put(picture, canvas)
        guard.limit(canvas, t)
        out = seen(canvas)
        same = np.array_equal(out, picture)
        changed += not same
        before.see(picture, t)
        after.see(out, t)
    return before.violations, after.violations, changed


def flash(quick: bool) -> Iterator[Row]:
    """Generated videos through the guard, judged by the audit before and after; its time."""
    found = under = count = 0
    names: list[str] = []
    for scene in offending(quick):
        before, after, _ = judge(scene)
        count += 1
        found += bool(before)
        under += not after
        if after or not before:
            names.append(scene.name)
    note = f"of {count}" + (f"; not {'; '.join(names)}" if names else "")
    yield Row("flash: offending videos that the audit finds", found / count * 100, "%", 100, True)
    yield Row("flash: brought under the limit", under / count * 100, "%", 100, True, note)

    complies = alike = count = 0
    names = []
    for scene in complying(quick):
        before, _, changed = judge(scene)
        count += 1
        complies += not before
        alike += not changed
        if before or changed:
            names.append(scene.name)
    note = f"of {count}" + (f"; not {'; '.join(names)}" if names else "")
    yield Row("flash: complying videos that the audit passes", complies / count * 100, "%", 100,
              True)  # fmt: skip
    yield Row("flash: left as they are, bit for bit", alike / count * 100, "%", 100, True, note)

    yield from shows(quick)
    yield from cost(quick)


def shows(quick: bool) -> Iterator[Row]:
    """The show's own pictures, as it starts, with every model and look: are any changed?"""
    from visualiser import run
    from visualiser.audio.file import DEMO, AudioFile
    from visualiser.clock import FixedClock
    from visualiser.config import CONFIG, load
    from visualiser.decode import Inline, Network
    from visualiser.listener import Listener
    from visualiser.look.looks import looks
    from visualiser.look.panes import Panes
    from visualiser.nets import checkpoint
    from visualiser.show import Show

    changed, count, names = 0, 0, []
    kinds = [(look, "shapes", "perlin") for look in looks()]
    kinds += [("relief", model, "perlin") for model in checkpoint.names() if model != "shapes"]
    kinds += [("relief", "shapes", driver) for driver in ("simplex", "random", "audio")]
    for look, model, driver in kinds[:: 3 if quick else 1]:
        given = {"look.look": look, "show.model": model, "show.driver": driver}
        settings = load(run.declared_controls(), CONFIG, given)
        table = Controls(run.declared_controls(), settings.controls)
        show = Show(table, Inline(Network().draw), 1)
        source = AudioFile(DEMO, loop=True)
        listener = Listener(source, settings.sound, table)
        panes, guard, canvas = Panes(table), FlashGuard(table), pygame.Surface((640, 360), 0, 32)
        touched = 0
        for tick in FixedClock(60, 4 if quick else 10).ticks():
            features = listener.listen(tick)
            panes.draw(show.update(tick, features), canvas, tick, features)
            drawn = canvas.get_buffer().raw
            guard.limit(canvas, tick.t)
            touched += drawn != canvas.get_buffer().raw
        source.close()
        show.close()
        count += 1
        changed += touched > 0
        if touched:
            names.append(f"{look}, {model}, {driver}: {touched} pictures")
    note = f"of {count}" + (f"; not {'; '.join(names)}" if names else "")
    yield Row("flash: shows as they start that are left alone", (1 - changed / count) * 100, "%",
              100, True, note)  # fmt: skip


def cost(quick: bool) -> Iterator[Row]:
    """Time of the guard at 1920x1080 and 60 frames a second: the processor's, on its thread."""
    size = (1920, 1080)
    canvas, bright, dark = (pygame.Surface(size, 0, 32) for _ in range(3))
    rng = np.random.default_rng(1)
    for surface, least in ((dark, 0), (bright, 150)):
        small = pygame.Surface((64, 36), 0, 32)
        put((rng.random((36, 64, 3)) * 90 + least).astype(np.uint8), small)
        pygame.transform.smoothscale(small, size, surface)
    for what, hz in (("moves", 0.0), ("flashes, as much as it may", 2.9), ("is limited", 10.0)):
        guard = FlashGuard(controls())
        times: list[float] = []
        for n in range(180 if quick else 600):
            t = n / 60
            canvas.blit(dark, (0, 0))
            if hz == 0:  # something bright, which lights places as it goes
                canvas.fill((240, 220, 200), (600 + round(500 * np.sin(t * 2)), 300, 500, 400))
            elif wave("square", hz, 0, t):
                canvas.blit(bright, (0, 0))
            began = time.thread_time()
            guard.limit(canvas, t)
            if n >= 60:
                times.append((time.thread_time() - began) * 1e3)
        note = f"p99 {np.quantile(times, 0.99):.2f} ms"
        yield Row(f"flash: time of a frame that {what}", statistics.median(times), "ms", 1.0,
                  note=note)  # fmt: skip
