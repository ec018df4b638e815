"""The sketches that shape models are trained on: what is drawn, and what is meant by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser.data.shapes import KINDS, distances
from visualiser.data.sketches import Known, SketchSettings, add_dots, make, roughen, waves
from visualiser.types import UserError

NEAT = SketchSettings(rough=0.0, blended=0.0)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def one(kind: str, diameter: float = 0.6, size: int = 128, turn: float = 0.3) -> np.ndarray:
    """(size, size) distances in pixels."""
    at = np.array([[0.04, -0.06]])
    return distances(KINDS[kind], size, np.array([diameter]), at, np.array([turn]))[0]


# --- what is meant


@pytest.mark.parametrize("kind", KINDS)
def test_distances_are_negative_inside_and_grow_by_a_pixel_a_pixel(kind: str) -> None:
    d = one(kind)
    inside = d < 0
    assert 0.02 < inside.mean() < 0.3
    edge = np.concatenate([d[0], d[-1], d[:, 0], d[:, -1]])
    assert edge.min() > 5, "it lies inside of the picture"
    slope = np.hypot(*np.gradient(d))
    assert slope.max() < 1.15 and np.quantile(slope, 0.98) < 1.01
    # Where two parts of the outline are as near, and only there, the slope is another one.
    assert np.mean(np.abs(slope - 1) < 0.02) > 0.92
    assert np.quantile(slope[np.abs(d) < 3], 0.1) > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_distances_are_those_to_the_nearest_place_of_the_outline(kind: str) -> None:
    """Compared with the nearest of all pixels that the outline passes through."""
    d = one(kind, size=96)
    outline = np.argwhere(np.abs(d) < 0.5)
    assert len(outline) > 50
    places = np.argwhere(np.ones_like(d, bool))[::7]
    nearest = np.sqrt(((places[:, None] - outline[None]) ** 2).sum(-1)).min(1)
    found = d[tuple(places.T)]
    # Where the two bars of a cross meet, its distance is to the nearer bar's own outline.
    exact = (found > 0) | (kind != "cross")
    np.testing.assert_allclose(np.abs(found)[exact], nearest[exact], atol=0.75)
    assert (np.abs(found) <= nearest + 0.75).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_shape_twice_as_large_has_distances_twice_as_large(kind: str) -> None:
    at, turn = np.zeros((1, 2)), np.array([0.5])
    small = distances(KINDS[kind], 64, np.array([0.8]), at, turn)[0]
    large = distances(KINDS[kind], 128, np.array([0.8]), at, turn)[0]
    # A pixel of the small one lies amid four of the large one.
    amid = large.reshape(64, 2, 64, 2).mean((1, 3)) / 2
    assert np.abs(small - amid).max() < 0.3
    half = distances(KINDS[kind], 128, np.array([0.4]), at, turn)[0]
    np.testing.assert_allclose(half[32:96, 32:96], small, atol=1e-4)


# --- what is drawn


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_settings_give_sketches_with_what_was_meant(data: st.DataObject) -> None:
    lo = data.draw(st.floats(0.02, 1))
    share = st.floats(0, 1)
    made = SketchSettings(
        size=data.draw(st.integers(16, 40)),
        kinds=tuple(data.draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, unique=True))),
        size_min=lo,
        size_max=data.draw(st.floats(lo, 1)),
        offset=data.draw(st.floats(0, 0.5)),
        blended=data.draw(share),
        rough=data.draw(share),
    )
    n = data.draw(st.integers(1, 20))
    drawn = make(n, rng(data.draw(st.integers(0, 99))), made)
    size = (n, made.size, made.size)
    assert drawn.pictures.shape == drawn.distance.shape == size
    assert drawn.pictures.dtype == drawn.distance.dtype == np.float32
    assert drawn.pictures.min() >= 0 and drawn.pictures.max() <= 1
    assert np.isfinite(drawn.distance).all() and np.abs(drawn.distance).max() < 2
    assert set(drawn.kind) <= set(range(len(made.kinds)))
    assert (drawn.diameter >= made.size_min).all() and (drawn.diameter <= made.size_max).all()
    assert drawn.middle.shape == (n, 2) and np.abs(drawn.middle).max() <= made.offset


def test_the_same_dice_give_the_same_sketches() -> None:
    one_, again, other = (make(60, rng(seed), SketchSettings(size=32)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one_.pictures, again.pictures)
    np.testing.assert_array_equal(one_.distance, again.distance)
    np.testing.assert_array_equal(one_.kind, again.kind)
    assert (one_.pictures != other.pictures).any(axis=(1, 2)).all()


def test_every_kind_is_drawn_as_often() -> None:
    drawn = make(9000, rng(), replace(NEAT, size=16))
    counts = np.bincount(drawn.kind, minlength=len(KINDS))
    assert len(counts) == len(KINDS)
    np.testing.assert_allclose(counts, 1000, atol=130)  # four standard deviations


def test_neat_ones_are_filled_shapes_as_their_distances_say() -> None:
    drawn = make(120, rng(), replace(NEAT, size=48))
    expected = np.clip(0.5 - drawn.distance * 48, 0, 1)
    np.testing.assert_allclose(drawn.pictures, expected, atol=1e-5)
    # Where and how large: a pixel row through the middle of a circle is as long as it is wide.
    circles = make(60, rng(), replace(NEAT, kinds=("circle",), size_max=0.6))
    across = (circles.distance < 0).any(axis=1).sum(axis=1) / 64
    np.testing.assert_allclose(across, circles.diameter, atol=1.5 / 64)
    mass = circles.pictures.sum(axis=(1, 2))
    along = (np.arange(64) + 0.5) / 64 - 0.5
    x, y = (circles.pictures.sum(axis=axis) @ along / mass for axis in (1, 2))
    np.testing.assert_allclose(np.stack([x, y], 1), circles.middle, atol=0.01)
    assert np.abs(circles.middle).max() > 0.2, "and off the middle"


def test_blended_ones_lie_between_two_shapes() -> None:
    """No longer true distances, but still negative inside, and about as large."""
    every = make(200, rng(), replace(NEAT, blended=1.0, kinds=("circle", "star"), offset=0.0))
    of_kind = [every.distance[every.kind == kind] for kind in (0, 1)]
    assert all(len(some) > 60 for some in of_kind)
    areas = (every.distance < 0).mean(axis=(1, 2))
    pure = {
        kind: (distances(KINDS[kind], 64, every.diameter, every.middle, np.zeros(200)) < 0)
        .mean(axis=(1, 2))
        for kind in ("circle", "star")
    }  # fmt: skip
    # Two stars that are turned differently share less than either has.
    assert (areas <= pure["circle"] + 0.01).all() and (areas >= pure["star"] * 0.6 - 0.01).all()
    between = (areas > pure["star"] * 1.1) & (areas < pure["circle"] * 0.9)
    assert between.mean() > 0.3  # every other one is of twice the same kind


def test_shares_are_those_that_were_asked_for() -> None:
    half = make(3000, rng(), SketchSettings(size=16, blended=0.3, rough=0.5, size_min=0.5))
    clean = np.clip(0.5 - half.distance * 16, 0, 1)
    is_rough = np.abs(half.pictures - clean).max(axis=(1, 2)) > 1e-4
    # Half of the seven in ten that are not blended; and of those a few look clean all the same.
    assert 0.25 < is_rough.mean() < 0.36


# --- the unsteady hand


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n,) of pictures (n, S, S)."""
    a, b = (x.reshape(len(x), -1) - x.mean(axis=(1, 2))[:, None] for x in (a, b))
    length = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a * b).sum(1) / np.maximum(length, 1e-9)


def test_roughened_drawings_stay_recognisable() -> None:
    """Filled or as a line, each is more like its own shape than like most others."""
    n, size = 300, 64
    clean = make(n, rng(), replace(NEAT, size_min=0.4))
    drawn = roughen(clean.distance * size, rng(2))
    assert drawn.min() >= 0 and drawn.max() <= 1 and drawn.dtype == np.float32
    d = np.abs(clean.distance * size)
    filled = np.clip(0.5 - clean.distance * size, 0, 1)
    line = np.clip(0.055 * size / 2 + 0.5 - d, 0, 1)  # of the mean width there is
    alike = np.maximum(correlation(drawn, filled), correlation(drawn, line))
    assert np.median(alike) > 0.75 and np.quantile(alike, 0.05) > 0.25
    others = np.roll(np.arange(n), 1)
    other = np.maximum(correlation(drawn, filled[others]), correlation(drawn, line[others]))
    assert np.mean(alike > other) > 0.97
    assert (drawn != filled).any(axis=(1, 2)).mean() > 0.9, "a hand that never strays"


def test_drawings_are_lines_and_fills_with_and_without_gaps_and_dots() -> None:
    n, size = 400, 64
    square = np.repeat(one("square", 0.6, size)[None], n, axis=0)
    drawn = roughen(square, rng(5))
    deep = square[0] < -8
    far = square[0] > 14
    inside, outside = drawn[:, deep].mean(axis=1), drawn[:, far]
    assert 0.3 < np.mean(inside > 0.7) < 0.6, "filled ones"
    assert 0.3 < np.mean(inside < 0.4) < 0.7, "lines"
    dotted = outside.std(axis=1) > 0.05
    assert 0.2 < dotted.mean() < 0.5
    # An even hand's line has a gap here and there: where the outline runs nothing is drawn.
    on = drawn[:, np.abs(square[0]) < 0.7]
    lines = (inside < 0.05) & ~dotted
    gaps = (on[lines] < 0.05).mean(axis=1)
    assert np.mean(gaps > 0.1) > 0.1 and np.mean(gaps < 0.02) > 0.2


@pytest.mark.parametrize("size", [16, 64, 100])
def test_waves_are_smooth_about_zero_and_of_deviation_one(size: int) -> None:
    seen = waves(800, size, rng(), 4)
    assert seen.shape == (800, size, size) and seen.dtype == np.float32
    assert abs(seen.mean()) < 0.08
    assert seen.std() == pytest.approx(1, abs=0.1)
    assert np.sqrt((seen**2).mean(axis=0)).std() < 0.1, "alike everywhere in the picture"
    steps = np.abs(np.diff(seen, axis=2)).max() * size / (2 * np.pi)
    assert steps < 4 * np.sqrt(6) * 1.05, "four cycles at most, of three waves"


def test_dots_replace_the_share_of_pixels_that_was_asked_for() -> None:
    plain = np.full((200, 30, 30), 2.0, np.float32)
    np.testing.assert_array_equal(add_dots(plain, 0.0, rng()), plain)
    shares = np.linspace(0, 1, 200)
    drawn = add_dots(plain, shares, rng())
    np.testing.assert_allclose((drawn != 2).mean(axis=(1, 2)), shares, atol=0.07)
    greys = drawn[drawn != 2]
    assert greys.min() >= 0 and greys.max() < 1
    assert greys.mean() == pytest.approx(0.5, abs=0.01)
    assert greys.std() == pytest.approx(12**-0.5, abs=0.01)
    assert (plain == 2).all()


# --- which kind is it


def test_neat_shapes_are_known_for_what_they_are() -> None:
    kinds = ("circle", "star", "cross", "crescent")
    made = replace(NEAT, size=32, kinds=kinds, size_min=0.45, offset=0.08)
    known = Known(make(1500, rng(), made), len(kinds))
    for i, kind in enumerate(kinds):
        shares = known.shares(make(100, rng(7), replace(made, kinds=(kind,))).distance)
        assert shares.shape == (4,) and shares.sum() == pytest.approx(4)
        assert shares[i] > 3.2, (kind, shares)  # of 4
    fair = known.shares(make(1000, rng(8), made).distance)
    np.testing.assert_allclose(fair, 1, atol=0.3)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kinds": ("circle", "sqare")}, r"'sqare': allowed are circle, square"),
        ({"kinds": ()}, "no shape kind: allowed are circle"),
        ({"size": 15}, "16 to 256"),
        ({"size": 257}, "16 to 256"),
        ({"size_min": 0.0}, "0 to 1, ascending"),
        ({"size_min": 0.9, "size_max": 0.1}, "ascending"),
        ({"size_max": 1.5}, "0 to 1"),
        ({"size_max": float("nan")}, "0 to 1"),
    ],
)
def test_settings_that_cannot_be_drawn_are_refused(wrong: dict, says: str) -> None:
    with pytest.raises(UserError, match=says):
        SketchSettings(**wrong)
