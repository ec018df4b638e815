"""The strip of cues over the picture: what is on the slots, which one plays, and how far it is."""

from __future__ import annotations

import textwrap

import pygame

from visualiser.cue_controls import KEYS
from visualiser.cue_files import SLOTS, Cue
from visualiser.cues import View
from visualiser.look.palette import ALERT, INK, LINE, PANE, PAPER, QUIET
from visualiser.look.text import ADVANCE, text, whole
from visualiser.thumbnails import Thumbnails
from visualiser.words import printable

_HINTS = (  # those at the end are left out where there is no room
    "F1-F8 recall",
    "insert store",
    "home play",
    "page down next",
    "u undo",
    "delete clear",
    "page up previous",
)


class Strip:
    """Draws when it is asked to; thumbnails come when they are ready."""

    def __init__(self) -> None:
        self._thumbnails = Thumbnails()
        self._ground: tuple[object, pygame.Surface] | None = None

    def draw(self, canvas: pygame.Surface, view: View, line_height: int, foot: int) -> int:
        """foot: how many pixels at the foot of the canvas are taken. Returns how many the strip
        takes above them, 0 where there is no room for it."""
        width, height = canvas.get_size()
        size = line_height
        small, gap, pad = max(size * 4 // 5, 8), max(size * 2 // 3, 4), size
        side = min((width - 2 * size - 2 * pad - (KEYS - 1) * gap) // KEYS, height // 7)
        inner = KEYS * side + (KEYS - 1) * gap
        box = pygame.Rect(0, 0, inner + 2 * pad, side + 2 * pad + 3 * size + 5 * small // 2)
        box.midbottom = (width // 2, height - foot - size // 2)
        if side < 2 * size or box.top < 3 * size:
            return 0
        first = _first(view)
        slots = range(first, min(first + KEYS, SLOTS + 1))
        cues = [view.slots.get(slot) for slot in slots]
        pictures = [self._thumbnails.of(cue) if cue is not None else None for cue in cues]
        coming = view.coming if view.set_list else None
        key = (box.size, size, first, view.current, coming, *map(id, cues),
               *(picture is not None for picture in pictures))  # fmt: skip
        if self._ground is None or self._ground[0] != key:
            ground = _ground_of(box, size)
            hints = text(whole(_HINTS, inner, small), small, QUIET)
            ground.blit(
                hints, hints.get_rect(midbottom=(box.width // 2, box.height - pad * 2 // 3))
            )
            for n, (slot, cue, picture) in enumerate(zip(slots, cues, pictures, strict=True)):
                cell = pygame.Rect(pad + n * (side + gap), pad + size * 3 // 2, side, side)
                _cell(ground, cell, small, (slot, cue, picture), slot == view.current)
                if slot == coming:
                    _tag(ground, "next", small, cell, is_left=False)
            self._ground = key, ground
        canvas.blit(self._ground[1], box)
        _head(canvas, box.inflate(-2 * pad, 0), view, size)
        if view.current is not None and view.current in slots:
            at = pad + slots.index(view.current) * (side + gap)
            bar = pygame.Rect(box.left + at, 0, side, max(size // 5, 3))
            bar.top = box.top + pad + size * 3 // 2 + side + size // 3
            pygame.draw.rect(canvas, LINE, bar, border_radius=bar.height // 2)
            done = bar.copy()
            done.width = max(round(side * view.share), bar.height)
            colour = PAPER if view.share >= 1 else ALERT
            pygame.draw.rect(canvas, colour, done, border_radius=bar.height // 2)
        return box.height + size // 2

    def close(self) -> None:
        self._thumbnails.close()


def _first(view: View) -> int:
    """The first slot that is shown: pages of as many as there are keys."""
    return ((view.current or 1) - 1) // KEYS * KEYS + 1


def _ground_of(box: pygame.Rect, size: int) -> pygame.Surface:
    ground = pygame.Surface(box.size, pygame.SRCALPHA)
    pygame.draw.rect(ground, (*INK, 238), ground.get_rect(), border_radius=size)
    pygame.draw.rect(ground, LINE, ground.get_rect(), width=1, border_radius=size)
    return ground


def _head(canvas: pygame.Surface, box: pygame.Rect, view: View, size: int) -> None:
    """What changes all the time: how long the set list waits."""
    left = text("cues", size, QUIET)
    y = box.top + size * 2 // 3
    canvas.blit(left, (box.left, y))
    if view.set_list:
        room = box.width - left.get_width() - size
        words = text(_fit(f"set list: {view.set_list}", room, size), size, PAPER)
        canvas.blit(words, (box.right - words.get_width(), y))


def _cell(
    ground: pygame.Surface,
    box: pygame.Rect,
    size: int,
    what: tuple[int, Cue | None, pygame.Surface | None],
    is_current: bool,
) -> None:
    slot, cue, picture = what
    pygame.draw.rect(ground, PANE, box)
    if picture is not None:
        ground.blit(pygame.transform.smoothscale(picture, box.size), box)
    pygame.draw.rect(ground, PAPER if is_current else LINE, box, width=2 if is_current else 1)
    _tag(ground, f"F{slot}" if slot <= KEYS else str(slot), size, box, is_left=True)
    name = "" if cue is None else cue.name or f"cue {slot}"
    letters = max(int(box.width / (size * ADVANCE)), 3)
    for n, line in enumerate(textwrap.wrap(printable(name), letters)[:2]):
        words = text(line, size, PAPER if is_current else QUIET)
        middle = box.centerx, box.bottom + size * 4 // 5 + n * size * 6 // 5
        ground.blit(words, words.get_rect(midtop=middle))


def _tag(ground: pygame.Surface, words: str, size: int, box: pygame.Rect, is_left: bool) -> None:
    drawn = text(words, size, PAPER if not is_left else QUIET)
    place = drawn.get_rect(topleft=box.move(size // 2, size // 3).topleft)
    if not is_left:
        place.bottomright = box.move(-size // 2, -size // 3).bottomright
    pygame.draw.rect(ground, INK, place.inflate(size // 2, 0), border_radius=size // 4)
    ground.blit(drawn, place)


def _fit(words: str, room: int, size: int) -> str:
    """As many of the words as there is room for, in pixels."""
    fit = max(int(room / (size * ADVANCE)), 3)
    return words if len(words) <= fit else f"{words[: fit - 2]}.."
