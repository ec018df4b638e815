"""A real tone, through the virtual microphone, moves the real picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from program import Playing, Program, wait_until
from virtual_microphone import VirtualMicrophone, virtual_microphone
from virtual_screen import VirtualScreen, reads, virtual_screen

SIZE = (640, 400)
PLAY = ("--size", "640x400", "--fps", 30, "--model", "classic-28", "--driver", "audio")


@pytest.fixture(scope="module")
def screen() -> Iterator[VirtualScreen]:
    with virtual_screen() as screen:
        yield screen


@pytest.fixture(scope="module")
def room() -> Iterator[VirtualMicrophone]:
    with virtual_microphone() as room:
        yield room


@pytest.fixture(scope="module")
def playing(
    tmp_path_factory: pytest.TempPathFactory, screen: VirtualScreen, room: VirtualMicrophone
) -> Iterator[Playing]:
    """The program, listening to a silent room, its fade over and its picture there."""
    with (
        Program(tmp_path_factory.mktemp("project")) as program,
        program.start(*PLAY, env=room.env | screen.env) as playing,
    ):
        wait_until(lambda: screen.place()[2:] == SIZE, "a window")
        wait_until(lambda: np.ptp(output(screen)) > 100, "a first picture")
        yield playing


def output(screen: VirtualScreen) -> np.ndarray:
    return screen.window()[60:330, 330:620].astype(int)


def motion(screen: VirtualScreen) -> float:
    """How much the picture changes from look to look, mean of its levels."""
    looks = []
    for _ in range(6):
        looks.append(output(screen))
        screen.key("Shift_L", "Shift_L")  # means nothing, and takes a little while
    return float(np.abs(np.diff(looks, axis=0)).mean())


def meter(screen: VirtualScreen) -> int:
    """How long the meter is, px: the longest even and bright line at the foot."""
    bright = screen.window()[-36:].min(axis=2) > 180
    longest = 0
    for row in bright:
        edges = np.flatnonzero(np.diff(np.pad(row, 1).astype(int)))
        longest = max([longest, *(edges[1::2] - edges[::2])])
    return longest


def test_a_tone_moves_the_picture_and_silence_stills_it(
    playing: Playing, screen: VirtualScreen, room: VirtualMicrophone
) -> None:
    assert reads(screen.window()[-36:], "audio")
    wait_until(lambda: motion(screen) < 0.15, "an almost still picture in a silent room")
    silent, short = motion(screen), meter(screen)
    assert short < 20

    # Notes, as music has them: a steady tone would only carry the walk.
    t = np.arange(24_000) / 48_000
    notes = [0.5 * np.sin(2 * np.pi * hz * t) * np.exp(-6 * t) for hz in (110, 440, 1760, 660)]
    room.play(np.concatenate(notes))
    wait_until(lambda: motion(screen) > 5 * max(silent, 0.1), "a picture that moves")
    wait_until(lambda: meter(screen) > short + 15, "a meter that rises")

    room.tone(440.0, peak=0.5)
    wait_until(lambda: meter(screen) > 40, "a steady meter")
    assert motion(screen) > 3 * max(silent, 0.1), "a tone carries the walk on"

    room.play(np.zeros(4800))
    wait_until(lambda: motion(screen) < 0.15, "an almost still picture again")
    wait_until(lambda: meter(screen) <= short + 2, "a meter that falls")
    assert "no microphone" not in playing.err
    assert playing.is_running()


def test_a_pulled_plug_stills_the_picture_and_is_said(
    playing: Playing, screen: VirtualScreen, room: VirtualMicrophone
) -> None:
    room.tone(440.0)
    wait_until(lambda: meter(screen) > 40, "a tone")
    room.unplug()
    wait_until(lambda: "has gone" in playing.err, "a line about it")
    wait_until(lambda: motion(screen) < 0.15, "an almost still picture")
    screen.key("q")
    assert playing.wait() == 0
    assert "Traceback" not in playing.err
