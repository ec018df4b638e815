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

from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visualiser import loops
from visualiser.look.oklab import LUMINANCE, to_linear
from visualiser.look.turns import Bools, Counts, Signs, Swings, Tally, Turns, is_any
from visualiser.types import FloatArray

ALLOWED = 6  # changes in it: three flashes
KINDS = ("general", "red")

Colour = tuple[FloatArray, FloatArray, Bools]

_LINEAR = to_linear(np.arange(256) / 255).astype(np.float32)
_FAINT = 0.02  # red that is darker has no colour for an eye, and any for a codec


@dataclass(frozen=True)
class Limits:
    """The thresholds, or several of each: what is too much by one of them is too much.

    change: in relative luminance, 0..1; dark: what the darker state is below; red: change of
    (R - G - B), as many as of the other two; area: shares of a field.
    """

    change: tuple[float, ...] = (0.1,)
    dark: tuple[float, ...] = (0.8,)
    red: tuple[float, ...] = (20 / 320,)
    area: tuple[float, ...] = (0.25,)


STANDARD = Limits()
# What the guard goes by until there is a flash too many. It sees samples, which miss a little of an
# area, and find a little too much of another one: by 0.1 to 0.2 % of a field, in deviations.
FIRST = Limits(area=(0.2475,))
# And from then on. What it lets through is encoded, with losses, before anybody judges it: a change
# that is hardly one may then be none, or come a few pictures later. So it counts at thresholds on
# both sides of the standard's, and allows what all of them allow.
CAREFUL = Limits(
    change=(0.095, 0.1),
    dark=(0.81, 0.8),
    red=(0.058, 0.0625),
    area=(0.235, 0.25, 0.265),
)
STRICT = Limits(change=(0.09,), dark=(0.82,), red=(0.055,), area=(0.225,))


def linear(levels: NDArray[np.uint8]) -> FloatArray:
    """sRGB 0..255 -> linear light 0..1, of any shape."""
    return _LINEAR.take(levels)


def signals_of(levels: NDArray[np.uint8], order: tuple[int, int, int]) -> Colour:
    """Pixels (n, 4), sRGB 0..255, as `signals` has them. order: where red, green and blue are."""
    if compiled := loops.compiled(loops.flashes.see):
        light, red = np.empty((2, len(levels)), np.float32)
        saturated = np.empty(len(levels), bool)
        compiled(levels, order, _LINEAR, LUMINANCE, _FAINT, light, red, saturated)
        return light, red, saturated
    channels = linear(np.ascontiguousarray(levels.T))  # by colour: much faster
    return signals(channels[order[0]], channels[order[1]], channels[order[2]])


def signals(r: FloatArray, g: FloatArray, b: FloatArray) -> Colour:
    """Linear R, G, B (n,) -> relative luminance, (R - G - B) from 0 up, and whether that is a
    saturated red."""
    light: FloatArray = r * LUMINANCE[0] + g * LUMINANCE[1] + b * LUMINANCE[2]
    other = g + b
    red: FloatArray = np.maximum(r - other, 0)
    # R / (R + G + B) >= 0.8. Nothing else can be that red, so the rest is spared.
    saturated = (red >= 3 * other) & (r > _FAINT)
    return light, red, saturated


@dataclass(frozen=True)
class Step:
    """What one more picture would change, of one kind of flash: by each of so many thresholds of
    change (changes), and of area (areas)."""

    places: Turns
    turned: Bools | None  # (changes, n) places, None where none has
    ways: tuple[Bools, Bools]  # those that have risen, and fallen
    lit: Signs
    fields: Turns
    swung: Signs | None  # (changes * fields,) 1 where more are lit, -1 where less, by any threshold


class Strand:
    """One kind of flash, over a grid of places. shape: (rows, columns), multiples of 6; the others
    as in Limits."""

    def __init__(
        self,
        shape: tuple[int, int],
        values: FloatArray,
        change: tuple[float, ...],
        dark: tuple[float, ...] | None,
        area: tuple[float, ...],
    ) -> None:
        self._shape = shape
        self._field = (shape[0] // 3, shape[1] // 3)
        self.full = self._field[0] * self._field[1]  # places in a field
        enough = _column(area) * self.full
        self._enough = float(enough.min())
        self._places = Turns(values, _column(change), _column(dark) if dark else None)
        self._lit: Signs = np.zeros((len(change), values.size), np.int8)
        self._fields = Turns(self._lit_in_fields(self._lit), enough, None)
        self._here, self._together = Tally(self._lit.shape), Swings(self._fields.size)

    def copy(self) -> Strand:
        other = copy(self)
        other._here, other._together = self._here.copy(), self._together.copy()
        return other

    def expire(self, t: float) -> None:
        self._here.expire(t)
        self._together.expire(t)

    def step(self, values: FloatArray, seen: Bools | None) -> Step:
        places, rises, falls = self._places.follow(values, seen)
        turned = rises | falls
        if not is_any(turned):
            return Step(places, None, (rises, falls), self._lit, self._fields, None)
        lit, in_fields = self._light(rises, falls)
        fields, up, down = self._fields.follow(in_fields)
        if not (is_any(up) or is_any(down)):
            return Step(places, turned, (rises, falls), lit, fields, None)
        swung = up.any(axis=0).astype(np.int8)
        swung -= down.any(axis=0) & (swung == 0)
        return Step(places, turned, (rises, falls), lit, fields, swung)

    def is_too_much(self, step: Step, allowed: int = ALLOWED) -> bool:
        """Whether the step completes more changes in a second than are allowed."""
        if step.turned is None:
            return False
        if step.swung is not None:
            swung = self._together.turning(step.swung)
            if is_any(self._together.counts[swung] >= allowed):
                return True
        often = self._here.counts >= allowed
        return is_any(often) and any(self._is_enough(often & way) for way in step.ways)

    def take(self, step: Step, t: float) -> None:
        """That picture is shown, at t, s."""
        self._places, self._lit, self._fields = step.places, step.lit, step.fields
        if step.turned is not None:
            self._here.add(t, step.turned)
        if step.swung is not None:
            self._together.add(t, step.swung)

    def may_be_next(self, allowed: int = ALLOWED) -> bool:
        """Whether the next picture could complete more than are allowed; seldom wrongly so."""
        if is_any(self._together.counts >= allowed):
            return True
        often = self._here.counts >= allowed
        return is_any(often) and self._is_enough(often)

    def count(self, step: Step) -> tuple[int, float]:
        """The most changes within a second, the step's with them once it is taken, of an area that
        counts and changes with it; and the area that changes as often, in shares of a field."""
        together = 0
        if step.swung is not None:
            together = int(self._together.counts[step.swung != 0].max())
        most, area = together, self._enough if together else 0.0
        for way in step.ways:
            often, found = self._most_often(self._here.counts * way)
            if (often, found) > (most, area):
                most, area = often, found
        return most, area / self.full

    @property
    def changes(self) -> int:
        """The most changes within the last second of an area that counts."""
        return max(int(self._together.counts.max()), self._most_often(self._here.counts)[0])

    def _most_often(self, counts: Counts) -> tuple[int, float]:
        """How often an area that counts has turned at least, and how large that is: by the first
        threshold, which is the strictest."""
        turned = counts[0]
        if np.count_nonzero(turned) < self._enough:
            return 0, 0.0
        # How many places have turned that often, or more often.
        reach = np.cumsum(np.bincount(turned)[::-1])[::-1]
        for often in range(int(np.count_nonzero(reach >= self._enough)) - 1, 0, -1):
            if (found := self._largest(turned >= often)) >= self._enough:
                return often, found
        return 0, 0.0

    def _is_enough(self, marked: Bools) -> bool:
        """Whether so many places are marked in a field, by any threshold: (changes, n)."""
        return any(
            np.count_nonzero(row) >= self._enough and self._largest(row) >= self._enough
            for row in marked
        )

    def _largest(self, marked: Bools) -> float:
        """How many marked places the field has that has most."""
        grid, (h, w) = marked.reshape(self._shape), self._field
        if compiled := loops.compiled(loops.flashes.most):
            return compiled(grid, self._field)
        total = _total(grid)
        within = total[h:, w:] - total[:-h, w:] - total[h:, :-w] + total[:-h, :-w]
        return float(within.max())

    def _light(self, rises: Bools, falls: Bools) -> tuple[Signs, FloatArray]:
        """Which places are lit after those have risen, and those fallen; and that in fields."""
        if compiled := loops.compiled(loops.flashes.light):
            lit, in_fields = np.empty_like(self._lit), np.empty(self._fields.size, np.float32)
            compiled(self._lit, rises, falls, self._shape, lit, in_fields)
            return lit, in_fields
        lit = self._lit * ~(rises | falls)
        lit += rises
        lit -= falls
        return lit, self._lit_in_fields(lit)

    def _lit_in_fields(self, lit: Signs) -> FloatArray:
        """Places that are lit, less those that are dark, by half: in the whole picture, and in
        fields that lie half over each other. (changes, n) -> (changes * fields,)."""
        rows = lit.reshape(len(lit), 6, self._field[0] // 2, -1).sum(axis=2, dtype=np.int16)
        parts = rows.reshape(len(lit), 6, 6, -1).sum(axis=3)
        pairs = parts[:, 1:] + parts[:, :-1]
        fields = pairs[..., 1:] + pairs[..., :-1]
        whole = parts.sum(axis=(1, 2))
        half: FloatArray = np.append(fields.ravel(), whole).astype(np.float32)
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
            limits = self._limits
            self._strands = (
                Strand(self._shape, light, limits.change, limits.dark, limits.area),
                Strand(self._shape, red, limits.red, None, limits.area),
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

    def count(self, steps: tuple[Step, ...], kind: str) -> tuple[int, float]:
        """Changes of a kind in the last second (two are a flash) that a step that was taken adds
        to, and their area in shares of a field."""
        at = KINDS.index(kind)
        return self._strands[at].count(steps[at])

    @property
    def changes(self) -> int:
        """The most changes of either kind in the last second."""
        return max((strand.changes for strand in self._strands), default=0)


def _column(thresholds: tuple[float, ...]) -> FloatArray:
    return np.array(thresholds, np.float32)[:, None]


def _total(grid: NDArray[np.bool_] | Signs) -> NDArray[np.int32]:
    """The sum of all above and left of every place, with a row and a column of zeros."""
    total = np.zeros((grid.shape[0] + 1, grid.shape[1] + 1), np.int32)
    np.cumsum(grid, axis=0, out=total[1:, 1:])
    np.cumsum(total[1:, 1:], axis=1, out=total[1:, 1:])
    return total
