"""Smooth noise for whole arrays of points at once: Perlin's, and OpenSimplex's.

Both take three arrays of coordinates that broadcast together, in units of the noise's lattice,
and return values of that shape, roughly -1..1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from visualiser import loops

Points = NDArray[np.floating]
Cells = NDArray[np.int64]
Noise3 = Callable[[Points, Points, Points], Points]

CORNERS = np.array(list(product((0, 1), repeat=3))).T  # of a cell: (3, 8)


def perlin(seed: int) -> Noise3:
    """Ken Perlin, "Improving Noise" (SIGGRAPH 2002), with seeded gradients."""
    rng = np.random.default_rng(seed)
    table = rng.permutation(256)
    table = np.concatenate([table, table, table[:2]]).astype(np.int64)
    directions = rng.standard_normal((256, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    gradients = directions * 1.6  # brings the values to about -1..1

    def slopes(ix: Cells, iy: Cells, iz: Cells) -> Points:
        """(..., 3): gradients at lattice points, whole numbers 0..256 that broadcast together."""
        return gradients[table[table[table[ix] + iy] + iz]]

    def noise(x: Points, y: Points, z: Points) -> Points:
        if x.ndim == y.ndim == 2 and x.shape[0] == y.shape[1] == z.size == 1:
            return on_grid(x, y, float(z.flat[0]))
        shape = np.broadcast(x, y, z).shape
        places = np.empty((3, 1, *shape))
        places[0], places[1], places[2] = x, y, z
        if compiled := loops.compiled(loops.points.perlin):
            values = np.empty(shape)
            compiled(places.reshape(3, -1), table, gradients, values.reshape(-1))
            return values
        # All eight corners at once: for a few points the calls cost more than the sums.
        cells = np.floor(places)
        steps = CORNERS.reshape(3, 8, *(1,) * (places.ndim - 2))
        ax, ay, az = apart = places - cells - steps
        wx, wy, wz = _fade(apart)
        slope = slopes(*((cells.astype(np.int64) & 255) + steps))
        gx, gy, gz = slope[..., 0], slope[..., 1], slope[..., 2]
        first, *others = wx * wy * wz * (gx * ax + gy * ay + gz * az)
        total: Points = sum(others, first)  # in order, which numpy's own sum may not be
        return total

    def on_grid(x: Points, y: Points, z: float) -> Points:
        """The same sum for a plane of points, as matrix products: what a lattice point gives is a
        product of what depends on x, on y and on z."""
        nx, wx, wax = _edge(x.tobytes())
        ny, wy, way = _edge(y.tobytes())
        nz = math.floor(z) + np.arange(2)
        az = z - nz
        wz = _fade(az)
        cells = nx[None, None, :], ny[None, :, None], nz[:, None, None]
        corners = slopes(*(nodes & 255 for nodes in cells))
        flat = np.array([wz, wz * az]) @ corners.reshape(2, -1)
        plane, tilt = flat.reshape(2, len(ny), len(nx), 3)
        along_x = plane[..., 0] @ wax.T + tilt[..., 2] @ wx.T
        return wy @ along_x + way @ (plane[..., 1] @ wx.T)

    return noise


@lru_cache(maxsize=16)
def _edge(coordinates: bytes) -> tuple[Cells, Points, Points]:
    """For float64 coordinates along one edge of a grid: the lattice's (m,) about them, how much
    each is felt (n, m), and the same times the distance. A field's edges stay as they are."""
    x = np.frombuffer(coordinates)
    nodes = np.arange(math.floor(x.min()), math.floor(x.max()) + 2)
    apart = x[:, None] - nodes
    return nodes, _fade(apart), _fade(apart) * apart


def _fade(a: Points) -> Points:
    """How much a lattice point at distance a is felt: 1 there, 0 from the next one on."""
    t = np.maximum(1 - np.abs(a), 0)
    return t * t * t * (t * (t * 6 - 15) + 10)


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
