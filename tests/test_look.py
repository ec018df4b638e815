"""What is seen: upscaling, colours, panes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pygame
import pytest
from conftest import hear, make_model
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser.controls import Controls
from visualiser.frame import Frame
from visualiser.look import panes as look
from visualiser.look.palette import INK, palettes
from visualiser.look.panes import Panes, layout
from visualiser.look.upscale import resize
from visualiser.nets.checkpoint import Checkpoint
from visualiser.types import Tick

SIZES = st.integers(1, 90)


# --- upscaling


@settings(max_examples=60, deadline=None)
@given(h=SIZES, w=SIZES, to_h=SIZES, to_w=SIZES, value=st.floats(0, 1, width=32))
def test_a_plain_picture_stays_plain(h: int, w: int, to_h: int, to_w: int, value: float) -> None:
    resized = resize(np.full((h, w), value, np.float32), (to_h, to_w))
    assert resized.shape == (to_h, to_w) and resized.dtype == np.float32
    np.testing.assert_allclose(resized, value, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(h=SIZES, w=SIZES, seed=st.integers(0, 1000))
def test_the_same_size_is_the_same_picture(h: int, w: int, seed: int) -> None:
    image = np.random.default_rng(seed).random((h, w), np.float32)
    np.testing.assert_allclose(resize(image, (h, w)), image, atol=1e-5)


@pytest.mark.parametrize("to", [(11, 7), (14, 14), (28, 28), (57, 91), (280, 140)])
def test_brightness_and_place_are_kept_larger_or_smaller(to: tuple[int, int]) -> None:
    rows, columns = np.mgrid[:28, :28]
    spot = np.exp(-((rows - 8.5) ** 2 + (columns - 17.5) ** 2) / 30).astype(np.float32)
    resized = resize(spot, to)
    assert resized.mean() == pytest.approx(spot.mean(), rel=0.02)
    down = (resized.sum(axis=1) @ (np.arange(to[0]) + 0.5)) / resized.sum() / to[0]
    right = (resized.sum(axis=0) @ (np.arange(to[1]) + 0.5)) / resized.sum() / to[1]
    assert down == pytest.approx(9 / 28, abs=0.005)
    assert right == pytest.approx(18 / 28, abs=0.005)


def test_an_edge_stays_sharp_and_where_it_was() -> None:
    image = np.zeros((28, 28), np.float32)
    image[:, 14:] = 1
    line = resize(image, (280, 280))[140]
    assert abs(np.flatnonzero(line > 0.5)[0] - 140) <= 1
    between = np.flatnonzero((line > 0.02) & (line < 0.98))
    assert len(between) <= 20, "as wide as two of the network's pixels, not more"
    assert line[:120].max() < 0.01 and line[160:].min() > 0.99


def test_what_is_smaller_than_a_pixel_is_averaged_not_left_out() -> None:
    image = np.indices((64, 64)).sum(axis=0).astype(np.float32) % 2  # a chequerboard
    small = resize(image, (8, 8))
    np.testing.assert_allclose(small[1:-1, 1:-1], 0.5, atol=0.05)


def test_overshoot_is_within_what_the_palette_holds() -> None:
    rng = np.random.default_rng(1)
    for size in (8, 28, 56):
        for to in (size + 1, 61, 97, 200, 340):
            for _ in range(4):
                image = rng.integers(0, 2, (size, size)).astype(np.float32)
                resized = resize(image, (to, to))
                assert resized.min() > -0.3 and resized.max() < 1.3


def test_it_writes_where_it_is_told() -> None:
    image = np.random.default_rng(1).random((5, 7), np.float32)
    out = np.zeros((20, 30), np.float32)
    assert resize(image, (20, 30), out=out) is out
    np.testing.assert_array_equal(out, resize(image, (20, 30)))


# --- layout

CANVAS = st.integers(1, 4000)


@settings(max_examples=300, deadline=None)
@given(width=CANVAS, height=CANVAS, below=st.integers(0, 200))
def test_panes_lie_inside_the_canvas_are_equal_and_apart(
    width: int, height: int, below: int
) -> None:
    left, right = layout((width, height), below, False)
    assert left.size == right.size and left.width == left.height >= 1
    assert not left.colliderect(right)
    free = max(height - below, 1)
    if min(width, free) < 8:  # there is hardly room for two, and nobody to see them
        return
    canvas = pygame.Rect(0, 0, width, free)
    assert canvas.contains(left) and canvas.contains(right)
    # Side by side or one above the other, whichever leaves them more room; in the middle.
    assert (left.centery == right.centery) if width >= free else (left.centerx == right.centerx)
    around = left.union(right)
    assert abs(around.centerx - width / 2) <= 1.5 and abs(around.centery - free / 2) <= 1.5
    long, short = max(width, free), min(width, free)
    assert left.width >= min(0.4 * long, 0.8 * short) - 6, "they use the room there is"


@settings(max_examples=100, deadline=None)
@given(width=CANVAS, height=CANVAS, below=st.integers(0, 200), wide=st.booleans())
def test_the_output_alone_fills_the_canvas(width: int, height: int, below: int, wide: bool) -> None:
    _, box = layout((width, height), below, True, wide)
    free = max(height - below, 1)
    assert pygame.Rect(0, 0, width, free).contains(box)
    assert box.size == ((width, free) if wide else (min(width, free),) * 2)


# --- panes

ENDS = palettes()["ember"].srgb(2)


def make_panes(**values: Any) -> Panes:
    """values: of controls, by their id."""
    given = {"look.palette": "ember", "look.look": "fill"}
    given |= {key.replace("__", "."): value for key, value in values.items()}
    return Panes(Controls(look.declare(), given))


def draw(
    panes: Panes,
    canvas: pygame.Surface,
    model: Checkpoint,
    image: np.ndarray | None,
    t: float = 1.0,
    below: int = 0,
    **rest: Any,
) -> None:
    rest.setdefault("z", np.zeros(3, np.float32))
    tick = Tick(int(t * 60), t, 1 / 60)
    panes.draw(Frame(tick, model, image=image, **rest), canvas, tick, hear(), below)


def seen(canvas: pygame.Surface) -> np.ndarray:
    """(H, W, 3) what is on a canvas."""
    return pygame.surfarray.array3d(canvas).swapaxes(0, 1)


def inside(canvas: pygame.Surface, box: pygame.Rect) -> np.ndarray:
    return seen(canvas)[box.top : box.bottom, box.left : box.right]


def test_what_is_begun_before_its_frame_comes_is_the_same_picture(model) -> None:
    image, rng = np.full((28, 28), 0.3, np.float32), np.random.default_rng(1)
    at_once, ahead = make_panes(), make_panes()
    for n, (size, below, alone) in enumerate([((500, 300), 20, False)] * 30 + [
        ((500, 300), 0, False), ((400, 420), 0, False), ((400, 420), 0, True),
        ((500, 300), 20, True), ((500, 300), 20, False),
    ]):  # fmt: skip
        one, other = (pygame.Surface(size, 0, 32) for _ in range(2))
        z, t = rng.normal(0, 1, 3).astype(np.float32), 1 + n / 10
        if n % 3:  # as it was a frame ago, or as it is now
            ahead.begin(other, t, below)
        for panes, canvas in ((at_once, one), (ahead, other)):
            panes._controls.apply(("look.output_only", alone))
            draw(panes, canvas, model, image, t, below, z=z)
        # The colour of the past is that of the frame before; all else is the same.
        box = at_once.boxes[0]
        differs = (seen(one) != seen(other)).any(axis=2)
        assert not differs[: box.top].any() and not differs[box.bottom :].any()
        assert not differs[:, box.right :].any() and differs.mean() < 0.05


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("size", [(640, 360), (360, 640), (501, 333)])
def test_black_is_the_first_colour_and_white_the_last(model, smooth: bool, size) -> None:
    panes, canvas = make_panes(look__smooth=smooth), pygame.Surface(size, 0, 32)
    for value, end in ((0.0, 0), (1.0, 1)):
        image, field = (np.full((n, n), value, np.float32) for n in (12, 28))
        draw(panes, canvas, model, image, field=field)
        for box in panes.boxes:
            assert (inside(canvas, box) == ENDS[end]).all()
        around = seen(canvas).copy()
        for box in panes.boxes:
            around[box.top : box.bottom, box.left : box.right] = INK
        assert (around == INK).all(), "and nothing is drawn outside of them"


@pytest.mark.parametrize("smooth", [True, False])
def test_greys_of_the_input_become_the_colours_between(model, smooth: bool) -> None:
    panes, canvas = make_panes(look__smooth=smooth), pygame.Surface((640, 360), 0, 32)
    for grey in (0.05, 0.25, 0.5, 0.75, 0.95):
        draw(panes, canvas, model, None, field=np.full((12, 12), grey, np.float32))
        got = inside(canvas, panes.boxes[0]).astype(int)
        assert np.abs(got - palettes()["ember"].srgb(1001)[round(grey * 1000)]).max() <= 3


@pytest.mark.parametrize("name", ["fill", "gradient"])
def test_hard_edges_have_no_wrong_colours_beside_them(model, name: str) -> None:
    """Smooth upscaling overshoots black and white, and must not come out at the other end."""
    panes, canvas = make_panes(look__look=name), pygame.Surface((640, 360), 0, 32)
    image = np.zeros((28, 28), np.float32)
    image[6:20, 6:20] = 1
    image[9:11, 9:11] = 0
    draw(panes, canvas, model, image, field=image)
    for box in panes.boxes:
        pixels = inside(canvas, box)
        step = box.width / 28
        for i in range(28):
            for j in range(28):
                ring = image[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
                if np.ptp(ring) == 0:  # all around is alike: the colour of the end
                    here = pixels[int((i + 0.5) * step), int((j + 0.5) * step)]
                    assert np.abs(here - ENDS[int(image[i, j])].astype(int)).max() <= 12, (i, j)


@pytest.mark.parametrize("smooth", [True, False])
def test_the_picture_is_the_right_way_up(model, smooth: bool) -> None:
    panes, canvas = make_panes(look__smooth=smooth), pygame.Surface((640, 360), 0, 32)
    image = np.zeros((28, 28), np.float32)
    image[2:9, 16:26] = 1  # above, on the right
    draw(panes, canvas, model, image, field=image)
    for box in panes.boxes:
        light = inside(canvas, box).sum(axis=2) > 500
        rows, columns = np.nonzero(light)
        assert rows.mean() / box.height == pytest.approx(5.5 / 28, abs=0.02)
        assert columns.mean() / box.width == pytest.approx(21 / 28, abs=0.02)
        assert light.mean() == pytest.approx(70 / 784, rel=0.15)


def test_blocks_show_the_networks_own_pixels(model) -> None:
    image = np.indices((4, 4)).sum(axis=0).astype(np.float32) % 2
    canvas = pygame.Surface((640, 360), 0, 32)
    for smooth, look_name in ((False, "fill"), (True, "gradient")):
        panes = make_panes(look__smooth=smooth, look__look=look_name)
        draw(panes, canvas, model, image)
        colours = len(np.unique(inside(canvas, panes.boxes[1]).reshape(-1, 3), axis=0))
        assert (colours > 20) if smooth else (colours == 2)


def test_without_a_picture_the_pane_waits_and_the_input_is_there(model) -> None:
    panes, canvas = make_panes(), pygame.Surface((640, 360), 0, 32)
    draw(panes, canvas, model, None)
    left, right = panes.boxes
    assert len(np.unique(inside(canvas, right).reshape(-1, 3), axis=0)) == 1
    assert len(np.unique(inside(canvas, left).reshape(-1, 3), axis=0)) > 3
    draw(panes, canvas, model, None, z=None, field=np.ones((28, 28), np.float32))
    assert (inside(canvas, left) == ENDS[1]).all()


def test_the_output_alone_leaves_no_input_on_the_canvas(model) -> None:
    panes, canvas = make_panes(look__output_only=True), pygame.Surface((640, 360), 0, 32)
    draw(panes, canvas, model, np.pad(np.ones((10, 10), np.float32), 1))
    white = (seen(canvas) == ENDS[1]).all(axis=2)
    assert white.sum() == pytest.approx((360 * 10 / 12) ** 2, rel=0.05)
    assert (seen(canvas)[:, [*range(130), *range(510, 640)]] == ENDS[0]).all()


def test_the_foot_of_the_canvas_stays_free(model) -> None:
    for alone in (False, True):
        panes, canvas = make_panes(look__output_only=alone), pygame.Surface((640, 360), 0, 32)
        draw(panes, canvas, model, np.ones((12, 12), np.float32), below=60)
        assert (seen(canvas)[300:] == INK).all()


def lit(canvas: pygame.Surface, box: pygame.Rect) -> float:
    """How far down, 0..1, the dots of the latents are on average: the brightest colours there."""
    pixels = inside(canvas, box).astype(int)
    right = pixels[:, int(box.width * 0.75) :]
    rows = np.nonzero((np.ptp(right, axis=2) > 40) | (right.min(axis=2) > 100))[0]
    return float(rows.mean()) / box.height


def test_latents_are_seen_where_they_are_and_where_they_came_from(model) -> None:
    canvas = pygame.Surface((640, 360), 0, 32)
    heights = []
    for far in (-2.0, 0.0, 2.0):
        panes = make_panes()
        z = (model.latents.mean + far * model.latents.std).astype(np.float32)
        draw(panes, canvas, model, None, z=z)
        heights.append(lit(canvas, panes.boxes[0]))
    assert heights[0] > heights[1] > heights[2], "more is up"
    # A latent that moves leaves a trail, which grows longer.
    panes, busy = make_panes(), []
    for i in range(120):
        z = (model.latents.mean + np.sin(i / 9) * model.latents.std).astype(np.float32)
        draw(panes, canvas, model, None, t=1 + i / 60, z=z)
        if i % 30 == 29:
            pixels = inside(canvas, panes.boxes[0]).astype(int)
            busy.append(int((np.ptp(pixels, axis=2) > 25).sum()))
    assert busy[0] < busy[1] < busy[2] and busy[3] > 1.5 * busy[0]


def test_another_models_latents_begin_a_new_trail(model) -> None:
    panes, canvas = make_panes(), pygame.Surface((320, 180), 0, 32)
    other = make_model("other", 8, 8, (4,), 7)
    for i in range(30):
        now, dim = (model, 3) if i % 20 < 10 else (other, 7)
        z = np.full(dim, np.sin(i), np.float32)
        draw(panes, canvas, now, None, t=i / 60, z=z)


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40))
    | st.tuples(st.integers(1, 400), st.integers(1, 400)),
    below=st.integers(0, 50),
    smooth=st.booleans(),
    alone=st.booleans(),
    dim=st.sampled_from([1, 3, 64]),
    picture=st.sampled_from([(1, 1), (12, 12), (8, 20), (28, 28, 3)]),
    pixel=st.booleans(),
    name=st.sampled_from(["fill", "relief"]),
)
def test_any_canvas_can_be_drawn_on(
    size: tuple[int, int],
    below: int,
    smooth: bool,
    alone: bool,
    dim: int,
    picture: tuple[int, ...],
    pixel: bool,
    name: str,
) -> None:
    made = make_model("any", 4, 4, (), dim)
    panes = make_panes(
        look__smooth=smooth, look__output_only=alone, look__look=name, trails__on=True
    )
    canvas = pygame.Surface(size, 0, 32)
    rng = np.random.default_rng(1)
    for i in range(3):
        z = (rng.standard_normal(dim) * 10**i).astype(np.float32)
        field = rng.random((28, 28), np.float32) if pixel else None
        image = rng.random(picture).astype(np.float32)
        draw(panes, canvas, made, image, t=i / 60, below=below, z=z, field=field)
    assert canvas.get_size() == size
