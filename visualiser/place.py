"""Where the window is on the desktop, so that it comes back there, but never where none sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pygame

SEEN = 64  # px of a window that are on the display at least: enough to take hold of it
_WANTED = "SDL_VIDEO_WINDOW_POS"


@dataclass(frozen=True)
class Place:
    """size: width and height, px; corner: the upper left one on the desktop, px, None where that is
    not known; desktop: the sizes of all displays then."""

    size: tuple[int, int]
    corner: tuple[int, int] | None
    desktop: tuple[tuple[int, int], ...]


def desktop() -> tuple[tuple[int, int], ...]:
    """The sizes of all displays, px."""
    return tuple((int(width), int(height)) for width, height in pygame.display.get_desktop_sizes())


@contextmanager
def opened_at(place: Place | None) -> Iterator[tuple[int, int] | None]:
    """What opens a window in here opens it there, if the displays are those it was seen on; gives
    its corner. Else the system chooses, and None is given."""
    corner = place.corner if place is not None and is_seen(place, desktop()) else None
    if corner is None or _WANTED in os.environ:
        yield None
        return
    os.environ[_WANTED] = f"{corner[0]},{corner[1]}"
    try:
        yield corner
    finally:
        del os.environ[_WANTED]  # it would hold for every change of size as well


def is_seen(place: Place, displays: tuple[tuple[int, int], ...]) -> bool:
    """Whether a window there can be seen on these displays. How several lie beside each other is
    not known: they are taken to be as they were while their sizes are."""
    if place.corner is None or place.desktop != displays:
        return False
    if len(displays) > 1:
        return True
    (left, top), (width, height) = place.corner, displays[0]
    return SEEN - place.size[0] <= left <= width - SEEN and 0 <= top <= height - SEEN
