"""The picture of one model goes over into that of another."""

from __future__ import annotations

import pygame


class CrossFade:
    """Holds the last picture of what was before, and lays it fainter and fainter over what is now.

    It begins to go at once, and evenly: a picture that stood still for a moment would look broken.
    """

    def __init__(self) -> None:
        self._picture: pygame.Surface | None = None
        self._at = pygame.Rect(0, 0, 0, 0)
        self._layout: object = None
        self._fade_s = self._elapsed_s = 0.0

    def begin(
        self, picture: pygame.Surface, at: pygame.Rect, fade_s: float, layout: object
    ) -> None:
        """picture: as it was seen last, there on the canvas; layout: of the panes, anything that is
        equal as long as that lies where it did."""
        if layout == self._layout:
            self.draw(picture, at.topleft)  # what was still fading is a part of it
        self._picture, self._at, self._layout = picture, at, layout
        self._fade_s, self._elapsed_s = fade_s, 0.0

    def advance(self, dt: float, layout: object) -> None:
        """dt: s, of the wall."""
        self._elapsed_s += dt
        if self._elapsed_s >= self._fade_s or layout != self._layout:
            self._picture = None

    @property
    def share(self) -> float:
        """How much of what is seen is the new picture."""
        return 1.0 if self._picture is None else self._elapsed_s / self._fade_s

    def draw(self, canvas: pygame.Surface, corner: tuple[int, int] = (0, 0)) -> None:
        """corner: where the canvas lies on the screen."""
        if self._picture is not None:
            self._picture.set_alpha(round(255 * (1 - self.share)))
            canvas.blit(self._picture, self._at.move(-corner[0], -corner[1]))
