"""The help on screen: every key, under the name of what it belongs to."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import pygame

from visualiser.controls import Control, Controls
from visualiser.look.palette import ALERT, INK, LINE, PAPER, QUIET
from visualiser.look.text import text

COLUMNS = 4  # at most
SMALLEST = 6  # px
LARGE = 1_000_000  # px: room for anything
WORTH = 1.15  # times as large must letters become for lines to be broken


@dataclass(frozen=True)
class Word:
    """Something to draw: its place, px from the page's corner, and its colour."""

    words: str
    x: int
    y: int
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class Page:
    """size: of the letters, px; width, height: px; words: all there are; rules: left, right and y
    of the line beside each heading."""

    size: int
    width: int
    height: int
    words: tuple[Word, ...]
    rules: tuple[tuple[int, int, int], ...]


T = TypeVar("T")
Groups = Sequence[tuple[str, Sequence[tuple[str, str]]]]  # keys and what they do, under headings
_NOTHING = Page(SMALLEST, 1, 1, (), ())


class Help:
    """Draws the page over a canvas. It is laid out once for each size, and then only copied: at
    once where it is asked for, in small steps before that."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._wanted = (0, 0, 0)  # size of the canvas, and of the largest letters, px
        self._page: pygame.Surface | None = None
        self._steps: Generator[None, None, pygame.Surface] = _drawn(controls, (1, 1), 1)

    def prepare(self, size: tuple[int, int], largest: int) -> None:
        """A step, of a millisecond or two, towards what `draw` draws on a canvas of this size."""
        if self._wanted != (*size, largest):
            self._wanted, self._page = (*size, largest), None
            self._steps = _drawn(self._controls, size, largest)
        if self._page is None:
            try:
                next(self._steps)
            except StopIteration as done:
                self._page = done.value

    def draw(self, canvas: pygame.Surface, largest: int) -> None:
        """largest: px that its letters may have."""
        self.prepare(canvas.get_size(), largest)
        page = self._page = self._page or finish(self._steps)
        at = page.get_rect(center=canvas.get_rect().center)
        canvas.blit(page, (max(at.left, 0), max(at.top, 0)))


def finish(steps: Generator[None, None, T]) -> T:
    """What they lead to, with all that are left."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: T = done.value
            return found


def lay_out(
    controls: Iterable[Control], size: tuple[int, int], largest: int
) -> Generator[None, None, Page]:
    """In steps: all keys in columns, in the largest letters that the canvas has room for; long
    lines are broken where that makes letters much larger.

    size: of the canvas, px.
    """
    groups = _groups(controls)
    yield
    found: Page | None = None
    for letters in range(max(largest, SMALLEST), SMALLEST - 1, -1):
        if found is not None and letters * WORTH < found.size:
            return found
        if whole := _best(groups, letters, size, is_broken=False):
            return whole
        found = found or _best(groups, letters, size, is_broken=True)
        yield
    # Without: there is hardly a window, and as much is shown as is seen of it.
    return found or _page(groups, 2, SMALLEST, (LARGE, LARGE), False) or _NOTHING


def _groups(controls: Iterable[Control]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Keys and what they do, by section. Neighbours with a single key each share a heading."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for control in controls:
        for key in control.keys:
            sections.setdefault(control.section, []).append((key.name, key.does))
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    is_single = False
    for name, listed in sections.items():
        rows = _in_short(listed)
        if is_single and len(rows) == 1:
            groups[-1] = f"{groups[-1][0]}, {name}", groups[-1][1] + rows
        else:
            groups.append((name, rows))
        is_single = len(rows) == 1
    return groups


def _in_short(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Three rows or more that count on, as f1 for cue 1 and f2 for cue 2, are one; and so are those
    with the same words."""
    rows = [(" ".join(key for key, _ in same), does)
            for does, same in groupby(rows, key=lambda row: row[1])]  # fmt: skip
    runs: list[list[tuple[str, str]]] = []
    for row in rows:
        if runs and all(map(_counts_on, runs[-1][-1], row)):
            runs[-1].append(row)
        else:
            runs.append([row])
    short: list[tuple[str, str]] = []
    for run in runs:
        (key, does), (last, last_does) = run[0], run[-1]
        number = re.sub(r"^.*?(\d*)$", r"\1", last_does)
        short += [(f"{key} - {last}", f"{does} to {number}")] if len(run) > 2 else run
    return short


def _counts_on(before: str, after: str) -> bool:
    """Whether both are the same but for a number at the end, which is one more."""
    one, other = (re.fullmatch(r"(.*?)(\d+)", words) for words in (before, after))
    if one is None or other is None:
        return False
    return one[1] == other[1] != "" and int(one[2]) + 1 == int(other[2])


def _best(groups: Groups, letters: int, size: tuple[int, int], is_broken: bool) -> Page | None:
    """In as many columns as fill the canvas best; None where none fits."""
    tried = [_page(groups, n, letters, size, is_broken) for n in range(1, COLUMNS + 1)]
    fitting = [page for page in tried if page is not None]
    return min(fitting, key=lambda p: p.height / size[1] + p.width / size[0], default=None)


def _page(
    groups: Groups, n: int, size: int, canvas: tuple[int, int], is_broken: bool
) -> Page | None:
    """The page in n columns, if the canvas has room for it. Lines are broken to fit its width where
    is_broken says so."""
    letter, step, margin = round(0.6 * size), round(1.42 * size), round(1.6 * size)
    head, gap = round(1.7 * size), round(0.7 * size)  # a heading's height, and what is above it
    left = letter * max((len(key) for _, rows in groups for key, _ in rows), default=0) + size
    room = (canvas[0] - 2 * margin - (n - 1) * 2 * size) // n - left
    fit = max(room // letter, 8) if is_broken else 1000
    broken = [(name, [(key, _lines(does, fit)) for key, does in rows]) for name, rows in groups]
    heights = [head + gap + step * sum(len(does) for _, does in rows) for _, rows in broken]
    height = canvas[1] - 2 * margin + gap
    if sum(heights) > n * height:
        return None
    columns = [broken[first:last] for first, last in _columns(heights, n)]
    across = [
        max(
            *(letter * len(name) for name, _ in column),
            *(left + letter * len(line) for _, rows in column for _, does in rows for line in does),
            *(0, 0),
        )
        for column in columns
    ]
    width = 2 * margin + sum(across) + 2 * size * (len(columns) - 1)
    if width > canvas[0]:
        return None

    words: list[Word] = []
    rules: list[tuple[int, int, int]] = []
    x, bottom = margin, 0
    for column, wide in zip(columns, across, strict=True):
        y, right = margin - gap, x + wide
        for name, rows in column:
            y += gap
            words.append(Word(name, x, y, ALERT))
            rules.append((x + letter * (len(name) + 1), right, y + round(0.75 * size)))
            y += head
            for key, does in rows:
                words.append(Word(key, x + left - size - letter * len(key), y, PAPER))
                for line in does:
                    words.append(Word(line, x + left, y, QUIET))
                    y += step
        bottom, x = max(bottom, y), right + 2 * size
    page = Page(size, width, bottom + margin, tuple(words), tuple(rules))
    return page if page.height <= canvas[1] else None


def _lines(words: str, fit: int) -> list[str]:
    return [words] if len(words) <= fit else textwrap.wrap(words, fit, break_on_hyphens=False)


def _columns(heights: list[int], n: int) -> list[tuple[int, int]]:
    """Where each of n columns begins and ends among groups of these heights, so that the highest is
    as low as can be; there may be fewer."""

    def fill(limit: int) -> list[tuple[int, int]]:
        columns, first, filled = [], 0, 0
        for index, height in enumerate(heights):
            if filled and filled + height > limit:
                columns.append((first, index))
                first, filled = index, 0
            filled += height
        return [*columns, (first, len(heights))]

    low, high = max(heights, default=0), sum(heights)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(fill(middle)) <= n else (middle + 1, high)
    return fill(low)


def _drawn(
    controls: Iterable[Control], canvas: tuple[int, int], largest: int
) -> Generator[None, None, pygame.Surface]:
    page = yield from lay_out(controls, canvas, largest)
    surface = pygame.Surface((page.width, page.height), pygame.SRCALPHA)
    box, size = surface.get_rect(), page.size
    pygame.draw.rect(surface, (*INK, 240), box, border_radius=size)
    pygame.draw.rect(surface, LINE, box, width=1, border_radius=size)
    for left, right, y in page.rules:
        if right > left:
            pygame.draw.line(surface, LINE, (left, y), (right, y))
    for word in page.words:
        yield
        surface.blit(text(word.words, size, word.colour), (word.x, word.y))
    return surface
