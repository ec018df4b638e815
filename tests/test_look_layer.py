"""The output without its ground: over that ground it is the picture that it was, and over any other
it has no fringes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pygame
import pytest
from conftest import hear, ticks

from visualiser.controls import Command, Controls
from visualiser.film.drawing import Drawing
from visualiser.frame import Frame, Moment
from visualiser.look.looks import looks
from visualiser.look.oklab import to_srgb
from visualiser.nets import checkpoint
from visualiser.run import declared_controls

SIZE = (192, 108)
FPS = 30.0
GROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0), "green": (0, 200, 60)}


@pytest.fixture(scope="module")
def controls() -> Callable[..., Controls]:
    declared = declared_controls()

    def make(**values: object) -> Controls:
        given = {name.replace("__", "."): value for name, value in values.items()}
        return Controls(declared, {"look.output_only": True, **given})

    return make


def draw(
    controls: Controls, commands: dict[int, list[Command]], n: int = 1, models: str = "shapes"
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frame by frame: the picture (H, W, 3), and the layer (H, W, 4). models: that of the first
    half, and of the second."""
    drawing = Drawing(controls, SIZE, alpha=True)
    found = [checkpoint.read(checkpoint.find(name)) for name in models.split()]
    for tick in ticks(n, FPS):
        for command in commands.get(tick.index, []):
            controls.apply(command)
        model = found[tick.index * len(found) // n]
        along = np.sin(np.arange(model.latents.n_directions) + 1.3 + tick.t).astype(np.float32)
        frame = Frame(tick, model, model.latents.bend(along @ model.latents.directions))
        layer = drawing.draw(Moment(tick, frame, hear(0.5)))
        yield pixels(drawing.canvas)[..., :3], pixels(layer)


def pixels(surface: pygame.Surface) -> np.ndarray:
    """(H, W, 4) red, green, blue, alpha."""
    seen = np.asarray(surface.get_view("2")).T.copy().view(np.uint8)
    return seen.reshape(*seen.shape[:1], -1, 4)[..., [2, 1, 0, 3]].astype(float)


def over(layer: np.ndarray, ground: object) -> np.ndarray:
    share = layer[..., 3:] / 255
    return layer[..., :3] * share + np.asarray(ground, float) * (1 - share)


def ground_of(controls: Controls) -> np.ndarray:
    """What the look draws far outside of a shape, (3,) 0..255."""
    from visualiser.look.palette import palettes

    look = looks()[str(controls["look.look"])]()
    palette = palettes()[str(controls["look.palette"])]
    linear = look.ground(palette, controls.section(look.name)).astype(float)
    return 255 * to_srgb(linear * controls.number("look.brightness"))


@pytest.mark.parametrize("look", looks())
@pytest.mark.parametrize("model", ["shapes", "classic-28"])
def test_over_its_own_ground_a_layer_is_the_picture(
    controls: Callable[..., Controls], look: str, model: str
) -> None:
    for palette, bright in (("ember", 1.0), ("porcelain", 1.0), ("glacier", 0.6)):
        made = controls(look__look=look, look__palette=palette, look__brightness=bright)
        picture, layer = next(draw(made, {}, models=model))
        off = np.abs(over(layer, ground_of(made)) - picture)
        assert off.max() <= 2, (palette, off.max())
        assert layer[..., 3].min() < 90, "nothing is clear"
        is_light = look in ("neon", "contour")  # whose lines are finer than a pixel here
        assert layer[..., 3].max() > 250 or is_light, "nothing is solid"


@pytest.mark.parametrize("palette", ["ember", "porcelain"])
def test_an_edge_has_its_shapes_own_colour_over_whatever_it_lies_on(
    controls: Callable[..., Controls], palette: str
) -> None:
    made = controls(look__look="duotone", look__palette=palette)
    _, layer = next(draw(made, {}))
    solid, alpha = layer[layer[..., 3] == 255], layer[..., 3]
    shape = np.median(solid[:, :3], axis=0)
    edge = layer[(alpha > 0) & (alpha < 255)]
    assert len(edge) > 50
    assert np.abs(edge[:, :3] - shape)[edge[:, 3] > 25].max() <= 40
    for ground in GROUNDS.values():
        seen = over(edge, ground)
        low, high = np.minimum(shape, ground) - 20, np.maximum(shape, ground) + 20
        assert ((seen >= low) & (seen <= high)).all(), "a fringe"
    # Where it is clear it has a colour of its shape still, which encoders can blur.
    assert np.abs(layer[alpha == 0][:, :3] - shape).max() <= 40


def test_in_a_change_of_look_or_of_model_it_is_the_picture_still(
    controls: Callable[..., Controls],
) -> None:
    made = controls(look__look="fill", look__fade=0.5, look__model_fade=0.5)
    changes: dict[int, list[Command]] = {2: [("look.look", "gradient")]}
    for picture, layer in draw(made, changes, 24, "shapes petals"):
        assert np.abs(over(layer, ground_of(made)) - picture).max() <= 3


def test_effects_are_in_it(controls: Callable[..., Controls]) -> None:
    made = controls(look__look="aura", trails__on=True, mirror__on=True)
    *_, (picture, layer) = draw(made, {}, 20)
    assert np.abs(over(layer, ground_of(made)) - picture).max() <= 2


def test_what_fades_to_black_fades_away_and_what_is_frozen_stays(
    controls: Callable[..., Controls],
) -> None:
    made = controls(look__look="aura", stage__fade_s=0.5, stage__guard=False)
    commands: dict[int, list[Command]] = {
        3: [("stage.freeze", True)],
        6: [("stage.freeze", False), ("stage.fade", True)],
    }
    seen = [layer for _, layer in draw(made, commands, 26)]
    assert np.array_equal(seen[3], seen[5]) and not np.array_equal(seen[5], seen[6])
    faded = [layer[..., 3].sum() for layer in seen[6:22]]
    assert (np.diff(faded) <= 0).all() and not seen[-1][..., 3].any()
    there = (seen[10][..., 3] > 40) & (seen[9][..., 3] > 40)
    moved = np.abs(seen[10][..., :3] - seen[9][..., :3])[there]
    assert np.median(moved) <= 4, "it gets darker, and not only fainter"


def test_what_the_flash_guard_holds_back_is_held_back_in_it(
    controls: Callable[..., Controls],
) -> None:
    made = controls(look__look="fill", look__fade=0.0)
    flashing: dict[int, list[Command]] = {
        n: [
            ("fill.tone", 0.5 + (n // 3) % 2 / 2),
            ("look.palette", ("ember", "porcelain")[n // 3 % 2]),
        ]
        for n in range(0, 60, 3)
    }
    pictures, layers = zip(*draw(made, flashing, 60), strict=True)
    still = [n for n in range(1, 60) if np.array_equal(pictures[n], pictures[n - 1])]
    assert len(still) > 5, "nothing was held back"
    for n in still:
        assert np.array_equal(layers[n], layers[n - 1])


def test_a_picture_of_a_colour_model_hides_all_that_is_below_it(
    controls: Callable[..., Controls],
) -> None:
    picture, layer = next(draw(controls(), {}, models="landscapes"))
    square = slice((SIZE[0] - SIZE[1]) // 2, (SIZE[0] + SIZE[1]) // 2)
    assert (layer[:, square, 3] == 255).all()
    assert np.array_equal(layer[:, square, :3], picture[:, square])
    assert not layer[:, : square.start, 3].any()
