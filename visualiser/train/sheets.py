"""Pictures of what a model does: contact sheets, strips, and the sheet of its card.

Everything is (H, W, 3) float32 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualiser.latents import EDGE
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.train.result import Trained
from visualiser.types import FloatArray

GROUND = np.array([0.045, 0.048, 0.07], np.float32)
EDGE_PX = 1.0


class Drawer:
    """Draws points of a model in RGB: distances as a sharp shape, at twice their resolution."""

    def __init__(self, model: Checkpoint) -> None:
        self._model = model
        self._decode = Player(model).decode

    def at(self, point: FloatArray) -> FloatArray:
        return self.of(self._decode(self._model.latents.to_latent(point)))

    def of(self, image: FloatArray) -> FloatArray:
        """A decoder's picture -> (H, W, 3) 0..1."""
        if self._model.architecture.pictures == "distance":
            image = np.clip(0.5 - image * self._model.architecture.width / EDGE_PX, 0, 1)
        image = np.clip(image, 0, 1)
        return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def contact_sheet(trained: Trained, pairs: int = 48, across: int = 16) -> FloatArray:
    """Test pictures above their reconstructions."""
    inputs, outputs = (_rgb(images[:pairs]) for images in (trained.test, trained.reconstructed))
    rows = []
    for start in range(0, len(inputs), across):
        some = slice(start, start + across)
        rows.append(tile(np.concatenate([inputs[some], outputs[some]]), across=len(inputs[some])))
    width = max(row.shape[1] for row in rows)
    rows = [_widen(row, width) for row in rows]
    return np.vstack(rows)


def strip(model: Checkpoint, steps: int = 12, stops: int = 5, seed: int = 1) -> FloatArray:
    """A walk from point to point, in steps: how one thing becomes another. A row a leg."""
    draw = Drawer(model)
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((stops, model.latents.n_directions)).astype(np.float32)
    cells = [
        draw.at(np.cos(turn) * start + np.sin(turn) * end)
        for start, end in zip(points, np.roll(points, -1, axis=0), strict=True)
        for turn in np.linspace(0, np.pi / 2, steps)
    ]
    return tile(np.stack(cells), across=steps)


def model_sheet(model: Checkpoint, seed: int = 1, across: int = 9) -> FloatArray:
    """Grid over the two directions seen most, a row of traversal for each direction, all through
    the same point, and samples of the prior."""
    draw = Drawer(model)
    n = model.latents.n_directions
    rng = np.random.default_rng(seed)
    base, *samples = rng.standard_normal((1 + 4 * across, n)).astype(np.float32)
    base[:2] = 0
    ends = EDGE / model.latents.stretch  # as far as each direction goes before it turns back

    def along(direction: int, share: float, point: FloatArray) -> FloatArray:
        moved = point.copy()
        moved[direction] = share * ends[direction]
        return moved

    reach = np.linspace(-1, 1, across, dtype=np.float32)
    second = min(1, n - 1)
    grid = [draw.at(along(0, x, along(second, y, base))) for y in reach for x in reach]
    rows = [draw.at(along(i, x, base)) for i in range(min(n, 32)) for x in reach]
    drawn = [draw.at(point) for point in samples]
    parts = [tile(np.stack(cells), across) for cells in (grid, rows, drawn)]
    band = np.broadcast_to(GROUND, (max(8, model.shape[0] // 4), parts[0].shape[1], 3))
    return np.vstack([parts[0], band, parts[1], band, parts[2]])


def tile(images: FloatArray, across: int, smallest: int = 56, largest: int = 64) -> FloatArray:
    """Pictures (n, H, W, 3) in rows of `across`, with a gap. Small ones are enlarged, as blocks;
    large ones are shrunk by a whole number."""
    shrink = max(1, min(images.shape[1:3]) // largest)
    height, width = (size // shrink * shrink for size in images.shape[1:3])
    blocks = images[:, :height, :width].reshape(
        len(images), height // shrink, shrink, width // shrink, shrink, 3
    )
    images = blocks.mean(axis=(2, 4))
    zoom = max(1, -(-smallest // images.shape[1]))
    gap = max(2, images.shape[1] * zoom // 14)
    rows = []
    for start in range(0, len(images), across):
        cells = [_framed(image, zoom, gap) for image in images[start : start + across]]
        blank = np.broadcast_to(GROUND, cells[0].shape)
        rows.append(np.hstack([*cells, *[blank] * (across - len(cells))]))
    whole = np.vstack(rows)
    padding = ((gap, 0), (gap, 0))
    return np.stack(
        [np.pad(whole[..., c], padding, constant_values=GROUND[c]) for c in range(3)], axis=2
    )


def _framed(image: FloatArray, zoom: int, gap: int) -> FloatArray:
    big = image.repeat(zoom, 0).repeat(zoom, 1)
    framed = np.empty((big.shape[0] + gap, big.shape[1] + gap, 3), np.float32)
    framed[:] = GROUND
    framed[: big.shape[0], : big.shape[1]] = big
    return framed


def _rgb(images: FloatArray | Sequence[FloatArray]) -> FloatArray:
    images = np.clip(np.asarray(images, np.float32), 0, 1)
    return images if images.ndim == 4 else np.repeat(images[..., None], 3, axis=3)


def _widen(row: FloatArray, width: int) -> FloatArray:
    wide = np.empty((row.shape[0], width, 3), np.float32)
    wide[:] = GROUND
    wide[:, : row.shape[1]] = row
    return wide
