"""What can stand between the picture and the audience: black, a frozen picture, a fade to black."""

from __future__ import annotations

import pygame

from visualiser.controls import Control, Controls, Key, hold, number, switch
from visualiser.look.fade import Fade
from visualiser.types import Tick

BLACK = (0, 0, 0)

CONTROLS: tuple[Control, ...] = (
    switch("stage.black", "the output black", False, (Key("f9", "output black, and back"),)),
    hold("stage.hold_black", "hold: output black", "backspace"),
    switch("stage.freeze", "the output frozen", False, (Key("f10", "output frozen, and on"),)),
    hold("stage.hold_freeze", "hold: output frozen", "\\"),
    switch("stage.fade", "fade the output to black", False, (Key("0", "fade to black, and back"),)),
    number("stage.fade_s", "of the fade to black", 2.0, 0.0, 60.0, "s"),
)  # fmt: skip


class Curtain:
    """Follows its controls, in the time of the ticks: a pause of the show does not stop it."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self.begin()

    def begin(self) -> None:
        """As its controls say, at once: nothing is on its way, and nothing held."""
        self._fade = Fade(float(bool(self._controls["stage.fade"])))
        self._held: pygame.Surface | None = None

    def advance(self, tick: Tick) -> None:
        """Once a frame, before it is asked or drawn."""
        fade_s = self._controls.number("stage.fade_s")
        self._fade.advance(tick.dt, fade_s, bool(self._controls["stage.fade"]))

    def open(self) -> None:
        """At once: no fade is left."""
        self._fade = Fade(0.0)

    def skip(self) -> None:
        """Instead of `draw`, where nobody sees it."""
        if not self.is_frozen:
            self._held = None

    @property
    def is_freezing(self) -> bool:
        """Whether the picture is to be frozen that is drawn next."""
        return self.is_frozen and self._held is None

    @property
    def is_open(self) -> bool:
        """Whether the picture is seen as it is."""
        return self.dark == 0 and not self.is_frozen and self._held is None

    @property
    def is_frozen(self) -> bool:
        return bool(self._controls["stage.freeze"]) or bool(self._controls["stage.hold_freeze"])

    @property
    def dark(self) -> float:
        """0 is the picture as it is, 1 is black."""
        is_black = self._controls["stage.black"] or self._controls["stage.hold_black"]
        return 1.0 if is_black else round(self._fade.eased, 4)  # what is less is not seen

    @property
    def sign(self) -> str:
        """What the audience sees instead of the picture, in a word or two; "" if nothing."""
        dark = "black" if self.dark == 1 else f"{self.dark:.0%} black" if self.dark else ""
        return " ".join(word for word in (dark, "frozen" if self.is_frozen else "") if word)

    def draw(self, picture: pygame.Surface, seen: pygame.Surface) -> None:
        """Draw what is seen. picture: as it was painted; seen: of any size, or the picture
        itself."""
        self.skip()
        if self.is_freezing:
            self._held = picture.copy()
        dark = self.dark
        if dark == 1:
            seen.fill(BLACK)
            return
        source = picture if self._held is None else self._held
        if source is not seen:
            place(source, seen)
        if dark > 0:
            light = round(255 * (1 - dark))
            seen.fill((light, light, light), special_flags=pygame.BLEND_RGB_MULT)


def place(picture: pygame.Surface, canvas: pygame.Surface) -> None:
    """A picture on a canvas of any size: as large as fits, in its proportions, black around it."""
    if picture.get_size() == canvas.get_size():
        canvas.blit(picture, (0, 0))
        return
    canvas.fill(BLACK)
    pygame.transform.scale(picture, (box := fitted(picture, canvas)).size, canvas.subsurface(box))


def fitted(picture: pygame.Surface, canvas: pygame.Surface) -> pygame.Rect:
    """Where it lies then."""
    box = picture.get_rect().fit(canvas.get_rect())
    return pygame.Rect(box.x, box.y, max(box.width, 1), max(box.height, 1))
