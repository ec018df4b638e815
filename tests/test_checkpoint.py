"""Model files: what is written is read again, and what is not a model is refused in one line."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_model
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from visualiser import scripts
from visualiser.nets import checkpoint
from visualiser.nets.checkpoint import KEY, SUFFIX, Checkpoint, find, names, read, write
from visualiser.types import UserError


def refused(path: Path) -> str:
    """The one line that is said of a file that is no model."""
    with pytest.raises(UserError) as caught:
        read(path)
    line = str(caught.value)
    assert line.isprintable() and len(line) < len(str(path)) + 600
    assert str(path) in line
    return line


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "small.safetensors"
    write(path, make_model(height=8, width=8, widths=(3,), latent_dim=2))
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broken.safetensors"


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """A safetensors file's header and body."""
    (size,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def joined(header: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def with_card(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    header, body = parts(data)
    card = json.loads(header["__metadata__"][KEY])
    change(card)
    header["__metadata__"][KEY] = json.dumps(card)
    return joined(header, body)


def with_tensors(change: Callable[[dict[str, np.ndarray]], object]) -> bytes:
    """A model file whose tensors were changed after the card was made."""
    made = make_model(height=8, width=8, widths=(3,), latent_dim=2)
    tensors = {f"weights.{name}": w for name, w in made.weights.items()}
    tensors |= {f"latents.{k}": v for k, v in dataclasses.asdict(made.latents).items()}
    change(tensors)
    return save(tensors, metadata={KEY: made.card.model_dump_json()})


# --- round trip


@pytest.mark.parametrize(
    "shape",
    [(8, 8, (), 1), (28, 28, (256, 128, 64, 16), 4), (8, 16, (5,), 7), (9, 5, (4, 4, 4), 2)],
)
def test_a_model_comes_back_exactly_as_it_was(path: Path, shape: tuple) -> None:
    made = make_model("any", *shape)
    write(path, made)
    again = read(path)
    assert again.name == "broken" and again.card == made.card
    assert again.weights.keys() == made.weights.keys()
    for name, weight in made.weights.items():
        np.testing.assert_array_equal(again.weights[name], weight)
        assert again.weights[name].dtype == np.float32
    for name, table in dataclasses.asdict(made.latents).items():
        np.testing.assert_array_equal(getattr(again.latents, name), table)
    x = torch.rand(3, *shape[:2])
    with torch.inference_mode():
        np.testing.assert_array_equal(again.build()(x), made.build()(x))


def test_a_file_holds_all_there_is_to_say_of_a_model(whole: bytes) -> None:
    card = json.loads(parts(whole)[0]["__metadata__"][KEY])
    assert card["version"] == 1
    assert card["architecture"] == {
        "kind": "dense", "height": 8, "width": 8, "widths": [3], "latent_dim": 2,
    }  # fmt: skip
    assert card["seed"] == 1 and card["test_losses"] == [0.5, 0.3] and card["test_mse"] == 0.01
    assert card["data"]["source"] == "shapes" and card["training"]["loss"] == "bce"


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


@pytest.mark.parametrize("name", names())
def test_the_shipped_models_are_whole_and_good(name: str) -> None:
    shipped = read(find(name))
    assert shipped.shape in ((28, 28), (56, 56))
    assert shipped.card.test_mse < 0.0016
    assert len(shipped.card.test_losses) == shipped.card.training["epochs"]


def test_the_shipped_models_are_one_of_each_size_and_light() -> None:
    shipped = [read(find(name)) for name in ("classic-28", "classic-56")]
    assert [one.shape for one in shipped] == [(28, 28), (56, 56)]
    assert sum(find(name).stat().st_size for name in names()) < 8e6


# --- what is not a model


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    assert "cannot read" in refused(tmp_path / "none.safetensors")
    assert "cannot read" in refused(tmp_path)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_file_cut_short_anywhere(tmp_path_factory, whole: bytes, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.safetensors"
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    at = data.draw(
        st.integers(0, len(whole) - 1) | st.integers(0, 20) | st.integers(header - 9, header + 9)
    )
    path.write_bytes(whole[:at])
    refused(path)


def test_a_file_with_more_behind_it(path: Path, whole: bytes) -> None:
    path.write_bytes(whole + b"\0")
    refused(path)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300)
    | st.binary(max_size=300).map(lambda b: struct.pack("<Q", max(len(b), 2)) + b"{" + b)
)
@example(b"")
@example(b"{}")
@example(b"\xff" * 8 + b"{}")
@example(b"\x00" * 8 + b"{}")
@example(struct.pack("<Q", 2) + b"{}")
def test_bytes_by_lot(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "lot.safetensors"
    path.write_bytes(data)
    refused(path)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_flipped_bit_reads_fine_or_is_refused(
    tmp_path_factory, whole: bytes, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    at = data.draw(st.integers(0, header - 1) | st.integers(header, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
    try:
        got = read(path)
    except UserError as error:
        assert str(error).isprintable()
    else:
        assert all(np.isfinite(w).all() for w in got.weights.values())
        assert got.card.architecture.shapes().keys() == got.weights.keys()


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_unopened(tmp_path: Path, path: Path, protocol: int) -> None:
    target = tmp_path / "touched"
    path.write_bytes(pickle.dumps(Payload(target), protocol))
    line = refused(path)
    assert "pickle" in line or (protocol < 2 and "is not a model" in line)
    assert not target.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_torch_file_is_refused_unopened(tmp_path: Path, path: Path, zipped: bool) -> None:
    target = tmp_path / "touched"
    torch.save({"model": Payload(target)}, path, _use_new_zipfile_serialization=zipped)
    assert "refused unopened" in refused(path)
    assert not target.exists()


def test_a_pickle_hidden_in_a_zip_or_behind_a_header_is_not_run(
    tmp_path: Path, path: Path, whole: bytes
) -> None:
    target = tmp_path / "touched"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Payload(target)))
    refused(path)
    path.write_bytes(whole + pickle.dumps(Payload(target)))
    refused(path)
    assert not target.exists()


def test_somebody_elses_safetensors(path: Path) -> None:
    path.write_bytes(save({"w": np.zeros((3, 3), np.float32)}))
    assert "not one of Squircle's" in refused(path)
    path.write_bytes(save({"w": np.zeros((3, 3), np.float32)}, metadata={"format": "pt"}))
    assert "not one of Squircle's" in refused(path)


ABSURD = [
    lambda a: a.update(height=10**9),
    lambda a: a.update(width=0),
    lambda a: a.update(width=-28),
    lambda a: a.update(latent_dim=10**12),
    lambda a: a.update(latent_dim=0),
    lambda a: a.update(widths=[10**30]),
    lambda a: a.update(widths=[-3]),
    lambda a: a.update(widths=[0]),
    lambda a: a.update(widths=[3] * 10_000),
    lambda a: a.update(widths="many"),
    lambda a: a.update(widths=None),
    lambda a: a.update(height=8.5),
    lambda a: a.update(height="eight"),
    lambda a: a.update(kind="conv"),
    lambda a: a.update(odd=1),
    lambda a: a.clear(),
]


@pytest.mark.parametrize("change", ABSURD)
def test_absurd_sizes_in_the_card(path: Path, whole: bytes, change: Callable) -> None:
    path.write_bytes(with_card(whole, lambda card: change(card["architecture"])))
    refused(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.update(height=9),
        lambda a: a.update(latent_dim=3),
        lambda a: a.update(widths=[4]),
        lambda a: a.update(widths=[3, 3]),
        lambda a: a.update(widths=[]),
    ],
)
def test_weights_that_are_not_of_the_architectures_size(
    path: Path, whole: bytes, change: Callable
) -> None:
    path.write_bytes(with_card(whole, lambda card: change(card["architecture"])))
    line = refused(path)
    assert "weights." in line or "latents." in line
    assert any(word in line for word in ("its architecture needs", "missing", "not expected"))


CARDS: list[tuple[Callable[[dict], object], str]] = [
    (lambda c: c.update(version=2), "newer Squircle"),
    (lambda c: c.update(version=10**30), "newer Squircle"),
    (lambda c: c.update(version=0), "version"),
    (lambda c: c.update(version="new"), "version"),
    (lambda c: c.pop("architecture"), "architecture"),
    (lambda c: c.update(test_mse=-1), "test_mse"),
    (lambda c: c.update(test_mse=float("nan")), "test_mse"),
    (lambda c: c.update(test_mse=None), "test_mse"),
    (lambda c: c.update(seed="x"), "seed"),
    (lambda c: c.update(data=[1]), "data"),
    (lambda c: c.update({"a\nb\x1b[31m" + "c" * 5000: 1}), "does not hold together"),
    (lambda c: c.clear(), "architecture"),
]


@pytest.mark.parametrize(("change", "says"), CARDS)
def test_a_card_that_does_not_hold_together(
    path: Path, whole: bytes, change: Callable, says: str
) -> None:
    path.write_bytes(with_card(whole, change))
    assert says in refused(path)


BOMBS = ["[" * 100_000, '{"a":' * 50_000, "9" * 100_000, "", "null", "[]", "3", '"x"', "{", "NaN"]


@pytest.mark.parametrize("text", BOMBS, ids=[bomb[:9] or "nothing" for bomb in BOMBS])
def test_a_card_that_is_a_bomb_or_no_card(path: Path, whole: bytes, text: str) -> None:
    header, body = parts(whole)
    header["__metadata__"][KEY] = text
    path.write_bytes(joined(header, body))
    assert "card" in refused(path)


def put(name: str, value: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict], None]:
    return lambda tensors: tensors.update({name: value(tensors[name])})


def spoil(number: float) -> Callable[[np.ndarray], np.ndarray]:
    def spoiled(tensor: np.ndarray) -> np.ndarray:
        tensor = tensor.copy()
        tensor.flat[-1] = number
        return tensor

    return spoiled


TENSORS: list[tuple[Callable[[dict], object], str]] = [
    (put("weights.decoder.2.bias", spoil(np.nan)), "not finite"),
    (put("weights.encoder.0.weight", spoil(np.inf)), "not finite"),
    (put("latents.knots", spoil(-np.inf)), "not finite"),
    (put("latents.mean", spoil(np.nan)), "not finite"),
    (put("weights.encoder.0.weight", lambda t: t.astype(np.float64)), "float32"),
    (put("weights.encoder.0.weight", lambda t: t.astype(np.float16)), "float32"),
    (put("weights.encoder.0.bias", lambda t: t.astype(np.int32)), "float32"),
    (put("weights.encoder.0.weight", lambda t: t.T.copy()), "its architecture needs 3x64"),
    (put("weights.encoder.0.bias", lambda t: t[None]), "its architecture needs 3"),
    (put("latents.knots", lambda t: t[:, :, :1].copy()), "latent map"),
    (put("latents.knots", lambda t: t[:1].copy()), "latent map"),
    (put("latents.rotations", lambda t: t[:, :1].copy()), "its architecture needs ?x2x2"),
    (lambda t: t.update({k: v[:0] for k, v in t.items() if v.ndim == 3}), "latent map"),
    (lambda t: t.pop("latents.std"), "latents.std is missing"),
    (lambda t: t.pop("weights.decoder.0.weight"), "weights.decoder.0.weight is missing"),
    (lambda t: t.update(odd=np.zeros(1, np.float32)), "odd is not expected"),
    (lambda t: t.update({"\x1b[2J\n": np.zeros(1, np.float32)}), "is not expected"),
]


@pytest.mark.parametrize(("change", "says"), TENSORS)
def test_weights_that_cannot_be_used(path: Path, change: Callable, says: str) -> None:
    path.write_bytes(with_tensors(change))
    assert says in refused(path)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "F8_E5M2", "I64", "BOOL", "F4", "X9", 7])
def test_numbers_of_kinds_that_numpy_has_not(path: Path, whole: bytes, dtype: object) -> None:
    header, body = parts(whole)
    header["weights.encoder.0.bias"]["dtype"] = dtype
    path.write_bytes(joined(header, body))
    refused(path)


def test_a_header_that_points_outside_of_the_file(path: Path, whole: bytes) -> None:
    for offsets in ([0, 10**15], [-4, 8], [8, 4], [0], None, ["a", "b"]):
        header, body = parts(whole)
        header["weights.encoder.0.bias"]["data_offsets"] = offsets
        path.write_bytes(joined(header, body))
        refused(path)


def test_a_header_said_to_be_huge_is_not_read(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 62) + b"{" + b" " * 100)
    refused(path)
    with path.open("wb") as file:  # a sparse file, 3 GB long
        file.write(struct.pack("<Q", 3 << 30) + b"{")
        file.truncate(3 << 30)
    assert "is not a model" in refused(path)


def test_the_list_of_models_goes_on_past_one_that_is_broken(
    tmp_path: Path, whole: bytes, monkeypatch, capsys
) -> None:
    """And prints what a card says as it is, whatever that looks like."""

    def odd(card: dict) -> None:
        card.update(created="[/red] [bold", data={"kinds": 5})

    (tmp_path / "a.safetensors").write_bytes(whole[:-1])
    (tmp_path / "b.safetensors").write_bytes(with_card(whole, odd))
    monkeypatch.setattr(scripts.checkpoint, "names", lambda: names(tmp_path))
    monkeypatch.setattr(scripts.checkpoint, "find", lambda name: tmp_path / f"{name}{SUFFIX}")
    assert checkpoint.names() == ["a", "b"]
    assert scripts.models(as_json=False) == 2
    out, err = capsys.readouterr()
    assert "[/red] [bold" in out and "0.01000" in out
    assert err.count("\n") == 1 and "a.safetensors" in err
    assert scripts.models(as_json=True) == 2
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "b" and row["layers"] == [64, 3, 2]
