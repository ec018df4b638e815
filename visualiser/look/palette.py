"""Colours: those of the program's own surfaces, and the palettes that looks paint with.

A palette is a file in assets/palettes, in the .hex format of lospec.com: one colour a line, six hex
digits. The first is the ground, which is all around; the last is the hottest.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualiser.look.fade import mix
from visualiser.look.oklab import Colours, from_oklab, to_linear, to_oklab, to_srgb
from visualiser.types import FloatArray, UserError

INK = (11, 12, 18)  # behind everything
PANE = (17, 19, 28)  # an empty pane
LINE = (38, 41, 56)
QUIET = (122, 126, 146)  # text that need not be read
PAPER = (238, 234, 224)  # text that should be
ALERT = (255, 122, 92)

PALETTES = Path(__file__).resolve().parents[2] / "assets" / "palettes"
Floats = NDArray[np.floating[Any]]

STEPS = 2048  # a palette has, finer than the eye or a screen can tell
GROUNDED = 0.25  # the share of a palette next to its ground that does not turn with the rest
MOST = 256  # colours in a file


class Palette:
    """Colours from the ground at 0 to the hottest at 1, in steps that look equal.

    stops: (n, 3) sRGB 0..1, n >= 2. Between them colours are mixed in OKLab, and spread by their
    distance there, so it does not matter how evenly a file has them.
    """

    def __init__(self, stops: Colours) -> None:
        lab = to_oklab(to_linear(np.asarray(stops, np.float64)))
        along = np.append(0, np.cumsum(np.linalg.norm(np.diff(lab, axis=0), axis=1)))
        at = np.linspace(0, along[-1], STEPS)
        mixed = np.stack([np.interp(at, along, axis) for axis in lab.T], axis=1)
        self.linear: FloatArray = np.clip(from_oklab(mixed), 0, 1).astype(np.float32)
        self._turn = 0.0

    def __deepcopy__(self, memo: object) -> Palette:
        return self  # nobody changes one

    def __eq__(self, other: object) -> bool:
        """Whether the other has the very same colours, turned as far."""
        return (
            isinstance(other, Palette) and self.linear is other.linear and self._turn == other._turn
        )

    def __call__(self, place: Floats | float) -> FloatArray:
        """(n,) places, 0..1 and clipped to that -> (n, 3) linear light; one place -> (3,)."""
        place = np.clip(np.asarray(place, np.float32), 0, 1)
        if not self._turn:
            return self._at(place)
        # There and back again, so that no seam is seen; next to the ground it stays what it was.
        moved = self._at(1 - np.abs(1 - (place + self._turn) % 2))
        share = np.minimum(place / GROUNDED, 1)[..., None]
        return mix(self._at(place), moved, share)

    def _at(self, place: Floats) -> FloatArray:
        return self.linear[(place * (STEPS - 1) + 0.5).astype(np.intp)]

    def faded(self, before: FloatArray, share: float) -> Palette:
        """share: how much of this one there is, 0..1; before: (STEPS, 3), the colours of another,
        which make up the rest."""
        if share >= 1:
            return self
        return self._with(mix(before, self.linear, share), self._turn)

    def turned(self, turn: float) -> Palette:
        """The same with its colours moved on along it by `turn`: at 2 they are back where they
        were. The ground stays the ground."""
        return self._with(self.linear, turn % 2)

    def srgb(self, steps: int) -> NDArray[np.uint8]:
        """(steps, 3) 0..255 from the ground to the hottest."""
        return self.srgb_at(np.linspace(0, 1, steps))

    def srgb_at(self, places: Floats) -> NDArray[np.uint8]:
        """(n,) places, 0..1 -> (n, 3) 0..255."""
        linear = self(places).astype(np.float64)
        return np.round(to_srgb(linear) * 255).astype(np.uint8)

    def _with(self, linear: FloatArray, turn: float) -> Palette:
        other = object.__new__(Palette)
        other.linear, other._turn = linear, turn
        return other


def read(path: Path) -> Palette:
    """A palette file. UserError, in one line, where it is broken."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text; allowed are lines of six hex digits") from None
    stops = []
    for n, line in enumerate(lines, 1):
        if not (word := line.strip()):
            continue
        if not re.fullmatch("#?[0-9a-fA-F]{6}", word):
            raise UserError(
                f"{path}:{n}: {word[:40]!r} is no colour; allowed are six hex digits, as in ff8800"
            )
        stops.append([int(word[-6:][i : i + 2], 16) / 255 for i in (0, 2, 4)])
    if not 2 <= len(set(map(tuple, stops))) <= len(stops) <= MOST:
        raise UserError(f"{path}:{len(lines)}: {len(stops)} colours; allowed are 2 to {MOST},"
                        " not all alike")  # fmt: skip
    return Palette(np.array(stops))


@cache
def palettes(folder: Path = PALETTES) -> dict[str, Palette]:
    """All palettes of a folder by name, in alphabetical order. UserError if one is broken, or if
    there is none."""
    found = {path.stem: read(path) for path in sorted(folder.glob("*.hex"))}
    if not found:
        raise UserError(f"no palettes in {folder}: at least one .hex file is needed")
    return found
