"""Smooth noise for whole arrays of points at once: Perlin's, and OpenSimplex's.

Both take three arrays of coordinates that broadcast together, in units of the noise's lattice,
and return values of that shape, roughly -1..1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]
Noise3 = Callable[[Points, Points, Points], Points]

CORNERS = ((2, 1, 1), (1, 2, 1), (1, 1, 2))


def perlin(seed: int) -> Noise3:
    """Ken Perlin, "Improving Noise" (SIGGRAPH 2002), with seeded gradients."""
    rng = np.random.default_rng(seed)
    table = rng.permutation(256)
    table = np.concatenate([table, table, table[:2]])
    directions = rng.standard_normal((256, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    gx, gy, gz = (directions.T * 1.6).astype(np.float32)  # brings the values to about -1..1

    def noise(x: Points, y: Points, z: Points) -> Points:
        axes = max(x.ndim, y.ndim, z.ndim)
        fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
        ix, iy, iz = (f.astype(np.int64) & 255 for f in (fx, fy, fz))
        x, y, z = ((a - f).astype(np.float32) for a, f in ((x, fx), (y, fy), (z, fz)))
        u, v, w = (t * t * t * (t * (t * 6 - 15) + 10) for t in (x, y, z))

        # A cell's eight corners lie along three axes of length 2 in front of the points' own. An
        # axis enters where it is needed, so a grid is hashed along its edges first.
        dx, dy, dz = (np.arange(2).reshape(c + (1,) * axes) for c in CORNERS)
        hashed = table[table[table[ix + dx] + iy + dy] + iz + dz]
        dot = gx[hashed] * (x - dx.astype(np.float32))
        dot += gy[hashed] * (y - dy.astype(np.float32))
        dot += gz[hashed] * (z - dz.astype(np.float32))
        for fade in (u, v, w):
            dot = dot[0] + fade * (dot[1] - dot[0])
        return dot

    return noise


STRETCH, SQUISH = -1 / 6, 1 / 3  # of OpenSimplex's honeycomb in three dimensions


@cache
def _reach3() -> NDArray[np.int32]:
    """The steps from a cell's origin to the lattice points whose gradients are felt inside it."""
    inside = np.array(list(product(np.linspace(0, 1, 9), repeat=3)))
    steps = np.array(list(product((-1, 0, 1, 2), repeat=3)), np.int32)
    apart = inside[:, None] - steps
    apart = apart + SQUISH * apart.sum(-1, keepdims=True)
    felt: NDArray[np.bool_] = ((apart**2).sum(-1) < 2).any(0)
    return steps[felt]


@lru_cache(maxsize=8)
def _tables(seed: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The opensimplex package's own permutation (256,), and gradients (3, 256) behind it."""
    from opensimplex.constants import GRADIENTS3
    from opensimplex.internals import _init

    perm, at = _init(seed)
    gradients = np.asarray(GRADIENTS3, np.float32).reshape(-1, 3)
    return perm.astype(np.int32), np.ascontiguousarray(gradients[at // 3].T)


def simplex(seed: int) -> Noise3:
    """OpenSimplex (Kurt Spencer, 2014) as the opensimplex package defines it, for many points.

    The package's own loop takes 23 ms for a field of 28x28 without numba. Its noise is a sum of
    gradients over the lattice points within reach, so here that sum is taken over all of them for
    all points at once, with the package's own seeded tables.
    """
    perm, gradients = _tables(seed)
    steps = _reach3()
    ix, iy, iz = steps.T
    sx, sy, sz = (steps + SQUISH * steps.sum(1, keepdims=True)).astype(np.float32).T

    def noise(x: Points, y: Points, z: Points) -> Points:
        shape = np.broadcast_shapes(x.shape, y.shape, z.shape)
        # Cells and places inside them in float64, (n, 1); what is summed, (n, steps), in float32.
        x, y, z = (np.broadcast_to(a, shape).reshape(-1, 1) for a in (x, y, z))
        stretch = (x + y + z) * STRETCH
        cx, cy, cz = (np.floor(a + stretch) for a in (x, y, z))
        squish = (cx + cy + cz) * SQUISH
        dx = (x - cx - squish).astype(np.float32) - sx
        dy = (y - cy - squish).astype(np.float32) - sy
        dz = (z - cz - squish).astype(np.float32) - sz
        near = np.maximum(2 - dx * dx - dy * dy - dz * dz, 0)
        near *= near
        hashed = perm[(cx.astype(np.int32) + ix) & 255]
        hashed = perm[(hashed + cy.astype(np.int32) + iy) & 255]
        hashed = (hashed + cz.astype(np.int32) + iz) & 255
        gx, gy, gz = (g[hashed] for g in gradients)
        felt = near * near * (gx * dx + gy * dy + gz * dz)
        value: Points = (felt.sum(-1) / 103.0).reshape(shape)
        return value

    return noise
