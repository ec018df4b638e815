"""Model files: what is written is read again, and found by its name."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_model, with_weights
from model_files import parts, refused, with_card
from safetensors.numpy import save

from visualiser.nets import checkpoint, conv, dense, shape
from visualiser.nets.architecture import Architecture, Graph
from visualiser.nets.autoencoder import build
from visualiser.nets.checkpoint import KEY, SUFFIX, Checkpoint, find, names, read, write
from visualiser.nets.layers import Affine, ConvTranspose, Pool, Reshape, Upsample
from visualiser.types import UserError
from visualiser.verbs import models

ALONE = Architecture(  # a decoder, of layers that are trained nowhere here
    height=12,
    width=8,
    latent_dim=6,
    decoder=(
        Reshape(shape=(3, 2, 1)),
        ConvTranspose(filters=5, kernel=(3, 5), stride=(2, 1), bias=False),
        Affine(),
        Upsample(factor=(2, 4), smooth=True),
        ConvTranspose(filters=1, kernel=(2, 2), stride=(2, 2)),
        Pool(how="mean", size=(2, 2)),
    ),
)
KINDS = {
    "dense": dense.architecture(8, 16, (5,), 7),
    "dense, nothing hidden": dense.architecture(8, 8, (), 1),
    "dense, as shipped": dense.architecture(28, 28, (256, 128, 64, 16), 4),
    "dense, narrow": dense.architecture(9, 5, (4, 4, 4), 2),
    "shape": shape.architecture(16, 5, (4, 6), (8,), 7, (6,)),
    "shape, larger": shape.architecture(24, 12),
    "colour": conv.architecture(16, 3, 4),
    "colour, larger": conv.architecture(64, 8, 8),
    "decoder": ALONE,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "small.safetensors"
    write(path, make_model(height=8, width=8, widths=(3,), latent_dim=2))
    return path.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_any_kind_comes_back_exactly_as_it_was(tmp_path: Path, kind: str) -> None:
    made, path = with_weights(KINDS[kind]), tmp_path / "again.safetensors"
    write(path, made)
    again = read(path)
    assert again.name == "again" and again.card == made.card
    assert again.architecture == KINDS[kind]
    assert again.weights.keys() == made.weights.keys()
    for name, weight in made.weights.items():
        np.testing.assert_array_equal(again.weights[name], weight)
        assert again.weights[name].dtype == np.float32
    for name, table in dataclasses.asdict(made.latents).items():
        np.testing.assert_array_equal(getattr(again.latents, name), table)
    with torch.inference_mode():
        z = torch.randn(2, made.latent_dim)
        drawn = build(again).decode(z)
        np.testing.assert_array_equal(drawn, build(made).decode(z))
        in_colour = made.architecture.pictures == "colour"
        assert drawn.shape == (2, *made.shape, *([3] if in_colour else []))
        if made.architecture.encoder:
            x = torch.rand(2, *made.architecture.picture)
            np.testing.assert_array_equal(build(again).encode(x), build(made).encode(x))


def test_a_graph_comes_back_to_the_last_byte(tmp_path: Path) -> None:
    graph = Graph(takes=(1, 6), gives=(1, 1, 12, 8), axes="chw", low=-1.0, high=1.0)
    architecture = Architecture(height=12, width=8, latent_dim=6, graph=graph)
    made = dataclasses.replace(with_weights(architecture), graph=bytes(range(256)) * 3)
    write(tmp_path / "graph.safetensors", made)
    again = read(tmp_path / "graph.safetensors")
    assert again.graph == made.graph and again.architecture == architecture
    assert again.architecture.kind == "decoder, ONNX" and not again.weights


def test_what_a_list_says_of_a_model() -> None:
    said = {kind: (made.kind, str(made)) for kind, made in KINDS.items()}
    assert said["dense, as shipped"] == (
        "autoencoder", "28x28x1-784-256-128-64-16-4 > 4-16-64-128-256-784-28x28x1",
    )  # fmt: skip
    assert said["shape"] == ("shape VAE", "16x16x1-10 > 5-16x16x8-16x16x6-16x16x1")
    assert said["colour"][0] == "colour VAE"
    assert said["colour"][1].startswith("16x16x3-8x8x4-4x4x8-128-6 > 3-128-4x4x8-")
    assert said["decoder"] == (
        "decoder", "6-3x2x1-6x2x5-12x8x5-24x16x1-12x8x1",
    )  # fmt: skip


def test_sizes_are_those_of_the_way_to_the_latents() -> None:
    assert KINDS["dense, as shipped"].sizes() == [784, 256, 128, 64, 16, 4]
    assert KINDS["shape"].sizes() == [256, 5]
    assert KINDS["colour"].sizes()[:: len(KINDS["colour"].sizes()) - 1] == [768, 3]
    assert ALONE.sizes() == [96, 384, 480, 60, 6]  # of a decoder alone, backwards


def test_a_file_holds_all_there_is_to_say_of_a_model(whole: bytes) -> None:
    card = json.loads(parts(whole)[0]["__metadata__"][KEY])
    assert card["version"] == 2
    layers = card["architecture"]["encoder"]
    assert [layer["op"] for layer in layers] == ["reshape", "dense", "activation", "dense"]
    assert [layer.get("units") for layer in layers] == [None, 3, None, 2]
    assert layers[0]["shape"] == [64] and layers[2]["name"] == "relu"
    sizes = [card["architecture"][key] for key in ("height", "width", "latent_dim")]
    assert sizes == [8, 8, 2] and card["architecture"]["pictures"] == "grey"
    assert card["seed"] == 1 and card["test_losses"] == [0.5, 0.3]
    assert card["figures"] == {"mse": 0.01}
    assert card["data"]["source"] == "shapes" and card["training"]["loss"] == "bce"


FIRST = {  # an architecture as the first version of the format had it
    "kind": "dense", "height": 8, "width": 8, "widths": [3], "latent_dim": 2,
}  # fmt: skip


@pytest.mark.parametrize("version", [1, 0, -3])
def test_a_model_of_an_older_squircle_is_told_to_be_trained_again(
    tmp_path: Path, version: int
) -> None:
    old = {"version": version, "architecture": FIRST, "test_mse": 0.01, "seed": 1, "created": ""}
    weights = {"weights.encoder.0.weight": np.zeros((3, 64), np.float32)}
    path = tmp_path / "old.safetensors"
    path.write_bytes(save(weights, metadata={KEY: json.dumps(old)}))
    line = refused(path)
    assert "older Squircle" in line and "train it again" in line
    assert f"version {version} of the format" in line and "reads 2" in line


@pytest.mark.parametrize("version", [3, 10**30])
def test_a_model_of_a_newer_squircle_is_told_to_be_one(
    tmp_path: Path, whole: bytes, version: int
) -> None:
    path = tmp_path / "new.safetensors"
    path.write_bytes(with_card(whole, lambda card: card.update(version=version)))
    line = refused(path)
    assert "newer Squircle" in line and "train" not in line


def test_models_are_listed_and_found_by_name_or_path(models_folder: Path) -> None:
    assert names(models_folder) == ["small", "wide"]
    assert find("wide", models_folder) == models_folder / "wide.safetensors"
    given = str(models_folder / "small.safetensors")
    assert find(given) == Path(given)
    assert read(find("wide", models_folder)).shape == (8, 16)
    with pytest.raises(UserError, match=r"no model called 'round'.*small, wide"):
        find("round", models_folder)
    with pytest.raises(UserError, match=r"none yet: 'python main\.py train' makes one"):
        find("round", models_folder / "nowhere")
    assert names(models_folder / "nowhere") == []


def test_writing_is_whole_or_not_at_all(tmp_path: Path, model: Checkpoint, monkeypatch) -> None:
    path = tmp_path / "kept.safetensors"
    path.write_bytes(b"what was there")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"cannot write .*kept.*No space left"):
        write(path, model)
    assert path.read_bytes() == b"what was there"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.safetensors"]
    with pytest.raises(UserError, match="cannot write"):
        write(tmp_path / "no" / "folder.safetensors", model)


def test_the_list_of_models_goes_on_past_one_that_is_broken(
    tmp_path: Path, whole: bytes, monkeypatch, capsys
) -> None:
    """And prints what a card says as it is, whatever that looks like."""

    def odd(card: dict) -> None:
        card.update(created="[/red] [bold", data={"kinds": 5})

    (tmp_path / "a.safetensors").write_bytes(whole[:-1])
    (tmp_path / "b.safetensors").write_bytes(with_card(whole, odd))
    monkeypatch.setattr(models.checkpoint, "names", lambda: names(tmp_path))
    monkeypatch.setattr(models.checkpoint, "find", lambda name: tmp_path / f"{name}{SUFFIX}")
    assert checkpoint.names() == ["a", "b"]
    assert models.models(as_json=False) == 2
    out, err = capsys.readouterr()
    assert "[/red] [bold" in out and "mse 0.01" in out
    assert err.count("\n") == 1 and "a.safetensors" in err
    assert models.models(as_json=True) == 2
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "b" and row["kind"] == "autoencoder"
    assert row["layers"] == [64, 3, 2] and row["network"] == "8x8x1-64-3-2 > 2-3-64-8x8x1"
    assert row["test_mse"] == 0.01
    assert row["figures"] == {"mse": 0.01} and row["latents"] == 2
    assert len(row["directions"]) == 2
