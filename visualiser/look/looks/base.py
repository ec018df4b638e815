"""What a look is. A new one is one file beside this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from visualiser.controls import Control, Value
from visualiser.look.palette import Floats, Palette
from visualiser.types import FloatArray


class Look(ABC):
    """Gives every depth a colour. All of a picture's pixels of one depth look the same, so this is
    asked for a few thousand depths a frame, however many pixels there are.

    name: on the command line and as the section of its controls; blurb: what it looks like;
    controls: declared with ids "name.something".

    Time comes from `advance` alone: sum up dt, and a change of speed does not jump.
    """

    name: ClassVar[str]
    blurb: ClassVar[str]
    controls: ClassVar[tuple[Control, ...]] = ()

    def advance(self, dt: float, value: Mapping[str, Value]) -> None:
        """Move on by dt seconds. value: this look's controls by short name."""
        return

    def is_moving(self, value: Mapping[str, Value]) -> bool:
        """Whether its colours change with time: where it has an `advance` of its own, unless it
        has a control `drift`, and that is 0."""
        return type(self).advance is not Look.advance and value.get("drift") != 0.0

    @abstractmethod
    def colours(
        self, depth: FloatArray, pixel: FloatArray, palette: Palette, value: Mapping[str, Value]
    ) -> FloatArray:
        """(n,) depths -> (n, 3) linear light, 0..1.

        depth: how far inside of the outline, in shares of the picture's edge: 0 on it, negative
        outside, rising; pixel: (n,) the size of a pixel of the screen there, in the same unit,
        which is how soft an edge should be.
        """

    def ground(self, palette: Palette, value: Mapping[str, Value]) -> FloatArray:
        """(3,) linear light: what it goes over into far outside, which a layer leaves out."""
        return palette(0)

    def cover(self, depth: FloatArray, pixel: FloatArray, value: Mapping[str, Value]) -> FloatArray:
        """(n,) 0..1: how much of a pixel hides what a layer lies on: the shape, unless a look says
        otherwise. Where it is 0 the colours are light, which hides as little as it can."""
        return inside(depth, pixel)


def inside(depth: Floats, pixel: Floats) -> FloatArray:
    """(n,) how much of a pixel lies deeper than 0: a crisp edge without steps."""
    covered: FloatArray = np.clip(depth / pixel + np.float32(0.5), 0, 1)
    return covered


def line(depth: Floats, width: float, pixel: Floats) -> FloatArray:
    """(n,) how much of a pixel a line covers that runs along depth 0. One that is finer than a
    pixel gets fainter instead."""
    faint = np.minimum(np.float32(width) / pixel, 1)
    half = np.maximum(np.float32(width), pixel) / 2
    covered: FloatArray = faint * inside(half - np.abs(depth), pixel)
    return covered


def over(below: FloatArray, above: FloatArray, covered: Floats) -> FloatArray:
    """Lay one colour on another: (n, 3) or (3,) each; covered: (n,) 0..1."""
    return (below + (above - below) * covered[:, None]).astype(np.float32, copy=False)


def smooth(x: Floats) -> FloatArray:
    """(n,) 0 up to 0, 1 from 1 on, and an even curve between."""
    x = np.clip(x, 0, 1)
    return (x * x * (3 - 2 * x)).astype(np.float32, copy=False)
