"""Sound in step: a click and a flash on the same tick, found again in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np

from benchmarks.drums import saved
from benchmarks.row import Row

RATE = 48_000
SIZE = (64, 48)
CLICK_S = 0.03
LOUD, BRIGHT = 0.25, 60.0
NTSC = Fraction(30000, 1001)
RATES = (Fraction(24), Fraction(25), NTSC, Fraction(30), Fraction(50), Fraction(60))
PPM = 200  # that a sound card's clock is off


def clap(quick: bool) -> Iterator[Row]:
    """Renders of songs of all kinds at all rates, a live recording whose card drifts, and a take
    with its FLAC: how far apart click and flash are."""
    long_s, short_s = (180, 15) if quick else (1800, 30)
    with TemporaryDirectory() as name:
        folder = Path(name)
        long = song(folder / "long.wav", long_s, RATE)
        for fps in (RATES[-1], NTSC):
            yield row(f"render {long_s // 60} min, {float(fps):.4g} fps", rendered(long, fps), fps)
        wav, slow = (song(folder / f"{rate}.wav", short_s, rate) for rate in (RATE, 44_100))
        for fps in RATES:
            yield row(f"render, {float(fps):.4g} fps", rendered(wav, fps), fps)
        mp3 = converted(slow, folder / "song.mp3", "libmp3lame", 44_100)
        for path, what in ((slow, "44.1 kHz"), (mp3, "mp3, with what its encoder looks ahead")):
            yield row(f"render, {what}", rendered(path, RATES[-1]), RATES[-1])
        fps = Fraction(30)
        yield row(
            f"recording {long_s // 60} min, card {PPM} ppm off", recorded(folder, long_s), fps
        )
        yield row("take, rendered with its FLAC", replayed(folder, min(long_s, 300)), RATES[-1])


@dataclass(frozen=True)
class Claps:
    """When, s: of clicks and flashes; both as many. length_s: of pictures, and of sound."""

    clicks: np.ndarray
    flashes: np.ndarray
    length_s: tuple[float, float]


def row(what: str, found: Claps, fps: Fraction) -> Row:
    late = (found.flashes - found.clicks) * 1e3
    pictures_s, sound_s = found.length_s
    note = (f"start {late[0]:+.1f}, end {late[-1]:+.1f} ms, {len(late)} claps;"
            f" sound ends {(sound_s - pictures_s) * 1e3:+.0f} ms")  # fmt: skip
    return Row(f"clap: {what}", float(np.abs(late).max()), "ms", float(1000 / fps), note=note)


def times(seconds: float) -> list[float]:
    """When to clap: every 10 s, and close to both ends; nowhere in particular on a frame."""
    return [0.5, *np.arange(5.013, seconds - 2, 10.007).tolist(), seconds - 1.0]


def sound_of(seconds: float, rate: float, n: int) -> np.ndarray:
    """(n,) float32 with clicks, of a card that takes so many samples a second."""
    heard, rng = np.zeros(n, np.float32), np.random.default_rng(1)
    for t in times(seconds):
        at = round(t * rate)
        burst = rng.uniform(-0.8, 0.8, round(CLICK_S * rate))
        heard[at : at + len(burst)] = burst
    return heard


def song(path: Path, seconds: int, rate: int) -> Path:
    return saved(path, sound_of(seconds, rate, seconds * rate), rate)


def converted(path: Path, out: Path, codec: str, rate: int) -> Path:
    with av.open(str(path)) as source, av.open(str(out), "w") as file:
        stream: Any = file.add_stream(codec, rate=rate, layout="mono")
        for frame in source.decode(audio=0):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out


def rendered(path: Path, fps: Fraction) -> Claps:
    """A film of a song, with a timeline that lifts the black at the clicks."""
    from visualiser.film.asked import length_of
    from visualiser.film.performance import Order, Played
    from visualiser.film.render import render
    from visualiser.timeline import Entry, Timeline

    seconds = length_of(path)
    settings = settings_of({"stage.black": True, "stage.guard": False})
    lifted = [
        Entry(t + after, values={"stage.black": after > 0})
        for t in times(round(seconds))
        for after in (0.0, 0.1)
    ]
    order = Order(settings, SIZE, float(fps), seconds, path, Timeline(tuple(lifted)))
    out = path.with_suffix(".mp4")
    render(Played(order), out, SIZE, float(fps), settings.record, preset="ultrafast")
    return read(out)


def settings_of(values: dict[str, Any]) -> Any:
    from visualiser import config
    from visualiser.run import declared_controls

    given = {"look.output_only": True, "show.model": "classic-28", "look.brightness": 2.0}
    return config.load(declared_controls("classic-28"), given=given | values)


def fresh_sound(seconds: float, fps: float) -> Callable[[int], Any]:
    """What a microphone gives at a tick: its card runs PPM fast, and its times are a little off."""
    from visualiser.types import Sound

    true_rate, rng = RATE * (1 + PPM / 1e6), np.random.default_rng(2)
    heard = sound_of(seconds, true_rate, int((seconds + 1) * true_rate))

    def at(n: int) -> Any:
        end = int(n / fps * true_rate)
        window = heard[max(end - 4096, 0) : end]
        return Sound(window, RATE, end, end / true_rate + rng.uniform(-0.003, 0.003))

    return at


def recorded(folder: Path, seconds: int) -> Claps:
    """A recording while it plays, in simulated time."""
    import time

    import pygame

    from visualiser.record import Recorder
    from visualiser.types import Tick
    from visualiser.video.formats import Quality
    from visualiser.video.writer import open_writer
    from visualiser.voice import Fresh

    path, fps, fresh = folder / "live.mp4", 30.0, Fresh()
    quality = Quality(preset="ultrafast", live=True)
    recorder = Recorder(lambda: open_writer(path, SIZE, fps, quality, channels=1), fps)
    lit = {round(t * fps) for t in times(seconds)}
    sound, canvas = fresh_sound(seconds, fps), pygame.Surface(SIZE, 0, 32)
    for n in range(round(seconds * fps)):
        canvas.fill("white" if n in lit else "black")
        while recorder.waiting > 4:  # in true time it would have caught up
            time.sleep(0.0005)
        recorder.write(canvas, Tick(n, n / fps, 1 / fps), fresh.of(sound(n)))
    recorder.finish()
    recorder.close()
    return read(path)


def replayed(folder: Path, seconds: int) -> Claps:
    """A take with its sound, rendered again."""
    import time

    from visualiser.controls import Controls
    from visualiser.decode import Inline
    from visualiser.film.render import render
    from visualiser.film.replayed import Replayed, Wish
    from visualiser.run import declared_controls
    from visualiser.show import Show
    from visualiser.takes.events import Head
    from visualiser.takes.log import Log
    from visualiser.takes.read import read as read_take
    from visualiser.types import Features, Tick

    settings = settings_of({"stage.black": True, "stage.guard": False})
    declared = declared_controls(settings.model)
    controls = Controls(declared, settings.controls)
    values = {each.id: controls[each.id] for each in controls if each.is_setting}
    log = Log(Head(1, values, "2026-11-24T20:00:00"), True, folder / "takes")
    fps, sound = 60.0, fresh_sound(seconds, 60.0)
    played = Show(controls, Inline(lambda frame: frame), 1)
    quiet = Features(0.0, np.zeros(4, np.float32), -120.0)
    lit = {round(t * fps) + after: after > 0 for t in times(seconds) for after in (0, 6)}
    for n in range(round(seconds * fps)):
        asked = [("stage.black", lit[n])] if n in lit else []
        while log.waiting > 1000:
            time.sleep(0.0005)
        log.write(Tick(n, n / fps, 1 / fps), quiet, asked, played, sound(n))
    log.close()
    played.close()
    take = read_take(next((folder / "takes").glob("*.take.gz")))
    out = folder / "take.mp4"
    film = Replayed(take, Wish(), fps, declared)
    render(film, out, SIZE, fps, settings.record, preset="ultrafast")
    return read(out)


def read(path: Path) -> Claps:
    """When it flashes and clicks, as a player has it."""
    flashes, clicks = [], []
    with av.open(str(path)) as file:
        was_bright, picture_s, lasts = False, 0.0, 0.0
        for frame in file.decode(video=0):
            is_bright = float(frame.to_ndarray(format="gray").max()) > BRIGHT
            lasts = float(frame.time or 0) - picture_s
            picture_s = float(frame.time or 0)
            if is_bright and not was_bright:
                flashes.append(picture_s)
            was_bright = is_bright
    with av.open(str(path)) as file:
        sound_s, last = 0.0, -1.0
        for part in file.decode(audio=0):
            begins = float(part.time or 0)
            samples = np.abs(part.to_ndarray()).max(axis=0)
            for at in np.flatnonzero(samples > LOUD):
                t = begins + at / part.sample_rate
                if t - last > 0.5:
                    clicks.append(t)
                last = t
            sound_s = begins + part.samples / part.sample_rate
    if len(flashes) != len(clicks):
        raise AssertionError(f"{path.name}: {len(clicks)} clicks, {len(flashes)} flashes")
    return Claps(np.array(clicks), np.array(flashes), (picture_s + lasts, sound_s))
