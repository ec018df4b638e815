"""The memory of surfaces of 32 bits. As long as any of it is held, nothing can be blitted there."""

from __future__ import annotations

import numpy as np
import pygame
from numpy.typing import NDArray


def octets(surface: pygame.Surface) -> NDArray[np.uint8]:
    """All of it in one piece, (n,), with what may lie between its rows."""
    return np.frombuffer(memoryview(surface.get_buffer()), np.uint8)  # type: ignore[arg-type]


def pixels(surface: pygame.Surface) -> NDArray[np.uint32]:
    """(H, W), without that."""
    return np.asarray(surface.get_view("2")).T
