"""Moments onto a canvas, as the audience saw or will see them."""

from __future__ import annotations

import pygame

from visualiser.controls import Controls
from visualiser.curtain import Curtain
from visualiser.decode import Network
from visualiser.frame import Moment
from visualiser.look.flash import FlashGuard
from visualiser.look.layer import Layer
from visualiser.look.panes import Panes


class Drawing:
    """size: of the canvas, px; alpha: whether its ground is left out, for which the output must be
    alone."""

    def __init__(self, controls: Controls, size: tuple[int, int], alpha: bool = False) -> None:
        self.canvas = pygame.Surface(size, 0, 32)
        self._layer = Layer(size) if alpha else None
        self._network = Network()
        self._panes = Panes(controls, self._layer)
        self._curtain = Curtain(controls)
        self._guard = FlashGuard(controls)

    def draw(self, moment: Moment) -> pygame.Surface:
        """The canvas, as it is until the next is drawn."""
        frame = self._network.draw(moment.frame)
        self._panes.draw(frame, self.canvas, moment.tick, moment.features)
        self._curtain.advance(moment.tick)
        if not self._curtain.is_open:  # black, frozen or fading
            pane = self._panes.picture(self.canvas)
            self._curtain.draw(pane, pane)
        self._guard.limit(self.canvas, moment.tick.t)
        if self._layer is not None:
            self._layer.veil(self._curtain.dark, self._curtain.is_frozen)
            self._layer.show(self._guard.share)
            return self._layer.surface
        return self.canvas
