"""The map from noise to latents, and what the shipped models show of what they have learned."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from visualiser import latents


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Kolmogorov and Smirnov's distance of two samples: 0 the same distribution, 1 none shared."""
    a, b = np.sort(a), np.sort(b)
    both = np.concatenate([a, b])
    below = [np.searchsorted(x, both, "right") / len(x) for x in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def normal(n: int, dim: int, seed: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def clusters(n: int, dim: int = 4) -> np.ndarray:
    """Three clusters, each long in a direction of its own, one of them a bent one, far off zero."""
    rng = np.random.default_rng(3)
    which = rng.integers(0, 3, n)
    z = rng.standard_normal((n, dim)) * 0.4
    z[:, 0] += np.array([-3, 0, 4])[which]
    z[:, 1] += np.array([2, -4, 1])[which] + 0.5 * z[:, 0] * (which == 2)
    z[:, 2] += z[:, 1] ** 2 / 4
    return (z * [10, 1, 1, 0.05][:dim] + [100, 0, -5, 0][:dim]).astype(np.float32)


def correlated(n: int, dim: int) -> np.ndarray:
    mix = np.random.default_rng(4).standard_normal((dim, dim))
    return (normal(n, dim, 5) @ mix + 3).astype(np.float32)


@pytest.mark.parametrize("z", [clusters(4000), correlated(4000, 6)], ids=["clusters", "correlated"])
def test_there_and_back_is_the_same_point(z: np.ndarray) -> None:
    mapped = latents.fit(z, 1)
    back = mapped.bend(mapped.straighten(z))
    off = np.abs(back - z) / z.std(axis=0)
    assert np.median(off) < 1e-3
    assert np.mean(off < 0.05) > 0.97  # the others lie at the very ends, which are held
    ordinary = np.clip(normal(2000, z.shape[1]), -1.5, 1.5)
    again = mapped.straighten(mapped.bend(ordinary))
    assert np.mean(np.abs(again - ordinary) < 0.02) > 0.9


@pytest.mark.parametrize("dim", [1, 2, 4, 16, 64])
def test_any_number_of_latents_gets_its_own_distribution_back(dim: int) -> None:
    z = correlated(2500, dim)
    if dim <= 4:
        z[:, 0] = np.exp(z[:, 0] / z[:, 0].std())  # one that is far from normal
    drawn = latents.fit(z, 1).bend(normal(2500, dim))
    assert drawn.shape == z.shape and drawn.dtype == np.float32
    assert max(apart(z[:, i], drawn[:, i]) for i in range(dim)) < 0.09
    one = latents.fit(z, 1).bend(np.zeros(dim, np.float32))
    assert one.shape == (dim,) and np.isfinite(one).all()


def nearest(points: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The distance of each point to the nearest of others, in standard deviations of those."""
    scale = to.std(axis=0)
    a, b = torch.from_numpy(points / scale), torch.from_numpy(to / scale)
    return torch.cdist(a, b).min(dim=1).values.numpy()


def test_latents_keep_together_what_belongs_together() -> None:
    """Drawn points lie where data lie, which independent axes with the right spread do not."""
    z, held_out = clusters(6000)[:5000], clusters(6000)[5000:]
    drawn = latents.fit(z, 1).bend(normal(1000, 4))
    rng = np.random.default_rng(8)
    independent = np.stack([rng.permutation(axis)[:1000] for axis in z.T], axis=1)
    true, ours, theirs = (nearest(x, z).mean() for x in (held_out, drawn, independent))
    assert ours < true * 4
    assert ours < theirs / 2
    np.testing.assert_allclose(np.corrcoef(drawn.T), np.corrcoef(z.T), atol=0.12)
    # As many points in each cluster as data are.
    shares = [np.histogram(x[:, 0], [-1e9, 85, 120, 1e9])[0] / len(x) for x in (z, drawn)]
    np.testing.assert_allclose(shares[1], shares[0], atol=0.08)


def test_the_map_is_continuous_and_held_at_its_ends() -> None:
    mapped = latents.fit(clusters(4000), 1)
    ends = normal(40, 4) * 2
    for start, stop in pairwise(ends):
        path = mapped.bend(start + (stop - start) * np.linspace(0, 1, 3001)[:, None])
        steps = np.abs(np.diff(path, axis=0)) / mapped.std
        assert steps.max() < 0.2
    far = mapped.bend(np.array([[1e9, -1e9, 50, 0], [1e30, -1e30, 40, 0]], np.float32))
    assert np.isfinite(far).all()
    np.testing.assert_array_equal(far[0], far[1])


def test_a_point_lies_on_the_line_between_its_knots_and_on_the_last_of_them() -> None:
    mapped = latents.fit(clusters(4000), 1, layers=1, n_knots=5)
    scores = np.linspace(-latents.REACH, latents.REACH, 5)
    for x in (-9.0, scores[0], -1.0, scores[2], 0.3, scores[3], 3.4, scores[-1], 9.0):
        lies = np.array([np.interp(x, scores, knots) for knots in mapped.knots[0]])
        expected = lies @ mapped.rotations[0] * mapped.std + mapped.mean
        np.testing.assert_allclose(mapped.bend(np.full(4, x)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dead", [[3], [0, 5], [1, 2, 3, 4]])
def test_dead_latents_stay_where_they_are_and_harm_no_other(dead: list[int]) -> None:
    z = correlated(2500, 6)
    z[:, 0] = np.sign(z[:, 0]) * 3 + z[:, 1] * 0.1
    z[:, dead] = 0.7
    mapped = latents.fit(z, 1)
    drawn = mapped.bend(normal(2500, 6))
    np.testing.assert_allclose(drawn[:, dead], 0.7, atol=1e-3)
    alive = [i for i in range(6) if i not in dead]
    assert max(apart(z[:, i], drawn[:, i]) for i in alive) < 0.07
    assert np.isfinite(mapped.straighten(z)).all()


def test_latents_that_move_as_one_still_do() -> None:
    z = correlated(2500, 5)
    z[:, 4] = z[:, 0] * 2 - z[:, 1]
    drawn = latents.fit(z, 1).bend(normal(2500, 5))
    np.testing.assert_allclose(drawn[:, 4], drawn[:, 0] * 2 - drawn[:, 1], atol=0.02 * z.std())
    assert max(apart(z[:, i], drawn[:, i]) for i in range(5)) < 0.07


def test_the_same_seed_fits_the_same_map() -> None:
    z = clusters(500)
    one, again, other = (latents.fit(z, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.rotations, again.rotations)
    np.testing.assert_array_equal(one.knots, again.knots)
    assert (one.rotations != other.rotations).any()
