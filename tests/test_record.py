"""Recordings of a show: true times, and what is left of them when things go wrong."""

from __future__ import annotations

import json
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from program import Program, has_traceback, only, read_video, wait_until
from virtual_screen import virtual_screen

PLAY = ("--size", "640x360", "--fps", 30, "--model", "classic-28", "--driver", "random")
DUMMY = {"SDL_VIDEODRIVER": "dummy"}


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with Program(tmp_path) as program:
        yield program


def test_a_recording_plays_at_the_times_the_show_had(program: Program) -> None:
    timing = program.root / "timing.json"
    with virtual_screen() as screen:
        done = program.run(
            *PLAY, "--record", "--seconds", 3, "--timing", timing, env=screen.env
        )  # fmt: skip
    assert done.code == 0, done.err
    assert not has_traceback(done.err)
    path = only(program.recordings, "squircle-*.mp4")
    assert f"recorded {path}" in done.err, "nobody is told where it is"

    video = read_video(path)
    assert video.codec == "h264"
    assert video.pictures.shape[1:] == (360, 640, 3)
    assert (np.diff(video.times_s) > 0).all()
    assert video.times_s[0] == pytest.approx(0.0, abs=1e-3)
    assert video.times_s[-1] == pytest.approx(3.0, abs=0.3)  # late frames are left out
    assert video.length_s == pytest.approx(3.0, abs=0.3)
    flips = np.array(json.loads(timing.read_text())["flips"])
    assert len(video.times_s) > 0.7 * len(flips), "many frames are left out"
    # Each lies where a frame was shown: one that took longer is seen longer. The very first is
    # late on the screen, so what is compared is how long before the end they were.
    shown = flips - flips[-1]
    recorded = video.times_s - video.times_s[-1]
    apart = np.abs(recorded[1:, None] - shown[None]).min(axis=1)
    assert np.quantile(apart, 0.9) < 0.05
    output = video.pictures[:, :300, 340:].astype(int)
    assert np.abs(np.diff(output, axis=0)).max() > 50, "nothing moves in it"


def test_a_full_disk_ends_the_recording_and_not_the_show(program: Program) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    timing = program.root / "timing.json"
    noisy = program.root / "noisy.toml"
    noisy.write_text("[random]\nhold = 0.05\n[record]\ncrf = 1\n")
    play = [*PLAY, "--config", noisy, "--record", "--seconds", 3, "--timing", timing]
    done = program.run(*play, env=DUMMY, preexec_fn=full)
    assert done.code == 0, done.err
    assert not has_traceback(done.err)
    path = only(program.recordings, "squircle-*.mp4")
    told = [line for line in done.lines if "recording stopped" in line]
    assert len(told) == 1 and str(path) in told[0], done.err
    assert not any(line.startswith("recorded") for line in done.lines)
    flips = json.loads(timing.read_text())["flips"]
    assert flips[-1] - flips[0] > 2.3, "the show ended with its recording"
    assert 100_000 < path.stat().st_size <= 150_000
    video = read_video(path)
    assert len(video.times_s) > 2, "what was written cannot be read"
    assert np.ptp(video.pictures[-1]) > 50


@pytest.mark.parametrize(
    "ending",
    [
        "mp4",
        pytest.param("mov", marks=pytest.mark.soak),
        pytest.param("webm", marks=pytest.mark.soak),
    ],
)
def test_a_kill_costs_about_the_last_second(program: Program, ending: str) -> None:
    config = program.root / "config.toml"
    text = config.read_text()
    assert text.count('format = "mp4"') == 1
    config.write_text(text.replace('format = "mp4"', f'format = "{ending}"'))
    # Slow, as on a busy machine: what is lost is counted in seconds, not in frames.
    play = [*PLAY, "--fps", 12, "--record"]
    with program.start(*play, env=DUMMY) as playing:
        wait_until(lambda: list(program.recordings.glob(f"*.{ending}")), "a recording")
        began = time.monotonic()
        path = only(program.recordings, f"*.{ending}")
        wait_until(lambda: time.monotonic() - began > 2.5, "two and a half seconds")
        playing.kill()
        played_s = time.monotonic() - began
    video = read_video(path)
    assert video.times_s[-1] > played_s - 1.3
    assert len(video.times_s) > (12 if ending == "mp4" else 4)  # the others take longer
    assert np.ptp(video.pictures[-1]) > 50


def test_where_nothing_can_be_recorded_the_show_goes_on(program: Program) -> None:
    program.recordings.write_text("a file where the folder should be")
    done = program.run(*PLAY, "--record", "--seconds", 1, env=DUMMY)
    assert done.code == 0, done.err
    told = [line for line in done.lines if "recordings" in line]
    assert len(told) == 1 and "cannot" in told[0]
    assert not has_traceback(done.err)
    assert program.recordings.read_text() == "a file where the folder should be"


def test_ctrl_c_finishes_the_file(program: Program) -> None:
    with program.start(*PLAY, "--record", env=DUMMY) as playing:
        wait_until(lambda: list(program.recordings.glob("*.mp4")), "a recording")
        path = only(program.recordings, "*.mp4")
        wait_until(lambda: path.stat().st_size > 10_000, "the beginning of it")
        time.sleep(1.0)
        playing.signal(signal.SIGINT)
        assert playing.wait() in (0, 130)
        assert not has_traceback(playing.err)
        assert f"recorded {path}" in playing.err, "nobody is told where it is"
    video = read_video(path)
    assert len(video.times_s) > 10
    assert video.length_s == pytest.approx(video.times_s[-1], abs=0.2)
