"""The models in models/: whole, good, and what they show of what they have learned."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import SHIPPED, hear
from PIL import Image

from visualiser.data.landscapes import Landscapes
from visualiser.data.shapes import KINDS, ShapeSettings, distances, make
from visualiser.data.sketches import Known, SketchSettings
from visualiser.data.sketches import make as sketch
from visualiser.drivers import drivers
from visualiser.look.upscale import resize
from visualiser.nets.autoencoder import build
from visualiser.nets.checkpoint import Checkpoint, find, read
from visualiser.nets.play import Player
from visualiser.sketchpad import Sketchpad
from visualiser.types import Tick

pytestmark = pytest.mark.usefixtures("one_thread")

ALL = {name: read(find(name)) for name in SHIPPED}
EVERY = pytest.mark.parametrize("name", ALL)
CLASSIC = [name for name, made in ALL.items() if made.card.data.get("source") == "shapes"]
DISTANCE = [name for name, made in ALL.items() if made.architecture.pictures == "distance"]
COLOUR = [name for name, made in ALL.items() if made.card.data.get("source") == "landscapes"]
WALKERS = pytest.mark.parametrize("driver", ["perlin", "simplex", "random"])


def test_there_is_one_of_every_sort_and_the_default_is_among_them() -> None:
    assert {"classic-28", "classic-56"} <= set(CLASSIC)
    assert "shapes" in DISTANCE and COLOUR
    assert [ALL[name].shape for name in ("classic-28", "classic-56")] == [(28, 28), (56, 56)]
    assert sum(find(name).stat().st_size for name in CLASSIC) < 8e6
    assert sum(find(name).stat().st_size for name in ALL) < 32e6, "who clones it waits for them"


@EVERY
def test_it_says_how_it_was_made_and_has_its_sheets(name: str) -> None:
    card = ALL[name].card
    assert card.recipe.startswith("python main.py train") and f"--name {name}" in card.recipe
    assert card.created and card.seed >= 0 and card.training["seconds"] > 1
    assert len(card.test_losses) == len(card.train_losses) > 1
    assert card.test_losses[-1] < card.test_losses[0]
    if name in CLASSIC:
        assert len(card.test_losses) == card.training["epochs"]
    sheets = [find(name).with_suffix(".png")]
    sheets += [] if name in CLASSIC else [find(name).with_name(f"{name}-strip.png")]
    for path in sheets:
        with Image.open(path) as picture:
            assert picture.mode == "RGB" and np.asarray(picture).std() > 10, path


@EVERY
def test_its_figures_are_good(name: str) -> None:
    figures = ALL[name].card.figures
    if name in CLASSIC:
        assert figures["mse"] < 0.0016
    elif name in DISTANCE:
        assert figures["iou"] > 0.95
    else:
        assert figures["mse"] < 0.004


@pytest.mark.parametrize("name", CLASSIC)
def test_a_classic_one_redraws_shapes_that_it_never_saw(name: str) -> None:
    made = ALL[name]
    images = torch.from_numpy(make(500, 1234, settings_of(made)).images)
    with torch.inference_mode():
        mse = float(((build(made)(images) - images) ** 2).mean())
    assert mse == pytest.approx(made.card.figures["mse"], rel=0.5) and mse < 0.0016


def settings_of(made: Checkpoint) -> ShapeSettings:
    keys = ShapeSettings.__dataclass_fields__
    data = {k: tuple(v) if isinstance(v, list) else v for k, v in made.card.data.items()}
    return ShapeSettings(**{k: v for k, v in data.items() if k in keys})


def overlap(drawn: np.ndarray, wanted: np.ndarray) -> float:
    """Intersection over union of what is below zero."""
    inside, meant = drawn < 0, wanted < 0
    return float((inside & meant).sum() / max((inside | meant).sum(), 1))


@pytest.mark.parametrize("name", DISTANCE)
def test_a_shape_model_redraws_neat_shapes_of_any_size_anywhere(name: str) -> None:
    made, player = ALL[name], Player(ALL[name])
    options = SketchSettings(size=made.shape[0], kinds=tuple(made.card.data["kinds"]),
                             rough=0.0, blended=0.0)  # fmt: skip
    shapes = sketch(150, np.random.default_rng(77), options)
    found = np.array([
        overlap(player.decode(player.encode(picture)), distance)
        for picture, distance in zip(shapes.pictures, shapes.distance, strict=True)
    ])  # fmt: skip
    assert found.mean() > 0.95 and np.quantile(found, 0.05) > 0.85
    for kind in range(len(options.kinds)):
        assert found[shapes.kind == kind].mean() > 0.9, options.kinds[kind]


@pytest.mark.parametrize("name", DISTANCE)
def test_what_a_shape_model_draws_are_distances(name: str) -> None:
    """Not only their sign is right: looks that draw bands around a shape need all of them."""
    made, player = ALL[name], Player(ALL[name])
    points = np.random.default_rng(3).standard_normal((30, made.latents.n_directions))
    slopes = []
    for point in points.astype(np.float32):
        drawn = player.decode(made.latents.to_latent(point)) * made.shape[0]
        slope = np.hypot(*np.gradient(drawn))
        slopes.append(np.median(slope[np.abs(drawn) < 8]))
    assert 0.7 < np.median(slopes) < 1.1  # half-way between two shapes it is a little less


# --- what a walk shows


def walk(made: Checkpoint, driver: str, n: int, seed: int = 1) -> np.ndarray:
    """(n, latent_dim): where a driver goes in n times three seconds."""
    mover = drivers()[driver](made.latents.n_directions, seed)
    values = {control.name: control.default for control in mover.controls}
    points = []
    for i in range(n):
        mover.advance(Tick(i, i * 3.0, 3.0), hear(), values)
        points.append(mover.point())
    return made.latents.to_latent(np.array(points))


@WALKERS
@pytest.mark.parametrize("name", CLASSIC)
def test_a_long_walk_draws_all_that_a_classic_one_was_trained_on(name: str, driver: str) -> None:
    """The seed system's walk saw little but circles: here no kind, in no style, is rare."""
    made, options = ALL[name], settings_of(ALL[name])
    known = make(1800, 99, options)
    z = walk(made, driver, 1000)
    with torch.inference_mode():
        drawn = build(made).decode(torch.from_numpy(z)).flatten(1)
        pictures = torch.from_numpy(known.images).flatten(1)
        closest = torch.cdist(drawn, pictures).argmin(dim=1).numpy()
    styles = len(options.styles)
    classes = len(options.kinds) * styles
    seen = np.bincount((known.kind * styles + known.style)[closest], minlength=classes)
    named = {f"{k} {s}": 0 for k in options.kinds for s in options.styles}
    named = dict(zip(named, seen / len(z), strict=True))
    assert min(named.values()) > 1 / classes / 3, named


@cache
def known_shapes(name: str) -> Known:
    data = ALL[name].card.data
    options = SketchSettings(
        size=data["size"], kinds=tuple(data["kinds"]), rough=0.0, blended=0.0,
        size_min=data["size_min"], size_max=data["size_max"], offset=data["offset"],
    )  # fmt: skip
    return Known(sketch(2000, np.random.default_rng(99), options), len(options.kinds))


@WALKERS
@pytest.mark.parametrize("name", DISTANCE)
def test_a_long_walk_draws_every_kind_that_a_shape_model_knows(name: str, driver: str) -> None:
    made = ALL[name]
    with torch.inference_mode():
        z = torch.from_numpy(walk(made, driver, 300))
        drawn = torch.cat([build(made).decode(part) for part in z.split(100)]).numpy()
    shares = known_shapes(name).shares(drawn)
    assert shares.min() > 1 / 3, dict(zip(made.card.data["kinds"], shares.round(2), strict=True))
    areas = (drawn < 0).mean(axis=(1, 2))
    assert np.mean((areas > 0.005) & (areas < 0.85)) > 0.98, "pictures that are empty, or full"


@WALKERS
@pytest.mark.parametrize("name", COLOUR)
def test_a_long_walk_draws_landscapes_of_every_hour(name: str, driver: str) -> None:
    """As bright and as colourful as those it has learned, and as different from each other."""
    made = ALL[name]
    with torch.inference_mode():
        z = torch.from_numpy(walk(made, driver, 120))
        drawn = torch.cat([build(made).decode(part) for part in z.split(40)]).numpy()
    known = Landscapes(99, made.shape[0]).draw(np.arange(120)) / np.float32(255)
    some = [x[:, ::4, ::4].reshape(len(x), -1) for x in (drawn, known)]
    assert abs(some[0].mean() - some[1].mean()) < 0.08
    spread = [x.std(axis=0).mean() for x in some]
    assert spread[0] > 0.6 * spread[1]
    bright = [np.quantile(x.mean(axis=1), (0.1, 0.9)) for x in some]
    assert np.abs(np.diff(bright[0])) > 0.6 * np.abs(np.diff(bright[1])), "neither night nor noon"


# --- what a hand draws


def wobbly(radius: float, x: float, y: float, seed: int) -> np.ndarray:
    """A circle as a hand draws it with a pen, in some fifty lines: (96, 96)."""
    rng = np.random.default_rng(seed)
    turns = np.linspace(0, 2 * np.pi * 1.02, 50)
    wave = rng.uniform(-0.05, 0.05, 3) @ np.sin(
        np.outer([2, 3, 5], turns) + rng.uniform(0, 6, (3, 1))
    )
    r = radius * (1 + wave) + rng.uniform(-0.004, 0.004, 50)
    pad = Sketchpad()
    places = np.stack([x + r * np.cos(turns), y + r * np.sin(turns)], 1)
    for start, end in pairwise(places):
        pad.line(tuple(start), tuple(end), 0.06)
    return pad.field


def clean(kind: str, radius: float, x: float, y: float, size: int) -> np.ndarray:
    middle = np.array([[x - 0.5, y - 0.5]])
    return distances(KINDS[kind], size, np.array([2 * radius]), middle, np.zeros(1))[0]


@pytest.mark.parametrize("seed", range(6))
def test_a_wobbly_circle_comes_back_as_a_circle(seed: int) -> None:
    player, size = Player(ALL["shapes"]), ALL["shapes"].shape[0]
    rng = np.random.default_rng(seed)
    radius, x, y = rng.uniform(0.15, 0.35), *rng.uniform(0.42, 0.58, 2)
    given = np.clip(resize(wobbly(radius, x, y, seed), (size, size)), 0, 1)
    drawn = player.decode(player.encode(given))
    meant = clean("circle", radius, x, y, size)
    assert overlap(drawn, meant) >= 0.8
    assert overlap(0.5 - given, meant) < 0.6, "the line alone is no filled circle"


@pytest.mark.parametrize("kind", ["circle", "square", "cross", "heart"])
def test_a_filled_drawing_with_dots_on_it_comes_back_clean(kind: str) -> None:
    player, size = Player(ALL["shapes"]), ALL["shapes"].shape[0]
    rng, found = np.random.default_rng(5), []
    for radius in (0.2, 0.3, 0.4):
        shape = clean(kind, radius, 0.5, 0.52, size)
        given = np.clip(0.5 - shape, 0, 1).astype(np.float32)
        hit = rng.random(given.shape) < 0.3
        given[hit] = rng.random(int(hit.sum()))
        found.append(overlap(player.decode(player.encode(given)), shape))
    assert np.mean(found) > 0.85
