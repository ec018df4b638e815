"""The pictures that networks are trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser.data.shapes import KINDS, STYLES, ShapeSettings, distances, make, split
from visualiser.types import UserError

ALL = ShapeSettings(kinds=tuple(KINDS), rotate=True, offset=0.1)


@st.composite
def shape_settings(draw: st.DrawFn, largest: int = 40) -> ShapeSettings:
    lo = draw(st.floats(0.01, 1))
    return ShapeSettings(
        size=draw(st.integers(8, largest)),
        kinds=tuple(draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, unique=True))),
        styles=tuple(draw(st.lists(st.sampled_from(STYLES), min_size=1, unique=True))),
        size_min=lo,
        size_max=draw(st.floats(lo, 1)),
        stroke=draw(st.floats(0.01, 0.5)),
        offset=draw(st.sampled_from([0.0, 0.2, 0.5])),
        rotate=draw(st.booleans()),
    )


def one(kind: str, diameter: float, style: str = "fill", size: int = 64, **rest) -> np.ndarray:
    exactly = ShapeSettings(size, (kind,), (style,), diameter, diameter, **rest)
    return make(1, 1, exactly).images[0]


def test_a_seed_gives_the_same_pictures_again_and_another_gives_others() -> None:
    first, again, other = (make(50, seed, ALL) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.kind, again.kind)
    np.testing.assert_array_equal(first.style, again.style)
    assert (first.images != other.images).any(axis=(1, 2)).all()


@settings(max_examples=60, deadline=None)
@given(options=shape_settings(largest=90), n=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_any_settings_give_pictures_of_that_size_in_grey_from_0_to_1(
    options: ShapeSettings, n: int, seed: int
) -> None:
    drawn = make(n, seed, options)
    assert drawn.images.shape == (n, options.size, options.size)
    assert drawn.images.dtype == np.float32
    assert drawn.images.min() >= 0 and drawn.images.max() <= 1
    assert set(drawn.kind) <= set(range(len(options.kinds)))
    assert set(drawn.style) <= set(range(len(options.styles)))
    # Every kind in every style, as evenly as n can be shared out.
    classes = len(options.kinds) * len(options.styles)
    counts = np.bincount(drawn.kind * len(options.styles) + drawn.style, minlength=classes)
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [8, 28, 56, 200])
def test_every_kind_is_drawn_at_every_resolution(kind: str, style: str, size: int) -> None:
    """The same shape, whatever the resolution: the same share of the picture is white."""
    image = one(kind, 0.7, style, size, stroke=0.125)
    fine = one(kind, 0.7, style, 512, stroke=0.125)
    assert image.max() > 0.7
    assert image.mean() == pytest.approx(fine.mean(), rel=0.1 if size < 28 else 0.04)


def lens(r: float, s: float, apart: float) -> float:
    """The area that two circles share."""
    a = (apart**2 + r**2 - s**2) / (2 * apart)
    b = apart - a
    height = np.sqrt(r**2 - a**2)
    return r**2 * np.arccos(a / r) + s**2 * np.arccos(b / s) - apart * height


AREAS = {  # of the shape in a circle of radius 1
    "circle": np.pi,
    "square": np.pi,  # drawn with the circle's area
    "triangle": 3 / 2 * np.sin(2 * np.pi / 3),
    "pentagon": 5 / 2 * np.sin(2 * np.pi / 5),
    "star": 5 * 0.45 * np.sin(np.pi / 5),
    "cross": 8 * 0.32 - 4 * 0.32**2,
    "ring": np.pi * (1 - 0.48**2),
    "heart": 1.6**2 * (1 / 2 + np.pi / 8),  # a square on its corner, and half a circle on two sides
    "crescent": np.pi - lens(1.0, 0.82, 0.5),
}


def test_every_kind_is_the_shape_it_is_called() -> None:
    """By its area, exact to the antialiasing, and by where it is broad and where it is narrow."""
    assert set(AREAS) == set(KINDS)
    for kind, area in AREAS.items():
        for diameter in (0.3, 0.6, 0.9):
            image = one(kind, diameter, size=128)
            radius = diameter * 64
            # A cross's arms are half as long again as a circle of its radius: it ends outside.
            assert image.sum() == pytest.approx(area * radius**2, rel=0.03), kind
    rows = {kind: (one(kind, 0.8, size=128) > 0.5).sum(axis=1) for kind in KINDS}
    inside = {kind: counts[counts > 0] for kind, counts in rows.items()}
    assert np.ptp(inside["square"]) == 0  # as broad at the top as in the middle
    assert inside["triangle"][0] < 4 and inside["triangle"][-1] == inside["triangle"].max()
    assert inside["circle"][0] < inside["circle"][len(inside["circle"]) // 2]
    assert np.diff(inside["cross"]).astype(bool).sum() == 2  # narrow, broad, narrow


@pytest.mark.parametrize("kind", KINDS)
def test_edges_are_antialiased_and_nothing_else_is_grey(kind: str) -> None:
    image = one(kind, 0.6, size=100)
    grey = (image > 0.001) & (image < 0.999)
    assert grey.any()
    assert np.unique(image[grey]).size > 5 or kind in ("square", "cross")
    # Grey lies beside black and white, along a line: a few pixels for each of the outline's.
    around = np.pad(image, 1, mode="edge")
    near = np.stack([around[y : y + 100, x : x + 100] for y in range(3) for x in range(3)])
    tips = 2 if kind == "crescent" else 0  # which end narrower than a pixel
    assert (near.min(axis=0)[grey] < 0.5).all() and (near.max(axis=0)[grey] <= 0.5).sum() <= tips
    assert grey.sum() < 3 * 4 * 60


@pytest.mark.parametrize("kind", KINDS)
def test_strokes_are_as_wide_as_asked_and_hollow(kind: str) -> None:
    image = one(kind, 0.8, "stroke", 128, stroke=0.05)
    filled = one(kind, 0.8, "fill", 128)
    around = kind in ("ring", "crescent")  # whose middle is outside of them
    assert image[64, 64] == 0 and filled[64, 64] == (0 if around else 1)
    lines = 2 if around else 1  # from the left edge to the middle
    if kind in ("circle", "square", "ring", "crescent"):  # that it crosses at right angles
        assert image[64, :64].sum() == pytest.approx(lines * 0.05 * 128, abs=0.6)
    # Inside and outside of it there are no lines, however sharp the corners are.
    d = distances(KINDS[kind], 128, np.array([0.8]), np.zeros((1, 2)), np.zeros(1))[0]
    assert (image[np.abs(d) > 0.025 * 128 + 1] == 0).all()
    assert (image[np.abs(d) < 0.025 * 128 - 1] == 1).all()
    # What is filled and what is hollow in it make the line.
    assert (image[filled == 0].sum() > 100) and (image[filled == 1].sum() > 100)


def test_shapes_run_from_tiny_to_full_and_stay_inside_the_picture() -> None:
    """With the settings that train the shipped models, none is cut off, and both ends are used."""
    drawn = make(1200, 3, ShapeSettings(size=56, stroke=0.08))
    edge = np.concatenate(
        [drawn.images[:, side] for side in (0, -1)]
        + [drawn.images[:, :, side] for side in (0, -1)],
        axis=1,
    )
    assert edge.max() < 0.5
    extent = (drawn.images.max(axis=2) > 0.5).sum(axis=1) / 56
    assert extent.min() < 0.16
    assert extent.max() > 0.9
    assert drawn.images.max(axis=(1, 2)).min() > 0.5, "even the smallest can be seen"


def centre(images: np.ndarray) -> np.ndarray:
    """(n, 2): x and y of the centre of mass, as a share of the picture from its middle."""
    size = images.shape[1]
    along = (np.arange(size) + 0.5) / size - 0.5
    mass = images.sum(axis=(1, 2))
    x, y = images.sum(axis=1) @ along / mass, images.sum(axis=2) @ along / mass
    return np.stack([x, y], axis=1)


def test_offset_moves_shapes_off_the_middle_by_as_much_as_asked() -> None:
    small = ShapeSettings(kinds=("circle", "square"), size_min=0.2, size_max=0.3)
    np.testing.assert_allclose(centre(make(100, 1, small).images), 0, atol=1e-3)
    moved = centre(make(400, 1, replace(small, offset=0.3)).images)
    assert np.abs(moved).max() <= 0.305
    assert (np.abs(moved).max(axis=0) > 0.28).all()
    assert (np.abs(moved.mean(axis=0)) < 0.03).all()


def test_rotation_turns_shapes_by_any_angle() -> None:
    straight = ShapeSettings(kinds=("square",), styles=("fill",), size_min=0.5, size_max=0.5)
    assert len(np.unique(make(20, 1, straight).images, axis=0)) == 1
    turned = make(40, 1, replace(straight, rotate=True)).images
    assert len(np.unique(turned, axis=0)) == 40
    np.testing.assert_allclose(turned.sum(axis=(1, 2)), turned[0].sum(), rtol=0.01)
    # A square that stands on its corner is broader than one that lies on its side.
    extent = (turned.max(axis=1) > 0.5).sum(axis=1)
    assert extent.min() <= 14 and extent.max() >= 17


@settings(max_examples=50, deadline=None)
@given(
    options=shape_settings(largest=28),
    seed=st.integers(0, 2**32 - 1),
    n_train=st.integers(1, 120),
    n_test=st.integers(1, 60),
)
def test_no_picture_is_in_both_halves_of_a_split(
    options: ShapeSettings, seed: int, n_train: int, n_test: int
) -> None:
    try:
        train, test = split(n_train, n_test, seed, options)
    except UserError as error:
        assert "different pictures" in str(error)
        return
    assert (len(train), len(test)) == (n_train, n_test)
    trained = {image.tobytes() for image in train.images}
    assert len(trained) == n_train, "nor twice in one"
    assert trained.isdisjoint(image.tobytes() for image in test.images)


def test_a_split_of_pictures_that_are_often_equal_is_disjoint_all_the_same() -> None:
    """Shapes between pixels, too small to be seen, are all black: equal ones are kept once."""
    often = ShapeSettings(size=8, styles=("fill",), size_min=0.001, size_max=0.2)
    blank = (make(1000, 4, often).images.max(axis=(1, 2)) == 0).mean()
    assert blank > 0.2
    train, test = split(300, 150, 4, replace(often, size_max=0.5))
    trained = {image.tobytes() for image in train.images}
    assert len(trained) == 300
    assert trained.isdisjoint(image.tobytes() for image in test.images)
    with pytest.raises(UserError, match="different pictures"):
        split(600, 300, 4, often)


def test_labels_stay_with_their_pictures_through_a_split() -> None:
    kinds = ("circle", "square")
    train, test = split(60, 30, 7, ShapeSettings(kinds=kinds, styles=("fill",), size_min=0.5))
    for half in (train, test):
        for image, kind in zip(half.images, half.kind, strict=True):
            width = (image > 0.5).any(axis=0)
            corner = image[np.flatnonzero(width)[0], np.flatnonzero(width)[0]]
            assert (corner > 0.5) == (kinds[kind] == "square")


def test_too_few_different_pictures_are_refused_with_their_number() -> None:
    six = ShapeSettings(size_min=0.5, size_max=0.5)
    with pytest.raises(UserError, match=r"only 6 different pictures, 20 are wanted"):
        split(15, 5, 1, six)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"size": 0}, "8 to 512"),
        ({"size": 7}, "8 to 512"),
        ({"size": 100_000}, "8 to 512"),
        ({"kinds": ()}, "circle, square, triangle"),
        ({"kinds": ("circle", "sqare")}, r"'sqare'.*circle, square"),
        ({"styles": ()}, "fill, stroke"),
        ({"styles": ("dotted",)}, r"'dotted'.*fill, stroke"),
        ({"size_min": 0.0}, "0 to 1"),
        ({"size_min": 0.9, "size_max": 0.1}, "ascending"),
        ({"size_max": 1.5}, "0 to 1"),
        ({"size_max": float("nan")}, "0 to 1"),
        ({"stroke": 0.0}, "up to 0.5"),
        ({"stroke": -1.0}, "up to 0.5"),
        ({"stroke": float("nan")}, "up to 0.5"),
        ({"offset": -0.1}, "0 to 0.5"),
        ({"offset": float("inf")}, "0 to 0.5"),
    ],
)
def test_settings_that_cannot_be_drawn_are_refused_with_what_is_allowed(
    wrong: dict, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        ShapeSettings(**wrong)
