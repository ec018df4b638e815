"""What hands are promised: from a key, a knob or an OSC message to the picture that shows it, and
no backlog in a flood. The real program at 1280x720 and 60 fps; what is looked at is its canvas."""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.cable import virtual
from benchmarks.program import ROOT, virtual_screen
from benchmarks.row import Row
from visualiser.audio.file import DEMO
from visualiser.config import CONFIG
from visualiser.inputs.osc_wire import pack
from visualiser.types import UserError

FPS = 60
PROMISED_MS = 2e3 / FPS
FLOOD_HZ = 2000
SWEPT = ("relief.shadow", "relief.drift", "look.drift", "show.speed", "perlin.speed",
         "perlin.cells", "perlin.contrast", "simplex.speed", "simplex.cells", "random.hold",
         "random.grain", "audio.speed", "audio.reach", "audio.kick", "audio.size",
         "trails.turn")  # fmt: skip
FLOODED = ("relief.shadow", "look.drift", "perlin.speed", "perlin.cells", "mirror.apart",
           "audio.speed", "audio.calm", "trails.melt", "trails.turn", "look.fade")  # fmt: skip
BRIGHT = 21  # the number of its cc

# The program as it is, with a window that notes after each flip how light the output is. Where no
# cable is asked for, what it hears of MIDI comes from a socket, from the driver's callback on.
PLAY = """
import functools, json, os, socket, sys, threading, time
from pathlib import Path
import pygame
from visualiser import cli, run

class Noting(run.Window):
    def flip(self):
        super().flip()
        now = time.time()
        width = self.canvas.get_width()
        reds = pygame.surfarray.pixels_red(self.canvas)
        noted.append((now, float(reds[width // 2 :: 24, ::24].mean())))

class Injected:
    def inputs(self): return ["knobs"]
    def outputs(self): return []
    def open_input(self, name, hear):
        def listen():
            source = socket.fromfd(int(os.environ["INJECT"]), socket.AF_UNIX, socket.SOCK_DGRAM)
            while message := source.recv(16):
                hear(name, message, time.perf_counter())
        threading.Thread(target=listen, daemon=True).start()
        return self
    def close(self): pass

noted = []
run.Window = Noting
if "INJECT" in os.environ:
    run.Midi = functools.partial(run.Midi, connect=Injected)
code = cli.main(sys.argv[2:])
Path(sys.argv[1]).write_text(json.dumps(noted))
sys.exit(code)
"""


@dataclass(frozen=True)
class Hands:
    """What can be done to the program while it plays."""

    osc: Callable[..., object]  # address, arguments
    midi: Callable[..., object]  # bytes
    key: Callable[[str], object]


@dataclass(frozen=True)
class Seen:
    """When each flip was, time.time()'s, and how light the output was then, 0..255."""

    flips: np.ndarray
    light: np.ndarray

    def shows(self, t: float, is_light: bool, middle: float) -> tuple[float, int]:
        """From t until the flip that shows the output light, or dark: seconds, and flips with it;
        infinite where none does within a second."""
        after = (self.flips > t) & (self.flips < t + 1)
        right = np.flatnonzero(after & ((self.light > middle) == is_light))
        if not len(right):
            return np.inf, 999
        return float(self.flips[right[0]] - t), int(after[: right[0] + 1].sum())

    def is_even(self, t: float) -> bool:
        """Whether no frame was late around t."""
        near = self.flips[(self.flips > t - 0.05) & (self.flips < t + 0.1)]
        return bool(np.all(np.diff(near) < 1.5 / FPS))


def hands(quick: bool) -> Iterator[Row]:
    """OSC, MIDI and key to flip; and a flood of both."""
    times = 60 if quick else 300
    for what in ("OSC", "MIDI", "MIDI by JACK", "key"):
        if what == "MIDI by JACK" and not (shutil.which("jackd") and find_spec("rtmidi")):
            continue
        seen, sent, _ = _play(
            functools.partial(_switch, what=what, times=times), is_cabled=what == "MIDI by JACK"
        )
        dark, light = np.percentile(seen.light[seen.flips > sent[0][0]], [5, 95])
        found = [seen.shows(t, is_light, (dark + light) / 2) for t, is_light in sent]
        ms = 1e3 * np.array([seconds for seconds, _ in found])
        flips = np.array([n for _, n in found])
        even = np.array([seen.is_even(t) for t, _ in sent])
        for name, share in (("median", 50), ("p99", 99)):
            note = f"flip {_at(flips, share):.0f} after it"
            if even.any():
                calm = f"{_at(ms[even], share):.1f} ms, flip {_at(flips[even], share):.0f}"
                note += f"; {calm} for {even.sum()} of {len(ms)} with no late frame near"
            yield Row(
                f"hands: {what} to flip, {name}", _at(ms, share), "ms", PROMISED_MS, note=note
            )
    yield from _flood(3 if quick else 10)


def _switch(hand: Hands, what: str, times: int) -> list[tuple[float, bool]]:
    """Make the output dark and light again at odd moments: when, and whether it is light then."""
    chance, sent = random.Random(1), []
    for n in range(times):
        time.sleep(chance.uniform(0.1, 0.2))
        is_light = bool(n % 2)
        sent.append((time.time(), is_light))
        if what == "OSC":
            hand.osc("/look/brightness", float(is_light))
        elif what.startswith("MIDI"):
            hand.midi(0xB0, BRIGHT, 64 * is_light)
        else:
            hand.key("h")
    return sent


def _flood(rounds: int) -> Iterator[Row]:
    """2,000 OSC messages a second and 16 ccs that are swept: late frames, and the last value."""
    spans: list[tuple[float, float]] = []

    def flood(hand: Hands) -> list[tuple[float, bool]]:
        ends = []
        for _ in range(rounds):
            begin = time.time()
            due, count = time.perf_counter(), 0
            while time.time() < begin + 4.0:
                for _ in range(4):
                    id = FLOODED[count % len(FLOODED)]
                    hand.osc("/" + id.replace(".", "/"), 0.1 + 0.1 * (count % 7))
                    count += 1
                hand.osc("/look/brightness", 1.0)
                if count % 80 == 0:  # 16 of them, 25 times a second each
                    for cc in range(16):
                        hand.midi(0xB0, 40 + cc, count // 80 * 3 % 128)
                due += 5 / FLOOD_HZ
                time.sleep(max(0.0, due - time.perf_counter()))
            spans.append((begin, time.time()))
            ends.append((time.time(), False))
            hand.osc("/look/brightness", 0.0)
            time.sleep(2.0)
        return ends

    seen, ends, behind = _play(flood)
    # What is swept makes the output lighter and darker; with no brightness it is black.
    dark, light = np.percentile(seen.light[seen.flips > spans[0][0]], [5, 95])
    found = [seen.shows(t, is_light, dark + 0.1 * (light - dark)) for t, is_light in ends]
    late = 100 * np.mean(np.concatenate([_late(seen.flips, *span) for span in spans]))
    calm = [(end + 0.3, end + 1.9) for _, end in spans]
    usual = 100 * np.mean(np.concatenate([_late(seen.flips, *span) for span in calm]))
    note = f"{usual:.2f} % in calm between"
    yield Row("hands: late frames in a flood", float(late), "%", 1.0, note=note)
    note = f"flip {max(n for _, n in found)} after it, of {len(found)} floods"
    figure = 1e3 * max(seconds for seconds, _ in found)
    yield Row("hands: the last of a flood to flip, worst", figure, "ms", PROMISED_MS, note=note)
    yield Row("hands: what the network draws comes later by", behind, "frames")


def _late(flips: np.ndarray, begin: float, end: float) -> np.ndarray:
    return np.diff(flips[(flips >= begin) & (flips <= end)]) > 1.5 / FPS


def _play(
    work: Callable[[Hands], list[tuple[float, bool]]], is_cabled: bool = False
) -> tuple[Seen, list[tuple[float, bool]], float]:
    """Let hands work on the real program: what was seen, what they did, and by how many frames
    pictures of the network are behind. is_cabled: MIDI goes through a cable of JACK's."""
    with (
        virtual_screen() as display,
        _keyboard(display) as key,
        _cable() if is_cabled else _callback() as (midi, env, passed),
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as osc,
    ):
        place = ("127.0.0.1", _free_port())
        names = ("c.toml", "seen", "timing", "errors")
        config, noted, timing, errors = (Path(folder) / name for name in names)
        config.write_text(_config(place[1]))
        program = subprocess.Popen(
            [sys.executable, "-c", PLAY, str(noted), "play", "--config", str(config),
             "--timing", str(timing), "--audio", str(DEMO), "--mute"],
            env=os.environ | env | {"DISPLAY": display},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=errors.open("wb"),
            pass_fds=passed,
        )  # fmt: skip
        try:
            time.sleep(6.0)  # the network is awake, the knobs are plugged in
            did = work(Hands(lambda *m: osc.sendto(pack(*m), place), midi, key))
            time.sleep(1.2)
        finally:
            program.terminate()
            program.wait(20)
        if program.returncode:
            raise UserError(f"the program ended with {program.returncode}: {errors.read_text()}")
        flips, light = np.array(json.loads(noted.read_text())).T
        frames = np.array(json.loads(timing.read_text())["frames"])
    shown = np.flatnonzero(frames >= 0)
    return Seen(flips, light), did, float(np.median(shown - frames[shown]))


def _config(port: int) -> str:
    """The settings we ship, with knobs, and so slow that light is what hands make of it. Without
    the guard: light that goes on and off all the time is what that is for."""
    rows = [f'"cc 1:{BRIGHT}" = "look.brightness"']
    rows += [f'"cc 1:{40 + n}" = "{id}"' for n, id in enumerate(SWEPT)]
    text = CONFIG.read_text(encoding="utf-8").replace("port = 9000", f"port = {port}")
    text = text.replace("guard = true", "guard = false")
    text = text.replace("pickup = true", "pickup = false").replace(
        "\nspeed = 1.0 ", "\nspeed = 0.05"
    )
    return text.replace("[window]\n", "\n".join([*rows, "", "[window]", ""]))


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


Midi = tuple[Callable[..., object], dict[str, str], list[int]]  # to send it; env; files to pass


@contextmanager
def _cable() -> Iterator[Midi]:
    """MIDI through JACK's dummy driver."""
    with virtual("virtual_controller").virtual_controller() as knobs:
        yield knobs.send, knobs.env, []


@contextmanager
def _callback() -> Iterator[Midi]:
    """MIDI from a socket, handed to what the program gives the driver to call."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        env = {"INJECT": str(theirs.fileno())}
        yield lambda *m: ours.send(bytes(m)), env, [theirs.fileno()]


@contextmanager
def _keyboard(display: str) -> Iterator[Callable[[str], object]]:
    """One xdotool for all keys: starting one for each would take longer than what is measured."""
    if not shutil.which("xdotool"):
        raise UserError("this benchmark needs xdotool: apt install xdotool (Debian, Ubuntu)")
    tool = subprocess.Popen(
        ["xdotool", "-"], env=os.environ | {"DISPLAY": display}, stdin=subprocess.PIPE, text=True
    )
    lock = threading.Lock()

    def press(name: str) -> None:
        assert tool.stdin is not None
        with lock:
            tool.stdin.write(f"key --delay 0 {name}\n")
            tool.stdin.flush()

    try:
        yield press
    finally:
        tool.communicate(timeout=10)


def _at(values: np.ndarray, share: float) -> float:
    """A percentile of values that may be infinite."""
    return float(np.percentile(values, share, method="higher"))
