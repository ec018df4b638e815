"""A set of ten minutes, played by keys alone on the real program: `make soak`.

`python tests/test_ten_minutes.py 60` plays one of so many seconds, and prints its figures.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from program import Program, read_video, wait_until
from virtual_screen import VirtualScreen, virtual_screen

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

SET_S = 600.0
SETTLED = 0.4  # of the set, from which on memory must not grow much
GROWTH_MB = 60.0
ALARMS = ("Traceback", "Exception", "Error", "failed", "cannot", "could not", "no screenshot")

# What is played, part by part and over again: keys by their names in X; "1.5s" is a rest; "+n 3s"
# holds a key so long.
PARTS = (
    "1 Up Up 1.5s 2 2s Down 3 2s 4 2s Down Up space 0.5s period period period space m 2s 1",
    "Insert l c 1s Insert 2 2s m 1s Insert l l c 3 1s Insert 1 t x Insert e 2s",
    "F1 1.5s F2 1.5s F3 1s F4 0.5s F5 2s Next 1s Next 1s Prior 1s F8 e u u 1s Insert",
    "Home 3s Next 2s Next 1s Prior 1s Home",
    "l 0.5s l 0.5s l 0.5s c 0.5s c 0.5s t 0.5s x 0.5s k 1s b 0.5s b k x t o 1s o",
    "Tab 0.5s Down Down Right Right shift+Right Left Return BackSpace Up Tab Down Down Right Tab"
    " Right Down Return Tab Down Right Tab Down Left Tab Down Return Tab Tab Tab Tab Escape 0.5s",
    "p 2s bracketright bracketright 1s bracketleft bracketleft p g 1s d g 1s",
    "0 2.5s 0 2.5s F9 0.5s F9 +BackSpace 0.5s F10 0.5s F10 +backslash 0.5s +End 0.5s F12 1s",
    "w 1.5s F9 0.5s F9 F10 F10 w 1s",
    "4 y Return 0.4s Return 0.4s Return 0.4s Return comma slash minus 0.5s equal +n 3.2s y y y",
    "v 1.5s v h 1s h i 0.5s i a 1s Escape a 0.5s Down Up Escape f 1s f 1s z 0.5s z 2",
    "r 3s s 1s r 1s s 0.5s",
    "g apostrophe 0.5s j 0.5s g 1s Delete u 1s",
)


@dataclass(frozen=True)
class Figures:
    """What came of a set. memory_mb: part by part; late: share of the flips that came more than
    1.5 frames after the one before."""

    code: int
    said: str
    keys: int
    memory_mb: list[float]
    flips: int
    late: float
    recordings: int
    screenshots: int
    cues: int

    @property
    def growth_mb(self) -> float:
        settled = self.memory_mb[round(len(self.memory_mb) * SETTLED) :]
        return settled[-1] - settled[0]

    @property
    def alarms(self) -> list[str]:
        return [line for line in self.said.splitlines() if any(word in line for word in ALARMS)]

    def __str__(self) -> str:
        return (
            f"{self.keys} keys, {self.flips} flips, {self.late:.2%} late, exit code {self.code};"
            f" memory {self.memory_mb[0]:.0f} to {self.memory_mb[-1]:.0f} MB,"
            f" {self.growth_mb:+.0f} MB once settled; {self.recordings} recordings,"
            f" {self.screenshots} screenshots, {self.cues} cues; {len(self.alarms)} alarms"
        )


def play(folder: Path, seconds: float) -> Figures:
    """A set of so many seconds of the wall's time, on a screen of its own."""
    timing, keys, memory = folder / "timing.json", 0, []
    with (
        Program(folder) as program,
        virtual_screen() as screen,
        program.start("--size", "960x540", "--timing", timing, env=screen.env) as playing,
    ):
        wait_until(lambda: screen.place()[2], "a window")
        until = time.monotonic() + seconds
        for part in cycle(PARTS):
            keys += press(screen, part)
            memory.append(playing.resident_mb())
            assert playing.is_running(), playing.err
            if time.monotonic() >= until:
                break
        screen.key("q")
        code = playing.wait(60)
        flips = np.diff(json.loads(timing.read_text())["flips"])
        for path in program.recordings.glob("*"):
            assert len(read_video(path, 30).times_s), path
        return Figures(
            code,
            playing.err,
            keys,
            memory,
            len(flips),
            float((flips > 1.5 / 60).mean()),
            len(list(program.recordings.glob("*"))),
            len(list(program.screenshots.glob("*"))),
            len(list((program.root / "cues").glob("*.toml"))),
        )


def press(screen: VirtualScreen, part: str) -> int:
    """Play a part; how many keys that were."""
    keys = 0
    words = iter(part.split())
    for word in words:
        if rest := re.fullmatch(r"([\d.]+)s", word):
            time.sleep(float(rest[1]))
            continue
        keys += 1
        if word[0] == "+" and len(word) > 1:
            with screen.held(word[1:]):
                time.sleep(float(next(words)[:-1]))
        else:
            screen.key(word)
            time.sleep(0.15)
    return keys


def test_a_set_of_ten_minutes_is_played_without_the_mouse(tmp_path: Path) -> None:
    played = play(tmp_path, SET_S)
    print(played)
    assert played.code == 0
    assert not played.alarms
    assert played.recordings >= 3 and played.screenshots >= 6 and played.cues >= 10
    assert played.growth_mb < GROWTH_MB


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        done = play(Path(folder), float(sys.argv[1]) if sys.argv[1:] else SET_S)
        print(done.said, done, *(f"{mb:.0f}" for mb in done.memory_mb))
