"""What hot reload promises: the time from saving config.toml to the frame that shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.program import ROOT, virtual_screen
from benchmarks.row import Row
from visualiser.types import UserError

# The program as it is, which notes after each flip what the frame was drawn with: a control that
# the panes read when they draw, so that this flip is the first that shows it.
PLAY = """
import json, sys, time
from pathlib import Path
from visualiser import cli, run

class Noting(run.Window):
    def flip(self):
        super().flip()
        now = self._controls["look.output_only"]
        if not flips or flips[-1][1] != now:
            flips.append((time.time(), now))

flips = []
run.Window = Noting
code = cli.main(sys.argv[2:])
Path(sys.argv[1]).write_text(json.dumps(flips))
sys.exit(code)
"""


def reload(quick: bool) -> Iterator[Row]:
    """Saves to flip, of the real program at 1280x720 and 60 fps; every second save replaces the
    file, as some editors do, and the others write into it."""
    saves = 8 if quick else 20
    with virtual_screen() as display, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings, noted = folder / "config.toml", folder / "flips.json"
        text = (ROOT / "config.toml").read_text()
        settings.write_text(text)
        words = ["play", "--fresh", "--config", str(settings)]
        program = subprocess.Popen(
            [sys.executable, "-c", PLAY, str(noted), *words],
            env={**os.environ, "DISPLAY": display},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        saved = []
        rng = np.random.default_rng(1)
        try:
            time.sleep(6)  # the network is awake by then
            for n in range(saves):
                time.sleep(rng.uniform(0.6, 0.9))  # at any moment between two frames, or two looks
                changed = text.replace("output_only = false", "output_only = true")
                saved.append(_save(settings, text if n % 2 else changed, replaces=n % 4 < 2))
            time.sleep(1)
            program.terminate()
            if program.wait(60) != 0:
                raise UserError("the program that was measured has failed")
        finally:
            program.kill()
            program.wait()
        flips = json.loads(noted.read_text())[1:]  # without the first of all
    shown = [next((t - at for t, _ in flips if t > at), float("inf")) for at in saved]
    if len(flips) != saves:
        raise UserError(f"{saves} saves were seen {len(flips)} times")
    took = 1e3 * np.array(shown)
    note = f"of {saves} saves, worst {took.max():.0f} ms"
    yield Row("reload: save to flip, median", float(np.median(took)), "ms", 200.0, note=note)
    p99 = float(np.percentile(took, 99, method="higher"))
    yield Row("reload: save to flip, p99", p99, "ms", 200.0)


def _save(path: Path, text: str, replaces: bool) -> float:
    """When it was saved, time.time()'s."""
    if replaces:
        part = path.with_suffix(".part")
        part.write_text(text)
        part.replace(path)
    else:
        path.write_text(text)
    return time.time()
