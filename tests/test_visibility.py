"""Directions: the ones that are seen, most first, at a scale at which all are seen alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import SHIPPED, make_model, with_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser import latents
from visualiser.latents import EDGE, LEAST_SEEN, LatentMap
from visualiser.nets.architecture import Architecture
from visualiser.nets.checkpoint import Checkpoint, find, read
from visualiser.nets.layers import Activation, Dense, Reshape
from visualiser.nets.play import Player
from visualiser.nets.visibility import DEAD, order_directions
from visualiser.pictures import seen


def known(amounts: list[float], turn: int | None = None) -> Checkpoint:
    """A decoder that is a straight line: each of its latents lights pixels of its own, by so much.

    turn: a seed for a rotation of the latents, so that no single one of them is a direction.
    """
    dim = len(amounts)
    kernel = np.kron(np.diag(amounts), np.ones((1, 4)))  # four pixels each
    if turn is not None:
        rng = np.random.default_rng(turn)
        kernel = np.linalg.qr(rng.standard_normal((dim, dim)))[0] @ kernel
    decoder = (Dense(units=4 * dim), Reshape(shape=(dim, 4, 1)))
    made = with_weights(Architecture(height=dim, width=4, latent_dim=dim, decoder=decoder))
    weights = {
        "decoder.0.kernel": kernel.astype(np.float32),
        "decoder.0.bias": np.full(4 * dim, 0.5, np.float32),
    }
    return replace(made, weights=weights, latents=latents.standard(dim))


def changes(model: Checkpoint, points: np.ndarray, step: float = 0.05) -> np.ndarray:
    """(n_directions,): how much of the picture changes with the same step along each, at points
    (n, n_directions), mean absolute grey."""
    decode, moves = Player(model).decode, np.eye(points.shape[1], dtype=np.float32) * step / 2

    def look(point: np.ndarray) -> np.ndarray:
        drawn = decode(model.latents.to_latent(point))
        if model.architecture.pictures == "distance":  # as soft as a look sees it
            drawn = np.clip(0.5 - drawn * model.shape[1] / 2, 0, 1)
        return drawn

    found = np.zeros(len(moves))
    for point in points:
        here = look(point)
        found += [2 * np.abs(look(point + move) - here).mean() for move in moves]
    return found / len(points)


def inside(model: Checkpoint, n: int, seed: int = 5, share: float = 0.85) -> np.ndarray:
    """Points (n, n_directions) of a walk, as they lie before any direction has turned back."""
    points = np.random.default_rng(seed).standard_normal((n, model.latents.n_directions))
    points = model.latents.to_point(model.latents.to_latent(points.astype(np.float32)))
    ends = share * EDGE / model.latents.stretch
    return np.clip(points, -ends, ends).astype(np.float32)


# --- a decoder whose directions are known


@pytest.mark.parametrize("turn", [None, 1, 2])
def test_directions_are_found_in_the_order_in_which_they_are_seen(turn: int | None) -> None:
    amounts = [0.1, 0.5, 0.2, 1.0]
    model = order_directions(known(amounts, turn))
    expected = np.array(sorted(amounts, reverse=True)) / 4  # of the picture, each lights a quarter
    if turn is None:
        np.testing.assert_allclose(model.latents.visibility, expected, rtol=1e-3)
        found = np.abs(model.latents.directions)
        np.testing.assert_allclose(found, np.eye(4)[[3, 1, 2, 0]], atol=1e-3)
    assert model.latents.visibility == pytest.approx(np.sort(model.latents.visibility)[::-1])
    np.testing.assert_allclose(model.latents.visibility, expected, rtol=0.02)
    # Each lights pixels of its own, wherever the latents lie.
    lit = model.latents.directions @ model.weights["decoder.0.kernel"]
    lit = np.abs(lit.reshape(4, 4, 4)).sum(axis=2)
    assert ((lit / lit.max(axis=1, keepdims=True) > 0.05).sum(axis=1) == 1).all()


def test_dead_directions_are_dropped_and_the_others_stay_orthonormal() -> None:
    model = order_directions(known([1.0, 0.5, DEAD * 1.2, DEAD * 0.8, 0.0, 0.0], turn=3))
    assert model.latents.n_directions == 3
    assert model.latents.directions.shape == (3, 6) and model.latents.directions.dtype == np.float32
    product = model.latents.directions @ model.latents.directions.T
    np.testing.assert_allclose(product, np.eye(3), atol=1e-5)
    drawn = [Player(model).decode(model.latents.to_latent(p)) for p in inside(model, 20)]
    assert np.ptp(drawn, axis=0).max() > 0.3


def test_a_network_that_draws_the_same_whatever_it_is_given_has_one_direction() -> None:
    model = order_directions(known([0.0, 0.0, 0.0]))
    assert model.latents.n_directions == 1
    z = model.latents.to_latent(np.float32([0.7]))
    assert z.shape == (3,) and np.isfinite(z).all() and np.isfinite(model.latents.stretch).all()


@pytest.mark.parametrize("amounts", [[1.0, 0.5, 0.2, 0.11], [0.3], [0.02, 0.01], [0.4] * 6])
def test_the_same_move_is_the_same_visible_change(amounts: list[float]) -> None:
    model = order_directions(known(amounts, turn=4))
    found = changes(model, inside(model, 30))
    assert found.max() / found.min() < 1.02
    if len(set(amounts)) == len(amounts):
        # As much as the direction that is seen most changes without any stretching.
        assert found.max() == pytest.approx(max(amounts) / len(amounts) * 0.05, rel=0.02)


def test_what_is_hardly_seen_is_stretched_only_so_far() -> None:
    model = order_directions(known([1.0, LEAST_SEEN / 2]))
    np.testing.assert_allclose(model.latents.stretch, [1, 1 / LEAST_SEEN], rtol=1e-3)
    found = changes(model, inside(model, 30))
    assert found[0] / found[1] == pytest.approx(2, rel=0.01)


def test_measuring_is_the_same_every_time_and_changes_nothing_else() -> None:
    model = make_model(latent_dim=5)
    one, again = order_directions(model), order_directions(model)
    np.testing.assert_array_equal(one.latents.directions, again.latents.directions)
    np.testing.assert_array_equal(one.latents.visibility, again.latents.visibility)
    assert one.weights is model.weights and one.card is model.card
    np.testing.assert_array_equal(one.latents.knots, model.latents.knots)
    for row in one.latents.directions:  # the same sign every time
        assert row[np.abs(row).argmax()] > 0


def test_directions_can_be_looked_for_among_a_few() -> None:
    """Where all of latent space is too much."""
    within = np.eye(40, dtype=np.float32)[[3, 30, 7]]
    amounts = np.zeros(40)
    amounts[[3, 30, 7, 9]] = [0.2, 0.8, 0.4, 1.0]
    model = order_directions(known(list(amounts)), within=within)
    np.testing.assert_allclose(np.abs(model.latents.directions @ within.T), np.eye(3)[[1, 2, 0]],
                               atol=1e-3)  # fmt: skip
    np.testing.assert_allclose(model.latents.visibility, np.array([0.8, 0.4, 0.2]) / 40, rtol=0.01)


def test_a_bent_map_and_a_bent_network_are_measured_through() -> None:
    """Latents that lie in clusters, and a sigmoid at the end: still the same visible change."""
    decoder = (Dense(units=24), Activation(name="tanh"), Dense(units=100),
               Activation(name="sigmoid"), Reshape(shape=(10, 10, 1)))  # fmt: skip
    model = with_weights(Architecture(height=10, width=10, latent_dim=6, decoder=decoder))
    z = np.random.default_rng(1).standard_normal((3000, 6)).astype(np.float32)
    z = z * [3, 1, 1, 0.5, 0.3, 0.1] + np.sign(z[:, :1]) * 2
    model = order_directions(replace(model, latents=latents.fit(z.astype(np.float32), 1)))
    found = changes(model, inside(model, 60))
    kept = model.latents.visibility > model.latents.visibility[0] * LEAST_SEEN
    assert kept.sum() >= 3
    assert found[kept].max() / found[kept].min() < 2


# --- there and back, and never too far


@st.composite
def maps(draw: st.DrawFn) -> LatentMap:
    dim = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    n = draw(st.integers(1, dim))
    turned = np.linalg.qr(rng.standard_normal((dim, dim)))[0][:n]
    visible = draw(st.lists(st.floats(1e-4, 1), min_size=n, max_size=n))
    plain = latents.standard(dim)
    if draw(st.booleans()):
        plain = latents.fit(rng.standard_normal((400, dim)).astype(np.float32) * 3 + 1, 1, 3, 17)
    return replace(
        plain,
        directions=turned.astype(np.float32),
        visibility=np.float32(sorted(visible, reverse=True)),
    )


@settings(max_examples=60, deadline=None)
@given(maps(), st.integers(0, 1000))
def test_there_and_back_is_the_same_point_where_nothing_has_turned_back(
    found: LatentMap, seed: int
) -> None:
    # A map that was fitted is held at its very ends, where next to nothing was seen.
    ends = (0.5 if len(found.knots) else 0.98) * EDGE / found.stretch
    rng = np.random.default_rng(seed)
    points = (rng.uniform(-1, 1, (20, found.n_directions)) * ends).astype(np.float32)
    back = found.to_point(found.to_latent(points))
    assert back.shape == points.shape and back.dtype == np.float32
    off = np.abs(back - points) * found.stretch  # deviations
    assert np.median(off) < 1e-3 and np.mean(off < 0.05) > 0.9
    if not len(found.knots):
        assert off.max() < 1e-5
    one = found.to_latent(points[0])
    assert one.shape == (found.latent_dim,)
    np.testing.assert_allclose(one, found.to_latent(points)[0], atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(maps(), st.floats(0.1, 1e6), st.integers(0, 1000))
def test_no_driver_leaves_what_was_learned_however_far_it_goes(
    found: LatentMap, far: float, seed: int
) -> None:
    """It is turned back at EDGE deviations of each direction."""
    rng = np.random.default_rng(seed)
    points = (rng.standard_normal((50, found.n_directions)) * far).astype(np.float32)
    z = found.to_latent(points)
    assert np.isfinite(z).all()
    if not len(found.knots):
        assert np.abs(z @ found.directions.T).max() <= EDGE + 1e-4
    else:
        bulk = found.bend(rng.uniform(-EDGE, EDGE, (4000, found.n_directions)) @ found.directions)
        wide = np.ptp(bulk, axis=0)
        assert (z >= bulk.min(axis=0) - wide / 5).all() and (z <= bulk.max(axis=0) + wide / 5).all()


def test_a_point_that_goes_on_for_ever_goes_to_and_fro() -> None:
    found = replace(
        latents.standard(2),
        directions=np.eye(2, dtype=np.float32),
        visibility=np.float32([1.0, 0.5]),
    )
    way = np.linspace(-30, 30, 6001, dtype=np.float32)
    for axis, stretch in ((0, 1), (1, 2)):
        points = np.zeros((len(way), 2), np.float32)
        points[:, axis] = way
        went = found.to_latent(points)
        assert (went[:, 1 - axis] == 0).all()
        steps = np.diff(went[:, axis])
        np.testing.assert_allclose(np.abs(steps), 0.01 * stretch, atol=2.5e-2)  # at a turn, less
        assert np.mean(np.abs(np.abs(steps) - 0.01 * stretch) < 1e-4) > 0.98
        assert went[:, axis].min() == pytest.approx(-EDGE, abs=0.02)
        assert went[:, axis].max() == pytest.approx(EDGE, abs=0.02)
        turns = (np.diff(np.sign(steps)) != 0).sum()
        assert turns == pytest.approx(60 * stretch / (2 * EDGE), abs=1)


def test_a_latent_that_lies_far_out_gets_the_nearest_point_there_is() -> None:
    """A picture that was dropped may be encoded beyond the edge: the walk begins close to it, and
    not somewhere on the way back."""
    found = replace(
        latents.standard(3),
        directions=np.eye(3, dtype=np.float32)[:2],
        visibility=np.float32([1.0, 0.25]),
    )
    for z in ([3.0, -2.7, 0.4], [-2.1, 1.0, 9.0], [0.3, 8.0, 0.0], [2.0, -2.0, 0.0]):
        again = found.to_latent(found.to_point(np.float32(z)))
        np.testing.assert_allclose(again, [*np.clip(z[:2], -EDGE, EDGE), 0], atol=1e-5)


# --- the models we ship


@pytest.mark.parametrize("name", SHIPPED)
def test_in_every_shipped_model_the_same_move_is_much_the_same_change(name: str) -> None:
    model = read(find(name))
    visible = model.latents.visibility
    assert (np.diff(visible) <= 0).all() and visible[-1] >= DEAD * visible[0] * 0.99
    product = model.latents.directions @ model.latents.directions.T
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-4)
    found = changes(model, inside(model, max(24, 300 // model.latents.n_directions)))
    enough = visible >= visible[0] * LEAST_SEEN
    assert found[enough].max() / found[enough].min() < 2.5, found  # 1.3 of many more
    assert found.min() > found.max() / 6, "a direction that does nothing"


@pytest.mark.parametrize("name", SHIPPED)
def test_in_every_shipped_model_there_and_back_is_the_same_point(name: str) -> None:
    model = read(find(name))
    points = inside(model, 200)
    back = model.latents.to_point(model.latents.to_latent(points))
    off = np.abs(back - points) * model.latents.stretch
    assert np.median(off) < 0.02 and np.mean(off < 0.2) > 0.9
    # And far away it draws what it draws close by: pictures, hardly one of them empty or full.
    player, means = Player(model), []
    for point in np.random.default_rng(6).standard_normal((40, model.latents.n_directions)) * 50:
        drawn = seen(player.decode(model.latents.to_latent(point)), model.architecture)
        means.append(float(drawn.mean()))
    assert np.mean([0.003 < mean < 0.97 for mean in means]) > 0.9
