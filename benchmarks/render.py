"""Rendering: how much of the encoder's own rate is left, and whether films are the same."""

from __future__ import annotations

import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.row import Row
from visualiser import config, loops
from visualiser.film.ahead import ahead
from visualiser.film.drawing import Drawing
from visualiser.film.encode import THREADS
from visualiser.film.frames import pictures
from visualiser.film.performance import Order, Played
from visualiser.film.render import Hands
from visualiser.film.render import render as make
from visualiser.film.segments import SEGMENT_S, Form, cut
from visualiser.film.workers import workers
from visualiser.frame import Moment
from visualiser.look.flash import places
from visualiser.look.sheet import Grounds, Sheet, strip_for
from visualiser.run import declared_controls
from visualiser.video.formats import FORMATS, Quality
from visualiser.video.picture import blank
from visualiser.video.writer import VideoWriter

FPS = 60.0
# Where segments are shared a second has few frames, and the show goes as much slower: segments have
# the share of frames drawn before them that they have at 60 fps, and those move as there.
SLOW_FPS = 10.0
HD, FULL_HD = (1280, 720), (1920, 1080)


def render(quick: bool) -> Iterator[Row]:
    """Throughput, what is before the encoder, and what it costs to share a film."""
    yield from _throughput(quick)
    yield from _sameness()
    yield from _shared(quick)


def order(size: tuple[int, int], frames: int, fps: float = FPS) -> Order:
    settings = config.load(declared_controls(), config.CONFIG, {"show.speed": fps / FPS})
    return Order(settings, size, fps, frames / fps)


def moments(size: tuple[int, int], frames: int) -> tuple[Played, list[Moment]]:
    played = Played(order(size, frames))
    return played, list(played.moments())


def film(
    out: Path, size: tuple[int, int], frames: int, segment_s: float = SEGMENT_S,
    hands: Hands | None = None, preset: str | None = None, fps: float = FPS,
) -> float:  # fmt: skip
    """Make one; the seconds that it took."""
    wanted = order(size, frames, fps)
    out.unlink(missing_ok=True)
    began = time.perf_counter()
    make(Played(wanted), out, size, fps, wanted.settings.record, preset=preset, hands=hands,
         segment_s=segment_s)  # fmt: skip
    return time.perf_counter() - began


def _throughput(quick: bool) -> Iterator[Row]:
    n, long = 240, 600 if quick else 1800
    loops.load()  # once, whatever the length of a film
    with TemporaryDirectory() as folder:
        for size in (HD, FULL_HD):
            name = f"{size[1]} lines"
            ready: list[Any] = []
            steps = _steps(size, n, ready)
            before = statistics.median(_before(size, long, Path(folder)) for _ in range(3))
            outs = Path(folder) / "bare.mp4", Path(folder) / "ours.mp4"
            bare, ours, clocks = [], [], []
            for _ in range(1 if quick else 3):
                clocks.append(time.process_time())
                bare.append(_bare(outs[0], size, ready))
                clocks.append(time.process_time())
                ours.append(film(outs[1], size, n))
                clocks.append(time.process_time())
            spent = np.diff(clocks).reshape(-1)
            ratio = statistics.median(bare) / statistics.median(ours)
            note = f"{n / statistics.median(ours):.1f} of {n / statistics.median(bare):.1f} fps;"
            note += f" in processor time {spent[0::3].sum() / spent[1::3].sum():.2f}"
            yield Row(f"render: {name}, over the encoder alone", ratio, "x", 0.85, True, note)
            limit = 3.0 if size == FULL_HD else None
            note = f"of {long / FPS:.0f} s, with what is drawn ahead of segments; one by one "
            note += ", ".join(f"{k} {ms:.2f}" for k, ms in steps.items())
            yield Row(f"render: {name}, before the encoder", before, "ms", limit, note=note)
    played, seen = moments(FULL_HD, n)
    played = Played(order(FULL_HD, n))
    drawing = Drawing(played.controls, FULL_HD)
    shown = _ms(played.moments().__next__, n - 1)
    each = iter(seen)
    skipped = _ms(lambda: drawing.skip(next(each)), n - 1)
    note = f"the show {shown:.2f}, the drawing {skipped:.2f}"
    yield Row("render: a frame that is skipped", shown + skipped, "ms", note=note)


def _before(size: tuple[int, int], n: int, folder: Path) -> float:
    """How long a frame takes of a film whose encoder takes no time, ms."""
    wanted = order(size, n)
    form = Form(size, FPS, ".mp4", Quality())
    video = VideoWriter(folder / "none.mp4", FORMATS[form.suffix], size, FPS, form.quality)
    began = time.perf_counter()
    with ahead(cut(Played(wanted), form), 1) as segments:
        for segment in segments:
            deque(pictures(segment, video), 0)
    took = time.perf_counter() - began
    video.close()
    return took / n * 1e3


def _steps(size: tuple[int, int], n: int, ready: list[Any]) -> dict[str, float]:
    """How long each step before the encoder takes, in ms of the median frame, with nothing beside
    it. ready: gets the pictures as the encoder takes them."""
    steps: dict[str, list[float]] = {"show": [], "network, layout": [], "painting": [], "guard": []}
    for is_kept in (False, True):  # a picture that is kept takes new memory, which is slow
        played = Played(order(size, n))
        drawing = Drawing(played.controls, size)
        strip, looked_at, grounds = strip_for(size), places(size), Grounds(size)
        coming = played.moments()
        for _ in range(n):
            times = [time.perf_counter()]
            moment = next(coming)
            times.append(time.perf_counter())
            sheet = drawing.lay(moment)
            times.append(time.perf_counter())
            assert isinstance(sheet, Sheet)
            picture, planes = blank(size)
            ground = grounds.under(sheet, strip)
            seen = sheet.convert(strip, looked_at, size, planes, ground)
            times.append(time.perf_counter())
            drawing.guard.limit(sheet, moment.tick.t, seen)
            times.append(time.perf_counter())
            if is_kept:
                ready.append(picture)
                continue
            for step, took in zip(steps.values(), np.diff(times), strict=True):
                step.append(1e3 * took)
        played.close()
    return {name: statistics.median(step) for name, step in steps.items()}


def _bare(out: Path, size: tuple[int, int], ready: list[Any]) -> float:
    """The encoder, fed with ready pictures."""
    import av

    record = config.load(declared_controls(), config.CONFIG, {}).record
    began = time.perf_counter()
    with av.open(str(out), "w") as file:
        video: Any = file.add_stream("libx264", rate=int(FPS))
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.options = {"crf": str(record.crf), "preset": record.render_preset}
        video.gop_size = int(FPS)
        video.codec_context.thread_count = THREADS
        for n, picture in enumerate(ready):
            picture.pts = n
            file.mux(video.encode(picture))
        file.mux(video.encode(None))
    return time.perf_counter() - began


def _ms(step: Callable[[], object], n: int) -> float:
    took = []
    for _ in range(n):
        began = time.perf_counter()
        step()
        took.append(1e3 * (time.perf_counter() - began))
    return statistics.median(took)


def _sameness() -> Iterator[Row]:
    """Twice alone, and by two workers: pictures that are another."""
    size, n = (320, 180), 60
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.mp4" for name in ("first", "second", "shared")]
        for path in paths[:2]:
            film(path, size, n, 1.0, fps=SLOW_FPS)
        with workers(2, "", print) as hands:
            film(paths[2], size, n, 1.0, hands, fps=SLOW_FPS)
        first, second, shared = (_decoded(path) for path in paths)
    yield Row("render: pictures that differ, the second time", _other(first, second), "", 0)
    yield Row("render: pictures that differ, by two workers", _other(first, shared), "", 0)


def _decoded(path: Path) -> list[bytes]:
    import av

    with av.open(str(path)) as file:
        return [frame.to_ndarray().tobytes() for frame in file.decode(video=0)]


def _other(one: list[bytes], other: list[bytes]) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def _shared(quick: bool) -> Iterator[Row]:
    """Two workers over one, with a core for each, and what cutting costs by itself."""
    n = 240 if quick else 480
    took: list[float] = []
    with TemporaryDirectory() as folder:
        out = Path(folder) / "film.mp4"
        for count in (1, 2):
            with workers(count, "", print) as hands:
                film(out, HD, 40, 1.0, hands, fps=SLOW_FPS)  # what is loaded once
                n_cores = _give_each_a_core(hands.pids())
                took.append(film(out, HD, n, 4.0, hands, fps=SLOW_FPS))
        clock = time.process_time()
        film(out, HD, n // 2, n / SLOW_FPS, fps=SLOW_FPS)
        whole = time.process_time() - clock
        clock = time.process_time()
        film(out, HD, n // 2, SEGMENT_S, fps=SLOW_FPS)
        cut = time.process_time() - clock
    note = "a core for each" if n_cores >= 2 else "they share the cores that there are"
    note += ", which this process shares, too" if n_cores == 2 else ""
    limit = 1.8 if n_cores > 2 else None
    yield Row("render: two workers over one", took[0] / took[1], "x", limit, True, note)
    note = "processor time, with 2 s drawn before every 10 s"
    yield Row("render: in segments over in one", cut / whole, "x", note=note)


def _give_each_a_core(pids: list[int]) -> int:
    """Keep each of these processes, with all of its threads, to one core of its own, where that can
    be done. Returns how many cores there are; fewer than two are not shared out."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) >= 2:
        for pid, core in zip(pids, cores, strict=False):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {core})
    return len(cores)
