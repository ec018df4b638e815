"""`listen`: what is heard, as JSON and on a terminal."""

from __future__ import annotations

import io
import json
import math
import signal
import subprocess
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import hear
from program import (
    ROOT,
    SAMPLERATE,
    Program,
    assert_refused,
    command,
    environment,
    has_traceback,
    on_terminal,
    run,
    wait_until,
)
from rich.console import Console
from virtual_microphone import VirtualMicrophone, virtual_microphone

from visualiser.types import Tick
from visualiser.verbs.meters import Meters

SECONDS, BPM = 6.0, 120.0
KEYS = {
    *("t", "level_dbfs", "rms", "bands", "floor", "gain_db", "onset", "onset_low", "onset_mid"),
    *("onset_high", "loudness", "energy", "bpm", "beats", "beat_phase", "beat_confidence"),
    "heard_t",
}


def write_wav(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLERATE, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")) as program:
        yield program


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("listen") / "clicks.wav", clicking(SECONDS))


def clicking(seconds: float) -> np.ndarray:
    """A click on every beat."""
    rng = np.random.default_rng(1)
    samples = np.zeros(round(seconds * SAMPLERATE))
    click = 0.7 * rng.uniform(-1, 1, 1200) * np.exp(-np.arange(1200) / 250)
    for beat in range(int(seconds * BPM / 60)):
        at = round(beat * 60 / BPM * SAMPLERATE)
        samples[at : at + 1200] = click
    return samples


@pytest.fixture(scope="module")
def heard(program: Program, clicks: Path) -> list[dict]:
    done = program.do("listen", clicks, "--json", "--fps", 50)
    assert (done.code, done.err) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


def test_there_is_a_line_a_tick_of_finite_numbers(heard: list[dict]) -> None:
    assert len(heard) == SECONDS * 50
    for number, line in enumerate(heard):
        assert set(line) == KEYS
        assert line["t"] == pytest.approx(number / 50)
        assert len(line["bands"]) == len(line["floor"]) == 16
        values = [line[key] for key in KEYS - {"bands", "floor"}]
        assert all(math.isfinite(value) for value in [*values, *line["bands"], *line["floor"]])


def test_the_clicks_are_onsets_and_a_beat(heard: list[dict]) -> None:
    period = 60 / BPM
    times = np.array([line["t"] for line in heard if line["onset"] > 0])
    late = (times + 0.005) % period
    assert len(times) >= SECONDS / period - 2
    assert late.max() < 0.06
    assert heard[-1]["bpm"] == pytest.approx(BPM, rel=0.02)
    assert heard[-1]["beat_confidence"] > 0.5
    assert heard[-1]["beats"] > 4
    for line in heard:
        assert line["beat_phase"] == pytest.approx(line["beats"] % 1, abs=2e-6)


def test_a_file_is_told_faster_than_it_plays(program: Program, tmp_path: Path) -> None:
    long = write_wav(tmp_path / "long.wav", np.zeros(30 * SAMPLERATE))
    began = time.monotonic()
    done = program.do("listen", long, "--json", "--fps", 20)
    assert len(done.out.splitlines()) == 600
    assert time.monotonic() - began < 30


def test_seconds_limit_it(program: Program, clicks: Path) -> None:
    done = program.do("listen", clicks, "--json", "--seconds", 0.5)
    assert len(done.out.splitlines()) == 30


def test_whoever_has_read_enough_may_go(clicks: Path) -> None:
    with subprocess.Popen(
        command(["listen", clicks, "--json"]),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        json.loads(process.stdout.readline())
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(20) == 0


def test_what_cannot_be_heard_is_told_in_a_line(
    program: Program, tmp_path: Path, clicks: Path
) -> None:
    empty = write_wav(tmp_path / "empty.wav", np.zeros(0))
    text = tmp_path / "notes.txt"
    text.write_text("no sound at all")
    assert_refused(program.do("listen", tmp_path / "none.wav"), "none.wav")
    assert_refused(program.do("listen", empty, "--json"), "empty.wav", "no sound")
    assert_refused(program.do("listen", text, "--json"), "notes.txt")
    assert_refused(program.do("listen", clicks, "--fps", 0), "--fps")


def test_without_an_input_it_says_so() -> None:
    done = run("listen", "--json", "--seconds", 1, "--input", "no such thing")
    assert done.code == 2 and done.out == ""
    assert done.lines[-1].startswith("squircle: ")


@pytest.fixture
def room() -> Iterator[VirtualMicrophone]:
    with virtual_microphone() as room:
        yield room


def test_a_microphone_is_told_live(room: VirtualMicrophone) -> None:
    room.tone(440.0, 0.5)
    done = run("listen", "--json", "--seconds", 2, "--fps", 30, "--input", "pulse", env=room.env)
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert 20 < len(lines) <= 61
    assert max(line["level_dbfs"] for line in lines) == pytest.approx(-9, abs=1)
    assert not has_traceback(done.err)


def test_a_terminal_shows_it_until_ctrl_c(tmp_path: Path) -> None:
    long = write_wav(tmp_path / "clicks.wav", clicking(60.0))  # longer than a busy machine needs
    with on_terminal("listen", long, "--mute") as terminal:
        wait_until(lambda: "hearing" in terminal.seen() and "█" in terminal.seen(), "a picture")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() == 130
        seen = terminal.seen()
    assert not has_traceback(seen)
    for word in ("level", "dBFS", "gain", "energy", "beat", "low", "mid", "high", "clicks.wav"):
        assert word in seen


@pytest.mark.parametrize("width", [20, 80, 200])
def test_the_meters_fit(width: int) -> None:
    for n_bands in (4, 16, 64):
        console = Console(width=width, file=io.StringIO())
        meters = Meters()
        features = hear(0.5, np.linspace(0, 1, n_bands), n_bands)
        meters.follow(Tick(0, 0.0, 0.0), features)
        text = meters.draw(features, "microphone", "lost", console)
        for line in text.plain.splitlines()[:8]:
            assert n_bands > width or len(line) <= width
        assert "lost" in text.plain
