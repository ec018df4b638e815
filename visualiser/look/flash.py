"""The flash guard: the last thing that happens to a picture before it is seen or recorded.

It lowers the risk for people with photosensitive epilepsy; it is no medical guarantee. What counts
as a flash, and by which standards, stands in flashes.py.

While no more than three flashes come in any second, every pixel stays as it was drawn. Where the
next picture would complete one more, it is not shown: from then on the picture follows slowly what
is drawn, as long as that flashes, and for a second after.

What complies is to stay as it is, and what does not is to comply for whoever judges it, at other
places and after losses. So the standard's own thresholds, but for what samples may miss of an area,
say when there is a flash too many for the first time, at four times as many places; what is then
shown, and all that comes later, goes by thresholds on both sides of them.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pygame
from numpy.typing import NDArray

from visualiser import loops
from visualiser.controls import Control, Controls, hold, switch
from visualiser.look.flashes import ALLOWED, CAREFUL, FIRST, STRICT, Colour, Watch, signals_of
from visualiser.look.sheet import Canvas, Places, bare, painted
from visualiser.surfaces import octets

GUARD = "stage.guard"
UNGUARDED = "stage.unguarded"

# That it sees before its pictures count: its past is a second, and where it limits it has forgotten
# by then where it began.
SEES_BACK_S = 2.0

_SHAPE = (42, 72)  # rows, columns of places that are looked at: 26 px apart at 1080p
_FEW_PLACES = _SHAPE[0] * _SHAPE[1]
_FINE = (84, 144)  # the same until there was a flash too many
_GOLDEN = (math.sqrt(5) - 1) / 2
_CALM = 4  # changes in a second that are allowed while it limits: two flashes
_FOLLOW_S = 0.5  # time constant in which the picture then follows what is drawn
_RELEASE_S = 0.15  # in which that gets quicker, once what is drawn flashes no more
_BLEND_S = 1 / 15  # between two blends, which take long; in between the picture stands
_LATE_S = 0.25  # that changes then count longer: they are slow
_CALM_S = 1.0  # what is drawn must comply, before it is followed quicker
_METER_S = 0.1  # between two readings of the meter
_KEPT_S = 0.05  # that the picture kept may be older than the last shown, where that only moved
_ALIKE = 6  # levels of 255, that a place may differ by and be taken for the same
_FEW = 0.01  # of all places

_AT_ONCE = 65536  # octets: few enough for a processor's cache

Octets = NDArray[np.uint8]
Levels = Octets  # (n, 4) of the places, as the canvas holds them


def declare() -> tuple[Control, ...]:
    """The guard's controls."""
    return (
        switch(GUARD, "limit flashes that can hurt people", True),
        hold(UNGUARDED, "hold: let flashes through", "end"),
    )


class FlashGuard:
    """Keeps a canvas below three flashes a second; one is for one series of pictures.

    limiting: whether the picture is held back just now; share: how much of the one that was drawn
    last is seen, that before it making up the rest; changes: how often an area that counts has
    changed in the last second: two are a flash.
    """

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._size = (0, 0)
        self._places = np.zeros(0, np.intp)  # in a canvas's memory: few, and then the fine ones
        self._before = pygame.Surface((0, 0))  # shown last, or shortly before and like it
        self._order = (2, 1, 0)  # where red, green and blue are in a pixel
        self.reset()

    def reset(self) -> None:
        """Forget all that was seen."""
        self.limiting = False
        self.share = 1.0
        self.changes = 0
        self._read_t = -math.inf
        self._shown = Watch(_SHAPE, CAREFUL)
        self._exact: Watch | None = Watch(_FINE, FIRST)  # until there was a flash too many
        self._drawn = Watch(_SHAPE, STRICT)  # as it would be without a guard, while it limits
        self._levels: Levels | None = None  # of the picture before, if there is one
        self._kept_t = -math.inf
        self._calm_since = 0.0
        self._blended_t = 0.0

    @property
    def words(self) -> tuple[str, bool]:
        """The meter, or "" while nothing flashes, and whether it is an alarm."""
        if not self._controls[GUARD]:
            return "flash guard off", True
        if self._controls[UNGUARDED]:
            return "FLASHES NOT LIMITED", True
        if self.limiting:
            return "flashes limited", True
        return (f"flashes {self.changes / 2:.2g}/3", False) if self.changes else ("", False)

    def limit(self, canvas: Canvas, t: float, seen: NDArray[np.uint32] | None = None) -> None:
        """Change the canvas, of 32 bits, where it would flash more than is allowed at t, s. t must
        grow from call to call. seen: of a sheet, (n,) what it has at the `places`; it is painted
        only where it is to be changed, or kept."""
        if not self._controls[GUARD]:
            if self._shown.is_used:
                self.reset()
            return
        if canvas.get_size() != self._size:
            self.reset()
            self._size = canvas.get_size()
            surface = bare(canvas)
            self._places = places(self._size).in_memory(surface.get_pitch() // 4)
            self._before = pygame.Surface(self._size, 0, surface)
            self._before.fill(0)  # memory takes long the first time: not in the middle of a show
            red, green, blue, _ = (shift // 8 for shift in surface.get_shifts())
            self._order = red, green, blue
        if seen is None:
            wanted = self._places[: _FEW_PLACES if self._exact is None else None]
            seen = octets(painted(canvas)).view(np.uint32).take(wanted)
        every = seen.view(np.uint8).reshape(-1, 4)
        levels, fine = every[:_FEW_PLACES], every[_FEW_PLACES:]
        self._shown.expire(t)
        if self._exact is not None:
            self._exact.expire(t)
        if not self.limiting or self._controls[UNGUARDED]:
            self._let_through(canvas, levels, fine, t)
        else:
            self._follow(canvas, levels, t)
        if t - self._read_t >= _METER_S:
            self._read_t, self.changes = t, self._shown.changes

    def _let_through(self, canvas: Canvas, levels: Levels, fine: Levels, t: float) -> None:
        self.limiting = False
        self.share = 1.0
        steps = self._shown.step(self._colour(levels))
        judge, judged = self._shown, steps
        if self._exact is not None:
            judge = self._exact
            judged = judge.step(self._colour(fine))
        if not self._controls[UNGUARDED] and judge.too_much(judged) and self._levels is not None:
            # The picture that is kept is shown again, which is less than what was drawn.
            self._shown.take(self._shown.step(self._colour(self._levels)), t)
            self._exact, self._drawn = None, Watch(_SHAPE, STRICT)
            self.limiting, self._calm_since, self._blended_t = True, t + _CALM_S, t
            self._hold(canvas)
            return
        self._shown.take(steps, t)
        if judge is not self._shown:
            judge.take(judged, t)
        if judge.may_be_next() and not self._may_stay(levels, t):
            self._keep(canvas, levels, t)

    def _follow(self, canvas: Canvas, levels: Levels, t: float) -> None:
        self._drawn.expire(t)
        self._drawn.take(self._drawn.step(self._colour(levels)), t)
        if self._drawn.may_be_next(ALLOWED + 1):
            self._calm_since = max(self._calm_since, t)
        if t - self._blended_t >= _BLEND_S * 0.99:
            share = self._share(t)
            for part in (share, share / 4):
                if self._blend(canvas, levels, round(part * 255), t):
                    return
        self._hold(canvas)

    def _share(self, t: float) -> float:
        """How much of the next blend is what is drawn."""
        follow_s = _FOLLOW_S
        if t > self._calm_since:
            follow_s *= math.exp(-(t - self._calm_since) / _RELEASE_S)
        share = 1 - math.exp(-(t - self._blended_t) / follow_s)
        return share if share < 0.95 else 1.0

    def _blend(self, canvas: Canvas, levels: Levels, alpha: int, t: float) -> bool:
        """Show so much of the canvas, of 255, over what was shown before, if that is allowed."""
        assert self._levels is not None
        mixed = levels if alpha == 255 else _mixed(levels, self._levels, alpha)
        steps = self._shown.step(self._colour(mixed))
        if self._shown.too_much(steps, _CALM):
            return False
        # A change that is on its way may reach the standard's threshold only now, or with the next.
        self._shown.take(steps, t + _LATE_S)
        self.limiting, self.share = alpha < 255, alpha / 255
        self._blended_t = t
        if alpha == 255:
            self._keep(canvas, mixed, t)
        else:
            _blend_both(painted(canvas), self._before, alpha)
            self._levels, self._kept_t = mixed, t
        return True

    def _hold(self, canvas: Canvas) -> None:
        painted(canvas).blit(self._before, (0, 0))
        self.share = 0.0

    def _keep(self, canvas: Canvas, levels: Levels, t: float) -> None:
        """Have this picture to hold. It is a copy, which takes longer than all else."""
        self._before.blit(painted(canvas), (0, 0))
        self._levels, self._kept_t = levels, t

    def _may_stay(self, levels: Levels, t: float) -> bool:
        """Whether the picture that is kept will do, where this one was shown after it: it is much
        the same, or hardly older, and to go back to it would be no flash too many."""
        if self._levels is None:
            return False
        apart = np.maximum(levels, self._levels) - np.minimum(levels, self._levels)
        is_like = np.count_nonzero(apart > _ALIKE) <= _FEW * len(apart)
        if not is_like and t - self._kept_t >= _KEPT_S:
            return False
        return not self._shown.too_much(self._shown.step(self._colour(self._levels)))

    def _colour(self, levels: Levels) -> Colour:
        return signals_of(levels, self._order)


def _blend_both(canvas: pygame.Surface, before: pygame.Surface, alpha: int) -> None:
    """Make both what so much of the canvas, of 255, and the rest of the picture before it give."""
    new, old = octets(canvas), octets(before)
    if compiled := loops.compiled(loops.pixels.blend):
        compiled(new, old, alpha)
        return
    for start in range(0, new.size, _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        new[some] = old[some] = _mixed(new[some], old[some], alpha)


def _mixed(new: Octets, before: Octets, alpha: int) -> Octets:
    """So much of the new ones, of 255, and the rest of those before, rounded; as loops have it."""
    both = new * np.uint16(alpha) + before * np.uint16(255 - alpha) + np.uint16(128)
    return ((both + (both >> 8)) >> 8).astype(np.uint8)


@lru_cache(maxsize=4)
def places(size: tuple[int, int]) -> Places:
    """Where it looks at pictures of a size: first those of the coarse grid."""
    coarse, fine = (_spread(size, shape) for shape in (_SHAPE, _FINE))
    return Places(np.append(coarse[0], fine[0]), np.append(coarse[1], fine[1]))


def _spread(
    size: tuple[int, int], shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """One place in every cell of the grid, but nowhere in particular in it, so that no pattern is
    fine enough to fall between them all.

    From cell to cell along an edge the places are as evenly spread across it as can be: how many of
    them a rectangle has is off by a third of what it were at random (after Kensler, "Correlated
    multi-jittered sampling", Pixar 2013, with golden steps instead of permutations).
    """
    width, height = size
    rng = np.random.default_rng(1)
    row, column = np.arange(shape[0])[:, None], np.arange(shape[1])
    y = row + (column * _GOLDEN + rng.random((shape[0], 1))) % 1
    x = column + (row * _GOLDEN + rng.random(shape[1])) % 1
    y, x = y * (height / shape[0]), x * (width / shape[1])
    return y.astype(np.intp).ravel(), x.astype(np.intp).ravel()
