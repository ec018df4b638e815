"""Moments onto a canvas, as the audience saw or will see them."""

from __future__ import annotations

from functools import cached_property

import pygame

from visualiser.controls import Controls
from visualiser.curtain import Curtain
from visualiser.decode import Network
from visualiser.frame import Moment
from visualiser.look.flash import SEES_BACK_S, FlashGuard
from visualiser.look.layer import Layer
from visualiser.look.panes import Panes
from visualiser.look.sheet import Canvas, Sheet, painted

State = tuple[Panes, Curtain]


class Drawing:
    """size: of the canvas, px; alpha: whether its ground is left out, for which the output must be
    alone; state: of another such drawing, with those controls, to go on from; canvases: how many
    are drawn on by turns; guard: its own.
    """

    def __init__(
        self,
        controls: Controls,
        size: tuple[int, int],
        alpha: bool = False,
        state: State | None = None,
        canvases: int = 1,
    ) -> None:
        self._size, self._many = size, canvases
        self._canvases: list[pygame.Surface] = []  # the one that was drawn on last comes last
        self._network = Network()
        self._panes, self._curtain = state or (
            Panes(controls, Layer(size) if alpha else None),
            Curtain(controls),
        )
        self._layer = self._panes.layer
        if self._layer is not None:
            self._layer.spare = [self._layer.surface.copy() for _ in range(canvases - 1)]
        self.guard = FlashGuard(controls)

    @property
    def canvas(self) -> pygame.Surface:
        """The one that was drawn on last."""
        return self._canvases[-1] if self._canvases else self._next()

    @property
    def state(self) -> State:
        """All that the next pictures depend on, but for the guard."""
        return self._panes, self._curtain

    @property
    def memory_s(self) -> float:
        """How long before a picture drawing must begin, s, if all before that is skipped, for it to
        look as if nothing had been."""
        return max(SEES_BACK_S, self._panes.memory_s)

    @property
    def seen(self) -> pygame.Surface:
        """The canvas, or that without its ground."""
        return self.canvas if self._layer is None else self._layer.surface

    def draw(self, moment: Moment) -> pygame.Surface:
        """What is seen: as it is until as many more are drawn as there are canvases."""
        self._paint(moment, self._next())
        self.guard.limit(self.canvas, moment.tick.t)
        if self._layer is not None:
            self._layer.show(self.guard.share)
        return self.seen

    def lay(self, moment: Moment) -> Canvas:
        """As `draw`, but not painted yet where that can be, and without the guard: for films
        without alpha. All sheets have the same canvas."""
        return self._paint(moment, Sheet(self._easel))

    def skip(self, moment: Moment) -> None:
        """Go on to the next moment: as `draw`, but that nobody sees it. No network runs and no
        pixel is painted, but where what comes next fades in from this picture, or freezes it."""
        if moment.anew:
            self._curtain.begin()
        if self._curtain.is_freezing:
            self._paint(moment, self.canvas)
            return
        self._panes.recall(moment.frame, self._network.draw)
        self._panes.skip(moment.frame, self._size, moment.tick, moment.features)
        self._curtain.advance(moment.tick)
        self._curtain.skip()
        if self._layer is not None:
            self._layer.skip(self._curtain.is_frozen)

    def approach(self, moment: Moment, wanted_t: float) -> None:
        """Go on to a moment that nobody sees, on the way to the first that somebody does, at
        wanted_t: drawn is what can be seen there."""
        if wanted_t - moment.tick.t <= self.memory_s + moment.tick.dt:
            self.draw(moment)
        else:
            self.skip(moment)

    def _next(self) -> pygame.Surface:
        """The canvas whose turn it is. They are large, so they are made as they are needed."""
        if len(self._canvases) < self._many:
            self._canvases.append(pygame.Surface(self._size, 0, 32))
        else:
            self._canvases.append(self._canvases.pop(0))
        return self._canvases[-1]

    @cached_property
    def _easel(self) -> pygame.Surface:
        return pygame.Surface(self._size, 0, 32)

    def _paint(self, moment: Moment, canvas: Canvas) -> Canvas:
        """What it was painted on: not on a sheet where that will not do."""
        if moment.anew:
            self._curtain.begin()
        self._curtain.advance(moment.tick)
        self._panes.recall(moment.frame, self._network.draw)
        has_picture = moment.frame.image is not None
        frame = moment.frame if has_picture else self._network.draw(moment.frame)
        has_curtain = not self._curtain.is_open  # black, frozen or fading
        if isinstance(canvas, Sheet) and (
            has_curtain or self._panes.needs_canvas(frame, self._size)
        ):
            canvas = self._next()
        self._panes.draw(frame, canvas, moment.tick, moment.features)
        if has_curtain:
            pane = self._panes.picture(painted(canvas))
            self._curtain.draw(pane, pane)
        if self._layer is not None:
            self._layer.veil(self._curtain.dark, self._curtain.is_frozen)
        return canvas
