"""The canvas: what goes into the network beside what comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import numpy as np
import pygame

from visualiser.controls import Control, Controls, Key, number, switch
from visualiser.frame import Frame
from visualiser.latents import LatentMap
from visualiser.look import eye
from visualiser.look.cross_fade import CrossFade
from visualiser.look.eye import Eye
from visualiser.look.field import Kind
from visualiser.look.lanes import TRAIL_S, Lanes
from visualiser.look.layer import Layer
from visualiser.look.paint import Table, fill, paint
from visualiser.look.palette import INK, PANE, Palette
from visualiser.look.sheet import SMALLEST, Canvas, Sheet, are_ready, painted
from visualiser.types import Features, Tick

GREYS = 1024  # that the input is drawn in


def declare() -> tuple[Control, ...]:
    """All controls of what is seen."""
    alone = switch("look.output_only", "the output alone, over the whole canvas", False,
                   (Key("o", "the output alone, and both"),))  # fmt: skip
    fade = number("look.model_fade", "cross-fade when the model changes", 1.0, 0.0, 30.0, "s")
    return alone, fade, *eye.declare()


@dataclass(frozen=True)
class Begun:
    """What was drawn ahead. kind: of the picture; lanes: whose latents they show, if any."""

    canvas: Canvas
    below: int
    alone: bool
    kind: Kind
    lanes: LatentMap | None


class Panes:
    """Draws frames on a surface of any size.

    boxes: where input and output were drawn last; layer: where the output is drawn once more, if
    it is alone.
    """

    def __init__(self, controls: Controls, layer: Layer | None = None) -> None:
        self.layer = layer
        self.boxes: tuple[pygame.Rect, pygame.Rect] | None = None
        self._controls = controls
        self._eye = Eye(controls)
        self._lanes = Lanes()
        self._fade = CrossFade()
        self._frame: Frame | None = None  # the one that was drawn last
        self._begun: Begun | None = None
        self._greys: tuple[Palette, Table] | None = None
        self._shown: pygame.Surface | None = None  # the output, painted elsewhere for this frame

    @property
    def palette(self) -> Palette:
        """The colours as they are now."""
        return self._eye.palette

    def twin(self, layer: Layer | None = None, alone: bool = False) -> Panes:
        """Another that draws the frame that was drawn last once more, on another canvas and thread:
        it has all that is seen of the past, and nothing that happens from now on. alone: the
        output is; with a layer it always is. A change of model that is under way is over in it."""
        controls = self._controls.twin()
        if layer is not None or alone:
            controls.apply(("look.output_only", True))
        shared = {id(each): each for each in (self._frame, self._lanes.latents)}
        left = {id(each): None for each in (self._begun, self._greys, self._shown, self.layer)}
        fade = {id(self._fade): CrossFade()}
        memo = {**left, **shared, **fade, id(self._controls): controls}
        twin = deepcopy(self, memo)
        twin.layer = layer
        return twin

    def begin(self, canvas: pygame.Surface, t: float, below: int = 0) -> None:
        """Draw ahead what needs no frame, if the one to come is like the one before: the ground,
        and the lanes' past as it will be at t, s of the show."""
        if self._frame is not None:
            self._begun = self._ground(canvas, t, below, self._frame)

    def _ground(self, canvas: Canvas, t: float, below: int, like: Frame) -> Begun:
        begun = self._wanted(canvas, below, like)
        alone = begun.alone
        left, right = self.boxes = layout(
            canvas.get_size(), below, alone, alone and begun.kind != "colour"
        )
        # Nothing that is drawn on anyway: it costs a plain copy.
        fill(canvas, INK, [*around(left.union(right), canvas.get_rect()), between(left, right)])
        if begun.lanes is not None:
            palette = self._eye.palette
            draw_on(canvas, left, lambda part, box: self._lanes.draw_past(part, box, palette, t))
        return begun

    def _wanted(self, canvas: Canvas, below: int, frame: Frame) -> Begun:
        alone = bool(self._controls["look.output_only"])
        has_lanes = frame.field is None and not alone
        return Begun(canvas, below, alone, frame.kind, self._lanes.latents if has_lanes else None)

    def draw(
        self,
        frame: Frame,
        canvas: Canvas,
        tick: Tick,
        features: Features,
        below: int = 0,
    ) -> None:
        """Draw both panes, or the rest of what was begun; `below` pixels at the foot of the canvas
        stay free. tick, features: of now; the frame's own may be older."""
        self._lanes.remember(frame)
        last = self._frame
        begun, self._begun, self._frame = self._begun, None, frame
        if begun != self._wanted(canvas, below, frame):
            begun = self._ground(canvas, frame.tick.t, below, frame)
        assert self.boxes is not None
        if self._shown is None:
            place = canvas.get_size(), below, begun.alone
            self._follow(last, frame, tick, features, place, self.boxes[1])
        if self.layer is not None:
            self.layer.begin()
        left, right = self.boxes
        for box, draw in ((left, self._input), (right, self._output)):
            if box is left and begun.alone:
                continue
            draw_on(canvas, box, partial(draw, frame))
        if self._shown is None and not isinstance(canvas, Sheet):
            self._fade.draw(canvas)
        if self.layer is not None:
            self.layer.fade(self._fade.share)
        self._shown = None

    def needs_canvas(self, frame: Frame, size: tuple[int, int]) -> bool:
        """Whether the picture of a frame cannot be drawn on a sheet of that size."""
        last = self._frame
        is_new = last is not None and last.model is not frame.model
        is_plain = are_ready() and self.layer is None and min(size) >= SMALLEST
        return not is_plain or is_new or self._fade.share < 1

    def skip(self, frame: Frame, size: tuple[int, int], tick: Tick, features: Features) -> None:
        """As `draw`, for a frame that nobody sees: it needs no picture. size: of the canvas."""
        self._lanes.remember(frame)
        last, self._frame = self._frame, frame
        alone = bool(self._controls["look.output_only"])
        self.boxes = layout(size, 0, alone, alone and frame.kind != "colour")
        self._follow(last, frame, tick, features, (size, 0, alone), self.boxes[1])
        self._eye.skip()
        if self.layer is not None and self._fade.share >= 1:
            self.layer.fade(1.0)

    def recall(self, frame: Frame, picture: Callable[[Frame], Frame]) -> None:
        """Before a frame is drawn or skipped: where the one before it was skipped, and another
        model or look fades in from it, that one gets its picture after all."""
        last, is_leaving = self._frame, self._eye.is_leaving
        if last is None or last.image is not None or self.boxes is None:
            return
        if last.model is frame.model and not is_leaving:
            return
        self._frame, box = picture(last), self.boxes[1]
        if self.layer is not None:
            surface = self.layer.surface
            self.layer.begin()
            self._eye.recall(self._frame, surface.get_size(), box, surface)
            self.layer.fade(self._fade.share)
        elif is_leaving:
            self._eye.recall(self._frame, box.size, pygame.Rect((0, 0), box.size), None)

    @property
    def memory_s(self) -> float:
        """How much of the past is seen in a picture, s."""
        is_painted = self._frame is not None and self._frame.field is not None
        # What a network makes of a painting is not known where it is skipped; lanes may show it.
        return max(TRAIL_S if is_painted else 0.0, self._eye.memory_s)

    def draw_output(
        self, frame: Frame, canvas: pygame.Surface, tick: Tick, features: Features
    ) -> None:
        """Draw the output alone over a whole canvas of 32 bits, as `look.output_only` does; the
        `draw` of the same frame has a smaller copy of it."""
        _, box = layout(canvas.get_size(), 0, True, frame.kind != "colour")
        self._follow(self._frame, frame, tick, features, (canvas.get_size(), 0, True), box)
        fill(canvas, INK, around(box, canvas.get_rect()))
        self._output(frame, canvas, box)
        self._fade.draw(canvas)
        self._shown = canvas

    def picture(self, canvas: pygame.Surface) -> pygame.Surface:
        """The part of a canvas that the output was drawn on, to be drawn over: all of it where the
        output is alone."""
        whole = canvas.get_rect()
        left, right = self.boxes or (whole, whole)
        return canvas.subsurface(whole if left == right else right.clip(whole))

    def _follow(
        self,
        last: Frame | None,
        frame: Frame,
        tick: Tick,
        features: Features,
        place: tuple[tuple[int, int], int, bool],
        box: pygame.Rect,
    ) -> None:
        """Move on to a frame. last: the one before; place: of the panes; box: of its picture."""
        if last is not None and last.model is not frame.model:
            self._begin_fade(last, frame, place, box)
        self._fade.advance(tick.dt, place)
        self._eye.advance(frame, tick, features)

    def _begin_fade(
        self, last: Frame, frame: Frame, place: tuple[tuple[int, int], int, bool], box: pygame.Rect
    ) -> None:
        """From a model's last picture to the first one of another, which comes into the box."""
        wanted = frame.fade_s
        fade_s = float(self._controls["look.model_fade"]) if wanted is None else wanted
        if fade_s <= 0 or last.image is None:
            return
        before = layout(*place, wide=place[2] and last.kind != "colour")[1]
        if self.layer is not None:
            self.layer.hold()
        area = before.union(box)  # one may be square and the other wide
        picture = pygame.Surface(area.size, 0, 32)
        picture.fill(INK)
        self._eye.draw(last, picture, before.move(-area.left, -area.top))
        self._fade.begin(picture, area, fade_s, place)

    def _output(self, frame: Frame, canvas: Canvas, box: pygame.Rect) -> None:
        if self._shown is not None:
            shrink(self._shown, painted(canvas), box)
        elif frame.image is None:
            fill(canvas, PANE, [box])
        else:
            layer = self.layer.surface if self.layer else None
            self._eye.draw(frame, canvas, box, layer)

    def _input(self, frame: Frame, canvas: Canvas, box: pygame.Rect) -> None:
        if frame.field is None:
            self._lanes.draw_now(canvas, box, self._eye.palette)
            return
        smooth = bool(self._controls["look.smooth"])
        h, w = frame.field.shape
        palette = self._eye.palette
        if self._greys is None or self._greys[0] != palette:
            over = GREYS // 3  # that upscaling goes beyond black and white
            greys = np.arange(-over, GREYS + over, dtype=np.float32) / np.float32(GREYS - 1)
            table = Table(1 / (GREYS - 1), -over, palette(greys), GREYS + over)
            self._greys = palette, table
        paint(canvas, box, frame.field, (w, h), smooth, self._greys[1])


def draw_on(canvas: Canvas, box: pygame.Rect, draw: Callable[[Canvas, pygame.Rect], None]) -> None:
    """Draw in a box of any canvas with what needs 32 bits, and the box on it."""
    if isinstance(canvas, Sheet) or (
        canvas.get_bitsize() == 32 and canvas.get_rect().contains(box)
    ):
        draw(canvas, box)
        return
    part = pygame.Surface(box.size, 0, 32)
    part.blit(canvas, (0, 0), box)
    draw(part, part.get_rect())
    canvas.blit(part, box)


def shrink(picture: pygame.Surface, canvas: pygame.Surface, box: pygame.Rect) -> None:
    """Draw a copy of a picture into a box of the canvas, in its proportions."""
    fill(canvas, PANE, [box])
    inner = picture.get_rect().fit(box)
    if inner.width > 0 and inner.height > 0:
        pygame.transform.scale(picture, inner.size, canvas.subsurface(inner))


def around(box: pygame.Rect, whole: pygame.Rect) -> list[pygame.Rect]:
    """The strips above, below, left and right of a box, which make up the rest of the whole."""
    return [
        pygame.Rect(0, 0, whole.width, box.top),
        pygame.Rect(0, box.bottom, whole.width, whole.height - box.bottom),
        pygame.Rect(0, box.top, box.left, box.height),
        pygame.Rect(box.right, box.top, whole.width - box.right, box.height),
    ]


def between(one: pygame.Rect, other: pygame.Rect) -> pygame.Rect:
    """The gap between two boxes of one size, the other right of the one or below it."""
    if one.left == other.left:
        return pygame.Rect(one.left, one.bottom, one.width, max(other.top - one.bottom, 0))
    return pygame.Rect(one.right, one.top, other.left - one.right, one.height)


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
