"""The canvas: what goes into the network beside what comes out of it."""

from __future__ import annotations

import numpy as np
import pygame

from visualiser.controls import Control, Controls, Key, switch
from visualiser.frame import Frame
from visualiser.look import eye
from visualiser.look.eye import Eye
from visualiser.look.lanes import Lanes
from visualiser.look.paint import Table, paint
from visualiser.look.palette import INK, PANE
from visualiser.types import Features, FloatArray, Tick

GREYS = 1024  # that the input is drawn in


def declare() -> tuple[Control, ...]:
    """All controls of what is seen."""
    alone = switch("look.output_only", "the output alone, over the whole canvas", False,
                   (Key("o", "the output alone, and both"),))  # fmt: skip
    return alone, *eye.declare()


class Panes:
    """Draws frames on a surface of any size.

    boxes: where input and output were drawn last.
    """

    def __init__(self, controls: Controls) -> None:
        self.boxes: tuple[pygame.Rect, pygame.Rect] | None = None
        self._controls = controls
        self._eye = Eye(controls)
        self._lanes = Lanes()

    def draw(
        self,
        frame: Frame,
        canvas: pygame.Surface,
        tick: Tick,
        features: Features,
        below: int = 0,
    ) -> None:
        """Draw both panes; `below` pixels at the foot of the canvas stay free. tick, features: of
        now; the frame's own may be older."""
        self._lanes.remember(frame)
        self._eye.advance(frame, tick, features)
        alone = bool(self._controls["look.output_only"])
        wide = alone and frame.kind != "colour"
        left, right = self.boxes = layout(canvas.get_size(), below, alone, wide)
        for strip in around(right, canvas.get_rect()) if alone else [canvas.get_rect()]:
            canvas.fill(INK, strip)  # nothing that is drawn on anyway: it costs a plain copy
        for box, draw in ((left, self._input), (right, self._output)):
            if box is left and alone:
                continue
            if canvas.get_bitsize() == 32 and canvas.get_rect().contains(box):
                draw(frame, canvas, box)
            else:
                part = pygame.Surface(box.size, 0, 32)
                draw(frame, part, part.get_rect())
                canvas.blit(part, box)

    def _output(self, frame: Frame, canvas: pygame.Surface, box: pygame.Rect) -> None:
        if frame.image is None:
            canvas.fill(PANE, box)
        else:
            self._eye.draw(frame, canvas, box)

    def _input(self, frame: Frame, canvas: pygame.Surface, box: pygame.Rect) -> None:
        if frame.field is None:
            self._lanes.draw(canvas, box, self._eye.palette)
            return
        smooth = bool(self._controls["look.smooth"])
        h, w = frame.field.shape
        greys: FloatArray = np.linspace(0, 1, GREYS, dtype=np.float32)
        table = Table(0.0, 1 / (GREYS - 1), self._eye.palette(greys), GREYS // 3)
        paint(canvas, box, frame.field, (w, h), smooth, table)


def around(box: pygame.Rect, whole: pygame.Rect) -> list[pygame.Rect]:
    """The strips above, below, left and right of a box, which make up the rest of the whole."""
    return [
        pygame.Rect(0, 0, whole.width, box.top),
        pygame.Rect(0, box.bottom, whole.width, whole.height - box.bottom),
        pygame.Rect(0, box.top, box.left, box.height),
        pygame.Rect(box.right, box.top, whole.width - box.right, box.height),
    ]


def layout(
    size: tuple[int, int], below: int, alone: bool, wide: bool = False
) -> tuple[pygame.Rect, pygame.Rect]:
    """Where input and output lie on a canvas: side by side, or stacked on a tall one. alone: the
    output has it to itself; wide: and need not be square."""
    width, height = size
    height = max(height - below, 1)
    if alone:
        side = max(min(width, height), 1)
        box = pygame.Rect(0, 0, *((max(width, 1), height) if wide else (side, side)))
        box.center = (width // 2, height // 2)
        return box.copy(), box
    margin = max(min(width, height) // 24, 2)
    across = width >= height
    long, short = (width, height) if across else (height, width)
    side = max(min((long - 3 * margin) // 2, short - 2 * margin), 1)
    first = (long - 2 * side - margin) // 2
    second = first + side + margin
    other = (short - side) // 2
    corners = [(first, other), (second, other)] if across else [(other, first), (other, second)]
    boxes = [pygame.Rect(corner, (side, side)) for corner in corners]
    return boxes[0], boxes[1]
