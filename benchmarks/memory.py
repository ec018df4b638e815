"""What is left of an evening when it is cut short, and what an hour of it keeps in memory."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pygame

from benchmarks.program import ROOT, command, virtual_screen
from benchmarks.row import Row
from visualiser import config
from visualiser.audio.file import DEMO, AudioFile
from visualiser.clock import FixedClock
from visualiser.controls import Command, Controls
from visualiser.decode import Inline
from visualiser.listener import Listener
from visualiser.record import Recorder
from visualiser.run import declared_controls
from visualiser.show import Show
from visualiser.takes.events import Head, rounded
from visualiser.takes.log import Log, flac_of
from visualiser.takes.read import read
from visualiser.types import Features, Sound, UserError
from visualiser.video.formats import Quality
from visualiser.video.writer import open_writer
from visualiser.voice import Fresh

# What two cores can do beside the show: the default preset at its size, a slower one at half that.
PLAYED = (("ultrafast", "1280x720"), ("veryfast", "640x360"))
BETWEEN_S = (1.5, 5.0)  # a kill comes in
PROMISE_S = 1.0
HEARD_S = 20.0


@dataclass(frozen=True)
class Left:
    """Of one evening. played_s: from its first tick to the kill; video_s, take_s, sound_s: of
    that are there; fps: pictures a second that the video has."""

    played_s: float
    video_s: float
    take_s: float
    sound_s: float
    fps: float


def memory(quick: bool) -> Iterator[Row]:
    """Resident memory of the real program over ten minutes, and of an hour that is recorded and
    written down, as fast as it goes."""
    if not Path("/proc/self/status").exists():
        raise UserError("bench memory reads /proc, which this system does not have")
    minutes = 1 if quick else 10
    with virtual_screen() as display:
        program = subprocess.Popen(
            command("--seconds", str(minutes * 60 + 10)),
            env={**os.environ, "DISPLAY": display},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            readings = []
            for _ in range(minutes * 6):
                time.sleep(10)
                readings.append(resident_mb(program.pid))
        finally:
            program.terminate()
            program.wait(20)
    middle = readings[len(readings) // 2]
    yield Row(f"memory: after {minutes} min", readings[-1], "MB", 500)
    yield Row("memory: growth over the second half", readings[-1] - middle, "MB", 5)
    yield from _recorded(5 if quick else 60)


def _recorded(minutes: int) -> Iterator[Row]:
    """What is recorded and written down grows on the disk, not in memory."""
    with tempfile.TemporaryDirectory() as folder:
        kept = _record(Path(folder), minutes * 60)
        [path] = Path(folder).glob("*.take.gz")
        grown = (kept[-1] - kept[len(kept) // 2]) * 2 * 60 / minutes
        note = f"{kept[0]:.0f} to {kept[-1]:.0f} MB in {minutes} min of show time"
        # The index of an ordinary mp4, which is written in the end, is kept until then.
        yield Row("memory: growth of recording and take, an hour", grown, "MB", 64, note=note)
        size = path.stat().st_size / (minutes * 60) / 1000
        yield Row("memory: take without sound, on the disk", size, "KB/s", 5)


def _record(folder: Path, seconds: float) -> list[float]:
    """An evening through the real recorder, log and show, on a clock that runs as fast as they do;
    resident memory at every 20th of it, MB. What is heard is the same HEARD_S seconds again and
    again: the ear has an hour of its own."""
    controls = Controls(declared_controls(), {"show.driver": "audio"})
    show = Show(controls, Inline(lambda frame: frame), 1)
    listener = Listener(AudioFile(DEMO, loop=True), config.Sound.model_validate({}), controls)
    values = {each.id: controls[each.id] for each in controls if each.is_setting}
    log = Log(Head(1, values, ""), folder=folder)
    video = folder / "video.mp4"
    video.touch()  # as the program has claimed it, before the encoder gives anything
    quality = Quality(preset="ultrafast", live=True)
    recorder = Recorder(lambda: open_writer(video, (64, 36), 60, quality, channels=1), 60)
    canvas, fresh, kept = pygame.Surface((64, 36), 0, 32), Fresh(), []
    ticks = FixedClock(60, seconds)
    heard: list[tuple[Features, Sound]] = []
    for tick in FixedClock(60, HEARD_S).ticks():
        features = rounded(listener.listen(tick))
        if listener.sound is not None:
            heard.append((features, listener.sound))
    for tick in ticks.ticks():
        features, sound = heard[tick.index % len(heard)]
        sound = replace(sound, end=round(tick.t * sound.samplerate), t=tick.t)
        commands: list[Command] = []
        if tick.index % 7 == 0:
            commands.append(("show.speed", 1 + (tick.index % 100) / 100))
        show.update(tick, features, commands)
        log.write(tick, features, commands, show, sound, tick.t)
        canvas.set_at((tick.index % 64, tick.index % 36), (tick.index % 255, 0, 0))
        recorder.write(canvas, tick, fresh.of(sound))
        while recorder.waiting > 4 or log.waiting > 1000:
            time.sleep(0.0005)
        if tick.index % (ticks.frames // 20) == ticks.frames // 20 - 1:
            kept.append(resident_mb(os.getpid()))
    recorder.finish()
    for each in (show, listener, log, recorder):
        each.close()
    if log.lost or recorder.dropped or recorder.error:
        raise UserError(f"memory: {log.lost} ticks, {recorder.dropped} frames lost"
                        f" {recorder.error}")  # fmt: skip
    return kept


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def kill(quick: bool) -> Iterator[Row]:
    """kill -9 at a random moment, while the real program plays and records."""
    times = 10 if quick else 50
    rng = random.Random(1)
    found: list[Left] = []
    with tempfile.TemporaryDirectory() as folder, virtual_screen() as display:
        root = Path(folder) / "squircle"
        shutil.copytree(ROOT, root, ignore=lambda _, names: set(names) - _needed(names))
        for n in range(times):
            preset, size = PLAYED[n % len(PLAYED)]
            found.append(_evening(root, display, preset, size, rng.uniform(*BETWEEN_S)))
            print(f"kill {n + 1}: {found[-1]}", file=sys.stderr, flush=True)
    for what, name in (("video", "video_s"), ("take", "take_s"), ("sound beside it", "sound_s")):
        lost = np.array([each.played_s - getattr(each, name) for each in found])
        fps = f"{min(each.fps for each in found):.0f} to {max(each.fps for each in found):.0f} fps"
        over = int((lost > PROMISE_S).sum())
        note = f"of {times}; median {np.median(lost):.2f} s, {over} over; recorded {fps}"
        yield Row(f"kill: worst loss of {what}", float(lost.max()), "s", PROMISE_S, note=note)


def _needed(names: list[str]) -> set[str]:
    """What the program needs, of all that lies in its folder; all of what lies below."""
    kept = {"main.py", "config.toml", "visualiser", "assets", "models"}
    return kept if "main.py" in names else set(names) - {"__pycache__"}


def _evening(root: Path, display: str, preset: str, size: str, after_s: float) -> Left:
    for name in ("takes", "recordings"):
        shutil.rmtree(root / name, ignore_errors=True)
    config = root / "kill.toml"
    config.write_text(
        f'[record]\nlive_preset = "{preset}"\n[take]\nsound = true\n[osc]\non = false\n'
    )
    song = root / "assets" / "demo.flac"
    words = ["--config", str(config), "--fresh", "--record", "--audio", str(song), "--mute"]
    program = subprocess.Popen(
        [sys.executable, str(root / "main.py"), *words, "--driver", "audio", "--size", size],
        env={**os.environ, "DISPLAY": display},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        began = _begun(root / "takes", program)  # it is opened with the first tick
        time.sleep(after_s)
        played_s = time.monotonic() - began
        program.send_signal(signal.SIGKILL)
    finally:
        program.kill()
        program.wait()
    [video], [path] = (root / "recordings").glob("*.mp4"), (root / "takes").glob("*.take.gz")
    (video_s, frames), (sound_s, _) = _last(video, "video"), _last(flac_of(path), "audio")
    return Left(played_s, video_s, read(path).seconds, sound_s, frames / max(video_s, 1.0))


def _begun(folder: Path, program: subprocess.Popen[bytes]) -> float:
    while not list(folder.glob("*.take.gz")):
        if program.poll() is not None:
            raise UserError("kill: the program did not play")
        time.sleep(0.002)
    return time.monotonic()


def _last(path: Path, kind: str) -> tuple[float, int]:
    """When its last frame comes, s, and how many there are. Raises av.FFmpegError where one cannot
    be decoded."""
    import av

    if not path.stat().st_size:
        return 0.0, 0
    with av.open(str(path)) as file:
        stream: Any = file.streams.get({kind: 0})[0]
        times = [frame.time for frame in file.decode(stream)]
    return (times[-1], len(times)) if times else (0.0, 0)
