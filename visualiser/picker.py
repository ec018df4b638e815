"""The list of sound inputs over the picture, to choose from while it plays."""

from __future__ import annotations

import threading

import pygame

from visualiser.audio.levels import InputList, InputRow
from visualiser.audio.microphone import Microphone
from visualiser.audio.source import Source
from visualiser.look.palette import ALERT, INK, LINE, PAPER, QUIET
from visualiser.look.text import ADVANCE, text

KEYS = ("up", "down", "return", "escape")  # that go to the list while it is open
_LOWEST_DBFS = -60.0
_DEFAULT = "the default of the system"


class Picker:
    """Closed at first. None of its methods waits for a driver but close()."""

    def __init__(self) -> None:
        self._list: InputList | None = None
        self._rows: list[InputRow] = []
        self._at = ""  # full name of the row under the mark, "" for the default
        self._moved = False
        self._is_default = True  # whether the default is what was chosen
        self._closing: list[threading.Thread] = []

    @property
    def is_open(self) -> bool:
        return self._list is not None

    def toggle(self, source: Source) -> None:
        """Open the list of what could be heard instead of this, or close it."""
        if self.is_open:
            self.shut()
            return
        microphone = source if isinstance(source, Microphone) else None
        self._list = InputList(microphone)
        self._is_default = microphone is not None and microphone.wanted in (None, "")
        self._rows, self._at, self._moved = [], "", False

    def shut(self) -> None:
        """Close the list, without waiting for the streams behind its meters."""
        if self._list is not None:
            thread = threading.Thread(target=self._list.close, name="closing")
            thread.start()
            self._closing = [one for one in self._closing if one.is_alive()] + [thread]
            self._list = None

    def close(self) -> None:
        self.shut()
        for thread in self._closing:
            thread.join()

    def on_key(self, name: str) -> str | None:
        """One of KEYS, while it is open. What was chosen, as Microphone.choose() takes it; None
        where nothing was."""
        if name in ("up", "down"):
            names = ["", *(row.full_name for row in self._rows)]
            here = names.index(self._at) if self._at in names else 0
            self._at = names[(here + (1 if name == "down" else -1)) % len(names)]
            self._moved = True
            return None
        self.shut()
        return self._name(self._at) if name == "return" else None

    def _name(self, full_name: str) -> str:
        """The shortest name that means this row and no other."""
        row = next((row for row in self._rows if row.full_name == full_name), None)
        if row is None:
            return ""
        alike = [other for other in self._rows if other.name.casefold() == row.name.casefold()]
        return row.name if len(alike) == 1 and not row.name.isdecimal() else row.full_name

    def draw(self, canvas: pygame.Surface, line_height: int) -> None:
        """Draw the list over the canvas, where it is open."""
        if self._list is None:
            return
        self._rows = self._list.rows()
        if not self._moved and not self._is_default:
            self._at = next((row.full_name for row in self._rows if row.is_chosen), self._at)
        names = ["", *(row.full_name for row in self._rows)]
        if self._at not in names:
            self._at = ""
        width, height = canvas.get_size()
        size = max(min(line_height + 4, width // 40, height // 12), 6)
        step = int(size * 1.7)
        fit = max((height - 6 * size) // step - 2, 1)  # rows there is room for
        first = min(max(names.index(self._at) - fit // 2, 0), max(len(names) - fit, 0))
        shown = names[first : first + fit]
        words = {row.full_name: row for row in self._rows}
        meter = 8 * size
        letters = max(len(name) for name in (*names, _DEFAULT))
        inner = min(int(letters * size * ADVANCE) + meter + 5 * size, width - 6 * size)
        box = pygame.Rect(0, 0, inner + 3 * size, step * (len(shown) + 2) + 3 * size // 2)
        box.center = canvas.get_rect().center
        veil = pygame.Surface(box.size, pygame.SRCALPHA)
        pygame.draw.rect(veil, (*INK, 238), veil.get_rect(), border_radius=size)
        pygame.draw.rect(veil, LINE, veil.get_rect(), width=1, border_radius=size)
        canvas.blit(veil, box)
        x, y = box.left + int(1.5 * size), box.top + size
        canvas.blit(text("listen to", size, QUIET), (x, y))
        canvas.set_clip(box.inflate(-2 * size, 0))
        for name in shown:
            y += step
            self._row(canvas, pygame.Rect(x, y, inner, step), size, meter, words.get(name), name)
        canvas.blit(
            text("up, down: move   return: choose   a: away", size * 4 // 5, QUIET), (x, y + step)
        )
        canvas.set_clip(None)

    def _row(
        self,
        canvas: pygame.Surface,
        box: pygame.Rect,
        size: int,
        meter: int,
        row: InputRow | None,
        name: str,
    ) -> None:
        if name == self._at:
            mark = box.inflate(size, 0).move(0, -size // 5)
            pygame.draw.rect(canvas, LINE, mark, border_radius=size // 3)
        is_chosen = self._is_default if row is None else row.is_chosen and not self._is_default
        if is_chosen:
            dot = (box.left + size // 3, box.top + size * 2 // 3)
            pygame.draw.circle(canvas, ALERT, dot, max(size // 4, 2))
        room = box.width - meter - 3 * size
        words = row.full_name if row is not None else _DEFAULT
        fit = max(int(room / (size * ADVANCE)), 4)
        words = words if len(words) <= fit else f"{words[: fit - 3]}..."
        colour = PAPER if is_chosen or name == self._at else QUIET
        canvas.blit(text(words, size, colour), (box.left + size * 5 // 4, box.top))
        if row is None:
            return
        bar = pygame.Rect(box.right - meter, box.top + size // 2, meter, max(size // 2, 3))
        if row.level_dbfs is None:
            canvas.blit(text("-", size, QUIET), (bar.left, box.top))
            return
        pygame.draw.rect(canvas, PAPER if name == self._at else LINE, bar, 1, bar.height // 2)
        share = min(max(1 - row.level_dbfs / _LOWEST_DBFS, 0.0), 1.0)
        if share > 0:
            bar.width = max(int(bar.width * share), bar.height)
            colour = ALERT if row.level_dbfs > -1 else PAPER
            pygame.draw.rect(canvas, colour, bar, border_radius=bar.height // 2)
