"""The stage: what the audience sees, in a window of its own or in the one there is."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pygame

from visualiser import config
from visualiser.calm import calm
from visualiser.controls import Command, Control, Controls, action
from visualiser.curtain import CONTROLS as CURTAIN
from visualiser.curtain import Curtain
from visualiser.frame import Frame
from visualiser.look.panes import Panes
from visualiser.output import Output
from visualiser.types import Features, Tick

CONTROLS: tuple[Control, ...] = (
    action("stage.output", "output window: on the next display, and away", "w"),
    *CURTAIN,
    action("stage.panic", "panic: a calm walk in the default look", "f12"),
)


class Stage:
    """Owns the output window, and what comes between it and the picture."""

    def __init__(self, settings: config.Stage, controls: Controls, panes: Panes) -> None:
        self.output = Output(settings)
        self.curtain = Curtain(controls)
        self._controls = controls
        self._panes = panes
        self._picture = pygame.Surface((1, 1), 0, 32)
        self._painted: pygame.Surface | None = None
        self._has_failed = False
        self._saver = pygame.display.get_allow_screensaver()
        pygame.display.set_allow_screensaver(False)
        self.output.send(settings.display, or_wait=True)

    def obey(self, commands: Iterable[Command], is_paused: bool) -> list[Command]:
        """Carry out what is for the stage; what else is to be done for that, after them."""
        more: list[Command] = []
        for id, value in commands:
            if id == "stage.output":
                self._send(value)
            elif id == "stage.panic":
                more += calm(self._controls, is_paused, self._has_failed)
                self.curtain.open()
        return more

    def paint(self, frame: Frame, tick: Tick, features: Features) -> None:
        """Before the window is drawn: the picture at the size of the output, if that is on. The
        window then shows a smaller copy of it."""
        self._has_failed = bool(frame.error)
        self.output.follow(tick.t)
        self.curtain.advance(tick)
        self._painted = None
        if self.output.is_on:
            self._painted = self._to_paint_on()
            self._panes.draw_output(frame, self._painted, tick, features)

    def draw(self, canvas: pygame.Surface) -> pygame.Surface:
        """What the audience sees in the end, and what is recorded. canvas: of the window of the
        controls, drawn, without words; it is given back where there is no output window."""
        if self._painted is not None:
            seen = self.output.surface
            if not (self.curtain.is_open and seen is self._painted):
                self.curtain.draw(self._painted, seen)
            return seen
        if not self.curtain.is_open:
            pane = self._panes.picture(canvas)
            self.curtain.draw(pane, pane)
        return canvas

    def size(self, canvas: pygame.Surface) -> tuple[int, int]:
        """Of what the audience sees. canvas: as for `draw`."""
        return (self.output.surface if self.output.is_on else canvas).get_size()

    def flip(self) -> None:
        """Show it."""
        self.output.flip()

    @property
    def sign(self) -> str:
        """What the audience sees instead of the picture, in a few words, or ""."""
        lost = "no output" if self.output.is_waiting else ""
        return " ".join(word for word in (self.curtain.sign, lost) if word)

    def notices(self) -> list[str]:
        """Lines for the person since the last call."""
        lines, self.output.notices = self.output.notices, []
        return lines

    def close(self) -> None:
        self.output.close()
        pygame.display.set_allow_screensaver(self._saver)

    def _send(self, value: object) -> None:
        """Where to the output goes: a display's number or name, or onward for what says neither."""
        if isinstance(value, str):
            self.output.send(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            if math.isfinite(value):
                self.output.send(int(value))
        elif value is not False:  # a button that comes up
            self.output.send_on(pygame.display.get_window_position())

    def _to_paint_on(self) -> pygame.Surface:
        """The output itself, where the picture is seen as it is."""
        seen = self.output.surface
        if self.curtain.is_open:
            return seen
        if self._picture.get_size() != seen.get_size():
            self._picture = pygame.Surface(seen.get_size(), 0, 32)
        return self._picture
