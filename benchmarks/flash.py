"""What the flash guard promises: flashing videos brought under the limit, all others left alone."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pygame

from benchmarks import drums
from benchmarks.ear import HELD_OUT
from benchmarks.flash_random import RATES, Video, video
from benchmarks.flash_scenes import SIZE, Picture, Scene, complying, offending, wave
from benchmarks.row import Row
from visualiser import loops
from visualiser.controls import Controls, Value
from visualiser.look import flash as guarding
from visualiser.look.flash import FlashGuard
from visualiser.look.flashes import Limits
from visualiser.verbs.flashes import Audit, Violation, pictures
from visualiser.video.formats import Quality
from visualiser.video.writer import open_writer

SMALL, FILM = (150, 84), (320, 180)  # of videos at random: four times quicker; and in a file
SECONDS = 3.2
# Within these a video complies clearly: the guard, which is stricter than the standard, must agree.
CLEAR = Limits(change=(0.08,), dark=(0.85,), red=(0.045,), area=(0.2,))


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

    yield from search(quick)
    yield from shows(quick)
    yield from music(quick)
    yield from cost(quick)


def guarded(found: Video, size: tuple[int, int]) -> tuple[list[Picture], list[Picture]]:
    """Its pictures, drawn and as they are after the guard."""
    guard, canvas = FlashGuard(controls()), pygame.Surface(size, 0, 32)
    drawn, out = [], []
    for n in range(round(found.seconds * found.fps)):
        t = n / found.fps
        drawn.append(found.draw(t))
        put(drawn[-1], canvas)
        guard.limit(canvas, t)
        out.append(seen(canvas).copy())
    return drawn, out


def violates(shown: list[Picture], fps: float, limits: Limits | None = None) -> bool:
    audit = Audit(limits) if limits else Audit()
    for n, picture in enumerate(shown):
        audit.see(picture, n / fps)
    return bool(audit.violations)


def search(quick: bool) -> Iterator[Row]:
    """Videos at random through the guard: judged as they come out, shown at other frame rates, and
    of every tenth the file as it is recorded."""
    n_videos = 20 if quick else 300
    offend = comply = clear = 0
    bad: dict[str, list[str]] = {"out": [], "rates": [], "touched": [], "clear": [], "file": []}
    for seed in range(n_videos):
        found = video(seed, SMALL, 4.0 if quick else 10.0)
        drawn, out = guarded(found, SMALL)
        offend += (offends := violates(drawn, found.fps))
        if violates(out, found.fps):
            bad["out"].append(found.name)
        for fps in RATES:
            n = int(len(out) * fps / found.fps)
            at = (min(int(k * found.fps / fps + 0.5), len(out) - 1) for k in range(n))
            if fps != found.fps and violates([out[k] for k in at], fps):
                bad["rates"].append(f"{found.name} at {fps:g}")
        if offends:
            continue
        is_clear = not violates(drawn, found.fps, CLEAR)
        comply, clear = comply + 1, clear + is_clear
        if not all(map(np.array_equal, drawn, out)):
            bad["touched"].append(found.name)
            bad["clear"] += [found.name] * is_clear
    files = range(0, n_videos, 10)
    for seed in files:
        found = video(seed, FILM, 4.0)
        if encoded_violates(guarded(found, FILM)[1], found.fps):
            bad["file"].append(found.name)
    rates = n_videos * (len(RATES) - 1)
    for what, names, n in (
        ("brought under the limit", bad["out"], n_videos),
        ("under it at other frame rates", bad["rates"], rates),
        ("under it in the file", bad["file"], len(files)),
        ("that comply left as they are", bad["touched"], comply),
        ("that clearly comply left as they are", bad["clear"], clear),
    ):
        note = f"of {n}, {offend} of {n_videos} offend"
        note += f"; not {'; '.join(names)}" if names else ""
        yield Row(f"flash: videos at random {what}", 100 - len(names) / max(n, 1) * 100, "%", 100,
                  True, note)  # fmt: skip


def encoded_violates(shown: list[Picture], fps: float) -> bool:
    """Whether it does as it is recorded: mp4, crf 18."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp4"
        writer = open_writer(path, FILM, fps, Quality(18, "veryfast"))
        for n, picture in enumerate(shown):
            pixels = np.zeros((*picture.shape[:2], 4), np.uint8)
            pixels[..., :3] = picture[..., ::-1]
            writer.write(pixels, n / fps)
        writer.close()
        audit = Audit()
        for read, t in pictures(path):
            audit.see(read, t)
    return bool(audit.violations)


def shows(quick: bool) -> Iterator[Row]:
    """The show's own pictures, as it starts, with every model and look: are any changed?"""
    from visualiser.audio.file import DEMO
    from visualiser.look.looks import looks
    from visualiser.nets import checkpoint

    changed, count, names = 0, 0, []
    kinds = [(look, "shapes", "perlin") for look in looks()]
    kinds += [("relief", model, "perlin") for model in checkpoint.names() if model != "shapes"]
    kinds += [("relief", "shapes", driver) for driver in ("simplex", "random", "audio")]
    for look, model, driver in kinds[:: 3 if quick else 1]:
        given: dict[str, Value] = {"look.look": look, "show.model": model, "show.driver": driver}
        guard, touched = FlashGuard(controls()), 0
        for canvas, t in played(given, 4 if quick else 10, 60, DEMO):
            drawn = canvas.get_buffer().raw
            guard.limit(canvas, t)
            touched += drawn != canvas.get_buffer().raw
        count += 1
        changed += touched > 0
        if touched:
            names.append(f"{look}, {model}, {driver}: {touched} pictures")
    note = f"of {count}" + (f"; not {'; '.join(names)}" if names else "")
    yield Row("flash: shows as they start that are left alone", (1 - changed / count) * 100, "%",
              100, True, note)  # fmt: skip


def music(quick: bool) -> Iterator[Row]:
    """What is heard by default, in every look and by every model: the pictures that are limited."""
    from visualiser.audio.file import DEMO
    from visualiser.look.looks import looks
    from visualiser.nets import checkpoint

    for look in looks():
        held, n = limited({"look.look": look}, DEMO, 8.0 if quick else 16.0)
        yield Row(f"flash: pictures of the demo song limited, {look}", held, "", 0, note=f"of {n}")
    with tempfile.TemporaryDirectory() as folder:
        songs = [
            drums.saved(Path(folder) / f"{i}.wav", drums.any_drums(HELD_OUT + 5000 + i).samples)
            for i in range(2 if quick else 12)
        ]
        for model in checkpoint.names():
            found = [limited({"show.model": model}, song, 12.0) for song in songs]
            shares = [held / n * 100 for held, n in found]
            note = f"worst {max(shares):.1f}, {len(songs)} pieces of 12 s"
            yield Row(f"flash: pictures with drums limited, {model}", statistics.mean(shares), "%",
                      10, note=note)  # fmt: skip


def limited(given: dict[str, Value], song: Path, seconds: float) -> tuple[int, int]:
    """How many pictures of a song the guard limits, and of how many: at 30 a second."""
    given = {"show.driver": "audio", "look.output_only": True, **given}
    guard, held, n = FlashGuard(controls()), 0, 0
    for canvas, t in played(given, seconds, 30, song):
        guard.limit(canvas, t)
        held += guard.limiting
        n += 1
    return held, n


def played(
    given: dict[str, Value], seconds: float, fps: float, song: Path
) -> Iterator[tuple[pygame.Surface, float]]:
    """The pictures of a show that hears a song, as they are before the guard, and when."""
    from visualiser import run
    from visualiser.config import CONFIG, load
    from visualiser.decode import Network
    from visualiser.film.performance import Order, Played
    from visualiser.look.panes import Panes

    settings = load(run.declared_controls(), CONFIG, given)
    show = Played(Order(settings, (640, 360), fps, seconds, song))
    panes, network, canvas = Panes(show.controls), Network(), pygame.Surface((640, 360), 0, 32)
    for moment in show.moments():
        panes.draw(network.draw(moment.frame), canvas, moment.tick, moment.features)
        yield canvas, moment.tick.t
    show.close()


def cost(quick: bool) -> Iterator[Row]:
    """Time of the guard at 1920x1080 and 60 frames a second: the processor's, on its thread."""
    loops.load()
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
