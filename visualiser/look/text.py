"""Words on the canvas, in one typeface, drawn once and kept."""

from __future__ import annotations

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


@lru_cache(maxsize=256)
def text(words: str, size: int, colour: tuple[int, int, int]) -> pygame.Surface:
    """The words on a transparent surface; size in pixels."""
    return _font(size).render(words, True, colour)
