"""What is drawn beside a model: contact sheet, strip, and the sheet of its card."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from conftest import with_weights
from PIL import Image

from visualiser.latents import EDGE
from visualiser.nets import conv, dense, shape
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.nets.visibility import order_directions
from visualiser.pictures import png
from visualiser.train.result import Trained
from visualiser.train.sheets import GROUND, Drawer, contact_sheet, model_sheet, strip

KINDS = {
    "grey": dense.architecture(12, 12, (9,), 3),
    "wide": dense.architecture(8, 16, (9,), 1),
    "distance": shape.architecture(16, 4, (4, 6), (8,), 7, (6,)),
    "colour": conv.architecture(16, 3, 4),
}
KIND = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def models(few_samples: None) -> dict[str, Checkpoint]:
    return {kind: order_directions(with_weights(made)) for kind, made in KINDS.items()}


def trained(model: Checkpoint, n: int = 10) -> Trained:
    rng = np.random.default_rng(1)
    colours = (3,) if model.architecture.pictures == "colour" else ()
    test, drawn = rng.random((2, n, *model.shape, *colours)).astype(np.float32)
    return Trained(model, test, drawn)


class Cells:
    """A sheet's cells, at their own size: how many rows and columns there are, and what is in
    them."""

    def __init__(self, sheet: np.ndarray, shape: tuple[int, int], every: int | None = None) -> None:
        self.zoom = -(-56 // shape[0])
        self.height, self.width = shape[0] * self.zoom, shape[1] * self.zoom
        self.gap = max(2, self.height // 14)
        self.every = every  # rows, after which there is another gap
        self.sheet = sheet
        self.columns = (sheet.shape[1] - self.gap) // (self.width + self.gap)
        assert sheet.shape[1] == self.gap + self.columns * (self.width + self.gap)

    def at(self, row: int, column: int) -> np.ndarray:
        top = self.gap + row * (self.height + self.gap)
        top += row // self.every * self.gap if self.every else 0
        left = self.gap + column * (self.width + self.gap)
        cell = self.sheet[top : top + self.height, left : left + self.width]
        first = cell[:: self.zoom, :: self.zoom]
        np.testing.assert_array_equal(cell, first.repeat(self.zoom, 0).repeat(self.zoom, 1))
        return first


def rgb(picture: np.ndarray) -> np.ndarray:
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


@KIND
def test_the_contact_sheet_has_inputs_above_their_reconstructions(models, kind: str) -> None:
    made = trained(models[kind])
    sheet = contact_sheet(made, pairs=10, across=4)
    assert sheet.ndim == 3 and sheet.shape[2] == 3 and sheet.min() >= 0 and sheet.max() <= 1
    cells = Cells(sheet, models[kind].shape, every=2)
    assert cells.columns == 4
    for i in range(10):
        row, column = divmod(i, 4)
        np.testing.assert_array_equal(cells.at(2 * row, column), rgb(made.test[i]))
        np.testing.assert_array_equal(cells.at(2 * row + 1, column), rgb(made.reconstructed[i]))
    few = replace(made, test=made.test[:3], reconstructed=made.reconstructed[:3])
    assert contact_sheet(few).shape[1] < contact_sheet(made).shape[1]
    np.testing.assert_allclose(sheet[0, 0], GROUND)


@KIND
def test_a_strip_goes_from_one_thing_to_another_in_small_steps(models, kind: str) -> None:
    model = models[kind]
    walk = strip(model, steps=9, stops=3)
    cells = Cells(walk, model.shape)
    assert cells.columns == 9
    rows = [[cells.at(row, column) for column in range(9)] for row in range(3)]
    for i, row in enumerate(rows):
        # A row ends where the next one begins, and the last where the first began.
        np.testing.assert_array_equal(row[-1], rows[(i + 1) % 3][0])
    np.testing.assert_array_equal(walk, strip(model, steps=9, stops=3))
    assert (strip(model, steps=9, stops=3, seed=2) != walk).any()
    assert np.ptp(np.array(rows), axis=(0, 1)).max() > 0.02, "nothing moves"


@KIND
def test_a_model_sheet_has_a_grid_a_row_for_each_direction_and_samples(models, kind: str) -> None:
    model = models[kind]
    sheet = model_sheet(model, across=5)
    cells = Cells(sheet, model.shape)
    directions = model.latents.n_directions
    assert cells.columns == 5
    step = cells.height + cells.gap
    band = max(8, model.shape[0] // 4)
    rows = 5 + directions + 4
    assert sheet.shape[0] == 3 * cells.gap + rows * step + 2 * band
    # In the grid the direction seen most goes from its one end to the other, from left to right.
    draw, ends = Drawer(model), EDGE / model.latents.stretch
    grid = [[cells.at(row, column) for column in range(5)] for row in range(5)]
    assert np.abs(np.diff(np.array(grid), axis=1)).mean() > 0
    # And each direction's row shows that direction alone.
    lower = Cells(sheet[cells.gap + 5 * step + band :], model.shape)
    first = [lower.at(0, column) for column in range(5)]
    point = np.random.default_rng(1).standard_normal((21, directions)).astype(np.float32)[0]
    point[:2] = 0
    for column, share in enumerate(np.linspace(-1, 1, 5)):
        point[0] = share * ends[0]
        np.testing.assert_allclose(first[column], draw.at(point), atol=1e-5)


def test_distances_are_drawn_as_shapes_with_sharp_edges(models) -> None:
    drawn = Drawer(models["distance"]).of(
        np.linspace(-0.5, 0.5, 256, dtype=np.float32).reshape(16, 16)
    )
    assert drawn.shape == (16, 16, 3)
    assert (drawn[:7] == 1).all() and (drawn[9:] == 0).all()


@KIND
def test_sheets_open_as_pictures_and_are_not_flat(models, kind: str) -> None:
    made = trained(models[kind])
    for sheet in (contact_sheet(made), strip(made.checkpoint), model_sheet(made.checkpoint)):
        with Image.open(io.BytesIO(png(sheet))) as picture:
            assert picture.format == "PNG" and picture.mode == "RGB"
            assert picture.size == sheet.shape[1::-1]
            pixels = np.asarray(picture)
        assert np.abs(pixels / 255 - sheet).max() <= 0.5 / 255 + 1e-6
        assert pixels.std() > 5


def test_the_drawer_draws_what_the_player_does(models) -> None:
    model = models["colour"]
    point = np.zeros(model.latents.n_directions, np.float32)
    expected = Player(model).decode(model.latents.to_latent(point))
    np.testing.assert_array_equal(Drawer(model).at(point), expected)
