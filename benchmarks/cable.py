"""What the ear promises about cables: pulled plugs, and songs that are heard in step."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.row import Row

ROOT = Path(__file__).resolve().parent.parent

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


def cable(quick: bool) -> Iterator[Row]:
    """A plug that is pulled and put back, over and over, with the real PortAudio."""
    sys.path.append(str(ROOT / "tests"))
    from virtual_microphone import sine, virtual_devices

    times = 10 if quick else 100
    with virtual_devices() as devices:
        devices.plug("line_in").play(sine(1000))
        with listening("line_in", devices.env) as listener:
            listener.until("hearing", True)
            found = list(pull_and_plug(devices, listener, "line_in", times))
    lost, back = np.array(found[::2]), np.array(found[1::2])
    for what, waits, limit in (("lost", lost, 0.2), ("back", back, 1.0)):
        note = f"median {np.median(waits):.3f} s, of {times} unplugs"
        yield Row(f"cable: longest until {what}", float(waits.max()), "s", limit, note=note)
