"""Sliders over the picture: every control, a page a section, for the mouse and for the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pygame

from visualiser.atlas import Atlas, place
from visualiser.controls import Command, Control, Controls, Nudge
from visualiser.frame import Frame
from visualiser.look.palette import ALERT, INK, LINE, PAPER, QUIET, Palette
from visualiser.look.text import ADVANCE, letters, text, whole
from visualiser.pins import NAMES
from visualiser.undo import History

ARROWS = ("up", "down", "left", "right")
KEYS = ("tab", *ARROWS, "return", "backspace", "escape")
FIRST = "latents"  # the page that is open at first
MOUSE = (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP, pygame.MOUSEMOTION, pygame.MOUSEWHEEL)
_CROWD = 40  # latents, from which on the map is smaller
_CLOSE, _WIDE = 1.2, 1.7  # from row to row: at least, and where there is room, times the size
_VALUE = 8  # letters of a number at most
_MANY = 5  # nudges at once, with shift


@dataclass(frozen=True)
class Row:
    """A control on the page, and where: its name, its slider, its value."""

    control: Control
    box: pygame.Rect
    track: pygame.Rect


class Panel:
    """Open while the control window.panel is on. history: told of values that are set back."""

    def __init__(self, controls: Controls, history: History | None = None) -> None:
        self._controls = controls
        self._history = history or History()
        self._pages: dict[str, list[Control]] = {FIRST: []}
        for control in controls:
            if control.takes:
                continue  # it has to be told something that no slider can say
            self._pages.setdefault(control.section, []).append(control)
        self._page = FIRST
        self._at = 0  # the row under the mark
        self._n_latents = 0
        self._held: Sequence[bool] = ()
        self._rows: list[Row] = []
        self._box = pygame.Rect(0, 0, 0, 0)
        self._map = pygame.Rect(0, 0, 0, 0)
        self._grabbed: Row | str | None = None
        self._ground: tuple[object, pygame.Surface] | None = None
        self.atlas = Atlas()

    @property
    def is_open(self) -> bool:
        return bool(self._controls["window.panel"])

    @property
    def right(self) -> int:
        """Where it ended when it was drawn last, px."""
        return self._box.right

    @property
    def selected(self) -> Control | None:
        """The control under the mark, while it is open."""
        shown = self._shown()
        return shown[min(self._at, len(shown) - 1)] if self.is_open and shown else None

    def _shown(self) -> list[Control]:
        """The controls of this page; of latents as many as the model has."""
        controls = self._pages[self._page]
        if self._page != FIRST:
            return controls
        missing = set(NAMES[self._n_latents :])
        return [control for control in controls if control.id not in missing]

    # --- keys

    def on_key(self, key: str, shift: bool = False) -> Iterator[Command]:
        """One of KEYS, while it is open."""
        shown, control = self._shown(), self.selected
        if key == "escape":
            yield "window.panel", False
        elif key == "tab":
            pages = list(self._pages)
            self._page = pages[(pages.index(self._page) + (-1 if shift else 1)) % len(pages)]
            self._at = 0
        elif key in ("up", "down"):
            self._at = (min(self._at, len(shown) - 1) + (1 if key == "down" else -1)) % len(shown)
        elif control is None:
            return
        elif key in ("left", "right") and control.kind != "action":
            steps = (1 if key == "right" else -1) * (_MANY if shift else 1)
            yield control.id, _nudge(control, steps)
        elif key == "return":
            yield from self._act(control)
        elif key == "backspace":
            yield from self._let_go(control)

    def _act(self, control: Control) -> Iterator[Command]:
        """What return does: an action is done, a switch is turned, a latent taken or let go."""
        if control.kind == "live":
            if self._is_held(control):
                yield from self._let_go(control)
            else:
                yield control.id, self._controls[control.id]
        elif control.kind in ("action", "hold"):
            yield control.id, True if control.kind == "action" else Nudge(1)
        else:
            yield control.id, Nudge(1)

    def _let_go(self, control: Control) -> Iterator[Command]:
        """Back to what it was before anyone touched it."""
        if control.kind == "live":
            yield "latents.free", NAMES.index(control.id) + 1
        elif control.is_setting:
            value = self._controls[control.id]
            if value != control.default:
                words = f"{control.id} is {_words(control, value)} again"
                self._history.keep(words, (control.id, value))
            yield control.id, control.default

    def _is_held(self, control: Control) -> bool:
        at = NAMES.index(control.id)
        return at < len(self._held) and bool(self._held[at])

    # --- the mouse

    def on_mouse(self, event: pygame.event.Event) -> Iterator[Command] | None:
        """What a mouse event over the panel asks for; None where it is not the panel's."""
        if not self.is_open:
            self._grabbed = None
            return None
        if event.type == pygame.MOUSEWHEEL:
            return self._wheel(event.y) if self._box.collidepoint(pygame.mouse.get_pos()) else None
        if event.type == pygame.MOUSEBUTTONUP:
            grabbed, self._grabbed = self._grabbed, None
            return iter(()) if grabbed or self._box.collidepoint(event.pos) else None
        if event.type == pygame.MOUSEMOTION:
            return self._drag(event.pos) if self._grabbed else None
        if not self._box.collidepoint(event.pos):
            return None
        return self._press(event)

    def _press(self, event: pygame.event.Event) -> Iterator[Command]:
        row = self._row_at(event.pos)
        if row is not None:
            self._at = self._rows.index(row)
        if event.button == pygame.BUTTON_RIGHT:
            if row is not None:
                yield from self._let_go(row.control)
        elif event.button == pygame.BUTTON_LEFT:
            if self._map.collidepoint(event.pos):
                self._grabbed = "map"
            elif row is not None and (row.control.is_number or row.control.kind == "choice"):
                self._grabbed = row
            elif row is not None:
                yield from self._act(row.control)
            yield from self._drag(event.pos)

    def _drag(self, position: tuple[int, int]) -> Iterator[Command]:
        if self._grabbed == "map":
            yield from zip(NAMES[:2], place(self._map, position), strict=True)
        elif isinstance(self._grabbed, Row):
            track = self._grabbed.track
            share = (position[0] - track.left) / max(track.width, 1)
            control = self._grabbed.control
            yield control.id, control.value_at(share)

    def _wheel(self, steps: int) -> Iterator[Command]:
        row = self._row_at(pygame.mouse.get_pos())
        if row is not None and row.control.kind != "action" and steps:
            self._at = self._rows.index(row)
            yield row.control.id, _nudge(row.control, steps)

    def _row_at(self, position: tuple[int, int]) -> Row | None:
        return next((row for row in self._rows if row.box.collidepoint(position)), None)

    # --- drawing

    def draw(
        self,
        canvas: pygame.Surface,
        frame: Frame,
        held: Sequence[bool],
        palette: Palette,
        size: int,
        foot: int,
        knobs: Callable[[str], Iterable[object]] = lambda id: (),
    ) -> None:
        """held: which latents are in someone's hands; size: of the words, px; foot: how many
        pixels at the foot of the canvas are taken; knobs: gives those of MIDI that move a
        control, by its id."""
        self._held = held
        self._n_latents = frame.model.latents.n_directions
        self.atlas.follow(frame)
        width, height = canvas.get_size()
        across = max(width // 2 - 2 * size, min(32 * size, width - 2 * size))
        self._box = pygame.Rect(size, size, max(across, 1), max(height - foot - 2 * size, 1))
        shown = self._shown()
        self._at = min(self._at, len(shown) - 1)
        moved_by = ", ".join(map(str, knobs(shown[self._at].id))) if shown else ""
        key = (self._page, len(shown), self._box.size, size, self._at, moved_by)
        if self._ground is None or self._ground[0] != key:
            self._lay_out(shown, size)
            self._ground = key, self._draw_ground(size, moved_by)
        canvas.blit(self._ground[1], self._box)
        if self._map.width:
            self.atlas.draw(canvas, self._map, palette)
        for row in self._rows:
            self._draw_row(canvas, row, size)

    def _lay_out(self, shown: list[Control], size: int) -> None:
        inner = self._box.inflate(-2 * size, 0)
        inner.top, inner.height = self._box.top + 3 * size, self._box.height - 8 * size
        self._map = pygame.Rect(0, 0, 0, 0)
        if self._page != FIRST:
            self._rows = list(_columns(shown, inner, size))
            return
        latents = [control for control in shown if control.kind == "live"]
        others = shown[len(latents) :]  # they stand below the map
        share = 0.55 if len(latents) < _CROWD else 0.36
        lowest = inner.bottom - size - int(size * _CLOSE) * len(others)
        side = max(min(int(inner.width * share), lowest - inner.top), 1)
        self._map = pygame.Rect(inner.right - side, inner.top, side, side)
        top = self._map.bottom + size
        below = pygame.Rect(self._map.left, top, side, inner.bottom - top)
        inner.width -= side + size
        self._rows = [*_columns(latents, inner, size), *_columns(others, below, size)]

    def _draw_ground(self, size: int, moved_by: str) -> pygame.Surface:
        """What does not move: names, tracks, and what the control under the mark is for."""
        ground = pygame.Surface(self._box.size, 0, 32)
        ground.fill(INK)
        pygame.draw.rect(ground, LINE, ground.get_rect(), 1)
        pages = list(self._pages)
        title = text(self._page, size * 5 // 4, PAPER)
        ground.blit(title, (size, size * 3 // 4))
        at = f"{pages.index(self._page) + 1}/{len(pages)}"
        of = f"{at}   tab, shift+tab: page   esc: away"
        drawn = text(of, size * 4 // 5, QUIET)
        ground.blit(drawn, (self._box.width - size - drawn.get_width(), size))
        for n, row in enumerate(self._rows):
            box = row.box.move(-self._box.left, -self._box.top)
            is_marked = n == self._at
            if is_marked:
                mark = box.inflate(size // 2, -max(box.height - size * 3 // 2, 0))
                pygame.draw.rect(ground, LINE, mark, 0, size // 3)
            is_action = row.control.kind == "action"
            room = box.width if is_action else row.track.left - row.box.left - size // 2
            name = row.control.name[: letters(room, size)]
            words = text(name, size, PAPER if is_marked else QUIET)
            ground.blit(words, words.get_rect(midleft=(box.left, box.centery)))
            if not is_action:
                track = row.track.move(-self._box.left, -self._box.top)
                pygame.draw.rect(ground, QUIET if is_marked else LINE, track, 0, track.height // 2)
        if self._rows:
            self._draw_foot(ground, self._rows[self._at].control, size, moved_by)
        return ground

    def _draw_foot(
        self, ground: pygame.Surface, control: Control, size: int, moved_by: str
    ) -> None:
        """What it is for, how it is changed here, and by which other ways."""
        keys = ", ".join(key.name for key in control.keys)
        small, room = size * 4 // 5, self._box.width - 2 * size
        ways = (
            f"OSC {control.address}",
            f"key {keys}" if keys else "",
            f"MIDI {moved_by}" if moved_by else "",
        )
        lines = (
            (control.label[: letters(room, small)], PAPER),
            (whole(_use(control), room, small), QUIET),
            (whole(ways, room, small), QUIET),
        )
        for n, (line, colour) in enumerate(lines):
            drawn = text(line, small, colour)
            ground.blit(drawn, (size, self._box.height - int((4.6 - 1.4 * n) * size)))

    def _draw_row(self, canvas: pygame.Surface, row: Row, size: int) -> None:
        control, track = row.control, row.track
        if control.kind == "action":
            return
        value = self._controls[control.id]
        share = control.share_of(value)
        x = track.left + int(share * (track.width - 1))
        is_held = control.kind == "live" and self._is_held(control)
        colour = ALERT if is_held else PAPER
        zero = track.left
        if control.is_number and control.lo < 0 < control.hi:
            zero += int(control.share_of(0.0) * track.width)
        canvas.fill(colour, (min(x, zero), track.top, abs(x - zero) or 1, track.height))
        knob = max(size // 3, 2)
        pygame.draw.aacircle(canvas, colour, (x, track.centery), knob)
        if control.kind != "live":
            small, left = size * 4 // 5, track.right + size
            words = _words(control, value)[: letters(row.box.right - left, small)]
            drawn = text(words, small, PAPER)
            canvas.blit(drawn, drawn.get_rect(midleft=(left, track.centery)))

    def close(self) -> None:
        self.atlas.close()


def _nudge(control: Control, steps: int) -> Nudge:
    """Many steps of a number; of what is chosen or switched one at a time."""
    return Nudge(steps if control.is_number else steps // abs(steps))


def _columns(shown: list[Control], place: pygame.Rect, size: int) -> Iterator[Row]:
    """As few columns as there is room for, with rows as far from each other as can be."""
    if shown:
        n = -(-len(shown) // max(place.height // int(size * _CLOSE), 1))
        per_column = -(-len(shown) // n)
        step = min(place.height // per_column, int(size * _WIDE))
        box = pygame.Rect(place.left, place.top, (place.width + size) // n - size, step)
        for first in range(0, len(shown), per_column):
            yield from _column(shown[first : first + per_column], box, size)
            box.left += box.width + size


def _column(shown: list[Control], top: pygame.Rect, size: int) -> Iterator[Row]:
    """Rows from that one down; their sliders begin at the same x."""
    sliders = [one for one in shown if one.kind != "action"]
    longest = max((len(one.name) for one in sliders), default=1)
    name = min(int((longest + 2) * size * ADVANCE), top.width * 3 // 5)
    words = max((_room(one) for one in sliders), default=0)
    value = min(int(words * size * 4 // 5 * ADVANCE), top.width // 3)
    for n, control in enumerate(shown):
        box = top.move(0, n * top.height)
        right = size // 2 if control.kind == "live" else size + value
        track = pygame.Rect(box.left + name, box.centery - max(size // 6, 1), 0, 0)
        track.size = (max(box.width - name - right, 4), max(size // 3, 2))
        yield Row(control, box, track)


def _room(control: Control) -> int:
    """Letters for any of its values, and one more."""
    return 1 + max((len(choice) for choice in control.choices), default=_VALUE)


def _words(control: Control, value: object) -> str:
    if control.is_number:
        return f"{float(str(value)):.3g}"
    if control.kind in ("switch", "hold"):
        return "on" if value else "off"
    return str(value)


def _use(control: Control) -> tuple[str, ...]:
    """How the keyboard changes it."""
    if control.kind == "live":
        return "left, right: hold it there", "return: hold, let go"
    if control.kind == "action":
        return ("return: do it",)
    return "left, right: change", "backspace: default"
