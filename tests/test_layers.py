"""Networks as lists of layers: what plays them agrees with what trains them, to the last shape."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch
from conftest import fan_in
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from visualiser.nets import layers, play
from visualiser.nets.architecture import Architecture
from visualiser.nets.autoencoder import build
from visualiser.nets.layers import (
    Activation,
    Affine,
    Conv,
    ConvTranspose,
    Dense,
    Layer,
    Lines,
    Look,
    Pool,
    Reshape,
    Shape,
    Upsample,
)
from visualiser.nets.stack import Stack

OPS = {get_args(kind.model_fields["op"].annotation)[0]: kind for kind in Layer.__subclasses__()}
NAMES = get_args(Activation.model_fields["name"].annotation)


# --- layers by lot


def pairs(largest: tuple[int, int]) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(*(st.integers(1, max(n, 1)) for n in largest))


@st.composite
def shapes_of(draw: st.DrawFn, size: int) -> tuple[int, ...]:
    """Another shape of as many numbers, of one to four axes."""
    axes: list[int] = []
    while len(axes) < 3 and size > 1 and draw(st.booleans()):
        factor = draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
        axes.append(factor)
        size //= factor
    return (*axes, size)


@st.composite
def layer(draw: st.DrawFn, takes: Shape, nested: bool = False) -> Layer:
    """A layer that can take that."""
    could = ["dense", "reshape", "affine", "activation"]
    if len(takes) == 3:
        could += ["conv", "conv_transpose", "upsample", "pool"] * 3
        could += ["look"] * 6 * (takes[2] == 1 and not nested)
    if len(takes) == 1 and takes[0] >= 4:
        could += ["lines"] * 3
    op = draw(st.sampled_from(could))
    few, bias = draw(st.integers(1, 4)), draw(st.booleans())
    if op == "dense":
        return Dense(units=few, bias=bias)
    if op == "reshape":
        return Reshape(shape=draw(shapes_of(int(np.prod(takes)))))
    if op == "affine":
        return Affine()
    if op == "activation":
        return Activation(name=draw(st.sampled_from(NAMES)), alpha=draw(st.floats(0, 2)))
    if op == "conv":
        padding = draw(st.sampled_from(["same", "valid"]))
        largest = (5, 5) if padding == "same" else (min(takes[0], 64), min(takes[1], 64))
        kernel, stride = draw(pairs(largest)), draw(pairs((4, 4)))
        return Conv(filters=few, kernel=kernel, stride=stride, padding=padding, bias=bias)
    if op == "conv_transpose":
        padding = draw(st.sampled_from(["same", "valid"]))
        kernel, stride = draw(pairs((5, 5))), draw(pairs((3, 3)))
        return ConvTranspose(filters=few, kernel=kernel, stride=stride, padding=padding, bias=bias)
    if op == "upsample":
        factor = draw(pairs((3, 3)))
        return Upsample(factor=factor, smooth=draw(st.booleans()), corner=draw(st.booleans()))
    if op == "pool":
        how = draw(st.sampled_from(["max", "mean"]))
        return Pool(how=how, size=draw(pairs((min(takes[0], 4), min(takes[1], 4)))))
    if op == "lines":
        hidden = tuple(draw(st.lists(st.integers(1, 5), max_size=2)))
        height, width = draw(st.integers(4, 7)), draw(st.integers(4, 7))
        return Lines(height=height, width=width, count=draw(st.integers(3, 5)), hidden=hidden)
    size = draw(st.integers(4, 7))
    where = [*draw(several(takes, 2, nested=True)), None]
    what = [*draw(several((size, size, 1), 2, nested=True)), None]
    for part, takes_part, units in ((where, takes, 3), (what, (size, size, 1), few + 3)):
        gives = layers.output(part[:-1], takes_part)
        part[-1:] = [Reshape(shape=(int(np.prod(gives)),)), Dense(units=units, bias=bias)]
    return Look(size=size, where=tuple(where), what=tuple(what))


@st.composite
def several(draw: st.DrawFn, takes: Shape, most: int = 5, nested: bool = False) -> list[Layer]:
    """Up to so many layers, each of which can take what the one before gives."""
    spec: list[Layer] = []
    for _ in range(draw(st.integers(0, most))):
        if np.prod(takes) > 3000:
            break
        spec.append(draw(layer(takes, nested)))
        takes = spec[-1].output(takes)
    return spec


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[Layer], Shape]:
    picture = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 1, 2, 3]))
    takes = draw(st.tuples(st.integers(1, 9)) | picture | picture)
    return draw(several(takes)), takes


def weights_of(shapes: dict[str, Shape], seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        name: (rng.standard_normal(shape) / np.sqrt(fan_in(shape))).astype(np.float32)
        for name, shape in shapes.items()
    }


def both(
    spec: list[Layer], takes: Shape, x: np.ndarray, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """What numpy and torch make of pictures (n, *takes)."""
    weights = weights_of(layers.weights(spec, takes), seed)
    stack = Stack(spec, takes)
    assert {n: tuple(p.shape) for n, p in stack.named_parameters()} == layers.weights(spec, takes)
    stack.load_state_dict({name: torch.tensor(weight) for name, weight in weights.items()})
    run = play.build(spec, takes, weights)
    with torch.inference_mode():
        return np.stack([run(one) for one in x]), stack(torch.tensor(x)).numpy()


def assert_alike(ours: np.ndarray, theirs: np.ndarray, within: float = 3e-5) -> None:
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype == np.float32
    scale = max(1.0, float(np.abs(theirs).max(initial=0)))
    assert np.abs(ours - theirs).max(initial=0) <= within * scale


# --- what plays agrees with what trains


def test_a_grey_picture_as_narrow_as_the_kernel_is_read_no_further_than_it_goes() -> None:
    spec = [layers.Conv(filters=1, kernel=(2, 4), stride=(1, 3), bias=False)]
    x = np.random.default_rng(1).standard_normal((2, 2, 1, 1)).astype(np.float32)
    for seed in range(3):
        assert_alike(*both(spec, (2, 1, 1), x, seed))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(), st.integers(0, 2**32 - 1))
@example(([Conv(filters=2, kernel=(2, 5), stride=(3, 1))], (7, 4, 3)), 1)
@example(([ConvTranspose(filters=2, kernel=(1, 2), stride=(3, 3))], (4, 3, 2)), 1)
@example(([ConvTranspose(filters=1, kernel=(5, 3), stride=(2, 3))], (3, 5, 2)), 1)
@example(([ConvTranspose(filters=1, kernel=(1, 5), padding="valid")], (3, 5, 2)), 1)
@example(([Pool(how="mean", size=(3, 2))], (7, 5, 2)), 1)
@example(([Upsample(factor=(3, 2), smooth=True, corner=True)], (4, 5, 2)), 1)
@example(([Upsample(factor=(1, 3), smooth=True)], (1, 1, 1)), 1)
def test_numpy_and_torch_agree_on_any_network(network: tuple, seed: int) -> None:
    spec, takes = network
    x = np.random.default_rng(seed).standard_normal((2, *takes)).astype(np.float32)
    before = x.copy()
    ours, theirs = both(spec, takes, x, seed)
    assert ours.shape[1:] == layers.output(spec, takes)
    assert_alike(ours, theirs)
    np.testing.assert_array_equal(x, before)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks())
def test_a_list_of_layers_says_what_each_takes_and_gives(network: tuple) -> None:
    spec, takes = network
    shape = takes
    x = torch.zeros(1, *takes)
    for i, step, given_, gives in layers.walk(spec, takes):
        assert step is spec[i] and given_ == shape
        x = Stack([step], given_)(x)
        assert tuple(x.shape[1:]) == gives
        shape = gives
    assert layers.output(spec, takes) == shape
    names = layers.weights(spec, takes)
    assert all(name.split(".")[0].isdecimal() and len(shape) > 0 for name, shape in names.items())
    words = layers.words(spec, takes)
    assert words.split("-")[0] == "x".join(map(str, takes))
    assert words.split("-")[-1] == "x".join(map(str, shape))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks())
def test_a_list_of_layers_comes_back_from_json(network: tuple) -> None:
    spec, takes = network
    size = layers.output(spec, takes)
    decoder = [
        *spec,
        Reshape(shape=(int(np.prod(size)),)),
        Dense(units=6),
        Reshape(shape=(2, 3, 1)),
    ]
    if len(takes) != 1 or len(spec) > 60:
        decoder = [Dense(units=int(np.prod(takes))), Reshape(shape=takes), *decoder]
    dim = takes[0] if len(takes) == 1 else 3
    made = Architecture(height=2, width=3, latent_dim=dim, decoder=tuple(decoder))
    again = Architecture.model_validate_json(made.model_dump_json())
    assert again == made and again.weights() == made.weights()
    assert {name.partition(".")[0] for name in made.weights()} == {"decoder"}


@pytest.mark.parametrize("name", NAMES)
def test_activations_are_what_they_are_called(name: str) -> None:
    """Also where a float32's exponential is none."""
    x = np.array(
        [[-1e30, -200, -88, -7, -1, -1e-3, 0, 1e-3, 1, 5.9, 6.1, 88, 200, 1e30]], np.float32
    )
    with np.errstate(over="raise", invalid="raise"):
        ours, theirs = both([Activation(name=name, alpha=0.3)], (14,), x)
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert (np.diff(ours[0]) >= 0).all() or name == "swish"


def test_every_layer_there_is_is_among_those_tried() -> None:
    tried = ["dense", "reshape", "affine", "activation", "conv", "conv_transpose", "upsample"]
    assert set(OPS) == {*tried, "pool", "look", "lines"}


WRONG: list[tuple[list[Layer], Shape, str]] = [
    ([Conv(filters=1)], (9,), "layer 0, conv: it takes height, width and channels, not 9"),
    ([Conv(filters=1, kernel=(4, 4), padding="valid")], (3, 9, 1), "nothing is left of 3x9x1"),
    ([Pool(size=(2, 2))] * 3, (5, 5, 1), "layer 2, pool: nothing is left of 1x1x1"),
    ([Reshape(shape=(2, 3))], (7,), "layer 0, reshape: 7 cannot become 2x3"),
    ([Dense(units=3), Lines(height=4, width=4, count=3)], (9,), "layer 1, lines: .* not 3"),
    ([Upsample(factor=(64, 64))] * 4, (1, 1, 1), "layer 2, upsample: it is too large"),
    ([Dense(units=65_536)] * 2, (9,), "layer 1, dense: it is too large"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "takes", "says"), WRONG)
def test_layers_that_do_not_fit_are_named_in_a_line(spec: list, takes: Shape, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        layers.output(spec, takes)
    assert "\n" not in str(caught.value)


# --- lines: a shape twice as large, anywhere, is the same shape


def shape_decoder(size: int = 24) -> tuple[list[Layer], dict[str, np.ndarray]]:
    relu = Activation(name="relu")
    spec = [
        Lines(height=size, width=size, count=9, hidden=(6,)), relu,
        Dense(units=7, bias=False), relu, Dense(units=1, bias=False),
    ]  # fmt: skip
    weights = weights_of(layers.weights(spec, (8,)), 3)
    weights["0.place"], weights["0.size"] = np.float32([0.25]), np.float32([1.0, 0.0])
    return spec, weights


def sized(size: float) -> float:
    """The latent of a size: softplus's inverse."""
    return float(np.log(np.expm1(size)))


def at(z: list[float], places: np.ndarray) -> np.ndarray:
    """What the decoder gives at places (n, 2), x and y from -1 to 1."""
    spec, weights = shape_decoder()
    stack = Stack(spec, (8,)).double()
    stack.load_state_dict({name: torch.tensor(w).double() for name, w in weights.items()})
    points = torch.tensor(np.column_stack([places, np.ones(len(places))]))[None]
    with torch.inference_mode():
        y = stack[0].lines(torch.tensor([z], dtype=torch.float64), points)
        for step in list(stack)[1:]:
            y = step(y)
    return y.numpy()[0, :, 0]


@given(
    x=st.floats(-1, 1), y=st.floats(-1, 1), size=st.floats(0.1, 1.5), by=st.floats(0.2, 5),
    form=st.lists(st.floats(-2, 2), min_size=5, max_size=5),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_shape_that_is_larger_and_elsewhere_is_the_same_shape(
    x: float, y: float, size: float, by: float, form: list[float]
) -> None:
    """Twice as large: at twice the distance from its place, twice the value. Exactly."""
    around = np.random.default_rng(1).uniform(-1, 1, (40, 2))
    place = 0.25 * np.array([x, y])
    small = at([0, 0, sized(size), *form], around * size)
    large = at([x, y, sized(size * by), *form], place + around * size * by)
    np.testing.assert_allclose(large, small * by, atol=1e-9)
    assert np.ptp(small) > 0


def test_lines_at_the_pixels_are_what_is_drawn() -> None:
    """At middles of pixels, the first row being the topmost."""
    spec, weights = shape_decoder(24)
    z = [0.4, -0.3, sized(0.7), 0.5, -1, 0.2, 1, -0.4]
    drawn = play.build(spec, (8,), weights)(np.float32(z))[..., 0]
    middles = (np.arange(24) + 0.5) / 24 * 2 - 1
    rows, columns = np.meshgrid(middles, middles, indexing="ij")
    expected = at(z, np.column_stack([columns.ravel(), rows.ravel()])).reshape(24, 24)
    np.testing.assert_allclose(drawn, expected, atol=1e-5)


# --- look: what is moved or scaled is found moved or scaled


class Finder:
    """A look at 64x64 pixels whose `where` is set by hand, and whose `what` sums up offsets and
    mass of what it sees: for a disk as large as it takes it to be they are its middle, and 1."""

    def __init__(self, x: float, y: float, size: float) -> None:
        edge = 16
        self.look = Look(
            size=edge,
            where=(Reshape(shape=(4096,)), Dense(units=3)),
            what=(Reshape(shape=(edge * edge,)), Dense(units=4, bias=False)),
        )
        offsets = ((np.arange(edge) + 0.5) / edge * 2 - 1) * layers.WINDOW
        rows, columns = np.meshgrid(offsets, offsets, indexing="ij")
        mass = np.ones(edge * edge)
        what = np.column_stack([columns.ravel(), rows.ravel(), 0 * mass, mass])
        what *= (2 * layers.WINDOW / edge) ** 2 / np.pi
        self.weights: dict[str, Any] = {
            "0.gain": np.float32([1, 1]),
            "0.where.1.kernel": np.zeros((4096, 3), np.float32),
            "0.where.1.bias": np.float32([x, y, sized(size)]),
            "0.what.1.kernel": what.astype(np.float32),
        }

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        run = play.build([self.look], (64, 64, 1), self.weights)
        return run(picture[..., None].astype(np.float32))


def disk(x: float, y: float, radius: float) -> np.ndarray:
    """(64, 64) in half pictures, as everything in Look."""
    middles = (np.arange(64) + 0.5) / 64 * 2 - 1
    away = np.hypot(middles - x, middles[:, None] - y) - radius
    return np.clip(0.5 - away * 32, 0, 1)


def test_what_look_is_shown_does_not_change_where_and_how_large_it_is() -> None:
    plain = Finder(0, 0, 0.5)(disk(0, 0, 0.5))
    moved = Finder(0.3, -0.2, 0.5)(disk(0.3, -0.2, 0.5))
    half = Finder(0, 0, 0.25)(disk(0, 0, 0.25))
    np.testing.assert_allclose(moved, [0.3, -0.2, plain[2], plain[3]], atol=0.02)
    np.testing.assert_allclose(half[3], plain[3], rtol=0.03)
    assert half[2] == pytest.approx(sized(0.25), abs=1e-4)
    assert plain[3] == pytest.approx(1, abs=0.02)
    # A place that is a little wrong is put right by what is seen there.
    wrong = Finder(0.05, -0.1, 0.5)(disk(0, 0, 0.5))
    np.testing.assert_allclose(wrong[:2], 0, atol=0.01)


def test_look_sees_black_beyond_the_edge_and_never_fails() -> None:
    for x, y, size in ((3, 3, 0.5), (0.9, 0, 0.4), (0, 0, 1e-3), (0, 0, 40), (-1e6, 1e6, 1)):
        seen = Finder(x, y, size)(disk(0, 0, 0.5))
        assert np.isfinite(seen).all()
    assert Finder(3, 3, 0.5)(np.ones((64, 64)))[3] == 0
    assert Finder(0, 0, 40)(np.ones((64, 64)))[3] < 0.1
    half = Finder(1, 0, 0.5)(np.ones((64, 64)))[3]
    assert half == pytest.approx((2 * layers.WINDOW) ** 2 / np.pi / 2, rel=0.1)


def test_fresh_shape_networks_of_torch_play_alike() -> None:
    """With the weights that training begins with, drawn by torch."""
    from conftest import with_weights

    from visualiser.nets import conv, shape
    from visualiser.nets.autoencoder import Autoencoder

    for architecture in (shape.architecture(24, 6), conv.architecture(32, 5, 6)):
        torch.manual_seed(4)
        fresh = Autoencoder(architecture)
        made = with_weights(architecture)
        assert fresh.arrays().keys() == architecture.weights().keys()
        made = type(made)("fresh", made.card, fresh.arrays(), made.latents)
        player, again = play.Player(made), build(made)
        with torch.inference_mode():
            x = torch.rand(3, *architecture.picture)
            z = again.encode(x)
            assert_alike(np.stack([player.encode(one) for one in x.numpy()]), z.numpy(), 2e-5)
            drawn = np.stack([player.decode(one) for one in z.numpy()])
            assert_alike(drawn, again.decode(z).numpy())
