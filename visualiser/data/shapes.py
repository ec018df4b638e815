"""Seeded images of shapes: white on black, antialiased, at any resolution.

A shape is drawn from its signed distance field, the distance in pixels to its outline (negative
inside), so one line of arithmetic antialiases every shape at every size:
coverage = clip(1/2 - distance, 0, 1). The distance functions follow Inigo Quilez,
"2D distance functions" (iquilezles.org/articles/distfunctions2d), written for batches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualiser.types import FloatArray, UserError


def _length(x: Any, y: Any) -> Any:
    return np.sqrt(x * x + y * y)  # four times as fast as np.hypot


def _circle(x: FloatArray, y: FloatArray, r: FloatArray) -> FloatArray:
    return _length(x, y) - r


def _square(x: FloatArray, y: FloatArray, r: FloatArray) -> FloatArray:
    half = r * np.float32(np.sqrt(np.pi) / 2)  # the same area as the circle of radius r
    dx, dy = np.abs(x) - half, np.abs(y) - half
    return _length(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0)


def _polygon(n: int) -> Callable[[FloatArray, FloatArray, FloatArray], FloatArray]:
    """A regular polygon with n corners, one of them up, its circumradius r."""

    def distance(x: FloatArray, y: FloatArray, r: FloatArray) -> FloatArray:
        sector = 2 * np.pi / n
        angle = np.arctan2(x, -y)  # 0 points up; image rows grow downwards
        folded = (
            (angle + sector / 2) - sector * np.floor((angle + sector / 2) / sector) - sector / 2
        )
        # Fold every sector onto the one whose edge runs from the corner above to the right.
        radius = _length(x, y)
        along = radius * np.sin(np.abs(folded) - sector / 2)
        out = radius * np.cos(np.abs(folded) - sector / 2) - r * np.cos(sector / 2)
        beyond = np.maximum(np.abs(along) - r * np.sin(sector / 2), 0)
        return np.where(out > 0, _length(out, beyond), out)

    return distance


def _star(x: FloatArray, y: FloatArray, r: FloatArray) -> FloatArray:
    """Five points; the inner corners lie at 0.45 of the outer radius."""
    sector, inner = 2 * np.pi / 5, 0.45
    angle = np.arctan2(x, -y)
    folded = np.abs(np.mod(angle + sector / 2, sector) - sector / 2)
    radius = _length(x, y)
    px, py = radius * np.sin(folded), radius * np.cos(folded)
    bx, by = inner * np.sin(sector / 2), inner * np.cos(sector / 2)
    ex, ey = r * bx, r * (by - 1)  # the edge from the tip (0, r) to the inner corner
    qx, qy = px, py - r
    h = np.clip((qx * ex + qy * ey) / (ex * ex + ey * ey), 0, 1)
    side = np.sign(ex * qy - ey * qx)
    return _length(qx - ex * h, qy - ey * h) * side


def _cross(x: FloatArray, y: FloatArray, r: FloatArray) -> FloatArray:
    ax, ay = np.abs(x), np.abs(y)
    big, small = np.maximum(ax, ay), np.minimum(ax, ay)
    arm = r * np.float32(0.32)

    # Two bars; their union's distance is the smaller of the two.
    def bar(u: FloatArray, v: FloatArray) -> FloatArray:
        du, dv = u - r, v - arm
        return _length(np.maximum(du, 0), np.maximum(dv, 0)) + np.minimum(np.maximum(du, dv), 0)

    return np.minimum(bar(big, small), bar(small, big))


def _ring(x: FloatArray, y: FloatArray, r: FloatArray) -> FloatArray:
    return np.abs(_length(x, y) - r * np.float32(0.74)) - r * np.float32(0.26)


def _heart(x: FloatArray, y: FloatArray, r: FloatArray) -> FloatArray:
    unit = r * np.float32(1.6)  # Quilez's heart is about as wide as high, and stands on (0, 0)
    px, py = np.abs(x) / unit, np.float32(0.56) - y / unit
    lobe = _length(px - 0.25, py - 0.75) - np.float32(np.sqrt(2) / 4)
    slope = np.maximum(px + py, 0) / 2
    side = _length(px - slope, py - slope)
    d = np.minimum(_length(px, py - 1), side) * np.sign(px - py)
    return np.where(px + py > 1, lobe, d).astype(np.float32) * unit


def _crescent(x: FloatArray, y: FloatArray, r: FloatArray) -> FloatArray:
    apart, outer, inner = 0.5, 1.0, 0.82  # a disk, and the one that is cut out of it
    px, py = x / r + np.float32(0.15), np.abs(y) / r
    a = (outer**2 - inner**2 + apart**2) / (2 * apart)
    b = float(np.sqrt(outer**2 - a**2))  # (a, b) is the tip
    at_tip = apart * (px * b - py * a) > apart**2 * np.maximum(b - py, 0)
    cut = np.maximum(_length(px, py) - outer, inner - _length(px - apart, py))
    return np.where(at_tip, _length(px - a, py - b), cut).astype(np.float32) * r


KINDS: dict[str, Callable[[FloatArray, FloatArray, FloatArray], FloatArray]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _polygon(3),
    "pentagon": _polygon(5),
    "star": _star,
    "cross": _cross,
    "ring": _ring,
    "heart": _heart,
    "crescent": _crescent,
}
STYLES = ("fill", "stroke")


@dataclass(frozen=True)
class ShapeSettings:
    """What is drawn. This is the only place that knows the resolution.

    size: pixels along each edge; kinds and styles: drawn equally often; size_min, size_max: the
    shape's diameter as a share of the picture; stroke: line width as a share of the picture;
    offset: how far the centre may lie from the middle, as a share of the picture; rotate: turned
    by any angle.
    """

    size: int = 28
    kinds: tuple[str, ...] = ("circle", "square", "triangle")
    styles: tuple[str, ...] = ("fill", "stroke")
    size_min: float = 0.1
    size_max: float = 0.9
    stroke: float = 0.08
    offset: float = 0.0
    rotate: bool = False

    def __post_init__(self) -> None:
        if not 8 <= self.size <= 512:
            raise UserError(f"shape size {self.size} px: allowed are 8 to 512")
        for name, got, allowed in (
            ("kind", self.kinds, tuple(KINDS)),
            ("style", self.styles, STYLES),
        ):
            unknown = [word for word in got if word not in allowed]
            if unknown or not got:
                wrong = f"unknown shape {name} {unknown[0]!r}" if unknown else f"no shape {name}"
                raise UserError(f"{wrong}: allowed are {', '.join(allowed)}")
        if not 0 < self.size_min <= self.size_max <= 1:
            raise UserError(
                f"shape sizes {self.size_min} to {self.size_max}: allowed are 0 to 1, ascending"
            )
        if not 0 < self.stroke <= 0.5:
            raise UserError(f"shape stroke {self.stroke}: allowed is above 0 and up to 0.5")
        if not 0 <= self.offset <= 0.5:
            raise UserError(f"shape offset {self.offset}: allowed is 0 to 0.5")


@dataclass(frozen=True)
class Shapes:
    """n pictures and what is on them.

    images: (n, size, size) float32, 0 black to 1 white; kind: (n,) index into settings.kinds;
    style: (n,) index into settings.styles.
    """

    settings: ShapeSettings
    images: FloatArray
    kind: NDArray[np.int64]
    style: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: NDArray[np.int64]) -> Shapes:
        return Shapes(self.settings, self.images[rows], self.kind[rows], self.style[rows])


def make(n: int, seed: int, settings: ShapeSettings) -> Shapes:
    """Draw n shapes, every kind in every style equally often, the same for the same seed."""
    rng = np.random.default_rng([seed, n])
    classes = rng.permutation(n) % (len(settings.kinds) * len(settings.styles))
    kind, style = np.divmod(classes, len(settings.styles))
    diameter = rng.uniform(settings.size_min, settings.size_max, n)
    offset = rng.uniform(-1, 1, (n, 2)) * settings.offset
    angle = rng.uniform(0, 2 * np.pi, n) if settings.rotate else np.zeros(n)

    images = np.empty((n, settings.size, settings.size), np.float32)
    for k, name in enumerate(settings.kinds):
        for s, drawn in enumerate(settings.styles):
            rows = np.flatnonzero((kind == k) & (style == s))
            for part in np.array_split(rows, max(1, len(rows) // 256)):  # bounds the memory
                images[part] = _draw(
                    KINDS[name], drawn, settings, diameter[part], offset[part], angle[part]
                )
    return Shapes(settings, images, kind, style)


def _draw(
    distance: Callable[[FloatArray, FloatArray, FloatArray], FloatArray],
    style: str,
    settings: ShapeSettings,
    diameter: NDArray[np.float64],
    offset: NDArray[np.float64],
    angle: NDArray[np.float64],
) -> FloatArray:
    size = settings.size
    d = distances(distance, size, diameter, offset, angle)
    if style == "stroke":
        d = np.abs(d) - np.float32(settings.stroke * size / 2)
    return np.clip(np.float32(0.5) - d, 0, 1).astype(np.float32)


def distances(
    distance: Callable[[FloatArray, FloatArray, FloatArray], FloatArray],
    size: int,
    diameter: NDArray[np.float64],
    offset: NDArray[np.float64],
    angle: NDArray[np.float64],
) -> FloatArray:
    """(n, size, size): the distance to each shape's outline, in pixels, negative inside.

    diameter (n,), offset (n, 2): shares of the picture; angle (n,): radians.
    """
    centred = (np.arange(size) + 0.5 - size / 2).astype(np.float32)
    x = centred[None, None, :] - (offset[:, 0] * size).astype(np.float32)[:, None, None]
    y = centred[None, :, None] - (offset[:, 1] * size).astype(np.float32)[:, None, None]
    cos = np.cos(angle).astype(np.float32)[:, None, None]
    sin = np.sin(angle).astype(np.float32)[:, None, None]
    radius = (diameter * size / 2).astype(np.float32)[:, None, None]
    return distance(x * cos + y * sin, y * cos - x * sin, radius)


def split(n_train: int, n_test: int, seed: int, settings: ShapeSettings) -> tuple[Shapes, Shapes]:
    """Training and test shapes that share no picture, by construction.

    One set is drawn, pictures that came out equal are kept once, and what is left is cut in two.
    Raises UserError where the settings cannot give that many different pictures.
    """
    wanted = n_train + n_test
    drawn = make(wanted + wanted // 8 + 16, seed, settings)
    first = list({image.tobytes(): row for row, image in enumerate(drawn.images)}.values())
    if len(first) < wanted:
        raise UserError(
            f"these shape settings give only {len(first)} different pictures,"
            f" {wanted} are wanted: ask for fewer or allow more sizes"
        )
    rows = np.sort(first)[:wanted]  # the order drawn, which is random in every parameter
    return drawn.take(rows[:n_train]), drawn.take(rows[n_train:])
