"""What hearing promises about delay: from a sound to the picture that shows it, now and after an
hour."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cable import virtual
from benchmarks.hour import hour
from benchmarks.program import ROOT, virtual_screen
from benchmarks.row import Row

RATE = 48_000
_BLOCK_S = 0.002  # the feeder writes as a sound card delivers: little, and often
_LOUD = 0.1
NEAR_S = 0.01  # how exactly a sound system tells when a sample was captured

# The program as it is, with a source that notes when the first sample of each click was captured,
# by the stream's own clock, in seconds of the show.
PLAY = """
import json, sys
from pathlib import Path
from visualiser import cli, run
import numpy as np

class Noting:
    def __init__(self, source):
        self.__dict__.update(_source=source, clicks=[], ended=0)
    def __getattr__(self, name):
        return getattr(self._source, name)
    def window(self, t, n):
        sound = self._source.window(t, n)
        if n == 0:  # asked only how far it is
            return sound
        new, self.ended = min(sound.end - self.ended, n), sound.end
        if self._source.state == "hearing" and new > 0:
            for place in np.flatnonzero(np.abs(sound.samples[-new:]) > LOUD):
                at = sound.t - (new - 1 - int(place)) / sound.samplerate
                if not self.clicks or at - self.clicks[-1] > 0.1:
                    self.clicks.append(at)
        return sound

source_of = run.source_of
def noting(*words):
    global noted
    noted = Noting(source_of(*words))
    return noted
run.source_of = noting
code = cli.main(sys.argv[2:])
Path(sys.argv[1]).write_text(json.dumps(noted.clicks))
sys.exit(code)
""".replace("LOUD", str(_LOUD))


class Feeder:
    """Clicks into a named pipe at the pace of real time. fed: when the first sample of each was
    written, time.time()'s."""

    def __init__(self, pipe: Path, seed: int = 1) -> None:
        self.fed: list[float] = []
        self._pipe = pipe
        self._rng = np.random.default_rng(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feeder")
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        click = 0.7 * self._rng.uniform(-1, 1, RATE // 25) * np.exp(-np.arange(RATE // 25) / 400)
        click[0] = 0.7
        pipe = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        block = round(_BLOCK_S * RATE)
        ahead = np.zeros(0)
        due = time.perf_counter()
        starts: list[int] = []  # of clicks, in samples from what is written next
        try:
            while not self._stop.is_set():
                while len(ahead) < block:
                    starts.append(len(ahead))
                    quiet = np.zeros(int(self._rng.uniform(0.25, 0.6) * RATE))
                    ahead = np.concatenate([ahead, click, quiet])
                if starts and starts[0] < block:
                    self.fed.append(time.time() + starts.pop(0) / RATE)
                out, ahead = ahead[:block], ahead[block:]
                starts = [start - block for start in starts]
                with suppress(BlockingIOError):  # nobody reads
                    os.write(pipe, (out * 32767).astype("<i2").tobytes())
                due += _BLOCK_S
                self._stop.wait(max(0.0, due - time.perf_counter()))
        finally:
            os.close(pipe)


def show_clicks(display: str, seconds: float, *options: str) -> dict[str, Any]:
    """Play clicks to the real program; its timing report, and `captured` and `fed`, times of
    time.time()."""
    with virtual().virtual_microphone() as microphone, tempfile.TemporaryDirectory() as folder:
        feed = microphone.feeds["microphone"]
        feed.is_stalled = True
        time.sleep(0.1)
        feeder = Feeder(feed._pipe)
        noted, timing = Path(folder) / "clicks.json", Path(folder) / "timing.json"
        words = ["play", "--fresh", "--driver", "audio"]
        words += ["--seconds", str(seconds), "--timing", str(timing)]
        try:
            subprocess.run(
                [sys.executable, "-c", PLAY, str(noted), *words, *options],
                env=microphone.env | {"DISPLAY": display},
                cwd=ROOT,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=seconds + 60,
            )
        finally:
            feeder.close()
        report: dict[str, Any] = json.loads(timing.read_text())
        report["captured"] = [report["began"] + t for t in json.loads(noted.read_text())]
        report["fed"] = feeder.fed
    return report


def delays(report: dict[str, Any], after_s: float = 4.0) -> dict[str, np.ndarray]:
    """Seconds, for each click that was captured after the first few seconds of the show: `seen`
    from its capture to the flip of the first frame that shows it (infinite where none does),
    `heard` from its capture to that of the newest sample when it was found, `fed` from the feeder's
    writing to its capture; for each frame, `age` from its newest sample to its flip."""
    heard, onset = np.array(report["ticks"]).T
    flips, frames = np.array(report["flips"]), np.array(report["frames"])
    fed = np.array(report["fed"])
    found: dict[str, list[float]] = {"seen": [], "heard": [], "fed": []}
    for at in report["captured"]:
        if not report["began"] + after_s < at < flips[-1] - 0.3:
            continue
        tick = np.flatnonzero((onset > 0) & (heard >= at - NEAR_S) & (heard < at + 0.15))
        shown = np.flatnonzero(frames >= tick[0]) if len(tick) else tick
        found["seen"].append(flips[shown[0]] - at if len(shown) else np.inf)
        found["heard"].append(heard[tick[0]] - at if len(tick) else np.inf)
        found["fed"].append(at - fed[np.abs(fed - at).argmin()])
    late = frames >= 0
    age = flips[late] - heard[frames[late]]
    return {name: np.array(values) for name, values in found.items()} | {"age": age}


def latency(quick: bool) -> Iterator[Row]:
    """Sound to flip, of the real program at 1280x720 and 60 fps; and the same after an hour."""
    with virtual_screen() as display:
        report = show_clicks(display, (15 if quick else 60) + 4)
    found = {name: 1e3 * values for name, values in delays(report).items()}
    seen = found["seen"]
    missed = int(np.isinf(seen).sum())
    note = f"of {len(seen)} clicks, {missed} not seen"
    yield Row("latency: sound to flip, median", _at(seen, 50), "ms", 20.0, note=note)
    yield Row("latency: sound to flip, p99", _at(seen, 99), "ms", 40.0)
    for name, what in (
        ("heard", "a click until the sample with which it is found"),
        ("age", "the newest sample heard until the flip"),
        ("fed", "the feeder's clock until capture by the stream's"),
    ):
        note = f"p99 {_at(found[name], 99):.1f} ms"
        yield Row(f"latency: {what}, median", _at(found[name], 50), "ms", note=note)
    yield from hour(quick)


def _at(values: np.ndarray, share: float) -> float:
    """A percentile of values that may be infinite."""
    return float(np.percentile(values, share, method="higher"))
