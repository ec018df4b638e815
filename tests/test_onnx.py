"""Models to ONNX and from it: the numbers stay the same, and what cannot be played is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from visualiser import latents
from visualiser.exchange import measure, onnx_in, onnx_look, onnx_out
from visualiser.nets import checkpoint, conv, dense, layers, onnx, shape
from visualiser.nets.architecture import Architecture
from visualiser.nets.checkpoint import Card, Checkpoint
from visualiser.nets.play import Player
from visualiser.types import UserError

pytestmark = pytest.mark.usefixtures("few_samples")

package = onnx.need("onnx")
helper, FLOAT = package.helper, package.TensorProto.FLOAT
RNG = np.random.default_rng(7)


def make(architecture: Architecture, seed: int = 1) -> Checkpoint:
    """A model with weights drawn by lot."""
    rng = np.random.default_rng(seed)
    weights = {
        name: (rng.standard_normal(of) / np.sqrt(max(np.prod(of[:-1]), 1))).astype(np.float32)
        for name, of in architecture.weights().items()
    }
    known = latents.standard(architecture.latent_dim)
    return Checkpoint("made", Card(architecture=architecture), weights, known)


MODELS = {
    "dense": dense.architecture(20, 28, (32,), 4),
    "shape": shape.architecture(size=32, latent_dim=6),
    "conv": conv.architecture(size=32, latent_dim=8, width=6),
}


def exported(model: Checkpoint, path: Path, part: onnx_out.Part, given: np.ndarray) -> np.ndarray:
    """What onnxruntime makes of the file, in a batch."""
    onnx_out.write(model, path, part)
    run = onnx.session(path.read_bytes())
    return run.run(None, {run.get_inputs()[0].name: given})[0]


def agree(got: np.ndarray, want: Sequence[np.ndarray]) -> None:
    stacked = np.stack(list(want))
    assert got.dtype == np.float32 and got.shape == stacked.shape
    np.testing.assert_allclose(got, stacked, rtol=0, atol=1e-5 * max(1, np.abs(stacked).max()))


# --- to ONNX


@pytest.mark.parametrize("name", MODELS)
def test_an_exported_model_gives_the_same_numbers(tmp_path: Path, name: str) -> None:
    model = make(MODELS[name])
    player, path = Player(model), tmp_path / "model.onnx"
    z = RNG.standard_normal((5, model.latent_dim)).astype(np.float32)
    agree(exported(model, path, "decoder", z), [player.decode(one) for one in z])
    colour = model.architecture.pictures == "colour"
    pictures = RNG.random((5, *(model.architecture.picture if colour else model.shape)))
    pictures = pictures.astype(np.float32)
    agree(exported(model, path, "encoder", pictures), [player.encode(one) for one in pictures])


@st.composite
def stacks(draw: st.DrawFn) -> tuple[layers.AnyLayer, ...]:
    """Layers from 3 latents to a small grey picture."""
    few, pair = st.integers(1, 4), st.tuples(st.integers(1, 3), st.integers(1, 4))
    kernel = st.tuples(st.integers(1, 5), st.integers(1, 4))
    padding = st.sampled_from(["same", "valid"])
    names = layers.Activation.model_fields["name"].annotation.__args__
    any_layer = st.one_of(
        st.builds(layers.Conv, filters=few, kernel=kernel, stride=pair, padding=padding),
        st.builds(layers.ConvTranspose, filters=few, kernel=kernel, stride=pair, padding=padding),
        st.builds(layers.Upsample, factor=pair, smooth=st.booleans()),
        st.builds(layers.Pool, how=st.sampled_from(["max", "mean"]), size=pair),
        st.builds(layers.Dense, units=few, bias=st.booleans()),
        st.builds(
            layers.Activation,
            name=st.sampled_from(names),
            alpha=st.floats(0, 2, width=16),
        ),
        st.just(layers.Affine()),
    )
    size = draw(st.tuples(st.integers(1, 5), st.integers(1, 5), few))
    found = (layers.Dense(units=int(np.prod(size))), layers.Reshape(shape=size))
    found += tuple(draw(st.lists(any_layer, min_size=1, max_size=5)))
    return (*found, layers.Dense(units=1))


@settings(deadline=None)
@given(stacks())
def test_any_layers_give_the_same_numbers(tmp_path_factory, stack) -> None:
    try:
        height, width, _ = layers.output(stack, (3,))
    except ValueError:  # a kernel larger than the picture
        assume(False)
    assume(height * width < 20_000)
    model = make(Architecture(height=height, width=width, latent_dim=3, decoder=stack))
    z = RNG.standard_normal((2, 3)).astype(np.float32)
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    agree(exported(model, path, "decoder", z), [Player(model).decode(one) for one in z])


def test_an_export_says_what_it_is(tmp_path: Path) -> None:
    onnx_out.write(make(MODELS["shape"]), tmp_path / "a.onnx")
    model = package.load(tmp_path / "a.onnx")
    (entry,) = model.metadata_props
    assert entry.key == "squircle" and '"name": "made"' in entry.value
    assert '"pictures": "distance"' in entry.value and '"directions": [[1.0, 0.0' in entry.value
    assert (model.ir_version, model.opset_import[0].version) == (8, 17)
    assert [one.name for one in (*model.graph.input, *model.graph.output)] == ["z", "image"]
    assert {node.domain for node in model.graph.node} == {""}


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    model = make(MODELS["dense"])
    alone = model.architecture.model_copy(update={"encoder": ()})
    model = replace(model, card=model.card.model_copy(update={"architecture": alone}))
    with pytest.raises(UserError, match="made has no encoder: it only draws"):
        onnx_out.write(model, tmp_path / "a.onnx", "encoder")
    with pytest.raises(UserError, match="cannot write"):
        onnx_out.write(model, tmp_path / "no" / "a.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", MODELS)
def test_there_and_back(tmp_path: Path, name: str) -> None:
    model, path = make(MODELS[name]), tmp_path / "model.onnx"
    model = replace(model, latents=replace(model.latents, mean=model.latents.mean + 2))
    onnx_out.write(model, path)
    back = onnx_in.read(path, "back").checkpoint
    assert back.architecture.pictures == model.architecture.pictures
    assert np.array_equal(back.latents.mean, model.latents.mean)
    for z in RNG.standard_normal((3, model.latent_dim)).astype(np.float32):
        np.testing.assert_allclose(Player(back).decode(z), Player(model).decode(z), atol=1e-5)
    onnx_out.write(back, tmp_path / "again.onnx")  # a graph goes as it came
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()


# --- from ONNX


def value(name: str, shape: Sequence[object] | None, kind: int = FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def tensor(name: str, array: np.ndarray) -> Any:
    return package.numpy_helper.from_array(array, name)


def graph(nodes: list, inputs: list, outputs: list, weights: Sequence = (), **more: Any) -> Any:
    domains = [helper.make_opsetid("", 17), *more.pop("domains", ())]
    made = helper.make_graph(nodes, "foreign", inputs, outputs, list(weights))
    return helper.make_model(made, opset_imports=domains, ir_version=8)


def foreign(
    takes: Sequence[object], gives: Sequence[int], last: Sequence[Any] = (), kind: int = FLOAT
) -> Any:
    """z -> flat -> a matrix -> reshaped: "y"; last: nodes that make "image" of it."""
    dim = int(np.prod([n if isinstance(n, int) else 1 for n in takes]))
    kernel = np.random.default_rng(3).standard_normal((dim, int(np.prod(gives))))
    weights = [
        tensor("flat", np.array([1, dim])),
        tensor("kernel", (kernel / np.sqrt(dim)).astype(np.float32)),
        tensor("shape", np.array(gives)),
    ]
    nodes = [
        helper.make_node("Reshape", ["z", "flat"], ["x"]),
        helper.make_node("MatMul", ["x", "kernel"], ["h"]),
        helper.make_node("Reshape", ["h", "shape"], ["y"]),
        *(last or [helper.make_node("Tanh", ["y"], ["image"])]),
    ]
    return graph(nodes, [value("z", takes)], [value("image", None, kind)], weights)


def saved(path: Path, model: Any) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def node(op: str, takes: str, gives: str, **settings: Any) -> Any:
    return helper.make_node(op, takes.split(), gives.split(), **settings)


BYTES = [
    node("Sigmoid", "y", "s"),
    node("Constant", "", "most", value_float=255.0),
    node("Mul", "s most", "t"),
    node("Cast", "t", "image", to=package.TensorProto.UINT8),
]
UINT8, HALF = package.TensorProto.UINT8, package.TensorProto.FLOAT16

CASES: dict[str, tuple[Any, str, tuple[float, float], tuple[int, ...]]] = {
    "chw": (foreign([1, 16], [1, 3, 8, 12]), "chw", (-1, 1), (8, 12, 3)),
    "latent 4d": (foreign([1, 4, 4, 4], [1, 3, 8, 8]), "chw", (-1, 1), (8, 8, 3)),
    "wide": (foreign([1, 18, 32], [1, 3, 8, 8]), "chw", (-1, 1), (8, 8, 3)),
    "no batch": (foreign([16], [8, 12]), "hw", (-1, 1), (8, 12)),
    "batch open": (foreign(["batch", 5], [1, 8, 12]), "hw", (-1, 1), (8, 12)),
    "batch unknown": (foreign([None, 5], [1, 1, 8, 12]), "hw", (-1, 1), (8, 12)),
    "hwc bytes": (foreign([1, 16], [1, 8, 12, 3], BYTES, UINT8), "hwc", (0, 255), (8, 12, 3)),
    "flat": (foreign([1, 16], [1, 784], [node("Sigmoid", "y", "image")]), "hw", (0, 1), (28, 28)),
    "one": (
        foreign([1, 6], [1, 8, 12, 1], [node("Sigmoid", "y", "image")]),
        "hwc",
        (0, 1),
        (8, 12),
    ),
    "alpha": (foreign([1, 6], [1, 4, 8, 12]), "chw", (-1, 1), (8, 12, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_decoders_of_others_are_played(tmp_path: Path, name: str) -> None:
    model, axes, (low, high), size = CASES[name]
    path = saved(tmp_path / "x.onnx", model)
    imported = onnx_in.read(path, "theirs")
    made = imported.checkpoint
    assert made.architecture.graph.axes == axes
    assert (made.architecture.graph.low, made.architecture.graph.high) == (low, high)
    assert f"black is {low:g} and white {high:g}" in imported.notes[0]

    kept = tmp_path / "theirs.safetensors"
    checkpoint.write(kept, made)
    player = Player(checkpoint.read(kept))
    run = onnx.session(path.read_bytes())
    for z in RNG.standard_normal((3, made.latent_dim)).astype(np.float32):
        (y,) = run.run(None, {"z": z.reshape(made.architecture.graph.takes)})
        y = y.reshape(y.shape[-3:] if y.ndim > 2 else size)
        y = y.transpose(1, 2, 0) if axes == "chw" else y
        want = (y[..., :3] if len(size) == 3 else y.reshape(size)).astype(np.float64)
        got = player.decode(z)
        assert got.shape == size and got.dtype == np.float32
        np.testing.assert_allclose(got, (want - low) / (high - low), atol=1e-5)


def test_half_precision_is_played(tmp_path: Path) -> None:
    nodes = [node("MatMul", "z w", "y"), node("Sigmoid", "y", "image")]
    kernel = tensor("w", RNG.standard_normal((4, 64)).astype(np.float16))
    model = graph(nodes, [value("z", [1, 4], HALF)], [value("image", [1, 64], HALF)], [kernel])
    made = onnx_in.read(saved(tmp_path / "x.onnx", model), "half").checkpoint
    image = Player(made).decode(np.ones(4, np.float32))
    assert image.shape == (8, 8) and image.dtype == np.float32


def test_of_several_outputs_the_picture_is_kept(tmp_path: Path) -> None:
    nodes = [node("Tanh", "y", "image"), node("Identity", "x", "code")]
    model = foreign([1, 16], [1, 3, 8, 12], nodes)
    model.graph.output.insert(0, value("code", [1, 16]))  # 4x4, were it a picture
    made = onnx_in.read(saved(tmp_path / "x.onnx", model), "two").checkpoint
    assert made.architecture.picture == (8, 12, 3)
    assert [one.name for one in onnx.session(made.graph).get_outputs()] == ["image"]


def test_an_input_with_a_value_of_its_own_is_no_second_latent(tmp_path: Path) -> None:
    model = foreign([1, 4], [1, 8, 12])
    model.graph.input.append(value("kernel", [4, 96]))
    assert onnx_in.read(saved(tmp_path / "x.onnx", model), "one").checkpoint.latent_dim == 4


def test_weights_beside_the_file_are_taken_in(tmp_path: Path) -> None:
    whole = foreign([1, 16], [1, 8, 12])
    package.save(whole, tmp_path / "x.onnx", save_as_external_data=True, size_threshold=0,
                 location="x.onnx.data")  # fmt: skip
    made = onnx_in.read(tmp_path / "x.onnx", "beside").checkpoint
    (tmp_path / "x.onnx.data").unlink()
    alone = onnx_in.read(saved(tmp_path / "y.onnx", foreign([1, 16], [1, 8, 12])), "whole")
    z = np.ones(16, np.float32)
    assert np.array_equal(Player(made).decode(z), Player(alone.checkpoint).decode(z))


def test_a_shape_that_is_left_open_can_be_said(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.onnx", foreign(["b", 4, "h", None], [1, 8, 12]))
    model = foreign([1, 4, 2, 2], [1, 8, 12])
    model.graph.input[0].CopyFrom(value("z", ["b", 4, "h", None]))
    with pytest.raises(UserError, match=r"open \(bx4xhx\?\): say it, as in --shape"):
        onnx_in.read(path, "open")
    made = onnx_in.read(saved(path, model), "said", shape=(1, 4, 2, 2)).checkpoint
    assert made.latent_dim == 16
    for wrong in ((1, 3, 2, 2), (4, 2, 2), (2, 4, 2, 2)):
        with pytest.raises(UserError, match=r"it takes bx4xhx\?, and not"):
            onnx_in.read(path, "wrong", shape=wrong)


def test_directions_are_the_ones_that_are_seen(tmp_path: Path) -> None:
    kernel = np.zeros((6, 64), np.float32)
    kernel[2], kernel[4] = 0.3, 1.0
    nodes = [node("MatMul", "z w", "y"), node("Sigmoid", "y", "image")]
    model = graph(nodes, [value("z", [1, 6])], [value("image", [1, 64])], [tensor("w", kernel)])
    imported = onnx_in.read(saved(tmp_path / "x.onnx", model), "seen")
    (direction,) = imported.checkpoint.latents.directions  # both draw the same: grey
    np.testing.assert_allclose(np.abs(direction[[2, 4]]), np.array([0.3, 1]) / 1.09**0.5, atol=0.01)
    assert "1 directions out of 6" in imported.notes[1]


def test_a_large_latent_moves_along_a_few_directions(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.onnx", foreign([1, 4, 64, 64], [1, 8, 8]))
    imported = onnx_in.read(path, "large")
    known = imported.checkpoint.latents
    assert known.directions.shape[1] == 16384 and 8 <= known.n_directions <= 64
    np.testing.assert_allclose(known.directions @ known.directions.T, np.eye(known.n_directions),
                               atol=1e-4)  # fmt: skip
    assert "of 16384, by lot" in " ".join(imported.notes)
    z = known.to_latent(np.zeros(known.n_directions, np.float32))
    assert 0.9 < z.std() < 1.1  # as a latent drawn by lot is
    checkpoint.write(tmp_path / "large.safetensors", imported.checkpoint)
    assert (tmp_path / "large.safetensors").stat().st_size < path.stat().st_size + 8e6


def test_a_decoder_that_always_draws_the_same_is_told(tmp_path: Path) -> None:
    last = [node("Sub", "y y", "nothing"), node("Sigmoid", "nothing", "image")]
    path = saved(tmp_path / "same.onnx", foreign([1, 5], [1, 8, 8], last))
    found = onnx_in.read(path, "same")
    assert "it draws the same picture whatever its latent is" in found.notes
    assert found.checkpoint.latents.n_directions == 1


def test_a_slow_decoder_is_not_measured_for_long(tmp_path: Path) -> None:
    made = onnx_in.read(saved(tmp_path / "x.onnx", foreign([1, 600], [1, 8, 8])), "x").checkpoint
    for seconds, says in ((0.02, "by lot, the most seen first"), (5, "unmeasured")):
        again, note = measure.directions(made, seconds)
        assert says in note and again.latents.n_directions >= 8


@pytest.mark.parametrize(
    ("least", "most", "low", "high"),
    [
        (-1, 1, -1, 1),
        (-1.3, 1.4, -1, 1),
        (-0.2, 0.1, -1, 1),
        (0, 1, 0, 1),
        (-0.15, 1.2, 0, 1),
        (0.4, 0.6, 0, 1),
        (0, 255, 0, 255),
        (-3, 250, 0, 255),
        (-30, 30, -29.7, 29.7),
        (0, 8, 0.04, 7.96),
    ],
)
def test_black_and_white_are_guessed_from_the_values(least, most, low, high) -> None:
    values = np.linspace(least, most, 1001, dtype=np.float32)
    got = onnx_look.levels(onnx_look.Seen(values, "f", 0.1, ()))
    np.testing.assert_allclose(got[:2], (low, high), rtol=1e-3)


def test_chance_and_overflow_are_told(tmp_path: Path) -> None:
    nodes = [node("RandomNormalLike", "y", "r"), node("Add", "y r", "image")]
    notes = onnx_in.read(saved(tmp_path / "x.onnx", foreign([1, 4], [1, 8, 8], nodes)), "x").notes
    assert "it draws by lot" in notes[1]
    nodes = [node("Log", "y", "image")]
    with pytest.raises(UserError, match="draws no numbers, but infinities or nothing"):
        onnx_in.read(saved(tmp_path / "x.onnx", foreign([1, 4], [1, 8, 8], nodes)), "x")


# --- what is no decoder


def beside(location: str) -> Any:
    model = foreign([1, 16], [1, 8, 12])
    kernel = model.graph.initializer[1]
    package.external_data_helper.set_external_data(kernel, location, 0, 16 * 96 * 4)
    kernel.ClearField("raw_data")
    return model


def odd(op: str, domain: str = "") -> Any:
    nodes = [node(op, "y", "image", domain=domain)]
    model = foreign([1, 4], [1, 8, 8], nodes)
    if domain:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    return model


def twice() -> Any:
    inputs = [value("z", [1, 64]), value("psi", [1, 1])]
    return graph([node("Mul", "z psi", "image")], inputs, [value("image", [1, 64])])


BAD: dict[str, tuple[Any, str]] = {
    "missing": (beside("w.bin"), r"its weights are missing: 'w\.bin' should lie beside it"),
    "escapes": (beside("../secret"), r"wants to read '\.\./secret', which is outside of its"),
    "absolute": (beside("/etc/passwd"), r"wants to read '/etc/passwd', which is outside"),
    "link": (beside("link"), r"wants to read 'link', which is outside of its folder: refused"),
    "folder": (beside("."), r"its weights are missing: '\.' should"),
    "nowhere": (beside(""), r"its weights are missing: '' should"),
    "short": (beside("short"), r"its weights 'short' cannot be read: .*exceeds available"),
    "long": (beside("n" * 5000), r"cannot read its weights 'n+': File name too long"),
    "domain": (odd("Foo", "my.dom"), r"onnxruntime has no op my\.dom:Foo"),
    "op": (odd("Foo"), r"onnxruntime has no op Foo"),
    "two": (twice(), r"it takes 2 inputs \('z', 'psi'\), where one latent is wanted"),
    "words": (
        graph([node("Identity", "z", "i")], [value("z", [1, 64], 7)], [value("i", [1, 64], 7)]),
        r"it takes tensor\(int64\), where a latent of floats is wanted",
    ),
    "open": (foreign(["b", "n"], [1, 8, 8]), r"leaves the shape of its latent open \(bxn\)"),
    "huge": (
        graph([node("Identity", "z", "i")], [value("z", [1, 3, 224, 224])], [value("i", None)]),
        r"it takes 1x3x224x224: a latent has 1 to 65536 numbers",
    ),
    "vector": (foreign([1, 4], [1, 30]), r"it gives 1x30, which is no picture"),
    "thin": (foreign([1, 4], [1, 3, 2, 40]), r"it gives 1x3x2x40, which is no picture"),
    "wide": (foreign([1, 4], [1, 4, 2049]), r"its pictures are 2049x4, larger than 2048"),
    "batch": (foreign([1, 4], [2, 3, 8, 8]), r"it gives 2x3x8x8, which is no picture"),
    "fails": (
        graph([node("Reshape", "z s", "image")], [value("z", [1, 4])], [value("image", None)],
              [tensor("s", np.array([3, 5]))]),
        r"onnxruntime|cannot be played",
    ),
}  # fmt: skip


GRAPHS = {
    "conv": onnx_out.model(make(conv.architecture(16, 3, 2))).SerializeToString(),
    "beside": beside("../secret").SerializeToString(),
}


def refused(path: Path) -> str:
    with pytest.raises(UserError) as told:
        onnx_in.read(path, "bad")
    line = str(told.value)
    assert line.isprintable() and len(line) < 600 and line.count(str(path)) == 1
    return line


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_decoder_is_told_in_a_line(tmp_path: Path, name: str) -> None:
    model, says = BAD[name]
    (tmp_path / "secret").write_bytes(bytes(16 * 96 * 4))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "short").write_bytes(bytes(100))
    (folder / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(UserError, match=says):
        onnx_in.read(saved(folder / "x.onnx", model), "bad")
    refused(folder / "x.onnx")


def test_a_newer_opset_and_a_newer_format(tmp_path: Path) -> None:
    model = foreign([1, 4], [1, 8, 8])
    model.opset_import[0].version = 999
    assert "opset" in refused(saved(tmp_path / "x.onnx", model)).lower()
    model.ir_version = 999
    assert "IR version" in refused(saved(tmp_path / "x.onnx", model))


@settings(deadline=None)
@given(st.data())
def test_a_file_cut_short_or_of_something_else(tmp_path_factory, data: st.DataObject) -> None:
    whole = CASES["flat"][0].SerializeToString()
    cut = st.integers(0, len(whole) - 1).map(lambda at: whole[:at])
    other = st.binary(max_size=200) | st.text(max_size=99).map(str.encode)
    path = tmp_path_factory.getbasetemp() / "cut.onnx"
    path.write_bytes(data.draw(cut | other))
    assert str(path) in refused(path)


@settings(deadline=None)
@given(st.data())
def test_a_flipped_bit_is_played_or_refused(tmp_path_factory, data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from([GRAPHS["conv"], GRAPHS["beside"]])))
    near = data.draw(st.integers(0, 2000))
    at = data.draw(st.sampled_from([near, len(whole) - 1 - near])) % len(whole)
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.getbasetemp() / "flipped.onnx"
    path.write_bytes(whole)
    try:
        onnx_in.read(path, "flipped")
    except UserError as error:
        assert str(error).isprintable()


def test_a_text_a_folder_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_text("A poem about networks.\n" * 9)
    assert "no ONNX file" in refused(tmp_path / "x.onnx")
    (tmp_path / "empty.onnx").touch()
    assert "no ONNX file" in refused(tmp_path / "empty.onnx")
    assert "cannot read" in refused(tmp_path)
    assert "cannot read" in refused(tmp_path / "none.onnx")
    with (tmp_path / "big.onnx").open("wb") as file:
        file.truncate((1 << 30) + 1)
    assert "larger than 1 GB" in refused(tmp_path / "big.onnx")


def spoilt(change: Callable[[Checkpoint], Checkpoint]) -> Checkpoint:
    """A model file's content that nobody imported."""
    model = make(MODELS["dense"])
    data = onnx_out.model(model).SerializeToString()
    spec = Architecture(
        height=20, width=28, latent_dim=4,
        graph={"takes": (1, 4), "gives": (1, 20, 28), "axes": "hw", "low": 0, "high": 1},
    )  # fmt: skip
    card = Card(architecture=spec)
    return change(Checkpoint("spoilt", card, {}, model.latents, data))


def with_graph(model: Checkpoint, **changes: Any) -> Checkpoint:
    spec = model.architecture
    spec = spec.model_copy(update={"graph": spec.graph.model_copy(update=changes)})
    return replace(model, card=model.card.model_copy(update={"architecture": spec}))


SPOILT: list[tuple[Callable[[Checkpoint], Checkpoint], str]] = [
    (lambda m: replace(m, graph=b"nothing of the kind"), "no ONNX file"),
    (lambda m: replace(m, graph=beside("w.bin").SerializeToString()), "wants to read other files"),
    (lambda m: replace(m, graph=twice().SerializeToString()), "takes 2 inputs"),
    (lambda m: replace(m, graph=odd("Foo").SerializeToString()), "no op Foo"),
    (lambda m: with_graph(m, low=1.0), "values go from 1.0 to 1.0"),
    (lambda m: with_graph(m, high=float("nan")), "values go from"),
    (lambda m: with_graph(m, takes=(1, 5)), "cannot reshape"),
    (lambda m: with_graph(m, gives=(1, 28, 21)), "cannot reshape"),
    (lambda m: replace(m, graph=foreign([1, 4], [1, 3, 20, 28]).SerializeToString()), "reshape"),
]


@pytest.mark.parametrize(("change", "says"), SPOILT)
def test_a_model_file_with_a_graph_that_does_not_fit(
    change: Callable, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.bin").write_bytes(bytes(16 * 96 * 4))  # it must not even be looked at
    with pytest.raises(UserError, match=says) as told:
        Player(spoilt(change)).decode(np.zeros(4, np.float32))
    assert str(told.value).isprintable() and str(told.value).startswith("spoilt ")
    assert Player(spoilt(lambda m: m)).decode(np.zeros(4, np.float32)).shape == (20, 28)


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_without_the_extra_a_line_says_how_to_get_it(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = spoilt(lambda m: m)
    path = saved(tmp_path / "x.onnx", CASES["flat"][0])
    monkeypatch.setitem(sys.modules, missing, None)
    says = f"ONNX needs the package {missing}: pip install -r requirements-onnx.txt"
    with pytest.raises(UserError, match=says):
        Player(theirs)
    with pytest.raises(UserError, match=says):
        onnx_in.read(path, "x")
    if missing == "onnx":
        with pytest.raises(UserError, match=says):
            onnx_out.write(make(MODELS["dense"]), tmp_path / "y.onnx")
    assert [one.name for one in tmp_path.iterdir()] == ["x.onnx"]


PLAY = """
import sys; from pathlib import Path; import numpy as np
from visualiser.exchange import onnx_in; from visualiser.nets.play import Player
made = onnx_in.read(Path(sys.argv[1]), "quiet").checkpoint
print(Player(made).decode(np.zeros(made.latent_dim, np.float32)).shape)
try: onnx_in.read(Path(sys.argv[2]), "odd")
except Exception as error: print(type(error).__name__)
"""


def test_it_plays_in_silence_and_reports_to_nobody(tmp_path: Path) -> None:
    """onnxruntime keeps an id and sends what it sees home, unless it is told not to in time."""
    good = saved(tmp_path / "x.onnx", CASES["flat"][0])
    bad = saved(tmp_path / "y.onnx", odd("Foo"))
    bad.write_bytes(bad.read_bytes().replace(b"Foo", b"F\xd2o"))  # it would say so at length
    home = tmp_path / "home"
    home.mkdir()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_", "CI"))}
    env |= {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", PLAY, str(good), str(bad)],
        capture_output=True, text=True, cwd=ROOT, env=env, timeout=100,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("(28, 28)\nUserError\n", "")
    assert not list(home.rglob("*"))
