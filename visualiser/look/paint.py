"""Small fields onto a surface, at its full size, or onto a sheet for later.

Every pixel is a matrix product (upscaling), a whole number (its place in a table of colours) and a
look-up. Where compiled loops are loaded, that is one of them. Else numpy does it a few rows at a
time, so that they stay in the processor's cache, and where there are many on a few threads, because
it lets go of the interpreter while it works.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import pygame
from numpy.typing import NDArray

from visualiser import loops, surfaces
from visualiser.crew import helpers, share
from visualiser.look.oklab import to_srgb
from visualiser.look.sheet import Canvas, Sheet, bare, painted
from visualiser.look.upscale import Band, bands, taps, widen
from visualiser.types import FloatArray

AT_ONCE = 65536  # pixels a thread works on: few enough for its cache, and calls few enough, too
# Each colour comes in four, rounded at different heights and laid out as tiles of two by two: dark
# glows have no steps then, which 8 bits would show on a large screen. An odd column's is the next
# one, an odd row's the one after that.
DITHER = np.array([0, 2, 3, 1], np.float32)
OVERSHOOT = 0.3  # of the range: more than cubic upscaling goes beyond it

Pixels = NDArray[np.uint32]  # (H, W) a surface's own memory


@dataclass(frozen=True, eq=False)
class Table:
    """Colours of evenly spaced levels.

    step: from one to the next, as many from 0 on as a level's number; first: the number of the
    first that has a colour; linear: (n, 3) linear light of that and the next ones; reach: numbers
    go from -reach to reach. What a pixel's level is rounded to depends on reach, not on how many
    colours there are. cover, ground: for a layer, as looks say them, (n,) and (3,).
    """

    step: float
    first: int
    linear: FloatArray
    reach: int
    cover: FloatArray | None = None
    ground: FloatArray | None = None

    def __deepcopy__(self, memo: object) -> Table:
        return self  # nobody changes one


def levels(values: FloatArray, step: float) -> tuple[int, int]:
    """The first and the last level that a field has when it is drawn, in steps from 0."""
    low, high = float(values.min()), float(values.max())
    over = OVERSHOOT * (high - low)
    return int(np.floor((low - over) / step)) - 2, int(np.ceil((high + over) / step)) + 2


def fill(canvas: Canvas, colour: tuple[int, int, int], boxes: list[pygame.Rect]) -> None:
    """Fill boxes with one colour. Surface.fill writes past the processor's cache: it takes longer,
    several times so where boxes are narrow, and so does all that then reads the canvas."""
    if isinstance(canvas, Sheet):
        canvas.fill(colour, boxes)
        return
    if canvas.get_bitsize() != 32:
        for box in boxes:
            canvas.fill(colour, box)
        return
    for box in boxes:
        _within(canvas, box.clip(canvas.get_rect())).fill(canvas.map_rgb(colour))


def paint(
    canvas: Canvas,
    box: pygame.Rect,
    values: FloatArray,
    span: tuple[float, float],
    smooth: bool,
    table: Table,
) -> None:
    """Draw a field (H, W) in a box, by a table. span: how much of it fills the box, in its pixels,
    across and down. The box lies on the canvas, which has 32 bits a pixel: on one with alpha the
    ground is left out."""
    surface = bare(canvas)
    is_layer = bool(surface.get_flags() & pygame.SRCALPHA)
    colours = _packed(table, surface.get_shifts()[: 4 if is_layer else 3])
    scaled = values * np.float32(1 / table.step)
    # Weights add up to 1, so what is added here is still there in every row.
    wide = widen(scaled, box.width, span[0], smooth)
    wide += np.float32(table.reach + 0.5)
    if compiled := loops.compiled(loops.pixels.paint):
        first, weights = taps(values.shape[0], box.height, span[1], smooth)
        if isinstance(canvas, Sheet):
            canvas.fields.append((wide, first, weights, colours, box.left, box.top))
            return

        def draw_rows(pixels: Pixels, start: int, stop: int) -> None:
            compiled(wide, first, weights, colours, pixels, box.left, box.top, start, stop)

        _by_rows(surface, box, draw_rows)
        return
    n_rows = _rows(box.width)

    def draw(work: Iterator[Band], pixels: Pixels) -> None:
        level = np.empty((n_rows, box.width), np.float32)
        whole = np.empty((n_rows, box.width), np.int32)
        index = np.empty((n_rows, box.width), np.intp)
        for rows, seen, matrix in work:
            h = rows.stop - rows.start
            np.matmul(matrix, wide[seen], out=level[:h])
            np.copyto(whole[:h], level[:h], casting="unsafe")  # in two steps, of which each is
            np.left_shift(whole[:h], 2, out=index[:h])  # one instruction for many: a third of the
            index[1:h:2] += 2  # time
            index[:h, 1::2] += 1
            np.take(colours, index[:h], out=pixels[rows], mode="clip")

    work = bands(values.shape[0], box.height, n_rows, span[1], smooth)
    share(draw, work, _within(painted(canvas), box), helpers(box.width * box.height))


def paint_colours(canvas: Canvas, box: pygame.Rect, values: FloatArray, smooth: bool) -> None:
    """Draw a picture (H, W, 3), sRGB 0..1, in a box."""
    wide = [widen(values[..., i] * 255 + np.float32(0.5), box.width, 0.0, smooth) for i in range(3)]
    surface = bare(canvas)
    places = [surface.get_shifts()[i] // 8 for i in range(3)]
    compiled = loops.compiled(loops.pixels.tint)
    if compiled and set(places) == {0, 1, 2}:
        first, weights = taps(values.shape[0], box.height, 0.0, smooth)
        own = np.array([wide[places.index(i)] for i in range(3)])
        if isinstance(canvas, Sheet):
            canvas.tinted = own, first, weights, box.left, box.top
            return

        def draw_rows(pixels: Pixels, start: int, stop: int) -> None:
            compiled(own, first, weights, pixels, box.left, box.top, start, stop)

        _by_rows(surface, box, draw_rows)
        return
    n_rows = _rows(box.width)
    places = places if sys.byteorder == "little" else [3 - place for place in places]

    def draw(work: Iterator[Band], pixels: Pixels) -> None:
        octets = pixels.view(np.uint8).reshape(*pixels.shape, 4)
        level = np.empty((n_rows, box.width), np.float32)
        for rows, seen, matrix in work:
            some = level[: rows.stop - rows.start]
            for channel, place in zip(wide, places, strict=True):
                np.matmul(matrix, channel[seen], out=some)
                np.clip(some, 0, 255, out=some)
                np.copyto(octets[rows, :, place], some, casting="unsafe")

    work = bands(values.shape[0], box.height, n_rows, 0.0, smooth)
    share(draw, work, _within(painted(canvas), box), helpers(box.width * box.height))


def _by_rows(
    canvas: pygame.Surface, box: pygame.Rect, draw: Callable[[Pixels, int, int], None]
) -> None:
    """Draw rows from one to the other, in parts of a box if others help."""
    n_helpers = helpers(box.width * box.height)
    n_rows = -(-box.height // (2 * (1 + n_helpers))) * 2  # an even number
    parts = [slice(y, min(y + n_rows, box.height)) for y in range(0, box.height, n_rows)]

    def work(parts: Iterator[slice], pixels: Pixels) -> None:
        for rows in parts:
            draw(pixels, rows.start, rows.stop)

    share(work, parts, surfaces.pixels(canvas), n_helpers)


def _rows(width: int) -> int:
    """How many rows at a time: an even number, of pixels that fit into the cache. BLAS multiplies
    so few at once by itself, and does not bring threads of its own into it."""
    return min(max(AT_ONCE // width // 2 * 2, 2), 32)


def _within(canvas: pygame.Surface, box: pygame.Rect) -> Pixels:
    return surfaces.pixels(canvas)[box.top : box.bottom, box.left : box.right]


@cache
def _srgb() -> FloatArray:
    """sRGB 0..255 by the square root of linear light, in fine steps."""
    return (255 * to_srgb(np.linspace(0, 1, 4096) ** 2)).astype(np.float32)


@lru_cache(maxsize=2)
def _packed(table: Table, shifts: tuple[int, ...]) -> NDArray[np.uint32]:
    """(n * 4,) the colours as a canvas has them, each for all places in a tile. shifts: of red,
    green and blue in its pixels, and of alpha where it has that."""
    srgb = unmixed(table) if len(shifts) == 4 else encoded(table.linear)
    rounded = (srgb + (DITHER[:, None, None] + 0.5) / 4).astype(np.uint32)
    rounded = np.minimum(rounded, 255)
    packed = np.zeros((2 * table.reach + 1, len(DITHER)), np.uint32)
    start = table.reach + table.first
    for i, shift in enumerate(shifts):
        packed[start : start + len(srgb)] |= rounded[..., i].T << np.uint32(shift)
    return packed.ravel()


def encoded(linear: FloatArray) -> FloatArray:
    """Linear light -> sRGB 0..255."""
    root = np.sqrt(np.clip(linear, 0, 1))
    srgb: FloatArray = _srgb()[(root * 4095 + 0.5).astype(np.intp)]
    return srgb


def unmixed(table: Table) -> FloatArray:
    """(n, 4) the colours without their ground, sRGB and alpha 0..255, so that over that ground they
    give the very colours of the table.

    Files are laid over each other in sRGB as it stands, while looks mix light. What covers a share
    of a pixel is given its own colour, and as much alpha as it then needs: its edge keeps its
    colour over whatever it lies on. Other light has the least alpha that it can be made with.
    """
    assert table.cover is not None and table.ground is not None
    ground, seen = encoded(table.ground), encoded(table.linear)
    cover = np.maximum(table.cover, 1 / 255)[:, None]
    own = table.ground + (table.linear - table.ground) / cover
    way, rise = encoded(own.astype(np.float32)) - ground, seen - ground
    share = (rise * way).sum(axis=1) / np.maximum((way * way).sum(axis=1), 1e-6)
    room = np.where(rise > 0, 255 - ground, ground)
    least = np.max(np.abs(rise) / np.maximum(room, 1e-6), axis=1)
    alpha = np.where(table.cover < 1, np.maximum(share * (table.cover > 0), least), 1)[:, None]
    colours = np.clip(ground + rise / np.maximum(alpha, 1e-6), 0, 255)
    # Where there is nothing, the colour goes on: encoders that blur colours find no other one.
    there = np.flatnonzero(alpha[:, 0] * 255 >= 0.5)
    if there.size:
        at = np.arange(len(colours))
        colours = np.stack([np.interp(at, there, colours[there, i]) for i in range(3)], axis=1)
    return np.concatenate([colours, np.clip(alpha, 0, 1) * 255], axis=1).astype(np.float32)
