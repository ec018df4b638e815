"""The lanes of latents, as compiled loops draw them and as pygame does."""

from __future__ import annotations

import numpy as np
import pygame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser import loops
from visualiser.frame import Frame
from visualiser.look.lanes import Lanes
from visualiser.look.palette import PANE, Palette, palettes
from visualiser.loops.pixels import UNMARKED, Words
from visualiser.nets.checkpoint import Checkpoint
from visualiser.types import FloatArray, Tick

EMBER = palettes()["ember"]
SIZE = 200


pytestmark = pytest.mark.usefixtures("loaded_loops")


def traced(
    xs: list[float], ys: list[float], radius: float, dot: float = 0.0, first: int = 0,
    canvas: Words | None = None, strengths: FloatArray | None = None,
) -> np.ndarray:  # fmt: skip
    """(H, W) how much of each pixel is covered, 0..1."""
    canvas = np.zeros((SIZE, SIZE), np.uint32) if canvas is None else canvas
    trace = loops.compiled(loops.pixels.trace)
    assert trace is not None
    if strengths is None:
        strengths = np.full(SIZE - first, 256, np.float32)
    trace(canvas, np.array(xs, np.float32), np.array([ys], np.float32),
          np.array([0xFFFFFF], np.uint32), strengths, first, radius, dot, 0, UNMARKED)  # fmt: skip
    octets = canvas.view(np.uint8).reshape(*canvas.shape, 4)
    assert (octets[..., 0] == octets[..., 1]).all() and (octets[..., 0] == octets[..., 2]).all()
    return octets[..., 0] / 255


@pytest.mark.parametrize("radius", [0.6, 1.0, 1.7, 4.0])
@pytest.mark.parametrize("down", [0, 0.3, 15, 60])
def test_a_line_is_as_wide_as_asked_at_any_angle_with_round_ends(
    radius: float, down: float
) -> None:
    ink = traced([50.2, 140.7], [60.4, 60.4 + down], radius)
    area = np.hypot(90.5, down) * 2 * radius + np.pi * radius**2
    assert ink.sum() == pytest.approx(area, rel=0.03)
    rows, columns = np.indices(ink.shape)
    assert (ink * rows).sum() / ink.sum() == pytest.approx(60.4 + down / 2, abs=0.15)
    assert (ink * columns).sum() / ink.sum() == pytest.approx(95.45, abs=0.15)


def test_joins_are_round_and_without_a_seam() -> None:
    xs, ys = np.linspace(20, 180, 33), np.linspace(30, 90, 33)
    whole, parts = traced([20, 180], [30, 90], 1.7), traced(list(xs), list(ys), 1.7)
    np.testing.assert_allclose(parts, whole, atol=0.01)
    peak = traced([90, 100, 110], [150, 50, 150], 3)
    assert not peak[:46].any() and peak[48:53, 100].min() > 0.9, "no spike"
    straight_up = traced([100, 100], [40, 160], 2)
    assert straight_up[100].sum() == pytest.approx(4, abs=0.02)


def test_a_dot_is_a_disc_at_the_end() -> None:
    ink = traced([20, 120.5], [60, 80.25], 1.0, dot=12.0)
    disc = ink[:, 109:].sum()
    assert disc == pytest.approx(np.pi * 144, rel=0.05)
    assert ink[80, 120] == 1 and ink[80, 131] > 0.9 and not ink[80, 134:].any()


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 60), st.integers(0, 2**32 - 1), st.integers(0, SIZE))
def test_a_line_in_two_parts_is_the_same_line(n: int, seed: int, at: int) -> None:
    """So it does not matter how much of it was drawn ahead."""
    rng = np.random.default_rng(seed)
    xs, ys = list(np.sort(rng.uniform(-30, SIZE + 30, n))), list(rng.uniform(-20, SIZE + 20, n))
    strengths = rng.uniform(0, 256, SIZE).astype(np.float32)
    whole = traced(xs, ys, 1.3, dot=9.0, strengths=strengths)
    canvas = np.zeros((SIZE, SIZE), np.uint32)
    traced(xs, ys, 1.3, 9.0, canvas=canvas, strengths=strengths[:at].copy())
    parts = traced(xs, ys, 1.3, 9.0, first=at, canvas=canvas, strengths=strengths[at:].copy())
    np.testing.assert_allclose(parts, whole, atol=1.5 / 255)


@pytest.mark.parametrize("wild", [np.nan, np.inf, -np.inf, 1e30])
def test_no_number_is_drawn_beyond_the_canvas(wild: float) -> None:
    canvas = np.zeros((SIZE + 2, SIZE), np.uint32)
    trace = loops.compiled(loops.pixels.trace)
    assert trace is not None
    strengths, white = np.full(SIZE, 256, np.float32), np.array([0xFFFFFF], np.uint32)
    for ys in ([10, wild], [wild, 10], [wild, -wild]):
        line = np.array([5, 150], np.float32), np.array([ys], np.float32)
        for above in (0, 7):
            trace(canvas[1:-1], *line, white, strengths, 0, 2.0, 8.0, above, UNMARKED)
    assert not canvas[0].any() and not canvas[-1].any()


def played(model: Checkpoint, lanes: Lanes, n: int = 240) -> float:
    """Let a latent move for a while; the time then, s."""
    for i in range(n):
        t = i / 60
        along = (1.5 * np.sin(t * np.array([1.0, 1.7, 2.3]))).astype(np.float32)
        lanes.remember(Frame(Tick(i, t, 1 / 60), model, np.zeros(3, np.float32), along=along))
    return (n - 1) / 60


def drawn(lanes: Lanes, canvas: pygame.Surface, t: float) -> np.ndarray:
    lanes.draw_past(canvas, canvas.get_rect(), EMBER, t)
    lanes.draw_now(canvas, canvas.get_rect(), EMBER)
    return pygame.surfarray.array3d(canvas).astype(int)


@pytest.mark.parametrize("size", [(297, 297), (596, 596), (892, 892)])
def test_lanes_look_much_the_same_without_loops(model: Checkpoint, size: tuple[int, int]) -> None:
    lanes = Lanes()
    t = played(model, lanes)
    by_loop = drawn(lanes, pygame.Surface(size, 0, 32), t)
    loops._compiled.clear()
    by_pygame = drawn(lanes, pygame.Surface(size, 0, 32), t)
    light = [(each - PANE).sum() for each in (by_loop, by_pygame)]
    assert light[0] == pytest.approx(light[1], rel=0.1)
    soft = [
        sum(np.roll(each, (i, j), (0, 1)) for i in range(-3, 4) for j in range(-3, 4)) / 49
        for each in (by_loop, by_pygame)
    ]
    assert np.abs(soft[0] - soft[1]).mean() < 0.6 and np.abs(soft[0] - soft[1]).max() < 50


def test_they_are_drawn_on_a_part_of_a_canvas_as_on_one_of_their_own(model: Checkpoint) -> None:
    lanes = Lanes()
    t = played(model, lanes)
    whole = pygame.Surface((500, 400), 0, 32)
    part = whole.subsurface((100, 50, 300, 300))
    np.testing.assert_array_equal(
        drawn(lanes, part, t), drawn(lanes, pygame.Surface((300, 300), 0, 32), t)
    )
    outside = pygame.surfarray.array3d(whole)
    outside[100:400, 50:350] = 0
    assert not outside.any()


def test_the_past_fades_evenly_into_the_pane(model: Checkpoint) -> None:
    lanes = Lanes()
    for i in range(240):
        along = np.full(3, 1.0, np.float32)
        lanes.remember(Frame(Tick(i, i / 60, 1 / 60), model, np.zeros(3, np.float32), along=along))
    picture = drawn(lanes, pygame.Surface((600, 600), 0, 32), 239 / 60)
    line = picture[42:500, :90].max(axis=1).sum(axis=1)  # along the first lane, which is level
    steps = np.diff(line)
    assert steps.min() >= 0 and steps.max() <= 8 and line[0] <= sum(PANE) + 8 < line[-1] - 200


@pytest.mark.parametrize("side", [20, 120, 297, 892])
@pytest.mark.parametrize("fps", [10, 24, 60])
def test_what_was_drawn_ahead_of_a_frame_is_the_same_picture(
    model: Checkpoint, side: int, fps: int
) -> None:
    white = Palette(np.array([[1, 1, 1], [0.9999, 1, 1]]))  # the past's colour is one frame old
    lanes, rng = Lanes(), np.random.default_rng(side)
    ahead, at_once = (pygame.Surface((side, side), 0, 32) for _ in range(2))
    box = ahead.get_rect()
    for i in range(60):
        along, t = rng.normal(0, 1, 3).astype(np.float32), i / fps
        lanes.draw_past(ahead, box, white, t)
        lanes.remember(Frame(Tick(i, t, 1 / fps), model, np.zeros(3, np.float32), along=along))
        if not i:
            continue  # there was no past yet
        lanes.draw_now(ahead, box, white)
        lanes.draw_past(at_once, box, white, t)
        lanes.draw_now(at_once, box, white)
        one, other = (pygame.surfarray.array3d(each).astype(int) for each in (ahead, at_once))
        assert np.abs(one - other).max() <= 1
