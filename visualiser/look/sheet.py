"""A picture that is not painted yet: all that is to be painted on a canvas, which can be done
later, elsewhere, and only as far as it is needed.

A film needs no canvas. Each of its pictures is painted strip by strip on a piece of memory that
stays in the processor's cache, and from there converted into the encoder's colours, which spares
writing all of it to memory and reading it again. It is the same to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pygame
from numpy.typing import NDArray

from visualiser import loops
from visualiser.loops.pixels import UNMARKED, Field, Ground, Planes, Tint, Trace, Words
from visualiser.surfaces import octets

STRIP = 1 << 16  # pixels
SMALLEST = 16  # px: on a smaller canvas panes may stick out

Boxes = list[tuple[int, int, int, int, int]]  # colour, left, top, right, bottom

_LINE = np.zeros(0, np.float32)
_LINES = np.zeros((0, 0), np.float32)
_WHOLE = np.zeros(0, np.int64)
_NO_WORDS = np.zeros(0, np.uint32)
_NO_TRACE: Trace = (_LINE, _LINES, _NO_WORDS, _LINE, 0, 0.0, 0.0)
_NO_FIELD: Field = (_LINES, _WHOLE, _LINES, _NO_WORDS, 0, 0)
_NO_TINT: Tint = (np.zeros((3, 0, 0), np.float32), _WHOLE, _LINES, 0, 0)
NO_PLANES: Planes = (UNMARKED, UNMARKED, UNMARKED)
NO_GROUND: Ground = (_WHOLE, UNMARKED, UNMARKED, UNMARKED)


class Places:
    """Where a picture is looked at. rows, columns: (n,) px, in any order; here they are by rows,
    and `order` says which is which."""

    def __init__(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> None:
        self.order = np.argsort(rows, kind="stable").astype(np.int64)
        self.rows = rows[self.order].astype(np.int64)
        self.columns = columns[self.order].astype(np.int64)

    def in_memory(self, pitch: int) -> NDArray[np.intp]:
        """(n,) as they were given: where they are in that of a canvas, whose rows are pitch pixels
        apart."""
        at = np.empty(len(self.order), np.intp)
        at[self.order] = self.rows * pitch + self.columns
        return at


_NOWHERE = Places(np.zeros(0, np.intp), np.zeros(0, np.intp))


class Sheet:
    """What is to be painted on a canvas of 32 bits: boxes first, then up to two traces, of lines,
    up to two fields, and a picture in colours. For what looks at a canvas before it paints, it is
    one; loops must be loaded.

    canvas: where it is painted in the end, if anybody wants that.
    """

    def __init__(self, canvas: pygame.Surface) -> None:
        self.canvas = canvas
        self._is_painted = False
        self.traces: list[Trace] = []
        self.fields: list[Field] = []
        self.tinted: Tint = _NO_TINT
        self.boxes: Boxes = []

    def get_size(self) -> tuple[int, int]:
        return self.canvas.get_size()

    def get_width(self) -> int:
        return self.canvas.get_width()

    def get_rect(self) -> pygame.Rect:
        return self.canvas.get_rect()

    def fill(self, colour: tuple[int, int, int], boxes: Iterable[pygame.Rect]) -> None:
        pixel, whole = self.canvas.map_rgb(colour), self.get_rect()
        for box in boxes:
            box = box.clip(whole)
            self.boxes.append((pixel, box.left, box.top, box.right, box.bottom))

    def paint(self) -> pygame.Surface:
        """The canvas, painted: once, whoever asks for it."""
        if not self._is_painted:
            self._is_painted = True
            canvas = self.canvas
            whole = octets(canvas).view(np.uint32).reshape(canvas.get_height(), -1)
            self._go(whole, _NOWHERE, _NO_WORDS, (0, 0), NO_GROUND, NO_PLANES)
        return self.canvas

    def convert(
        self,
        strip: Words,
        places: Places,
        size: tuple[int, int],
        planes: Planes,
        ground: Ground = NO_GROUND,
    ) -> Words:
        """Into planes of yuv420p, of the left upper part of that size; (n,) pixels at the places.
        strip: `strip_for` that canvas; planes: none where only those are wanted; ground: what the
        boxes alone are there, to be taken where nothing lies on them, if it is known."""
        levels = np.empty(len(places.rows), np.uint32)
        self._go(strip, places, levels, size if len(planes[0]) else (0, 0), ground, planes)
        return levels

    def _go(
        self, strip: Words, places: Places, levels: Words, size: tuple[int, int], ground: Ground,
        planes: Planes,
    ) -> None:  # fmt: skip
        compiled = loops.compiled(loops.pixels.strips)
        assert compiled and len(self.traces) <= 2 and len(self.fields) <= 2
        traces, fields = (*self.traces, _NO_TRACE, _NO_TRACE), (*self.fields, _NO_FIELD, _NO_FIELD)
        boxes = np.array(self.boxes, np.int64).reshape(-1, 5)
        compiled(strip, self.canvas.get_height(), boxes, traces[:2], fields[:2], self.tinted,
                 places.rows, places.columns, places.order, levels, size, ground,
                 *planes)  # fmt: skip


class Grounds:
    """The boxes of sheets alone, converted. Most of a picture is nothing else, and from one to the
    next they seldom change. size: of the video picture."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._kept: tuple[Boxes, Ground] = [], NO_GROUND

    def under(self, sheet: Sheet, strip: Words) -> Ground:
        """Empty where the boxes are others than last time. On any thread."""
        boxes, ground = self._kept
        if boxes != sheet.boxes:
            self._kept = sheet.boxes, NO_GROUND
            return NO_GROUND
        if not len(ground[0]):
            bare = Sheet(sheet.canvas)
            bare.boxes = boxes
            ground = self._of(bare, strip)
            self._kept = boxes, ground
        return ground

    def _of(self, sheet: Sheet, strip: Words) -> Ground:
        width, height = self._size
        shapes = (height, width), (height // 2, width // 2), (height // 2, width // 2)
        luma, blue, red = (np.empty(shape, np.uint8) for shape in shapes)
        sheet.convert(strip, _NOWHERE, self._size, (luma, blue, red))
        # Most rows are like another: to be copied from there, which the processor's cache has.
        first: dict[bytes, int] = {}
        pairs = np.concatenate([luma.reshape(-1, 2 * width), blue, red], axis=1)
        which = [first.setdefault(pair.tobytes(), row) for row, pair in enumerate(pairs)]
        return np.array(which, np.int64), luma, blue, red


Canvas = pygame.Surface | Sheet


def are_ready() -> bool:
    """Whether all is loaded that sheets are painted with."""
    return loops.compiled(loops.pixels.strips) is not None


def strip_for(size: tuple[int, int]) -> Words:
    """Memory that sheets of a canvas of that size are painted in: an even number of rows, of an
    even number of pixels."""
    width, height = size[0] + size[0] % 2, size[1] + size[1] % 2
    rows = min(max(STRIP // width // 2 * 2, 2), height)
    return np.zeros((rows, width), np.uint32)


def bare(canvas: Canvas) -> pygame.Surface:
    """The canvas itself, or that of a sheet as it is: to see what its pixels are like."""
    return canvas.canvas if isinstance(canvas, Sheet) else canvas


def painted(canvas: Canvas) -> pygame.Surface:
    """The canvas itself, or that of a sheet, painted."""
    return canvas.paint() if isinstance(canvas, Sheet) else canvas
