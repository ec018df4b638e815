"""Import from TensorFlow.js: models that the real one made and saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import make_model
from tfjs import Node, Spec, conv, dense, make

from visualiser import latents
from visualiser.exchange import measure, tfjs_in, tfjs_out
from visualiser.nets import checkpoint
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.nets.visibility import order_directions
from visualiser.types import UserError

pytestmark = pytest.mark.usefixtures("few_samples")
CLOSE = 1e-5


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    node = Node()
    yield node
    node.close()


# The network of the Coding Train's autoencoder, and what it takes.
ORIGINAL: Spec = [
    dense(256, inputShape=[784]),
    *(dense(units) for units in (128, 64, 16)),
    dense(4, "sigmoid"),
    *(dense(units) for units in (16, 64, 128, 256)),
    dense(784, "sigmoid"),
]
CONVOLUTIONS: Spec = [
    conv("conv2d", 4, strides=2, inputShape=[16, 16, 3]),
    ["batchNormalization", {}],
    ["leakyReLU", {"alpha": 0.2}],
    conv("conv2d", 6, [2, 3], padding="valid", activation="linear"),
    ["maxPooling2d", {"poolSize": [1, 2]}],
    ["flatten", {}],
    ["dropout", {"rate": 0.3}],
    dense(5, "tanh"),
    dense(4 * 4 * 6, "swish"),
    ["reshape", {"targetShape": [4, -1, 6]}],
    conv("conv2dTranspose", 5, 4, strides=2, activation="elu"),
    ["gaussianNoise", {"stddev": 0.1}],
    ["upSampling2d", {"size": [2, 2]}],
    ["batchNormalization", {"center": False, "epsilon": 0.01}],
    conv("conv2d", 3, activation="sigmoid", useBias=False),
]
HALVES: Spec = [
    ["sequential", [dense(9, inputShape=[8, 8]), ["flatten", {}], dense(3, "linear")]],
    ["sequential", [dense(30, "selu", inputShape=[3]), dense(64, "sigmoid"),
                    ["reshape", {"targetShape": [8, 8]}]]],
]  # fmt: skip
MODELS: dict[str, tuple[Spec, str]] = {
    "the original": (ORIGINAL, "sequential"),
    "convolutions": (CONVOLUTIONS, "sequential"),
    "convolutions, functional": (CONVOLUTIONS, "model"),
    "halves": (HALVES, "sequential"),
    "colour, flat": ([dense(7, inputShape=[75]), dense(75, "sigmoid")], "sequential"),
    "a picture in, numbers out": (
        [["flatten", {"inputShape": [4, 9, 1]}], dense(3), dense(36, "sigmoid")],
        "sequential",
    ),
    "a small picture for latents": (
        [
            conv("conv2d", 2, strides=4, inputShape=[12, 12, 1]),
            conv("conv2dTranspose", 1, 5, strides=4, activation="sigmoid"),
        ],
        "sequential",
    ),
    "every activation": (
        [
            ["inputLayer", {"inputShape": [6, 6, 1]}],
            *(dense(4, name) for name in ("relu", "relu6", "elu", "selu", "softplus", "swish")),
            *(["activation", {"activation": name}] for name in ("tanh", "sigmoid", "linear")),
            ["reLU", {}],
            ["reLU", {"maxValue": 6}],
            ["elu", {}],
            ["leakyReLU", {}],
            ["averagePooling2d", {"poolSize": [2, 3]}],
            ["permute", {"dims": [1, 2, 3]}],
            ["upSampling2d", {"size": [2, 3], "interpolation": "bilinear"}],
            conv("conv2d", 1, activation="linear"),
        ],
        "sequential",
    ),
}
DECODERS: dict[str, Spec] = {
    "numbers": [dense(12, inputShape=[5]), dense(49, "sigmoid")],
    "colour": [
        dense(4 * 3 * 2, inputShape=[6]),
        ["reshape", {"targetShape": [4, 3, 2]}],
        conv("conv2dTranspose", 3, [5, 2], strides=[2, 3], padding="valid", activation="sigmoid"),
    ],
    "a latent that is a picture": [
        conv("conv2dTranspose", 4, 4, padding="valid", inputShape=[1, 1, 9]),
        conv("conv2dTranspose", 1, 4, strides=2, activation="sigmoid"),
    ],
    "smooth": [
        dense(9, inputShape=[4]),
        ["reshape", {"targetShape": [3, 3, 1]}],
        ["upSampling2d", {"size": [3, 2], "interpolation": "bilinear"}],
        ["activation", {"activation": "sigmoid"}],
    ],
}


def through(model: Checkpoint, pictures: np.ndarray) -> np.ndarray:
    player = Player(model)
    return np.stack([player.decode(player.encode(one)) for one in pictures])


def gap(ours: np.ndarray, theirs: np.ndarray) -> float:
    assert ours.std() > 1e-3, "a model that always draws the same says nothing"
    return float(np.abs(ours - theirs.reshape(ours.shape)).max())


@pytest.mark.parametrize("name", MODELS)
def test_an_autoencoder_sees_what_it_saw_there(node: Node, tmp_path: Path, name: str) -> None:
    path = make(node, tmp_path, *MODELS[name], shards=3)
    model = tfjs_in.read(path, "theirs").checkpoint
    x = np.random.default_rng(1).random((3, *model.architecture.picture)).astype(np.float32)
    theirs = node.predict(path, x)
    assert gap(through(model, x), theirs) < CLOSE
    import torch

    from visualiser.nets.autoencoder import build

    built = build(model)  # and as torch has it

    seen = torch.from_numpy(x if model.architecture.pictures == "colour" else x[..., 0])
    assert gap(built(seen).numpy(), theirs) < CLOSE


@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_alone_draws_what_it_drew_there(node: Node, tmp_path: Path, name: str) -> None:
    path = make(node, tmp_path, DECODERS[name])
    model, notes = (found := tfjs_in.read(path, "theirs")).checkpoint, found.notes
    assert not model.architecture.encoder and "without an encoder" in notes[-1]
    z = np.random.default_rng(1).standard_normal((3, model.latent_dim)).astype(np.float32)
    ours = np.stack([Player(model).decode(one) for one in z])
    assert gap(ours, node.predict(path, z)) < CLOSE


def test_the_original_is_split_where_it_is_narrowest(node: Node, tmp_path: Path) -> None:
    found = tfjs_in.read(make(node, tmp_path, ORIGINAL), "original")
    model = found.checkpoint
    assert str(model.architecture) == "28x28x1-784-256-128-64-16-4 > 4-16-64-128-256-784-28x28x1"
    # Its bottleneck has a sigmoid, which belongs to the encoder: latents lie between 0 and 1.
    z = Player(model).encode(np.random.default_rng(2).random((28, 28)).astype(np.float32))
    assert ((z > 0) & (z < 1)).all()
    assert (model.latents.mean == 0.5).all() and model.name == "original"
    assert len(model.latents.visibility) == model.latents.n_directions <= 4

    checkpoint.write(tmp_path / "original.safetensors", model)
    again = checkpoint.read(tmp_path / "original.safetensors")
    x = np.random.default_rng(3).random((2, 28, 28)).astype(np.float32)
    assert np.array_equal(through(again, x), through(model, x))


def test_pictures_from_minus_one_to_one_become_pictures_from_zero_to_one(
    node: Node, tmp_path: Path
) -> None:
    path = make(node, tmp_path, [dense(5, "tanh", inputShape=[36]), dense(36, "tanh")])
    found = tfjs_in.read(path, "tanh")
    assert any("tanh" in note for note in found.notes)
    x = np.random.default_rng(1).random((3, 6, 6)).astype(np.float32)
    assert gap(through(found.checkpoint, x), node.predict(path, 2 * x - 1) / 2 + 0.5) < CLOSE


def test_what_is_odd_about_a_model_is_noted(node: Node, tmp_path: Path) -> None:
    path = make(node, tmp_path, [dense(5, inputShape=[36]), dense(36, "linear")])
    notes = tfjs_in.read(path, "linear").notes
    assert any("not held within 0 to 1 (linear)" in note for note in notes)
    manifest = json.loads(path.read_text())
    shard = path.parent / "model.weights.bin"
    weights = np.fromfile(shard, "<f4")
    weights[-36:] = 3  # the last bias: a light ground
    weights.tofile(shard)
    assert manifest["weightsManifest"][0]["weights"][-1]["shape"] == [36]
    assert any("light ground" in note for note in tfjs_in.read(path, "light").notes)


def test_a_model_saved_with_its_optimizer(node: Node, tmp_path: Path) -> None:
    path = make(node, tmp_path, [dense(3, inputShape=[16]), dense(16, "sigmoid")], compile=True)
    groups = [w.get("group") for w in json.loads(path.read_text())["weightsManifest"][0]["weights"]]
    assert groups.count("optimizer") >= 8
    model = tfjs_in.read(path, "trained").checkpoint
    x = np.random.default_rng(1).random((3, 4, 4)).astype(np.float32)
    assert gap(through(model, x), node.predict(path, x)) < CLOSE


def quantise(path: Path, dtype: str) -> None:
    """As the converter does it with --quantize_uint8 and its like."""
    model = json.loads(path.read_text())
    (group,) = model["weightsManifest"]
    data, at = (path.parent / group["paths"][0]).read_bytes(), 0
    stored = b""
    for weight in group["weights"]:
        n = int(np.prod(weight["shape"]))
        numbers = np.frombuffer(data, "<f4", n, at)
        at += 4 * n
        if dtype == "float16":
            weight["quantization"] = {"dtype": dtype, "original_dtype": "float32"}
            stored += numbers.astype("<f2").tobytes()
            continue
        low = float(numbers.min())
        scale = (float(numbers.max()) - low) / np.iinfo(dtype).max or 1.0
        weight["quantization"] = {"dtype": dtype, "min": low, "scale": scale}
        stored += np.round((numbers - low) / scale).astype(dtype).tobytes()
    (path.parent / group["paths"][0]).write_bytes(stored)
    path.write_text(json.dumps(model))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16"])
def test_quantised_weights(node: Node, tmp_path: Path, dtype: str) -> None:
    path = make(node, tmp_path, CONVOLUTIONS)
    before = through(tfjs_in.read(path, "whole").checkpoint, np.ones((1, 16, 16, 3), np.float32))
    quantise(path, dtype)
    model = tfjs_in.read(path, "small").checkpoint
    x = np.random.default_rng(1).random((3, 16, 16, 3)).astype(np.float32)
    assert gap(through(model, x), node.predict(path, x)) < CLOSE
    assert not np.array_equal(through(model, np.ones((1, 16, 16, 3), np.float32)), before)


def as_keras_converts(path: Path) -> None:
    """What the converter makes of a file of Keras: topology in a wrapper, weights in groups, names
    with the names of models before them."""
    model = json.loads(path.read_text())
    topology = model["modelTopology"]
    config = {"class_name": topology["class_name"], "config": topology["config"]}
    if config["class_name"] == "Sequential" and isinstance(config["config"], dict):
        config["config"] = config["config"]["layers"]
    model["modelTopology"] = {"keras_version": "2.15.0", "backend": "tensorflow",
                              "model_config": config, "training_config": {}}  # fmt: skip
    (group,) = model["weightsManifest"]
    data = (path.parent / group["paths"][0]).read_bytes()
    half = len(group["weights"]) // 2
    parts = (group["weights"][:half], group["weights"][half:])
    size = sum(4 * int(np.prod(weight["shape"])) for weight in parts[0])
    model["weightsManifest"] = []
    for i, (weights, stream) in enumerate(zip(parts, (data[:size], data[size:]), strict=True), 1):
        paths = [f"group{i}-shard1of2.bin", f"group{i}-shard2of2.bin"]
        (path.parent / paths[0]).write_bytes(stream[:7])
        (path.parent / paths[1]).write_bytes(stream[7:])
        for weight in weights:
            weight["name"] = f"outer/{weight['name']}"
        model["weightsManifest"].append({"paths": paths, "weights": weights})
    path.write_text(json.dumps(model))


@pytest.mark.parametrize("shape", ["sequential", "model"])
def test_the_form_that_the_converter_of_keras_writes(
    node: Node, tmp_path: Path, shape: str
) -> None:
    path = make(node, tmp_path, CONVOLUTIONS, shape)
    x = np.random.default_rng(1).random((3, 16, 16, 3)).astype(np.float32)
    theirs = node.predict(path, x)
    as_keras_converts(path)
    assert gap(through(tfjs_in.read(path, "keras").checkpoint, x), theirs) < CLOSE


def test_the_way_keras_3_names_inputs(node: Node, tmp_path: Path) -> None:
    path = make(node, tmp_path, MODELS["colour, flat"][0], "model")
    model = json.loads(path.read_text())
    layers = model["modelTopology"]["config"]["layers"]
    layers[0]["config"]["batch_shape"] = layers[0]["config"].pop("batch_input_shape")
    for layer in layers[1:]:
        ((source, *_),) = layer["inbound_nodes"][0]
        tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": [source, 0, 0]}}
        layer["inbound_nodes"] = [{"args": [tensor], "kwargs": {}}]
    layers.reverse()  # and in any order
    path.write_text(json.dumps(model))
    assert tfjs_in.read(path, "three").checkpoint.latent_dim == 7


@pytest.mark.parametrize("bent", [True, False])
def test_what_we_export_comes_back_the_same(tmp_path: Path, bent: bool) -> None:
    model = make_model()
    if not bent:
        model = replace(model, latents=latents.standard(3))
    model = order_directions(model)
    tfjs_out.write(model, tmp_path / "out")
    found = tfjs_in.read(tmp_path / "out" / "model.json", "again")
    again = found.checkpoint
    z = np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
    for one in z:
        assert np.array_equal(Player(again).decode(one), Player(model).decode(one))
    for name, table in asdict(model.latents).items():
        assert np.array_equal(getattr(again.latents, name), table), name
    assert "taken from latents.json" in found.notes[-1]
    checkpoint.write(tmp_path / "again.safetensors", again)
    checkpoint.read(tmp_path / "again.safetensors")


def test_latents_lie_where_their_activation_lets_them(node: Node, tmp_path: Path) -> None:
    for name, mean, std in [
        ("sigmoid", 0.5, 0.2),
        ("tanh", 0, 0.5),
        ("relu", 1, 1),
        ("linear", 0, 1),
    ]:
        path = make(node, tmp_path / name, [dense(3, name, inputShape=[16]), dense(16, "sigmoid")])
        table = tfjs_in.read(path, name).checkpoint.latents
        assert np.allclose(table.mean, mean) and np.allclose(table.std, std)
        assert isinstance(table, latents.LatentMap)


def test_a_slow_decoder_is_not_measured_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tfjs_out.write(make_model(latent_dim=9), tmp_path / "out")
    (tmp_path / "out" / "latents.json").unlink()
    drawn: list[object] = []
    decode = Player.decode
    monkeypatch.setattr(Player, "decode", lambda self, z: drawn.append(z) or decode(self, z))
    monkeypatch.setattr(measure, "_tried", lambda made: (measure.MEASURE_S / 500, 1.0))
    found = tfjs_in.read(tmp_path / "out" / "model.json", "slow")
    assert 200 < len(drawn) < 510
    assert "directions out of 9, the ones that are seen most" in found.notes[0]


@pytest.mark.parametrize("by", [0.0, 1e30, 3.4e38])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_weights_of_any_size_are_read_or_told_and_nothing_warns(tmp_path: Path, by: float) -> None:
    path = tmp_path / "out" / "model.json"
    tfjs_out.write(make_model(), path.parent)
    for beside in (True, False):
        for shard in path.parent.glob("*.bin"):
            weights = np.fromfile(shard, "<f4")
            (np.sign(weights) * np.float32(by)).tofile(shard)
        try:
            found = tfjs_in.read(path, "large")
        except UserError as error:
            assert by and "finite numbers" in str(error)
        else:
            z = found.checkpoint.latents.mean
            assert by or "it draws the same picture whatever its latent is" in found.notes
            with np.errstate(all="ignore"):
                assert np.isfinite(Player(found.checkpoint).decode(z)).all()
        if beside:
            (path.parent / "latents.json").unlink()
