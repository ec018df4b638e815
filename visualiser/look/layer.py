"""The output once more without its ground, to be laid over other pictures."""

from __future__ import annotations

import numpy as np
import pygame
from numpy.typing import NDArray

from visualiser import surfaces

CLEAR = (0, 0, 0, 0)

Pixels = NDArray[np.uint8]  # (H, W, 4) a surface's own memory, alpha last


class Layer:
    """A surface with alpha, beside the canvas that the output is drawn on.

    What comes over a picture later, as fades and the flash guard do, comes over it as well: they
    say what share of it is seen, and `mix` does the same here. What is black has no light, and is
    clear here: a layer that fades out is gone, and does not darken what lies below.

    surface: with the frame that was drawn last; spare: others, which it takes by turns.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.surface = pygame.Surface(size, pygame.SRCALPHA, 32)
        self.spare: list[pygame.Surface] = []
        self._before: Pixels | None = None  # that is gone from, to another model's
        self._frozen: Pixels | None = None
        self._shown: Pixels | None = None  # in the frame before

    def begin(self) -> None:
        """Clear it for a new frame."""
        self.spare.append(self.surface)
        self.surface = self.spare.pop(0)
        self.surface.fill(CLEAR)

    def hold(self) -> None:
        """What it is now is to be gone from."""
        self._before = self._pixels().copy()

    def fade(self, share: float) -> None:
        """share: of the new picture, the old one making up the rest."""
        if share >= 1 or self._before is None:
            self._before = None
        else:
            self._mix(self._before, share)

    def veil(self, dark: float, is_frozen: bool) -> None:
        """What a curtain does: dark: 0 as it is, to 1."""
        self.skip(is_frozen)
        if is_frozen and self._frozen is None:
            self._frozen = self._pixels().copy()
        elif self._frozen is not None:
            self._pixels()[:] = self._frozen
        if dark > 0:
            alpha = self._pixels()[..., 3]
            alpha[:] = np.round(alpha * (1 - dark))

    def skip(self, is_frozen: bool) -> None:
        """Instead of all that, where nobody sees it."""
        if not is_frozen:
            self._frozen = None

    def show(self, share: float) -> None:
        """share: of this frame's picture that is let through, that of the one before making up the
        rest."""
        if share < 1 and self._shown is not None:
            self._mix(self._shown, share)
        self._shown = self._pixels().copy()

    def _mix(self, before: Pixels, share: float) -> None:
        now = self._pixels()
        if share == 0:
            now[:] = before
            return
        weight = now[..., 3:] * np.float32(share), before[..., 3:] * np.float32(1 - share)
        alpha = weight[0] + weight[1]
        colours = now[..., :3] * weight[0] + before[..., :3] * weight[1]
        now[..., :3] = np.where(
            alpha > 0, np.round(colours / np.maximum(alpha, 1e-6)), now[..., :3]
        )
        now[..., 3:] = np.round(alpha)

    def _pixels(self) -> Pixels:
        memory = surfaces.pixels(self.surface)
        return memory.view(np.uint8).reshape(*memory.shape, 4)
