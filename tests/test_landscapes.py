"""The landscapes that the colour model is trained on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser.data import landscapes
from visualiser.data.landscapes import DAY, NUMBERS, Landscapes, make, split
from visualiser.types import UserError


def drawn(size: int = 64, n: int = 1, **numbers: float) -> np.ndarray:
    """(n, size, size, 3) of the same landscape with some of its numbers chosen, by their order."""
    order = ("hour", "mood", "light_x", "climb", "haze", "lift", "shore", "relief", "veil", "sway")
    chosen = np.full((n, NUMBERS), 0.5, np.float32)
    for name, value in numbers.items():
        chosen[:, order.index(name)] = value
    return landscapes._draw(chosen, size)


def test_a_seed_gives_the_same_pictures_again_and_another_gives_others() -> None:
    first, again, other = (make(30, seed, 32) for seed in (1, 1, 2))
    assert first.shape == (30, 32, 32, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**63),
    size=st.sampled_from([8, 31, 64, 128]),
    start=st.integers(0, 2**40),
    data=st.data(),
)
def test_a_picture_is_the_same_whatever_it_is_drawn_beside(
    seed: int, size: int, start: int, data: st.DataObject
) -> None:
    """Else training could not stream."""
    n = 20
    some = Landscapes(seed, size)
    together = some.batch(start, n)
    at = data.draw(st.integers(0, n - 1))
    count = data.draw(st.integers(1, n - at))
    np.testing.assert_array_equal(some.batch(start + at, count), together[at : at + count])
    rows = np.array(data.draw(st.permutations(range(n))))
    np.testing.assert_array_equal(some.draw(start + rows), together[rows])


def test_none_is_like_another_and_all_hours_of_the_day_come() -> None:
    images = make(400, 3, 32).astype(float)
    flat = images.reshape(len(images), -1)
    distance = np.sqrt(((flat[:, None, ::31] - flat[None, :, ::31]) ** 2).mean(axis=2))
    np.fill_diagonal(distance, np.inf)
    assert distance.min() > 2, "of 255"
    brightness = images.mean(axis=(1, 2, 3))
    assert brightness.min() < 60 and brightness.max() > 170
    red, _, blue = images.mean(axis=(1, 2)).T
    warm = red - blue
    assert (warm > 40).mean() > 0.05 and (warm < -20).mean() > 0.3
    assert (images.std(axis=(1, 2, 3)) > 12).all(), "and none is blank"


def test_no_colour_turns_grey_between_two_hours() -> None:
    """Mixed in sRGB, a blue and an orange meet in mud; here the sky keeps some of their colour."""
    hours = np.linspace(0, 1, 4 * len(DAY), endpoint=False)
    for hour in hours:
        sky = drawn(size=32, hour=float(hour), veil=0.0)[0, :14].astype(float)
        assert np.ptp(sky, axis=-1).max() > 40, hour


@pytest.mark.parametrize("name", ["hour", "light_x", "haze", "lift", "shore", "relief", "sway"])
def test_small_steps_of_a_number_are_small_steps_of_the_picture(name: str) -> None:
    """What jumped could not be learned, and would jump on stage. The hour and what sways close
    in themselves."""
    steps = 200
    whole = [drawn(size=48, **{"hour": 0.85, name: k / steps}) for k in range(steps + 1)]
    images = np.concatenate(whole).astype(float)
    moved = np.sqrt(((images[1:] - images[:-1]) ** 2).mean(axis=(1, 2, 3)))
    assert moved.max() < 12, "of 255, for a two hundredth of the way"
    if name in ("hour", "sway"):
        assert np.abs(images[-1] - images[0]).max() <= 1


def test_every_ridge_closes_in_itself() -> None:
    x = ((np.arange(64) + 0.5) / 64).astype(np.float32)[None, None]
    for layer in range(len(landscapes.LAND)):
        first, last = (
            landscapes._ridge(layer, np.full((1, 1, 1), slid, np.float32), x) for slid in (0, 1)
        )
        np.testing.assert_allclose(first, last, atol=1e-4)
        assert np.ptp(first) > 0.1


def test_edges_are_antialiased() -> None:
    """A small picture is what a large one looks like from afar, averaged in linear light, far more
    than one that takes every fourth pixel of it is: that one has jagged edges."""
    for size in (32, 64):
        small = make(60, 4, size).astype(float)
        large = make(60, 4, size * 4).astype(float)
        light = (large**2.2).reshape(60, size, 4, size, 4, 3).mean(axis=(2, 4))
        afar, jagged = light ** (1 / 2.2), large[:, 2::4, 2::4]
        off, jags = (np.sort(np.abs(seen - afar), axis=None)[-2000:] for seen in (small, jagged))
        assert off.mean() < 0.35 * jags.mean()
    # And along the edge of the sun there are more greys than the two sides of it.
    image = drawn(size=128, hour=0.4, climb=1.0, light_x=0.5)[0].astype(int)
    row = image[: 128 // 3].sum(axis=-1)
    bright = np.unravel_index(row.argmax(), row.shape)
    assert len(np.unique(row[bright[0]])) > 20


def test_water_mirrors_what_stands_above_it() -> None:
    dry, wet = drawn(size=128, hour=0.6, shore=1.0)[0], drawn(size=128, hour=0.6, shore=0.0)[0]
    shore = round(0.66 * 128)
    np.testing.assert_array_equal(dry[: shore - 1], wet[: shore - 1])
    assert (dry[shore + 1 : shore + 10] != wet[shore + 1 : shore + 10]).any()


def test_halves_share_no_picture_and_are_what_training_takes() -> None:
    train, test = split(40, 10, 5, 16)
    assert (len(train), len(test), train.size) == (40, 10, 16)
    assert not train.skipped and not train.notes
    rng = np.random.default_rng(1)
    seen = {image.tobytes() for image in train.batch(np.arange(40), rng)}
    assert seen.isdisjoint(image.tobytes() for image in test.batch(np.arange(10)))
    np.testing.assert_array_equal(test.batch(np.array([3])), make(44, 5, 16)[43:])


@pytest.mark.parametrize(
    ("seed", "size", "says"),
    [(1, 7, "8 to 512"), (1, 513, "8 to 512"), (-1, 64, "0 and above")],
)
def test_what_cannot_be_drawn_is_refused_with_what_is_allowed(
    seed: int, size: int, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        make(1, seed, size)


def test_none_are_none() -> None:
    assert make(0, 1, 16).shape == (0, 16, 16, 3)
