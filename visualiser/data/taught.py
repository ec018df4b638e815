"""Shapes that somebody drew or dropped: what is meant by them, and any number of sketches of each.

A taught shape is what is light in a picture. Where it was drawn with a pen, all that a line goes
round belongs to it, and what is drawn inside of that is cut out of it again: a face has eyes.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualiser.data.shapes import KINDS, distances
from visualiser.data.sketches import Sketches, SketchSettings, roughen
from visualiser.types import FloatArray, UserError

Mask = NDArray[np.bool_]

SIZE = 96  # pixels along each edge of a picture that is taught
FINE = 160  # pixels along each edge of a field of distances to its outline,
SPAN = 0.625  # of which the shape takes this share
GAP = 2.5  # pixels of a picture: half of the widest gap in a line that counts as closed
LEAST = 24  # pixels of a picture: what has fewer is no shape
THIN = 0.16  # shape widths: lines are made as thick as that, or a small one would be lost
TURN, GROW, STRETCH = 0.3, 0.012, 0.08  # by how much sketches vary: radians, widths, share
SMALLEST = 0.3  # sketches, shares of the picture, if the network's own kinds are not larger
NEAT, AS_DRAWN = 0.35, 0.4  # shares of what encoders are shown; the others are rough


@dataclass(frozen=True)
class Example:
    """picture: (SIZE, SIZE) float32 0..1, light on dark; is_drawn: with a pen."""

    picture: FloatArray
    is_drawn: bool

    def pack(self) -> dict[str, Any]:
        """It as JSON: what a model's card keeps of it."""
        bits = np.packbits(self.picture >= 0.5).tobytes()
        return {"drawn": self.is_drawn, "bits": base64.b64encode(bits).decode()}


def unpack(packed: Mapping[str, Any]) -> Example:
    """What `pack` gave. Raises UserError where it is anything else: it is out of a file."""
    try:
        bits = np.frombuffer(base64.b64decode(packed["bits"], validate=True), np.uint8)
        picture = np.unpackbits(bits).reshape(SIZE, SIZE).astype(np.float32)
        return Example(picture, bool(packed["drawn"]))
    except (KeyError, TypeError, ValueError):
        raise UserError("what it was taught before does not hold together") from None


@dataclass(frozen=True)
class Taught:
    """Distances of k shapes, each in the middle of its field and SPAN wide, counted in its own
    width, negative inside: lines (k, FINE, FINE), to the edge of what was drawn; shapes
    (k, FINE, FINE), to that of what was meant."""

    lines: FloatArray
    shapes: FloatArray

    def __len__(self) -> int:
        return len(self.shapes)


def take(examples: list[Example]) -> Taught:
    """Raises UserError where there is none, or no shape in one."""
    if not examples:
        raise UserError("there is no picture to learn from")
    lines: list[FloatArray] = []
    shapes: list[FloatArray] = []
    for n, example in enumerate(examples, 1):
        picture = example.picture
        ink = picture >= 0.5
        meant = fill(ink) if example.is_drawn else ink
        if not LEAST <= meant.sum() <= meant.size - LEAST:
            what = "empty" if meant.sum() < LEAST else "light all over"
            raise UserError(f"picture {n} of {len(examples)} is no shape: it is {what}")
        rows, columns = np.flatnonzero(meant.any(1)), np.flatnonzero(meant.any(0))
        high, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
        span = max(high, wide) / SPAN
        down = _samples(rows[0] + high / 2, span)
        across = _samples(columns[0] + wide / 2, span)
        soft = np.where(meant & ~ink, 1, np.where(ink & ~meant, 0, picture))
        for fields, light in ((lines, picture), (shapes, soft)):
            off = signed(down @ light @ across.T >= 0.5) / (FINE * SPAN)
            fields.append(off - max(THIN / 2 + off.min(), 0))
    return Taught(np.array(lines, np.float32), np.array(shapes, np.float32))


def make(n: int, rng: np.random.Generator, taught: Taught, settings: SketchSettings,
         rough: bool = True, blended: float = 0.0) -> Sketches:  # fmt: skip
    """n sketches of taught shapes, each equally likely: moved and of any size that the settings
    allow, turned, stretched and thickened a little.

    rough: whether some are shown as they were drawn, or as other hands would; or all of them neat.
    blended: share that is half-way to one of the settings' kinds.
    """
    size = settings.size
    kind = rng.integers(0, len(taught), n)
    smallest = min(max(settings.size_min, SMALLEST), settings.size_max)
    diameter = rng.uniform(smallest, settings.size_max, n)
    room = np.minimum(np.maximum((1 - diameter) / 2, 0.08), settings.offset)
    middle = rng.uniform(-1, 1, (n, 2)) * room[:, None]
    angle = rng.uniform(-TURN, TURN, n)
    stretch = np.exp(rng.uniform(-STRETCH, STRETCH, n))
    grow = rng.uniform(-GROW, GROW, n)

    # Where each pixel lies in a field: a part of its column's and one of its row's.
    at = (np.arange(size) + 0.5) / size - 0.5
    x, y = (at - middle[:, axis, None] for axis in (0, 1))
    wide, scale = stretch[:, None], (SPAN * FINE / diameter)[:, None]
    cos, sin = np.cos(angle)[:, None] * scale, np.sin(angle)[:, None] * scale
    across = _sums(x * cos / wide, y * sin / wide + FINE / 2 - 0.5)
    down = _sums(-x * sin * wide, y * cos * wide + FINE / 2 - 0.5)

    def sampled(fields: FloatArray, rows: NDArray[np.int64]) -> FloatArray:
        """Distances in pixels of the sketches."""
        off = _bilinear(fields, kind[rows], down[rows], across[rows])
        scale = (diameter[rows] * size).astype(np.float32)[:, None, None]
        return (off - grow[rows].astype(np.float32)[:, None, None]) * scale

    every = np.arange(n)
    distance = sampled(taught.shapes, every)
    is_blended = rng.random(n) < blended
    for row in np.flatnonzero(is_blended):
        name, turn = str(rng.choice(settings.kinds)), rng.uniform(0, 2 * np.pi, 1)
        one = slice(row, row + 1)
        other = distances(KINDS[name], size, diameter[one], middle[one], turn)
        distance[one] += np.float32(rng.uniform(0, 0.5)) * (other - distance[one])
    pictures = np.clip(np.float32(0.5) - distance, 0, 1)
    if rough:
        lot = np.where(is_blended, 0, rng.random(n))
        drawn = np.flatnonzero(lot >= 1 - AS_DRAWN)
        pictures[drawn] = np.clip(np.float32(0.5) - sampled(taught.lines, drawn), 0, 1)
        rows = np.flatnonzero((lot >= NEAT) & (lot < 1 - AS_DRAWN))
        if len(rows):
            pictures[rows] = roughen(distance[rows], rng)
    return Sketches(pictures, distance / np.float32(size), kind, diameter, middle)


def fill(ink: Mask) -> Mask:
    """Lines (H, W) -> the shape that is meant by them; small gaps in a line count as closed."""
    if not ink.any():
        return ink
    edge = int(np.ceil(2 * GAP)) + 2
    padded = np.pad(ink, edge)
    border = np.zeros_like(padded)
    border[0] = True
    outside = flood(border, away(padded) > GAP)
    outside = (away(outside) <= GAP + 0.5) & ~padded
    rim = flood(_grown(outside) & padded, padded)
    inner = edge, -edge
    solid = ~outside[inner[0] : inner[1], inner[0] : inner[1]]
    rest = ink & ~rim[inner[0] : inner[1], inner[0] : inner[1]]
    return solid & ~fill(rest)


def flood(start: Mask, within: Mask) -> Mask:
    """All of `within` that hangs together with `start`."""
    reached = start & within
    while True:
        more = _grown(reached) & within
        if (more == reached).all():
            return reached
        reached = more


def _grown(mask: Mask) -> Mask:
    """It and its neighbours above, below, left and right."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


def signed(inside: Mask) -> FloatArray:
    """(n, n) pixels from their middles to the edge between light and dark, negative inside."""
    return np.where(inside, np.float32(0.5) - away(~inside), away(inside) - np.float32(0.5))


def away(mask: Mask) -> FloatArray:
    """(n, n) pixels from each to the nearest that is set: along columns first, then along rows
    (Saito and Toriwaki 1994, "New algorithms for Euclidean distance transformation")."""
    n = len(mask)
    at = np.arange(n, dtype=np.float32)
    far = np.float32(2 * n)
    apart = np.where(mask, np.float32(0), far)
    for rows in (range(1, n), range(n - 2, -1, -1)):
        for row in rows:
            before = row - 1 if rows.step == 1 else row + 1
            np.minimum(apart[row], apart[before] + 1, out=apart[row])
    squares = (at[:, None] - at[None, :]) ** 2  # between columns
    found = np.empty_like(apart)
    for row in range(n):
        found[row] = np.sqrt((squares + apart[row][None, :] ** 2).min(1))
    return found


def _samples(middle: float, span: float) -> FloatArray:
    """(FINE, SIZE): the share of a picture's pixels in each of so many bilinear samples, span
    pixels about a place; beyond the edge is dark."""
    at = middle - 0.5 + ((np.arange(FINE) + 0.5) / FINE - 0.5) * span
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(SIZE))).astype(np.float32)


def _sums(columns: NDArray[np.float64], rows: NDArray[np.float64]) -> FloatArray:
    """(n, S) and (n, S) -> (n, S, S)."""
    return columns.astype(np.float32)[:, None, :] + rows.astype(np.float32)[:, :, None]


def _bilinear(
    fields: FloatArray, kind: NDArray[np.int64], down: FloatArray, across: FloatArray
) -> FloatArray:
    """Fields (k, FINE, FINE) at places (n, S, S) of the one that is named for each; beyond the
    edge it is farther by as much as the place lies beyond."""
    most = np.float32(FINE - 1.001)
    y, x = (np.minimum(np.maximum(at, np.float32(0)), most) for at in (down, across))
    mixed = np.sqrt((down - y) ** 2 + (across - x) ** 2)
    mixed *= np.float32(1 / (FINE * SPAN))
    top, left = y.astype(np.intp), x.astype(np.intp)
    y -= top.astype(np.float32)
    x -= left.astype(np.float32)
    flat = fields.ravel()
    corner = (kind[:, None, None] * FINE + top) * FINE + left
    upper, lower = flat.take(corner), flat.take(corner + FINE)
    upper += (flat.take(corner + 1) - upper) * x
    lower += (flat.take(corner + (FINE + 1)) - lower) * x
    mixed += upper + (lower - upper) * y
    return mixed
