"""The displays of this machine: their names, sizes, and where on the desktop they are."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import pygame

WINDOW = "window"  # in place of a display: an ordinary window


@dataclass(frozen=True)
class Display:
    """number: counted from 1, as people do; twin: 0 for the first of that name, 1 for the second;
    corner, size: on the desktop, px."""

    number: int
    name: str
    twin: int
    corner: tuple[int, int]
    size: tuple[int, int]

    @property
    def key(self) -> tuple[str, int]:
        """What it is known by when it comes back, be it with another number."""
        return self.name, self.twin

    def __str__(self) -> str:
        return f"{self.number} {self.name} {self.size[0]}x{self.size[1]}"


def displays() -> list[Display]:
    """Those there are now, in microseconds. pygame.display must be initialised."""
    found: list[Display] = []
    for index, size in enumerate(pygame.display.get_desktop_sizes()):
        name, corner = _ask_sdl(index)
        name = name or f"display {index + 1}"
        twin = sum(other.name == name for other in found)
        found.append(Display(index + 1, name, twin, corner, size))
    return found


def match(wanted: str | int, among: Sequence[Display]) -> Display | None:
    """The display of that number, or the first whose name holds that text."""
    if isinstance(wanted, int):
        return next((one for one in among if one.number == wanted), None)
    text = wanted.casefold()
    return next((one for one in among if text and text in one.name.casefold()), None)


def under(place: tuple[int, int], among: Sequence[Display]) -> Display | None:
    """The display that a place of the desktop is on, or else the first."""
    for one in among:
        if pygame.Rect(one.corner, one.size).collidepoint(place):
            return one
    return among[0] if among else None


def _ask_sdl(index: int) -> tuple[str, tuple[int, int]]:
    """Name and corner, which pygame does not tell; "" and (0, 0) where SDL cannot be asked."""
    sdl = _sdl()
    if sdl is None:
        return "", (0, 0)
    box = (ctypes.c_int * 4)()
    sdl.SDL_GetDisplayBounds(index, box)
    name = sdl.SDL_GetDisplayName(index) or b""
    return name.decode(errors="replace").strip(), (box[0], box[1])


@cache
def _sdl() -> ctypes.CDLL | None:
    """The SDL that pygame has loaded already."""
    try:
        sdl = ctypes.CDLL("SDL2.dll" if sys.platform == "win32" else pygame.display.__file__)
        sdl.SDL_GetDisplayName.restype = ctypes.c_char_p
        sdl.SDL_GetDisplayBounds.argtypes = (ctypes.c_int, ctypes.c_void_p)
    except (OSError, AttributeError):
        return None
    return sdl
