"""The real program on a screen that nobody sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from visualiser.types import UserError

ROOT = Path(__file__).resolve().parent.parent


def command(*options: str) -> list[str]:
    """To play, as config.toml says: not as whoever measures has left it."""
    return [sys.executable, str(ROOT / "main.py"), "play", "--fresh", *options]


def play(
    display: str, seconds: float, *options: str, env: Mapping[str, str] | None = None
) -> tuple[list[float], list[float]]:
    """Run the real program; returns when each frame, and each new picture, was shown. env: added to
    the environment."""
    with tempfile.TemporaryDirectory() as folder:
        timing = Path(folder) / "timing.json"
        subprocess.run(
            command("--seconds", str(seconds), "--timing", str(timing), *options),
            env={**os.environ, "DISPLAY": display, **(env or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=seconds + 60,
        )
        report = json.loads(timing.read_text())
    return report["flips"], report["pictures"]


@contextmanager
def virtual_screen(width: int = 1280, height: int = 800) -> Iterator[str]:
    """A screen of its own; yields the DISPLAY to use."""
    if not shutil.which("Xvfb"):
        raise UserError("this benchmark needs Xvfb: apt install xvfb (Debian, Ubuntu)")
    read, write = os.pipe()
    size = f"{width}x{height}x24"
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp"],
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
