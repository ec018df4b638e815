"""The real program on a screen that nobody sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visualiser.types import UserError

ROOT = Path(__file__).resolve().parent.parent


def command(*options: str) -> list[str]:
    """To play, as config.toml says: not as whoever measures has left it."""
    return [sys.executable, str(ROOT / "main.py"), "play", "--fresh", *options]


def play(display: str, seconds: float, *options: str) -> tuple[list[float], list[float]]:
    """Run the real program; returns when each frame, and each new picture, was shown."""
    with tempfile.TemporaryDirectory() as folder:
        timing = Path(folder) / "timing.json"
        subprocess.run(
            command("--seconds", str(seconds), "--timing", str(timing), *options),
            env={**os.environ, "DISPLAY": display},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=seconds + 60,
        )
        report = json.loads(timing.read_text())
    return report["flips"], report["pictures"]


@contextmanager
def virtual_screen() -> Iterator[str]:
    """A screen of its own, 1280x800; yields the DISPLAY to use."""
    if not shutil.which("Xvfb"):
        raise UserError("this benchmark needs Xvfb: apt install xvfb (Debian, Ubuntu)")
    read, write = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as told:
            yield f":{told.readline().strip()}"
    finally:
        screen.terminate()
        screen.wait(10)
