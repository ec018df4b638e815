"""The strip of cues: what its keys do is said there, in whole words."""

from __future__ import annotations

import pygame
import pytest
from virtual_screen import reads

from visualiser.cues import View
from visualiser.strip import Strip


@pytest.mark.parametrize(("size", "line"), [((640, 360), 9), ((1280, 720), 18), ((1920, 1080), 27)])
def test_what_its_keys_do_is_never_cut(size: tuple[int, int], line: int) -> None:
    canvas = pygame.Surface(size, 0, 32)
    strip = Strip()
    try:
        assert strip.draw(canvas, View(), line, 2 * line)
    finally:
        strip.close()
    seen = pygame.surfarray.array3d(canvas).swapaxes(0, 1)[-7 * line :]
    sizes = [max(line * 4 // 5, 8)]
    assert reads(seen, "F1-F8 recall", "insert store", "home play", "u undo", sizes=sizes)
    assert reads(seen, "delete clear", sizes=sizes) and not reads(seen, "..", sizes=sizes)
