"""The output window: the clean picture and nothing else, full-screen on a display of its own."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import suppress

import pygame

from visualiser import config
from visualiser.controls import Command
from visualiser.displays import WINDOW, Display, displays, match, under

LOOK_S = 1.0  # between two looks at the displays; a change of their number is seen at once
MOUSE = (pygame.MOUSEBUTTONDOWN, pygame.MOUSEMOTION, pygame.MOUSEBUTTONUP, pygame.MOUSEWHEEL)


class OutputWindow(pygame.Window):
    """A window of the audience's, which events are told apart by."""


def of_output(event: pygame.event.Event) -> list[Command] | None:
    """What an event of the output window asks for; None for one of the controls' window, or a key,
    which means the same in both. Closing it turns the output off; the mouse means nothing on it,
    and has no cursor."""
    if not isinstance(getattr(event, "window", None), OutputWindow):
        return None
    if event.type == pygame.WINDOWCLOSE:
        return [("stage.output", 0)]
    if event.type == pygame.WINDOWENTER:
        pygame.mouse.set_visible(False)
        return []
    return [] if event.type in MOUSE else None


class Output:
    """Where the output is: nowhere, in a window, on a display, or waiting for one that has gone.

    is_on: whether it is wanted; surface: what to draw on then. While its display is away it is
    drawn out of sight, so that a recording goes on as it was. notices: lines for the person.
    """

    def __init__(
        self, settings: config.Stage, look: Callable[[], list[Display]] = displays
    ) -> None:
        self.notices: list[str] = []
        self._size = (settings.width, settings.height)
        self._look = look
        self._displays = look()
        self._looked_t = 0.0
        self._window: OutputWindow | None = None
        self._unseen = pygame.Surface((1, 1), 0, 32)
        self._wanted: Display | str | int | None = None  # None is off

    @property
    def is_on(self) -> bool:
        return self._wanted is not None

    @property
    def is_waiting(self) -> bool:
        """Whether it would be on a display that is not there."""
        return self.is_on and self._window is None

    @property
    def surface(self) -> pygame.Surface:
        """32 bits; another one where its size has changed."""
        if self._window is None:
            return self._unseen
        seen = self._window.get_surface()
        if seen.get_bitsize() == 32:
            return seen
        if self._unseen.get_size() != seen.get_size():
            self._unseen = pygame.Surface(seen.get_size(), 0, 32)
        return self._unseen

    def send(self, wanted: str | int, or_wait: bool = False) -> None:
        """Turn it off (0 or ""), or open it: on a display, by number or a part of its name, or in
        a "window". Where there is no such display it stays as it is, or waits for that one."""
        if not wanted:
            self.notices += ["output off"] if self.is_on else []
            self._shut()
            self._wanted = None
            return
        self._displays = self._look()
        display = None if wanted == WINDOW else match(wanted, self._displays)
        if wanted == WINDOW or display is not None:
            if self._window is None or self._wanted != (display or WINDOW):
                self._shut()
                self._wanted = display or WINDOW
                self._open(display)
            return
        there = ", ".join(map(str, self._displays))
        does = "waits for it" if or_wait else "stays as it is"
        self.notices.append(f"no display {str(wanted)[:40]!r}: the output {does}; there is {there}")
        if or_wait:
            self._wanted = wanted
            self._unseen = pygame.Surface(self._size, 0, 32)

    def send_on(self, control: tuple[int, int]) -> None:
        """From off to the first display that the window of the controls is not on, to the next
        one, and off; where there is but one display, into a window, and off. control: a place in
        that window, on the desktop."""
        self._displays = self._look()
        own = under(control, self._displays)
        others: list[str | int] = [one.number for one in self._displays if one is not own]
        places = [0, *(others or [WINDOW])]
        wanted = self._wanted
        if isinstance(wanted, Display):
            back = match_key(wanted, self._displays)
            wanted = None if back is None else back.number
            at = places.index(wanted) if wanted in places else len(places) - 1
        else:
            at = 0 if wanted is None else len(places) - 1
        self.send(places[(at + 1) % len(places)])

    def follow(self, t: float) -> None:
        """Look whether its display has gone or come back; once a frame. t: of the show, s."""
        if self._wanted is None or self._wanted == WINDOW:
            return
        are_as_many = pygame.display.get_num_displays() == len(self._displays)
        if are_as_many and t - self._looked_t < LOOK_S:
            return
        self._looked_t = t
        self._displays = self._look()
        if isinstance(self._wanted, Display):
            there = match_key(self._wanted, self._displays)
        else:
            there = match(self._wanted, self._displays)
        if there is None:
            if self._window is not None:
                self._unseen = pygame.Surface(self._window.size, 0, 32)
                self._shut()  # or the system would put it over the controls
                self.notices.append(
                    f"display {self._wanted} has gone: the output waits until it is back"
                )
        elif self._window is None or there != self._wanted:
            self._shut()
            self._wanted = there
            self._open(there)

    def flip(self) -> None:
        """Show what was drawn."""
        if self._window is None:
            return
        seen = self._window.get_surface()
        if seen.get_bitsize() != 32:
            seen.blit(self._unseen, (0, 0))
        self._window.flip()

    def close(self) -> None:
        self._shut()

    def _open(self, display: Display | None) -> None:
        """Raises nothing: where the system gives no window, the output is off."""
        # The keys stay with the controls, and the output where it is while they have them.
        os.environ["SDL_WINDOW_NO_ACTIVATION_WHEN_SHOWN"] = "1"
        os.environ.setdefault("SDL_VIDEO_MINIMIZE_ON_FOCUS_LOSS", "0")
        try:
            if display is None:
                self._window = OutputWindow("Squircle output", self._size, resizable=True)
                words = "in a window"
            else:
                middle = pygame.WINDOWPOS_CENTERED | (display.number - 1)
                self._window = OutputWindow(
                    "Squircle output",
                    display.size,
                    position=(middle, middle),
                    fullscreen_desktop=True,
                )
                words = f"on display {display}"
            self._window.get_surface()
        except pygame.error as error:
            self._shut()
            self._wanted = None
            self.notices.append(f"no output window: {error}")
        else:
            self.notices.append(f"output {words}")
        finally:
            del os.environ["SDL_WINDOW_NO_ACTIVATION_WHEN_SHOWN"]
            _give_keys_back(to_front=False)

    def _shut(self) -> None:
        if self._window is not None:
            self._window.destroy()
            self._window = None
            _give_keys_back()


def _give_keys_back(to_front: bool = True) -> None:
    """Let the window of the controls have the keyboard, where it is there. to_front: and raise it,
    which would hide an output on the same display."""
    if pygame.display.get_surface() is None:
        return
    with warnings.catch_warnings(), suppress(pygame.error, AttributeError):
        warnings.simplefilter("ignore", DeprecationWarning)  # nothing else leads to that window
        controls = pygame.Window.from_display_module()
        if to_front:
            controls.focus()
        controls.focus(input_only=True)  # where there is no window manager


def match_key(display: Display, among: list[Display]) -> Display | None:
    """The same display as it is now."""
    return next((one for one in among if one.key == display.key), None)
