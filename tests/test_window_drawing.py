"""A real mouse on the input pane of the real program, and what is seen of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from program import Playing, Program, has_traceback, wait_until
from virtual_screen import VirtualScreen, reads, virtual_screen

from visualiser.data.shapes import KINDS, distances
from visualiser.look.panes import layout
from visualiser.look.upscale import resize
from visualiser.sketchpad import Sketchpad

SIZE = (640, 400)
LOOK = '[look]\nlook = "fill"\npalette = "silver"\nfade = 0.0\n[draw]\nwidth = 0.07\n'
LEFT, RIGHT = layout(SIZE, 20, False)  # the line at the foot is ten pixels high
CIRCLE = [(0.5 + 0.28 * np.cos(t), 0.5 + 0.28 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 40)]


@pytest.fixture(scope="module")
def screen() -> Iterator[VirtualScreen]:
    with virtual_screen() as screen:
        yield screen


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory, screen: VirtualScreen) -> Iterator[Playing]:
    with Program(tmp_path_factory.mktemp("project")) as program:
        config = program.root / "plain.toml"
        config.write_text(LOOK)
        play = ("--config", config, "--size", "640x400", "--fps", 30, "--model", "shapes")
        with program.start(*play, env=screen.env) as playing:
            wait_until(lambda: screen.place()[2:] == SIZE or not playing.is_running(), "a window")
            assert playing.is_running(), playing.err
            wait_until(lambda: np.ptp(pane(screen, RIGHT)) > 100, "a first picture")
            yield playing


@pytest.fixture
def see(playing: Playing, screen: VirtualScreen) -> Callable[[], np.ndarray]:
    """Looks at the window."""
    assert playing.is_running(), playing.err
    return lambda: screen.window()


def pane(screen: VirtualScreen, box: object) -> np.ndarray:
    """What is seen in it, as grey."""
    window = screen.window().astype(float).mean(axis=2)
    return window[box.y : box.y + box.height, box.x : box.x + box.width]


def without_ring(screen: VirtualScreen) -> np.ndarray:
    """The input pane, once the pen is not seen any more: all else on it is grey."""
    part = slice(LEFT.top, LEFT.bottom), slice(LEFT.left, LEFT.right)
    wait_until(lambda: np.ptp(screen.window()[part].astype(int), axis=2).max() < 60, "no ring")
    return pane(screen, LEFT)


def foot(pixels: np.ndarray) -> np.ndarray:
    return pixels[-36:]


def within(box: object, places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(box.x + x * box.width, box.y + y * box.height) for x, y in places]


def alike(seen: np.ndarray, expected: np.ndarray) -> float:
    """Correlation of what is seen with a field, at the size of what is seen."""
    wanted = np.clip(resize(expected.astype(np.float32), seen.shape), 0, 1)
    return float(np.corrcoef(seen.ravel(), wanted.ravel())[0, 1])


def the_circle() -> np.ndarray:
    pad = Sketchpad()
    for start, end in pairwise(CIRCLE):
        pad.line(start, end, 0.07)
    return pad.field


def test_the_mouse_on_the_output_draws_nothing(see: Callable, screen: VirtualScreen) -> None:
    screen.drag(within(RIGHT, CIRCLE))
    screen.drag(within(LEFT, CIRCLE), button=3)
    assert reads(foot(see()), "latent")


def test_a_circle_drawn_with_the_mouse_is_seen_and_comes_back_filled(
    see: Callable, screen: VirtualScreen
) -> None:
    screen.drag(within(LEFT, CIRCLE))
    wait_until(lambda: reads(foot(see()), "draw"), "draw at the foot")
    wait_until(lambda: alike(pane(screen, LEFT), the_circle()) > 0.9, "the line in its pane")
    middle, size = np.zeros((1, 2)), RIGHT.height
    disk = distances(KINDS["circle"], size, np.array([0.56]), middle, np.zeros(1))[0] < 0

    def overlap() -> float:
        drawn = pane(screen, RIGHT) > 110
        return float((drawn & disk).sum() / (drawn | disk).sum())

    wait_until(lambda: overlap() > 0.8, "a disk in the other pane")
    before = pane(screen, RIGHT)
    screen.key("Shift_L", "Shift_L")  # means nothing, and takes a little while
    assert np.abs(pane(screen, RIGHT) - before).mean() < 1, "what is drawn stands still"


def test_noise_is_put_on_it_and_taken_off(see: Callable, screen: VirtualScreen) -> None:
    clean = without_ring(screen)
    screen.key(*["bracketright"] * 5)
    wait_until(lambda: np.abs(pane(screen, LEFT) - clean).mean() > 8, "dots on the drawing")
    assert alike(pane(screen, LEFT), the_circle()) > 0.4
    before = pane(screen, LEFT)
    wait_until(lambda: np.abs(pane(screen, LEFT) - before).mean() > 4, "others each frame")
    screen.key(*["bracketleft"] * 6)
    wait_until(lambda: np.abs(pane(screen, LEFT) - clean).mean() < 1, "the drawing as it was")


def test_d_wipes_it_and_a_new_one_can_be_drawn(see: Callable, screen: VirtualScreen) -> None:
    screen.key("d")
    wait_until(lambda: np.ptp(pane(screen, LEFT)[10:-10, 10:-10]) < 12, "an empty pane")
    assert reads(foot(see()), "draw")
    screen.drag(within(LEFT, [(0.2, 0.5), (0.8, 0.5)]))
    pad = Sketchpad()
    pad.line((0.2, 0.5), (0.8, 0.5), 0.07)
    wait_until(lambda: alike(pane(screen, LEFT), pad.field) > 0.9, "a line across")
    screen.key("d")
    wait_until(lambda: np.ptp(pane(screen, LEFT)[10:-10, 10:-10]) < 12, "an empty pane")


def test_a_line_that_leaves_the_pane_and_comes_back_goes_on(screen: VirtualScreen) -> None:
    places = [(0.5, 0.3), (1.4, 0.3), (1.4, 0.7), (0.5, 0.7)]
    screen.drag(within(LEFT, places))
    pad = Sketchpad()
    for start, end in pairwise(places):
        pad.line(start, end, 0.07)
    wait_until(lambda: alike(pane(screen, LEFT), pad.field) > 0.9, "two lines to the edge")


def test_a_line_is_drawn_with_keys(see: Callable, screen: VirtualScreen) -> None:
    screen.key("d")
    screen.drag(within(LEFT, [(0.3, 0.5), (0.3, 0.5)]))  # the pen is where the mouse left it
    with screen.held("6"), screen.held("Right"):
        wait_until(lambda: pane(screen, LEFT)[LEFT.height // 2, -8] > 60, "a line to the edge")
    pad = Sketchpad()
    pad.line((0.3, 0.5), (1.0, 0.5), 0.07)
    wait_until(lambda: alike(pane(screen, LEFT), pad.field) > 0.9, "a line, and no ring any more")


def test_g_goes_on_walking_from_what_was_drawn_and_back(
    see: Callable, screen: VirtualScreen, playing: Playing
) -> None:
    screen.key("d")
    screen.drag(within(LEFT, CIRCLE))
    wait_until(lambda: alike(pane(screen, LEFT), the_circle()) > 0.9, "the line in its pane")
    screen.key("g")
    wait_until(lambda: reads(foot(see()), "latent"), "latent at the foot")
    before = pane(screen, RIGHT)
    wait_until(lambda: np.abs(pane(screen, RIGHT) - before).mean() > 1, "a picture that moves")
    screen.key("g")
    wait_until(lambda: alike(pane(screen, LEFT), the_circle()) > 0.9, "the drawing, as it was")
    assert reads(foot(see()), "draw")
    screen.key("q")
    assert playing.wait() == 0
    assert not has_traceback(playing.err)
