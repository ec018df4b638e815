"""The hearing view: what is seen of what is heard, at any size."""

from __future__ import annotations

import numpy as np
import pygame
import pytest
from virtual_screen import reads

from visualiser.scope import Delay, Hearing, Scope
from visualiser.types import Features, Tick

GROUND = (60, 90, 120)


def hearing(n_bands: int = 16, **values) -> Hearing:
    edges = np.geomspace(40, 16_000, n_bands + 1)
    return Hearing("microphone X", "", -57.0, False, edges, 256, 262_144, **values)


def heard(n_bands: int = 16, level: float = 0.8, **values) -> Features:
    bands = np.full(n_bands, level, np.float32)
    return Features(0.5, bands, -18.0, np.full(n_bands, 0.2, np.float32), 12.0, **values)


def draw(size: tuple[int, int], features: Features, said: Hearing, foot: int = 0) -> np.ndarray:
    """(H, W, 3) a canvas with the view on it."""
    scope, canvas = Scope(), pygame.Surface(size, 0, 32)
    canvas.fill(GROUND)
    scope.hear(Tick(1, 1.0, 0.016), features)
    scope.delay.flip(1, 1.0 + 0.021)
    scope.draw(canvas, features, said, 1.1, foot)
    return pygame.surfarray.array3d(canvas).swapaxes(0, 1)


def test_numbers_are_those_that_are_heard() -> None:
    features = heard(bpm=128.2, beats=3.4, beat_confidence=0.9, heard_t=1.0, energy=0.5)
    seen = draw((1280, 720), features, hearing())
    assert reads(seen, "-18 dBFS", "-57 dBFS", "+12 dB", "21 ms", "256 of 262144")
    assert reads(seen, "hears microphone X", "room's floor", "sound to picture", "energy")
    assert reads(seen, "90 % sure")
    assert reads(seen, "128", sizes=range(20, 60))


def test_without_a_beat_it_says_so() -> None:
    assert reads(draw((1280, 720), heard(), hearing()), "no beat")


def test_bars_lamps_and_beat_change_the_picture() -> None:
    plain = draw((640, 400), heard(level=0.1), hearing()).astype(int)
    for changed in (
        heard(level=0.9),
        heard(level=0.1, onset=1.0),
        heard(level=0.1, onset_high=1.0),
        heard(level=0.1, energy=0.9),
        heard(level=0.1, bpm=120.0, beats=0.6),
    ):
        assert np.abs(draw((640, 400), changed, hearing()) - plain).max() > 40


@pytest.mark.parametrize("n_bands", [4, 16, 64])
@pytest.mark.parametrize("size", [(1280, 720), (640, 400), (400, 590), (720, 700), (800, 180),
                                  (161, 120), (3, 3), (1, 900)])  # fmt: skip
def test_it_fits_or_is_left_out_and_leaves_the_foot_free(
    size: tuple[int, int], n_bands: int
) -> None:
    foot = min(20, size[1] // 4)
    features = heard(n_bands, bpm=120.0, beats=0.5, beat_confidence=1.0, onset=1.0)
    seen = draw(size, features, hearing(n_bands), foot)
    top = size[1] // 8  # where messages are
    assert (seen[size[1] - foot :] == GROUND).all() and (seen[:top] == GROUND).all()
    assert (seen[:, :1] == GROUND).all() and (seen[:, -1:] == GROUND).all()
    if min(size) >= 400:
        assert (seen != GROUND).any(), "there is room for it"


def test_delay_is_the_median_of_the_last_second_of_frames_that_were_new() -> None:
    delay = Delay()
    assert delay.median_ms is None
    for n in range(300):
        t = n / 60
        delay.hear(n, t - 0.005)
        late = 0.5 if n < 200 else 0.0
        delay.flip(n - n % 2, t + 0.010 + late)  # every picture is shown twice
    assert delay.median_ms == pytest.approx(15.0, abs=0.1)
    delay.flip(10_000, 6.0)  # of a tick that nobody knows
    assert delay.median_ms is None or delay.median_ms < 20
