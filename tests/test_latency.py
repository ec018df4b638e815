"""`latency`: from a loudspeaker through a microphone to the picture."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import hear
from program import assert_refused, has_traceback, run
from virtual_microphone import VirtualDevices, virtual_devices

from benchmarks.hour import listen
from benchmarks.latency import delays
from visualiser.audio.clicks import click, find_click
from visualiser.run import Shown
from visualiser.types import Tick
from visualiser.verbs.latency import Found, match


@pytest.fixture(scope="module")
def devices() -> Iterator[VirtualDevices]:
    with virtual_devices() as devices:
        devices.plug_speaker("speaker")
        devices.plug("deaf")
        yield devices


def test_the_loop_is_measured(devices: VirtualDevices) -> None:
    done = run("latency", "--clicks", 5, "--input", "speaker_monitor", env=devices.env)
    assert done.code == 0, done
    heard = re.search(r"(\d+) of 5 clicks were heard, by microphone speaker_monitor", done.out)
    assert heard and int(heard[1]) >= 1
    assert "no display" in done.out
    figures = re.findall(r"(-?[\d.]+) ms +(-?[\d.]+) ms", done.out)
    assert len(figures) == 4
    to_captured, to_flipped, whole, newest = (float(median) for median, _ in figures)
    assert -50 < to_captured < 450
    assert 0 < to_flipped < 2000
    assert whole > 0
    assert 0 < newest < 2000
    lead = re.search(r"^\[audio\]\nlead = ([\d.]+)$", done.out, re.M)
    assert lead and float(lead[1]) == pytest.approx((to_captured + newest) / 1e3, abs=0.002)
    assert not has_traceback(done.err)


def test_nothing_heard_is_said_in_a_line(devices: VirtualDevices) -> None:
    done = run(
        "latency", "--clicks", 1, "--input", "deaf", env=devices.env | {"SDL_VIDEODRIVER": "dummy"}
    )
    assert done.code == 2
    last = done.lines[-1]  # on a busy machine the device may have stalled before, and been back
    for word in ("squircle: none of 1 clicks was heard", "dBFS", "loudspeaker", "deaf"):
        assert word in last


def test_without_an_input_there_is_a_line() -> None:
    done = run("latency", "--input", "no such thing")
    assert done.code == 2 and done.out == ""
    assert done.lines[-1].startswith("squircle: ")
    assert_refused(run("latency", "--clicks", 0), "--clicks")


@pytest.mark.parametrize("samplerate", [16_000, 44_100, 48_000, 96_000])
def test_a_click_is_found_in_noise(samplerate: int) -> None:
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 0.05, samplerate // 4).astype(np.float32)
    at = samplerate // 9
    one = click(samplerate)
    samples[at : at + len(one)] += 0.3 * one
    found, alike = find_click(samples, samplerate)
    assert found == pytest.approx(at, abs=2)
    assert alike > 0.8


def test_noise_and_silence_are_no_click() -> None:
    noise = np.random.default_rng(2).normal(0, 0.2, 12_000).astype(np.float32)
    assert find_click(noise, 48_000)[1] < 0.25
    assert find_click(np.zeros(12_000, np.float32), 48_000)[1] == 0.0


def test_a_click_belongs_to_the_first_onset_that_holds_it() -> None:
    found = Found(played=[1.0, 2.0, 3.0], onsets=[(0.5, 0.6), (1.02, 1.05), (1.02, 1.07)])
    found.onsets.append((3.4, 3.44))
    assert match(found) == [(1.0, 1.02, 1.05), (3.0, 3.4, 3.44)]


def test_what_was_heard_and_shown_is_told_on_one_clock(tmp_path: Path) -> None:
    shown = Shown(tmp_path / "timing.json")
    began = time.perf_counter() - 2.0
    for index in range(3):
        heard = replace(hear(0.5), onset=float(index == 1), heard_t=2.0 + index / 60 - 0.01)
        shown.hear(Tick(index, 2.0 + index / 60, 1 / 60), heard, began)
        shown.count(max(index - 1, 0), index > 0)
    shown.write()
    report = json.loads((tmp_path / "timing.json").read_text())
    assert report["frames"] == [-1, 0, 1]
    assert [onset for _, onset in report["ticks"]] == [0, 1, 0]
    now = time.time()
    for at, _ in report["ticks"]:
        assert at == pytest.approx(now, abs=0.5)
    assert report["began"] == pytest.approx(now - 2, abs=0.5)
    assert len(report["flips"]) == 3 and len(report["pictures"]) == 2


def test_a_clicks_delay_is_until_the_first_flip_of_the_tick_that_found_it() -> None:
    heard = [[10.0 + k / 60, 0.0] for k in range(200)]
    heard[125][1] = 0.7  # at 12.083
    report = {
        "began": 10.0,
        "ticks": heard,
        "flips": [10.01 + k / 60 for k in range(200)],
        "frames": [-1, *range(199)],  # each a tick behind
        "captured": [10.5, 12.07, 12.5],
        "fed": [12.065, 12.5],
    }
    found = delays(report, after_s=1.0)
    assert found["seen"] == pytest.approx([10.01 + 126 / 60 - 12.07, np.inf])
    assert found["heard"][0] == pytest.approx(10.0 + 125 / 60 - 12.07)
    assert found["fed"][0] == pytest.approx(0.005)
    assert np.median(found["age"]) == pytest.approx(0.01 + 1 / 60)


def test_delay_does_not_grow_and_what_is_kept_is_bounded() -> None:
    found = listen(20.0)
    assert np.abs(np.median(found["delay"][60:360]) - np.median(found["delay"][-300:])) < 5e-4
    assert found["delay"][60:].max() < 0.012
    later = found["late"][found["at"] > 3]
    assert np.isfinite(later).all() and np.median(later) < 0.04
    assert set(found["kept"]) == {2**18}
