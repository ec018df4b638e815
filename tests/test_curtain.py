"""Black, freeze and fade to black, frame by frame."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pygame
import pytest
from conftest import hear, ticks
from stage import Stage, picture

from visualiser.controls import Controls
from visualiser.curtain import CONTROLS, Curtain
from visualiser.frame import Frame
from visualiser.types import Tick

RED = (200, 100, 40)


class Played:
    """A curtain before a picture of one colour; what is seen, tick by tick."""

    def __init__(self, **values: object) -> None:
        given = {key.replace("__", "."): value for key, value in values.items()}
        self.controls = Controls(CONTROLS, given)
        self.curtain = Curtain(self.controls)
        self.seen = pygame.Surface((16, 9), 0, 32)
        self.n = 0

    def do(self, id: str, value: object) -> None:
        self.controls.apply((f"stage.{id}", value))

    def frame(self, colour: tuple[int, int, int] = RED, dt: float = 0.1) -> tuple[int, ...]:
        painted = pygame.Surface((16, 9), 0, 32)
        painted.fill(colour)
        self.curtain.advance(Tick(self.n, self.n * dt, dt))
        self.n += 1
        self.curtain.draw(painted, self.seen)
        return tuple(self.seen.get_at((8, 4)))[:3]


def test_with_nothing_asked_for_it_is_open_and_says_nothing() -> None:
    played = Played()
    assert played.frame() == RED
    assert played.curtain.is_open and played.curtain.sign == ""


@pytest.mark.parametrize("id", ["black", "hold_black"])
def test_black_is_black_at_once_and_over_at_once(id: str) -> None:
    played = Played()
    played.do(id, True)
    assert played.frame() == (0, 0, 0)
    assert played.curtain.sign == "black"
    played.do(id, False)
    assert played.frame() == RED
    assert played.curtain.is_open


@pytest.mark.parametrize("id", ["freeze", "hold_freeze"])
def test_frozen_is_the_picture_of_that_moment_until_it_is_over(id: str) -> None:
    played = Played()
    played.frame((1, 2, 3))
    played.do(id, True)
    assert played.frame((10, 20, 30)) == (10, 20, 30)
    assert [played.frame((n, n, n)) for n in range(50, 60)] == [(10, 20, 30)] * 10
    assert played.curtain.sign == "frozen"
    played.do(id, False)
    assert played.frame((9, 9, 9)) == (9, 9, 9)
    assert played.curtain.is_open


def test_what_was_frozen_is_there_again_after_black() -> None:
    played = Played()
    played.do("freeze", True)
    played.frame((10, 20, 30))
    played.do("hold_black", True)
    assert played.frame((90, 90, 90)) == (0, 0, 0)
    assert played.curtain.sign == "black frozen"
    played.do("hold_black", False)
    assert played.frame((90, 90, 90)) == (10, 20, 30)


@pytest.mark.parametrize("dt", [0.01, 0.1])
def test_it_fades_to_black_and_back_in_the_time_that_is_set(dt: float) -> None:
    played = Played(stage__fade_s=1.0)
    played.do("fade", True)
    down = [played.frame(dt=dt)[0] for _ in range(round(1 / dt))]
    assert down == sorted(down, reverse=True) and down[-1] == 0
    assert down[0] > 150, "it begins with a jump"
    assert abs(down[len(down) // 2 - 1] - RED[0] / 2) <= 2, "half of the time is not half-way"
    assert played.curtain.sign == "black"
    played.do("fade", False)
    up = [played.frame(dt=dt)[0] for _ in range(round(1 / dt))]
    assert up == sorted(up) and up[-1] == RED[0]
    assert played.curtain.is_open


def test_a_fade_that_is_turned_round_half_way_does_not_jump() -> None:
    played = Played(stage__fade_s=1.0)
    played.do("fade", True)
    seen = [played.frame()[0] for _ in range(5)]
    played.do("fade", False)
    seen += [played.frame()[0] for _ in range(5)]
    assert np.abs(np.diff(seen)).max() < 60 and seen[-1] == RED[0]


def test_a_fade_of_no_time_is_a_cut() -> None:
    played = Played(stage__fade_s=0.0)
    played.do("fade", True)
    assert played.frame() == (0, 0, 0)


def test_it_may_begin_black() -> None:
    assert Played(stage__fade=True).frame() == (0, 0, 0)
    assert Played(stage__black=True).frame() == (0, 0, 0)


def test_a_frozen_picture_keeps_its_proportions_on_another_canvas() -> None:
    played = Played()
    played.do("freeze", True)
    played.frame()
    played.seen = pygame.Surface((90, 90), 0, 32)
    played.frame((9, 9, 9))
    pixels = pygame.surfarray.array_red(played.seen).T
    assert (pixels[25:65] == RED[0]).all(), "it does not fill the width"
    assert (pixels[:18] == 0).all() and (pixels[-18:] == 0).all(), "it is not black around"


@pytest.mark.parametrize("kind", ["distance", "grey", "colour"])
def test_the_output_is_painted_as_the_output_alone_is(kind: str) -> None:
    for size in ((320, 180), (90, 200)):
        alone, beside = Stage(size, kind), Stage((400, 300), kind, **{"look__output_only": False})
        wanted = alone.draw(picture(kind))
        [tick] = ticks(1)
        card = SimpleNamespace(architecture=SimpleNamespace(pictures=kind))
        frame = Frame(tick, SimpleNamespace(card=card), np.zeros(3), image=picture(kind))
        output = pygame.Surface(size, 0, 32)
        beside.panes.draw_output(frame, output, tick, hear())
        seen = pygame.surfarray.array3d(output).swapaxes(0, 1)
        assert np.abs(seen.astype(int) - wanted).mean() < 1
