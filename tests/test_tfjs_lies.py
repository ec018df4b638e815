"""Import from TensorFlow.js of files that lie, or hold what cannot be read: one clear line each."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tfjs import Node, Spec, conv, dense, make

from visualiser.exchange import tfjs_in, tfjs_map, tfjs_out
from visualiser.nets.play import Player
from visualiser.types import UserError

pytestmark = pytest.mark.usefixtures("few_samples")


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    node = Node()
    yield node
    node.close()


@pytest.fixture(scope="module")
def small(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model.json of 16-5-3-16, in two shards."""
    layers = [dense(5, inputShape=[16]), dense(3), dense(16, "sigmoid")]
    return make(node, tmp_path_factory.mktemp("small"), layers, shards=2)


@pytest.fixture
def copied(small: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(small.parent, folder)
    return folder / "model.json"


def refused(path: Path, words: str) -> None:
    with pytest.raises(UserError, match=words) as told:
        tfjs_in.read(path, "lies")
    line = str(told.value)
    assert "\n" not in line and len(line) < 500 and path.name in line


SHARD = "group1-shard1of2.bin"


def test_shards_of_another_length(copied: Path) -> None:
    data = (copied.parent / SHARD).read_bytes()
    for shard, words in [
        (data[:-4], "cut short: 664 bytes, where .* make 668"),
        (b"", "cut short"),
        (data + b"\0", "too long: 669 bytes, where .* make 668"),
    ]:
        (copied.parent / SHARD).write_bytes(shard)
        refused(copied, words)
    (copied.parent / SHARD).unlink()
    refused(copied, f"its shard {SHARD} is missing")
    (copied.parent / SHARD).mkdir()
    refused(copied, f"its shard {SHARD} is missing")


@pytest.mark.parametrize(
    "name",
    [
        "../outside.bin",
        "sub/../../outside.bin",
        "/etc/passwd",
        "..",
        ".",
        "",
        "C:\\model.bin",
        "..\\outside.bin",
        "http://example.com/a.bin",
        "file:///etc/passwd",
        "a\0b",
        "a\nb",
        "a" * 999,
        7,
        None,
        ["a"],
        "link.bin",
        "folder/inside.bin",
    ],
)
def test_shards_that_are_not_plain_files_beside_it(copied: Path, name: Any) -> None:
    model = json.loads(copied.read_text())
    outside = copied.parent.parent / "outside.bin"
    shutil.copy(copied.parent / SHARD, outside)
    (copied.parent / "link.bin").symlink_to(outside)
    (copied.parent.parent / "elsewhere").mkdir()
    shutil.copy(outside, copied.parent.parent / "elsewhere" / "inside.bin")
    (copied.parent / "folder").symlink_to(copied.parent.parent / "elsewhere")
    model["weightsManifest"][0]["paths"][0] = name
    copied.write_text(json.dumps(model))
    refused(copied, "shard")


def test_shards_in_a_folder_below_are_found(copied: Path) -> None:
    model = json.loads(copied.read_text())
    (copied.parent / "below").mkdir()
    shutil.move(copied.parent / SHARD, copied.parent / "below" / SHARD)
    model["weightsManifest"][0]["paths"][0] = f"./below/{SHARD}"
    copied.write_text(json.dumps(model))
    assert tfjs_in.read(copied, "below").checkpoint.latent_dim == 3


Change = Callable[[dict[str, Any]], object]


def first(model: dict[str, Any]) -> dict[str, Any]:
    return model["weightsManifest"][0]["weights"][0]


def layer(model: dict[str, Any], i: int = 0) -> dict[str, Any]:
    return model["modelTopology"]["config"]["layers"][i]


LIES: list[tuple[str, str, Change]] = [
    ("no manifest", "no weightsManifest", lambda m: m.pop("weightsManifest")),
    ("an empty manifest", "no weightsManifest", lambda m: m.update(weightsManifest=[])),
    (
        "a group of nothing",
        "group of weightsManifest is broken",
        lambda m: m.update(weightsManifest=[3]),
    ),
    ("shape too large", "cut short", lambda m: first(m).update(shape=[16, 6])),
    ("shape too small", "too long", lambda m: first(m).update(shape=[16, 4])),
    (
        "shape turned over",
        "kernel is 5x16, it needs 16x5",
        lambda m: first(m).update(shape=[5, 16]),
    ),
    (
        "shape huge",
        "weights take .* allowed are 512 MB",
        lambda m: first(m).update(shape=[1 << 20] * 2),
    ),
    ("shape negative", "allowed are lists", lambda m: first(m).update(shape=[-16, -5])),
    ("shape no numbers", "allowed are lists", lambda m: first(m).update(shape=["16", 5])),
    ("shape true", "allowed are lists", lambda m: first(m).update(shape=[True, 80])),
    ("no shape", "has the shape None", lambda m: first(m).pop("shape")),
    ("int32", "is of int32; allowed are float32", lambda m: first(m).update(dtype="int32")),
    ("bool", "is of bool; allowed are float32", lambda m: first(m).update(dtype="bool")),
    ("string", "is of string; allowed are float32", lambda m: first(m).update(dtype="string")),
    ("no dtype", "is of None; allowed", lambda m: first(m).pop("dtype")),
    ("int4", "stored as int4", lambda m: first(m).update(quantization={"dtype": "int4"})),
    ("no scale", "with the scale None", lambda m: first(m).update(quantization={"dtype": "uint8"})),
    (
        "scale nan",
        "the scale nan",
        lambda m: first(m).update(quantization={"dtype": "uint8", "scale": float("nan"), "min": 0}),
    ),
    (
        "shorter by quantisation",
        "too long",
        lambda m: first(m).update(quantization={"dtype": "uint8", "scale": 1, "min": 0}),
    ),
    ("no name", "has no name", lambda m: first(m).pop("name")),
    ("another name", "lacks dense_.*/kernel", lambda m: first(m).update(name="x/kernel")),
    (
        "a weight twice",
        "names the weight .* twice",
        lambda m: m["weightsManifest"][0]["weights"].append(copy.deepcopy(first(m))),
    ),
    (
        "a shard twice",
        "names the shard .* twice",
        lambda m: m["weightsManifest"][0]["paths"].append(SHARD),
    ),
    ("no topology", "no modelTopology", lambda m: m.pop("modelTopology")),
    ("a graph model", "is a graph-model", lambda m: m.update(format="graph-model")),
    (
        "another class",
        "model of the class Tower",
        lambda m: m["modelTopology"].update(class_name="Tower"),
    ),
    ("no layers", "no layers", lambda m: m["modelTopology"]["config"].update(layers=[])),
    (
        "no input shape",
        "does not say what shape",
        lambda m: layer(m)["config"].pop("batch_input_shape"),
    ),
    (
        "input of any size",
        "does not say what shape",
        lambda m: layer(m)["config"].update(batch_input_shape=[None, None]),
    ),
    (
        "input of another size",
        "needs 15x5",
        lambda m: layer(m)["config"].update(batch_input_shape=[None, 15]),
    ),
    ("more units", "needs 16x6", lambda m: layer(m)["config"].update(units=6)),
    ("no units", "does not say its 'units'", lambda m: layer(m)["config"].pop("units")),
    ("units of a kind", "does not fit", lambda m: layer(m)["config"].update(units="many")),
    (
        "an odd activation",
        r"the layer dense_.* \(Dense\) has the activation softmax; allowed are linear",
        lambda m: layer(m)["config"].update(activation="softmax"),
    ),
    (
        "an odd layer",
        r"\(LSTM\) is none that can be read; these are: InputLayer, Dense",
        lambda m: layer(m, 1).update(class_name="LSTM"),
    ),
    ("a lambda", "Lambda", lambda m: layer(m, 1).update(class_name="Lambda")),
]


@pytest.mark.parametrize(("words", "lie"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
def test_lies_are_told(copied: Path, words: str, lie: Change) -> None:
    model = json.loads(copied.read_text())
    lie(model)
    copied.write_text(json.dumps(model))
    refused(copied, words)


def test_numbers_that_are_none(copied: Path) -> None:
    shard = copied.parent / SHARD
    data = shard.read_bytes()
    for value in (np.nan, np.inf):
        shard.write_bytes(np.float32(value).tobytes() + data[4:])
        refused(copied, "holds values that are not finite numbers")


def test_numbers_that_are_too_large_together(node: Node, tmp_path: Path) -> None:
    path = make(node, tmp_path, [dense(3, inputShape=[2]), dense(16, "linear")])
    shard = tmp_path / "model.weights.bin"
    np.full(shard.stat().st_size // 4, 3e38, "<f4").tofile(shard)
    refused(path, "draws no finite numbers")


def test_a_weight_that_no_layer_takes(copied: Path) -> None:
    model = json.loads(copied.read_text())
    model["weightsManifest"][0]["weights"].append({"name": "z", "shape": [2], "dtype": "float32"})
    model["weightsManifest"][0]["paths"].append("more.bin")
    (copied.parent / "more.bin").write_bytes(bytes(8))
    copied.write_text(json.dumps(model))
    refused(copied, "its manifest has z, which no layer takes")


def test_what_is_no_model_at_all(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    refused(path, "cannot read the model .*No such file")
    path.mkdir()
    refused(path, "cannot read the model .*directory")
    for i, text in enumerate(["", "{", "[]", "7", "[" * 100_000, '{"a": 1}', "\0\xff", "1" * 5000]):
        other = tmp_path / f"model{i}.json"
        other.write_bytes(text.encode("latin-1"))
        refused(other, "is no JSON|is no model of TensorFlow.js")


FOREIGN: dict[str, tuple[Spec, str, str]] = {
    "an encoder": (
        [dense(9, inputShape=[16]), dense(4)],
        "sequential",
        "takes 16 and gives 4; wanted",
    ),
    "no picture": (
        [dense(3, inputShape=[2]), dense(17)],
        "sequential",
        "gives 17, which is no picture",
    ),
    "two channels": (
        [dense(32, inputShape=[4]), ["reshape", {"targetShape": [4, 4, 2]}]],
        "sequential",
        "gives 4x4x2, which is no picture",
    ),
    "no bottleneck": ([dense(20, inputShape=[16]), dense(16)], "sequential", "nowhere narrower"),
    "channels first": (
        [conv("conv2d", 2, inputShape=[1, 8, 8], dataFormat="channelsFirst")],
        "sequential",
        r"\(Conv2D\) does not fit: data_format is channels_first, where only channels_last",
    ),
    "dilated": ([conv("conv2d", 2, inputShape=[8, 8, 1], dilationRate=2)], "sequential", "dilated"),
    "turned over": (
        [["permute", {"dims": [2, 1, 3], "inputShape": [8, 8, 1]}]],
        "sequential",
        "turns the picture",
    ),
    "windows that overlap": (
        [["maxPooling2d", {"poolSize": 3, "strides": 2, "inputShape": [8, 8, 1]}]],
        "sequential",
        "strides are not its pool_size",
    ),
    "another layer": (
        [["separableConv2d", {"filters": 2, "kernelSize": 3, "inputShape": [8, 8, 1]}]],
        "sequential",
        "SeparableConv2D.* is none that can be read",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_models_that_are_none_of_ours(node: Node, tmp_path: Path, name: str) -> None:
    spec, shape, words = FOREIGN[name]
    refused(make(node, tmp_path, spec, shape), words)


def test_a_layer_with_two_inputs_or_aside(node: Node, tmp_path: Path) -> None:
    path = make(node, tmp_path, [dense(5, inputShape=[16]), dense(16)], "model")
    whole = json.loads(path.read_text())

    def changed(change: Callable[[list[Any]], object], words: str) -> None:
        model = copy.deepcopy(whole)
        change(model["modelTopology"]["config"]["layers"])
        path.write_text(json.dumps(model))
        refused(path, words)

    name = [layer["name"] for layer in whole["modelTopology"]["config"]["layers"]]
    changed(
        lambda layers: layers[2]["inbound_nodes"][0].append([name[0], 0, 0, {}]), "several inputs"
    )
    changed(lambda layers: layers[2].update(inbound_nodes=[[[name[0], 0, 0, {}]]]), "stands aside")
    changed(lambda layers: layers[2].update(inbound_nodes=[[["none", 0, 0]]]), "do not lead from")
    changed(lambda layers: layers[1].update(inbound_nodes=[[[name[2], 0, 0]]]), "do not lead from")
    changed(lambda layers: layers.append(layers[1]), "same name")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    keys = (
        list(value)
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    return [pair for key in keys for pair in [(value, key), *places(value[key])]]


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70_000),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just([[]]),
    st.lists(st.integers(0, 20), max_size=4),
    st.sampled_from(
        ["Model", "Sequential", "relu", "float16", "../x", "Reshape", "BatchNormalization"]
    ),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_one_thing_changed_is_read_or_told(copied: Path, data: st.DataObject) -> None:
    model = json.loads((copied.parent / "model.json").read_text())
    container, key = data.draw(st.sampled_from(places(model)))
    container[key] = data.draw(JUNK)
    changed = copied.parent / "changed.json"
    changed.write_text(json.dumps(model))
    try:
        found = tfjs_in.read(changed, "changed").checkpoint
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) < 600
    else:
        assert np.isfinite(Player(found).decode(np.zeros(found.latent_dim, np.float32))).all()


# --- latents.json, which lies beside what we export

TABLES: dict[str, Callable[[dict[str, Any]], object]] = {
    "its mean are not 3": lambda t: t["mean"].append(0.0),
    "its std are not numbers": lambda t: t.pop("std"),
    "its mean are not numbers": lambda t: t.update(mean=["1", "2", "3"]),
    "its mean are not all finite": lambda t: t["mean"].__setitem__(0, float("nan")),
    "its std are not all finite": lambda t: t["std"].__setitem__(0, 1e300),
    "its knots are not numbers": lambda t: t["knots"][0][0].__setitem__(0, 10**400),
    "below nothing": lambda t: t["std"].__setitem__(0, 0),
    "its directions are lists of different": lambda t: t["directions"][0].append(1.0),
    "its directions are not at right": lambda t: t["directions"].__setitem__(0, [2.0, 0.0, 0.0]),
    "its directions are not": lambda t: t["directions"].append([1.0, 0.0, 0.0]),
    "its rotations are not at right": lambda t: t["rotations"][0].__setitem__(0, [0.0] * 3),
    "its knots are not": lambda t: t.update(knots=[]),
    "its visibility are not": lambda t: t.update(visibility={"a": 1}),
    "it has 0 directions": lambda t: t.update(directions=[], visibility=[]),
    "its height is 3, not 12": lambda t: t.update(height=3),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "out"
    tfjs_out.write(make_model(), folder)
    return folder


def not_used(folder: Path, words: str) -> None:
    found = tfjs_in.read(folder / "model.json", "lies")
    (told,) = [note for note in found.notes if "latents.json" in note]
    assert "is not used: " in told and words in told and len(told) < 300 and "\n" not in told
    assert "standard normal" in found.notes[-1] and not found.checkpoint.latents.mean.any()


@pytest.mark.parametrize("words", TABLES)
def test_a_map_that_lies_is_told_and_not_used(exported: Path, tmp_path: Path, words: str) -> None:
    folder = shutil.copytree(exported, tmp_path / "out")
    table = json.loads((folder / "latents.json").read_text())
    TABLES[words](table)
    (folder / "latents.json").write_text(json.dumps(table))
    not_used(folder, words)


def test_a_map_that_is_none_is_told_and_not_used(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(exported, tmp_path / "out")
    for data in (b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000):
        (folder / "latents.json").write_bytes(data)
        not_used(folder, "")
    monkeypatch.setattr(tfjs_map, "LARGEST_JSON", 4 << 20)
    (folder / "latents.json").write_bytes(b" " * (5 << 20))
    not_used(folder, "larger than 4 MB")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_map_with_any_one_thing_changed_is_used_or_told(
    exported: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    table = json.loads((exported / "latents.json").read_text())
    container, key = data.draw(st.sampled_from(places(table)))
    container[key] = data.draw(JUNK)
    folder = tmp_path_factory.getbasetemp() / "maps"
    folder.mkdir(exist_ok=True)
    (folder / "latents.json").write_text(json.dumps(table))
    model = tfjs_in.read(exported / "model.json", "any").checkpoint
    known, told = tfjs_map.read(folder / "model.json", model.architecture)
    assert told and (known is not None) == ("is not used" not in told)
    if known is not None:
        assert np.isfinite(known.to_latent(np.ones(known.n_directions, np.float32))).all()
