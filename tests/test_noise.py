"""Noise for whole arrays of points, and the walks along it."""

from __future__ import annotations

import numpy as np
import opensimplex
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser import noise
from visualiser.walk import FIELD, Walk

BOTH = pytest.mark.parametrize("make", [noise.perlin, noise.simplex])


def points(n: int, seed: int = 1, reach: float = 300.0) -> tuple[np.ndarray, ...]:
    return tuple(np.random.default_rng(seed).uniform(-reach, reach, (3, n)))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    at=st.tuples(*[st.floats(-1e4, 1e4)] * 3) | st.tuples(*[st.integers(-300, 300)] * 3),
)
def test_simplex_noise_is_that_of_the_opensimplex_package(seed: int, at: tuple) -> None:
    # The package leaves out the contribution of lattice points that hardly reach: up to 1e-4.
    here = [np.array([value], float) for value in at]
    expected = opensimplex.OpenSimplex(seed).noise3(*map(float, at))
    assert noise.simplex(seed)(*here)[0] == pytest.approx(expected, abs=1e-4)


def test_simplex_noise_is_that_of_the_package_all_over_a_region() -> None:
    x, y, z = points(400, seed=5, reach=8.0)
    package = opensimplex.OpenSimplex(1234)
    expected = [package.noise3(*map(float, at)) for at in zip(x, y, z, strict=True)]
    np.testing.assert_allclose(noise.simplex(1234)(x, y, z), expected, atol=1e-4)


@BOTH
def test_a_small_step_is_a_small_change_everywhere(make) -> None:
    """Also across the faces of cells, where the lattice points that count are others."""
    field = make(3)
    x, y, z = points(4000, reach=20)
    x[:1000], y[500:1500], z[1000:2000] = (
        np.round(x[:1000]),
        np.round(y[500:1500]),
        np.round(z[:1000]),
    )
    before = field(x, y, z)
    for step in np.eye(3):
        for size in (1e-5, -1e-5):
            moved = field(*(axis + size * s for axis, s in zip((x, y, z), step, strict=True)))
            assert np.abs(moved - before).max() < 2e-4
    # And no kink: at half a hundredth of a cell the slope has hardly changed.
    along = np.linspace(0, 30, 6001)
    slope = np.diff(field(along, along * 0.3 + 5, along * 0.7)) / 0.005
    assert np.abs(np.diff(slope)).max() < 0.2


@BOTH
def test_values_fill_about_minus_one_to_one(make) -> None:
    values = make(4)(*points(60_000))
    assert np.isfinite(values).all()
    assert -1.2 < values.min() < -0.6 and 0.6 < values.max() < 1.2
    assert abs(values.mean()) < 0.02
    assert 0.15 < values.std() < 0.45


@BOTH
def test_seeds_repeat_and_differ(make) -> None:
    at = points(500)
    np.testing.assert_array_equal(make(7)(*at), make(7)(*at))
    for one, other in ((1, 2), (1, 1001), (0, 2**32 - 1)):
        alike = np.corrcoef(make(one)(*at), make(other)(*at))[0, 1]
        assert abs(alike) < 0.25, "the noise of another seed has nothing to do with it"


@BOTH
@settings(max_examples=25, deadline=None)
@given(
    shapes=st.sampled_from(
        [
            ((1, 7), (5, 1), (1, 1)),
            ((5, 7), (5, 7), (5, 7)),
            ((1,), (6,), (6,)),
            ((1, 1, 4), (3, 1, 1), (1, 2, 1)),
            ((), (3,), ()),
            ((2, 3), (3,), (2, 1)),
            ((1, 1), (4, 1), (4, 5)),
        ]
    ),
    seed=st.integers(0, 1000),
)
def test_arrays_that_broadcast_give_what_single_points_give(make, shapes, seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrays = [rng.uniform(-50, 50, shape) for shape in shapes]
    field = make(seed)
    together = field(*arrays)
    spread = np.broadcast_arrays(*arrays)
    assert together.shape == spread[0].shape
    single = [field(*(np.array([a.flat[i]]) for a in spread))[0] for i in range(spread[0].size)]
    np.testing.assert_allclose(together.ravel(), single, atol=1e-6)


@BOTH
@pytest.mark.parametrize("latent_dim", [1, 4, 64])
def test_a_walk_is_standard_normal_in_every_latent(make, latent_dim: int) -> None:
    walk = Walk(make(2), latent_dim, 2)
    path = np.array([walk.point(phase) for phase in np.arange(0, 2000, 2.3)])
    assert path.shape == (len(path), latent_dim) and path.dtype == np.float32
    assert np.abs(path.mean(axis=0)).max() < 0.25
    assert np.abs(path.std(axis=0) - 1).max() < 0.25
    if latent_dim > 1:
        together = np.corrcoef(path.T) - np.eye(latent_dim)
        assert np.abs(together).max() < 0.25, "no two latents move as one"


@BOTH
def test_fields_use_black_white_and_greys_evenly_and_contrast_spreads_them(make) -> None:
    walk = Walk(make(2), 4, 2)
    fields = np.array([walk.field(phase, 3.0, 1.0) for phase in np.arange(0, 120, 1.7)])
    assert fields.shape[1:] == (FIELD, FIELD) and fields.dtype == np.float32
    shares = np.histogram(fields, 5, (0, 1))[0] / fields.size
    assert (np.abs(shares - 0.2) < 0.06).all()
    flat, hard = (walk.field(3.0, 3.0, contrast) for contrast in (0.1, 8.0))
    assert flat.std() < 0.05 and np.abs(flat.mean() - 0.5) < 0.05
    assert hard.min() == 0 and hard.max() == 1 and hard.std() > 0.4


@BOTH
def test_more_cells_are_more_hills(make) -> None:
    walk = Walk(make(2), 4, 2)
    hills = [
        np.mean(
            [
                np.abs(np.diff(walk.field(phase, cells, 1.0) > 0.5, axis=1)).sum()
                for phase in np.arange(0, 20, 1.3)
            ]
        )
        for cells in (1.0, 3.0, 9.0)
    ]
    assert hills[0] * 1.7 < hills[1] and hills[1] * 1.7 < hills[2]
