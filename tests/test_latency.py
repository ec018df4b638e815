"""`latency`: from a loudspeaker through a microphone to the picture."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from program import ROOT, Done, assert_refused, environment, has_traceback
from virtual_microphone import VirtualDevices, virtual_devices

from visualiser.audio.clicks import click, find_click
from visualiser.verbs.latency import Found, match


def latency(*words: object, env: dict[str, str] | None = None) -> Done:
    done = subprocess.run(
        [sys.executable, "main.py", "latency", *map(str, words)],
        cwd=ROOT,
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def devices() -> Iterator[VirtualDevices]:
    with virtual_devices() as devices:
        devices.plug_speaker("speaker")
        devices.plug("deaf")
        yield devices


def test_the_loop_is_measured(devices: VirtualDevices) -> None:
    done = latency("--clicks", 6, "--input", "speaker_monitor", env=devices.env)
    assert done.code == 0, done
    heard = re.search(r"(\d+) of 6 clicks were heard, by microphone speaker_monitor", done.out)
    assert heard and int(heard[1]) >= 2
    assert "no display" in done.out
    figures = re.findall(r"(-?[\d.]+) ms +(-?[\d.]+) ms", done.out)
    assert len(figures) == 4
    to_captured, to_flipped, whole, newest = (float(median) for median, _ in figures)
    assert -50 < to_captured < 450
    assert 0 < to_flipped < 250
    assert whole > to_flipped - 50
    assert 0 < newest < 250
    lead = re.search(r"^\[audio\]\nlead = ([\d.]+)$", done.out, re.M)
    assert lead and float(lead[1]) == pytest.approx((to_captured + newest) / 1e3, abs=0.002)
    assert not has_traceback(done.err)


def test_nothing_heard_is_said_in_a_line(devices: VirtualDevices) -> None:
    done = latency("--clicks", 1, "--input", "deaf", env=devices.env | {"SDL_VIDEODRIVER": "dummy"})
    assert_refused(done, "none of 1 clicks was heard", "dBFS", "loudspeaker", "deaf")


def test_without_an_input_there_is_a_line() -> None:
    done = latency("--input", "no such thing")
    assert done.code == 2 and done.out == ""
    assert done.lines[-1].startswith("squircle: ")
    assert_refused(latency("--clicks", 0), "--clicks")


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
