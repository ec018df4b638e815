"""What the ear promises about cables: pulled plugs, and songs that are heard in step."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.drums import saved
from benchmarks.program import ROOT
from benchmarks.row import Row


def virtual(name: str = "virtual_microphone") -> ModuleType:
    """The devices of the tests, which need no hardware."""
    if str(ROOT / "tests") not in sys.path:
        sys.path.append(str(ROOT / "tests"))
    return importlib.import_module(name)


# A process that listens as the show does, and says when anything changes.
LISTEN = """
import json, sys, threading, time
from visualiser.audio.microphone import Microphone

name = sys.argv[1]
microphone = Microphone(name, demo="none")
asked = []
threading.Thread(target=lambda: asked.extend(sys.stdin.readline()), daemon=True).start()
began, state, heard, last = time.perf_counter(), "", False, 0
while not asked:
    time.sleep(0.004)
    sound = microphone.window(time.perf_counter() - began, 480)
    assert sound.end >= last
    last = sound.end
    lines = microphone.notices()
    loud = bool(sound.samples.any())
    if lines or (microphone.state, loud) != (state, heard):
        state, heard = microphone.state, loud
        print(json.dumps([time.monotonic(), state, heard, lines]), flush=True)
microphone.close()
left = [thread.name for thread in threading.enumerate() if thread.name == "portaudio"]
print(json.dumps([time.monotonic(), "closed", bool(left), []]), flush=True)
"""


class Listening:
    """That process, and what it says: at: time.monotonic(), the same in every process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.lines: list[str] = []  # notices

    def until(self, state: str, heard: bool | None = None) -> float:
        """Wait until it is in that state; returns since when."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            at, now, loud, lines = json.loads(line)
            self.lines += lines
            if now == state and heard in (None, loud):
                return float(at)
        raise RuntimeError(f"the listening process ended before it was {state}")


@contextmanager
def listening(name: str, env: dict[str, str]) -> Iterator[Listening]:
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN, name],
        env=env,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # PortAudio complains of every device that goes
        text=True,
    ) as process:
        try:
            listener = Listening(process)
            yield listener
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            listener.until("closed", False)
        finally:
            process.kill()


def pull_and_plug(devices: Any, listener: Listening, name: str, times: int) -> Iterator[float]:
    """Pull a device out and plug it in again; yields, in turn, after how many seconds it was
    marked lost and was heard again."""
    for _ in range(times):
        pulled = time.monotonic()
        devices.unplug(name)
        yield listener.until("lost", False) - pulled
        devices.plug(name)
        plugged = time.monotonic()
        yield listener.until("hearing", True) - plugged


# Plays a song with clicks, and hears both what its source gives and what comes out of the monitor.
STEP = """
import json, sys, time
import numpy as np
from visualiser.audio.microphone import Microphone
from visualiser.audio.song import Song

def clicks(source, found, last):
    sound = source.window(time.perf_counter() - began, 16384)
    new = min(sound.end - last, 16384)
    for back in np.flatnonzero(np.abs(sound.samples[::-1][:new]) > 0.2)[::-1]:
        at = sound.t - back / sound.samplerate
        if not found or at - found[-1] > 0.02:
            found.append(at)
    return sound.end

began = time.perf_counter()
microphone, song = Microphone("speaker_monitor", demo="none"), Song(sys.argv[1])
given, heard, a, b, start = [], [], 0, 0, None
while start is None or time.perf_counter() - start < float(sys.argv[2]):
    a, b = clicks(song, given, a), clicks(microphone, heard, b)
    if start is None and song.is_audible and microphone.state == "hearing":
        start = time.perf_counter()
        settled = start - began + 2.0  # both streams begin with hiccups of the virtual sink
    assert time.perf_counter() - began < 20 + float(sys.argv[2])
    time.sleep(0.01)
song.close()
microphone.close()
print(json.dumps([[t for t in given if settled < t < given[-1] - 0.1], heard]))
"""


def in_step(seconds: float) -> np.ndarray:
    """How much later than the source says a song's clicks come out of a virtual loudspeaker, in
    seconds; with the real PortAudio."""
    rng = np.random.default_rng(1)
    song = np.zeros(48_000 * 7)
    for at in np.cumsum(rng.integers(12_000, 36_000, 13)):  # no two alike, so none is mistaken
        song[at : at + 48] = 0.9 * np.sin(np.arange(48))
    with virtual().virtual_devices() as devices, tempfile.TemporaryDirectory() as folder:
        devices.plug_speaker("speaker")
        path = saved(Path(folder) / "clicks.wav", song.astype(np.float32))
        done = subprocess.run(
            [sys.executable, "-c", STEP, str(path), str(seconds)],
            env=devices.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds + 60,
        )
    if done.returncode:
        raise RuntimeError(done.stderr)
    given, heard = (np.array(times) for times in json.loads(done.stdout.splitlines()[-1]))
    return np.array([heard[np.abs(heard - at).argmin()] - at for at in given])


def cable(quick: bool) -> Iterator[Row]:
    """A plug that is pulled and put back, over and over, with the real PortAudio."""
    times = 10 if quick else 100
    with virtual().virtual_devices() as devices:
        devices.plug("line_in").play(virtual().sine(1000))
        with listening("line_in", devices.env) as listener:
            listener.until("hearing", True)
            found = list(pull_and_plug(devices, listener, "line_in", times))
    lost, back = np.array(found[::2]), np.array(found[1::2])
    for what, waits, limit in (("lost", lost, 0.2), ("back", back, 1.0)):
        note = f"median {np.median(waits):.3f} s, of {times} unplugs"
        yield Row(f"cable: longest until {what}", float(waits.max()), "s", limit, note=note)
    off = in_step(8.0 if quick else 60.0)
    last = np.abs(off[len(off) // 2 :])
    note = f"median {1e3 * np.median(np.abs(off)):.1f} ms, of {len(off)} clicks in all"
    yield Row("cable: a song out of step, at most", 1e3 * float(last.max()), "ms", 30.0, note=note)
