"""Words on the canvas, in one typeface, drawn once and kept."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import pygame

ADVANCE = 0.61  # of the typeface: a letter's width, times its size
FONT = Path(__file__).resolve().parents[2] / "assets" / "JetBrainsMono-Regular.ttf"


@lru_cache(maxsize=16)
def _font(size: int) -> pygame.Font:
    if not pygame.font.get_init():
        pygame.font.init()
    return pygame.Font(str(FONT), size)


def letters(room: float, size: int) -> int:
    """How many there is room for, in pixels: one at least."""
    return max(int(room / _font(size).size("m")[0]), 1)


def whole(parts: Iterable[str], room: float, size: int) -> str:
    """As many of the parts, from the first on, as there is room for, in pixels; none is cut."""
    line, fit = "", letters(room, size)
    for part in filter(None, parts):
        longer = f"{line}   {part}" if line else part
        if len(longer) > fit:
            break
        line = longer
    return line


@lru_cache(maxsize=256)
def text(words: str, size: int, colour: tuple[int, int, int]) -> pygame.Surface:
    """The words on a transparent surface; size in pixels."""
    return _font(size).render(words, True, colour)
