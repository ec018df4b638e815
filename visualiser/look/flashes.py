"""What counts as a flash, and when there are too many: for the live guard and the audit alike.

The rules are those of WCAG 2.2, success criterion 2.3.1, "three flashes or below threshold", with
its terms "general flash and red flash thresholds" and "relative luminance"; they go back to ITU-R
BT.1702 and Ofcom's guidance for television.

- A general flash is a pair of opposing changes in relative luminance of 10 % or more of the
  maximum, where the darker image is below 0.80. A red flash is a pair of opposing transitions that
  involve a saturated red: R / (R + G + B) >= 0.8 in one of the two states, and a change of more
  than 20 in (R - G - B) * 320, negative values being 0 (Harding and Binnie, 2002; R, G, B linear).
- Three in any second are allowed: six changes. The seventh is one too many.
- The area that flashes must be 25 % of a field of ten degrees, or it does not count. The field is
  estimated as WCAG does, 341 x 256 of 1024 x 768 pixels: a third of the picture's width by a third
  of its height, wherever it lies. So 1/36 of the picture counts, if it lies together.

Both is judged at places of the picture, on a grid, in two ways, and each is enough:

- `here`: how often each place has changed within the last second; in no picture must 25 % of a
  field rise, or fall, that did so more than six times. That finds what flashes where it is, in any
  phase; and not the edges of what moves, which light as much as they darken.
- `together`: how many places are lit, those whose last change was a rise. Where that number goes up
  and down by 25 % of a field, within a field or in the whole picture, that is a change, too. That
  finds what flashes while it moves, and not what only moves: it darkens as much as it lights.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visualiser.look.oklab import to_linear
from visualiser.types import FloatArray

PERIOD_S = 0.999  # "any one second", for files whose times are rounded to milliseconds
ALLOWED = 6  # changes in it: three flashes
_TOLD_S = 0.5  # how long a count is told that was reached
KINDS = ("general", "red")

Bools = NDArray[np.bool_]
Counts = NDArray[np.int16]
Colour = tuple[FloatArray, FloatArray, Bools]

_LINEAR = to_linear(np.arange(256) / 255).astype(np.float32)
_FAINT = 0.02  # red that is darker has no colour for an eye, and any for a codec


@dataclass(frozen=True)
class Limits:
    """The thresholds. change: in relative luminance, 0..1; dark: what the darker state is below;
    red: change of (R - G - B); area: share of a field."""

    change: float = 0.1
    dark: float = 0.8
    red: float = 20 / 320
    area: float = 0.25


STANDARD = Limits()
# What the guard goes by: a little stricter, for it sees samples, and what it lets through is
# encoded, with losses, before anybody judges it.
CAREFUL = Limits(change=0.09, dark=0.82, red=0.055, area=0.225)


def linear(levels: NDArray[np.uint8]) -> FloatArray:
    """sRGB 0..255 -> linear light 0..1, of any shape."""
    return _LINEAR.take(levels)


def signals(r: FloatArray, g: FloatArray, b: FloatArray) -> Colour:
    """Linear R, G, B (n,) -> relative luminance, (R - G - B) from 0 up, and whether that is a
    saturated red."""
    light: FloatArray = r * np.float32(0.2126) + g * np.float32(0.7152) + b * np.float32(0.0722)
    other = g + b
    red: FloatArray = np.maximum(r - other, 0)
    # R / (R + G + B) >= 0.8. Nothing else can be that red, so the rest is spared.
    saturated = (red >= 3 * other) & (r > _FAINT)
    return light, red, saturated


class Turns:
    """Many curves, each of which turns from rising to falling and back, by `change` or more.

    What counts is the way from the last extreme, however long it takes. dark: no turn counts whose
    lower end is not below; gated: only where `seen` was given since the last turn.
    """

    def __init__(self, values: FloatArray, change: float, dark: float = np.inf) -> None:
        self._change, self._dark = np.float32(change), np.float32(dark)
        self.low = self.high = values
        self.can_rise = self.can_fall = np.ones(values.shape, bool)
        self.seen: Bools | None = None

    def follow(self, values: FloatArray, seen: Bools | None = None) -> tuple[Turns, Bools, Bools]:
        """How it is with these values: the next state, and which have risen, and fallen."""
        after = object.__new__(Turns)
        after._change, after._dark = self._change, self._dark
        low, high = np.minimum(self.low, values), np.maximum(self.high, values)
        rises = (values - low >= self._change) & self.can_rise
        falls = (high - values >= self._change) & self.can_fall
        if self._dark < np.inf:
            rises &= low < self._dark
            falls &= values < self._dark
        if seen is not None:
            seen = seen if self.seen is None else seen | self.seen
            rises &= seen
            falls &= seen
        falls &= ~rises
        after.low, after.high, after.seen = low, high, seen
        after.can_rise, after.can_fall = self.can_rise, self.can_fall
        turned = rises | falls
        if turned.any():
            np.copyto(low, values, where=turned)
            np.copyto(high, values, where=turned)
            after.can_rise = (self.can_rise | falls) & ~rises
            after.can_fall = (self.can_fall | rises) & ~falls
        return after, rises, falls


class Tally:
    """How often each of n has turned within the last second."""

    def __init__(self, n: int) -> None:
        self.counts: Counts = np.zeros(n, np.int16)
        self._past: deque[tuple[float, Bools]] = deque()

    def copy(self) -> Tally:
        other = Tally(0)
        other.counts, other._past = self.counts.copy(), self._past.copy()
        return other

    def expire(self, t: float) -> None:
        """Forget what is older than a second at t, s."""
        while self._past and t - self._past[0][0] >= PERIOD_S:
            self.counts -= self._past.popleft()[1]

    def add(self, t: float, turned: Bools) -> None:
        if self._past:
            t = max(t, self._past[-1][0])  # the first is the first to expire
        self.counts += turned
        self._past.append((t, turned))


@dataclass(frozen=True)
class Step:
    """What one more picture would change, of one kind of flash."""

    places: Turns
    turned: Bools | None  # places, None where none has
    ways: tuple[Bools, Bools]  # those that have risen, and fallen
    lit: NDArray[np.int8]
    fields: Turns
    swung: Bools | None  # fields whose number of lit places has turned


class Strand:
    """One kind of flash, over a grid of places. shape: (rows, columns), multiples of 6."""

    def __init__(self, shape: tuple[int, int], values: FloatArray, change: float, dark: float,
                 area: float) -> None:  # fmt: skip
        self._shape = shape
        self._field = (shape[0] // 3, shape[1] // 3)
        self.full = self._field[0] * self._field[1]  # places in a field
        self._enough = area * self.full
        self._places = Turns(values, change, dark)
        self._lit: NDArray[np.int8] = np.zeros(values.shape, np.int8)
        self._fields = Turns(self._lit_in_fields(self._lit), self._enough)
        self._here, self._together = Tally(values.size), Tally(self._fields.low.size)
        self._now = 0.0
        self._reached: tuple[float, int, float] = (0.0, 0, 0.0)  # when, changes, area

    def copy(self) -> Strand:
        other = object.__new__(Strand)
        other.__dict__.update(self.__dict__)
        other._here, other._together = self._here.copy(), self._together.copy()
        return other

    def expire(self, t: float) -> None:
        self._now = t
        self._here.expire(t)
        self._together.expire(t)

    def step(self, values: FloatArray, seen: Bools | None) -> Step:
        places, rises, falls = self._places.follow(values, seen)
        turned = rises | falls
        if not turned.any():
            return Step(places, None, (rises, falls), self._lit, self._fields, None)
        lit = self._lit.copy()
        lit[rises], lit[falls] = 1, -1
        fields, up, down = self._fields.follow(self._lit_in_fields(lit))
        swung = up | down
        return Step(places, turned, (rises, falls), lit, fields, swung if swung.any() else None)

    def is_too_much(self, step: Step, allowed: int = ALLOWED) -> bool:
        """Whether the step completes more changes in a second than are allowed."""
        if step.turned is None:
            return False
        if step.swung is not None and (self._together.counts[step.swung] >= allowed).any():
            return True
        often = self._here.counts >= allowed
        return any(self._is_enough(often & way) for way in step.ways)

    def take(self, step: Step, t: float) -> None:
        """That picture is shown, at t, s."""
        self._places, self._lit, self._fields = step.places, step.lit, step.fields
        if step.turned is not None:
            self._here.add(t, step.turned)
        if step.swung is not None:
            self._together.add(t, step.swung)
        if step.turned is not None:
            changes, area = self._count(step)
            if changes and (changes >= self._reached[1] or self._now - self._reached[0] > 0.2):
                self._reached = self._now, changes, area

    def may_be_next(self, allowed: int = ALLOWED) -> bool:
        """Whether the next picture could complete more than are allowed; seldom wrongly so."""
        often = self._here.counts >= allowed
        return self._is_enough(often) or bool((self._together.counts >= allowed).any())

    @property
    def worst(self) -> tuple[int, float]:
        """The most changes within a second that an area had which counts, when it changed last, and
        the area that had as many, in shares of a field; (0, 0) where that is long ago."""
        t, changes, area = self._reached
        return (changes, area) if self._now - t < _TOLD_S else (0, 0.0)

    def _count(self, step: Step) -> tuple[int, float]:
        """The same, of those that have just changed."""
        together = 0
        if step.swung is not None:
            together = int(self._together.counts[step.swung].max())
        most, area = together, self._enough if together else 0.0
        for way in step.ways:
            if np.count_nonzero(way) < self._enough:
                continue
            counts = self._here.counts * way
            # How many places have changed that often, or more often; from the most often down.
            reach = np.cumsum(np.bincount(counts)[::-1])[::-1]
            for often in range(int(np.count_nonzero(reach >= self._enough)) - 1, most - 1, -1):
                if often and (found := self._largest(counts >= often)) >= self._enough:
                    most, area = often, found if often > most else max(found, area)
                    break
        return most, area / self.full

    def _is_enough(self, marked: Bools) -> bool:
        few = np.count_nonzero(marked) < self._enough
        return not few and self._largest(marked) >= self._enough

    def _largest(self, marked: Bools) -> float:
        """How many marked places the field has that has most."""
        h, w = self._field
        total = _total(marked.reshape(self._shape))
        within = total[h:, w:] - total[:-h, w:] - total[h:, :-w] + total[:-h, :-w]
        return float(within.max())

    def _lit_in_fields(self, lit: NDArray[np.int8]) -> FloatArray:
        """Places that are lit, less those that are dark, by half: in the whole picture, and in
        fields that lie half over each other."""
        rows = lit.reshape(6, self._field[0] // 2, -1).sum(axis=1, dtype=np.int16)
        parts = rows.reshape(6, 6, -1).sum(axis=2)
        pairs = parts[1:] + parts[:-1]
        fields = pairs[:, 1:] + pairs[:, :-1]
        half: FloatArray = np.append(fields.ravel(), parts.sum()).astype(np.float32)
        half /= 2
        return half


class Watch:
    """The flashes of a series of pictures, judged at places on a grid.

    shape: (rows, columns) of the grid, multiples of 6. Pictures come as what `signals` gives, each
    (rows * columns,), with times in seconds that grow: tried with `step`, shown with `take`.
    """

    def __init__(self, shape: tuple[int, int], limits: Limits = STANDARD) -> None:
        self._shape, self._limits = shape, limits
        self._strands: tuple[Strand, ...] = ()

    def copy(self) -> Watch:
        """One that goes its own way from here on."""
        other = Watch(self._shape, self._limits)
        other._strands = tuple(strand.copy() for strand in self._strands)
        return other

    @property
    def is_used(self) -> bool:
        """Whether there was a picture."""
        return bool(self._strands)

    def expire(self, t: float) -> None:
        """It is t, s, now: to be said before a step."""
        for strand in self._strands:
            strand.expire(t)

    def step(self, colour: Colour) -> tuple[Step, ...]:
        """What a picture would change, were it shown."""
        light, red, saturated = colour
        if not self._strands:
            limits, area = self._limits, self._limits.area
            self._strands = (
                Strand(self._shape, light, limits.change, limits.dark, area),
                Strand(self._shape, red, limits.red, np.inf, area),
            )
        general, reds = self._strands
        return general.step(light, None), reds.step(red, saturated)

    def too_much(self, steps: tuple[Step, ...], allowed: int = ALLOWED) -> list[str]:
        """The kinds of which the picture would complete more changes than are allowed."""
        each = zip(KINDS, self._strands, steps, strict=True)
        return [kind for kind, strand, step in each if strand.is_too_much(step, allowed)]

    def take(self, steps: tuple[Step, ...], t: float) -> None:
        """The picture is shown, at t, s."""
        for strand, step in zip(self._strands, steps, strict=True):
            strand.take(step, t)

    def may_be_next(self, allowed: int = ALLOWED) -> bool:
        """Whether the next picture could be too much."""
        return any(strand.may_be_next(allowed) for strand in self._strands)

    def worst(self, kind: str) -> tuple[int, float]:
        """Changes in the last second (two are a flash), and their area in shares of a field."""
        return self._strands[KINDS.index(kind)].worst if self._strands else (0, 0.0)

    @property
    def changes(self) -> int:
        """The most changes of either kind in the last second."""
        return max((strand.worst[0] for strand in self._strands), default=0)


def _total(grid: NDArray[np.bool_] | NDArray[np.int8]) -> NDArray[np.int32]:
    """The sum of all above and left of every place, with a row and a column of zeros."""
    total = np.zeros((grid.shape[0] + 1, grid.shape[1] + 1), np.int32)
    np.cumsum(grid, axis=0, out=total[1:, 1:])
    np.cumsum(total[1:, 1:], axis=1, out=total[1:, 1:])
    return total
