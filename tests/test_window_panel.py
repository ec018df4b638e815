"""The sliders in the real window: keys and mouse of a real server, and what is seen of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from program import Playing, Program, wait_until
from virtual_screen import VirtualScreen, reads, virtual_screen

SIZE = (1000, 600)
HELD = np.array([255, 122, 92])


@pytest.fixture(scope="module")
def screen() -> Iterator[VirtualScreen]:
    with virtual_screen(*SIZE) as screen:
        yield screen


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory, screen: VirtualScreen) -> Iterator[Playing]:
    with Program(tmp_path_factory.mktemp("project")) as program:
        play = ("--size", "1000x600", "--fps", 30, "--model", "classic-28")
        with program.start(*play, env=screen.env) as playing:
            wait_until(lambda: screen.place()[2:] == SIZE or not playing.is_running(), "a window")
            assert playing.is_running(), playing.err
            yield playing


def held(screen: VirtualScreen) -> np.ndarray:
    """(n, 2) x and y of pixels of the left half that have the colour of what is held."""
    seen = screen.window()[:, :500].astype(int)
    return np.argwhere(np.abs(seen - HELD).sum(axis=2) < 12)[:, ::-1]


def test_sliders_are_opened_moved_let_go_and_closed(
    playing: Playing, screen: VirtualScreen
) -> None:
    screen.key("Tab")
    wait_until(lambda: reads(screen.window()[:80, :300], "latents"), "the first page")
    dot = len(held(screen))  # that of the map
    screen.key("Down", "Right")
    wait_until(lambda: len(held(screen)) > dot + 10, "the second latent, held")
    before = held(screen)[:, 0].max()
    screen.key(*["Right"] * 6)
    wait_until(lambda: held(screen)[:, 0].max() != before, "it moves")
    screen.key("BackSpace")
    wait_until(lambda: len(held(screen)) < dot + 10, "it is let go")
    screen.key("Tab")
    wait_until(lambda: reads(screen.window()[:80, :300], "show"), "the next page")
    screen.key("Right")
    wait_until(lambda: reads(screen.window()[-40:], "simplex"), "another driver at the foot")
    screen.key("Escape")
    wait_until(lambda: not reads(screen.window()[:80, :300], "show"), "no sliders any more")
    assert playing.is_running(), playing.err
