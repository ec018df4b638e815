"""What is no model, or one made to do harm, is refused in one line, with nothing of it run."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from model_files import joined, parts, put, refused, small, spoil, with_card, with_tensors
from safetensors.numpy import save

from visualiser.nets.checkpoint import KEY, read, write
from visualiser.types import UserError


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "small.safetensors"
    write(path, small())
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broken.safetensors"


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
        assert got.card.architecture.weights().keys() == got.weights.keys()


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


CARDS: list[tuple[Callable[[dict], object], str]] = [
    (lambda c: c.update(version="new"), "version"),
    (lambda c: c.update(version="1"), "version"),
    (lambda c: c.update(version=None), "version"),
    (lambda c: c.pop("architecture"), "architecture"),
    (lambda c: c.update(architecture=[]), "architecture"),
    (lambda c: c.update(figures={"mse": float("nan")}), "figures.mse"),
    (lambda c: c.update(figures={"mse": float("inf")}), "figures.mse"),
    (lambda c: c.update(figures={"mse": None}), "figures.mse"),
    (lambda c: c.update(figures=[0.1]), "figures"),
    (lambda c: c.update(test_losses=["x"] * 1_000_000), "test_losses"),
    (lambda c: c.update(seed="x"), "seed"),
    (lambda c: c.update(data=[1]), "data"),
    (lambda c: c.update(recipe=5), "recipe"),
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


TENSORS: list[tuple[Callable[[dict], object], str]] = [
    (put("weights.decoder.2.bias", spoil(np.nan)), "not finite"),
    (put("weights.encoder.1.kernel", spoil(np.inf)), "not finite"),
    (put("latents.knots", spoil(-np.inf)), "not finite"),
    (put("latents.mean", spoil(np.nan)), "not finite"),
    (put("latents.directions", spoil(np.nan)), "not finite"),
    (put("latents.visibility", spoil(np.inf)), "not finite"),
    (put("weights.encoder.1.kernel", lambda t: t.astype(np.float64)), "float32"),
    (put("weights.encoder.1.kernel", lambda t: t.astype(np.float16)), "float32"),
    (put("weights.encoder.1.bias", lambda t: t.astype(np.int32)), "float32"),
    (put("weights.encoder.1.kernel", lambda t: t.T.copy()), "its architecture needs 64x3"),
    (put("weights.encoder.1.bias", lambda t: t[None]), "its architecture needs 3"),
    (put("latents.knots", lambda t: t[:, :, :1].copy()), "latent map"),
    (put("latents.knots", lambda t: t[:1].copy()), "latent map"),
    (put("latents.rotations", lambda t: t[:, :1].copy()), "its architecture needs ?x2x2"),
    (put("latents.directions", lambda t: t[:1].copy()), "latent directions"),
    (put("latents.directions", lambda t: t[:, :1].copy()), "its architecture needs ?x2"),
    (put("latents.visibility", lambda t: t[:1].copy()), "latent directions"),
    (put("latents.visibility", lambda t: t[:, None]), "its architecture needs ?"),
    (lambda t: t.update({k: v[:0] for k, v in t.items() if "directions" in k or "visib" in k}),
     "latent directions"),
    (lambda t: t.update({k: np.tile(v, 2 if v.ndim == 1 else (2, 1)) for k, v in t.items()
                         if "directions" in k or "visib" in k}), "latent directions"),
    (lambda t: t.update({"latents.rotations": t["latents.rotations"][:0]}), "latent map"),
    (lambda t: t.pop("latents.std"), "latents.std is missing"),
    (lambda t: t.pop("latents.directions"), "latents.directions is missing"),
    (lambda t: t.pop("weights.decoder.0.kernel"), "weights.decoder.0.kernel is missing"),
    (lambda t: t.update(odd=np.zeros(1, np.float32)), "odd is not expected"),
    (lambda t: t.update(graph=np.zeros(9, np.uint8)), "graph is not expected"),
    (lambda t: t.update({"\x1b[2J\n": np.zeros(1, np.float32)}), "is not expected"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "says"), TENSORS)
def test_weights_that_cannot_be_used(path: Path, change: Callable, says: str) -> None:
    path.write_bytes(with_tensors(change))
    assert says in refused(path)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "F8_E5M2", "I64", "BOOL", "F4", "X9", 7])
def test_numbers_of_kinds_that_numpy_has_not(path: Path, whole: bytes, dtype: object) -> None:
    header, body = parts(whole)
    header["weights.encoder.1.bias"]["dtype"] = dtype
    path.write_bytes(joined(header, body))
    refused(path)


def test_a_header_that_points_outside_of_the_file(path: Path, whole: bytes) -> None:
    for offsets in ([0, 10**15], [-4, 8], [8, 4], [0], None, ["a", "b"]):
        header, body = parts(whole)
        header["weights.encoder.1.bias"]["data_offsets"] = offsets
        path.write_bytes(joined(header, body))
        refused(path)


def test_tensors_that_lie_over_each_other_or_come_twice(path: Path, whole: bytes) -> None:
    header, body = parts(whole)
    header["weights.encoder.1.bias"]["data_offsets"] = header["weights.decoder.0.bias"][
        "data_offsets"
    ]
    path.write_bytes(joined(header, body))
    refused(path)
    text = json.dumps(parts(whole)[0])
    entry = json.dumps(parts(whole)[0]["latents.std"])
    twice = (text[:-1] + f', "latents.std": {entry}}}').encode()
    path.write_bytes(struct.pack("<Q", len(twice)) + twice + body)
    assert list(read_or_none(path)) in ([], [2])  # one of two that are alike, or none


def read_or_none(path: Path) -> list[int]:
    try:
        return [read(path).latent_dim]
    except UserError:
        return []


def test_a_header_said_to_be_huge_is_not_read(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 62) + b"{" + b" " * 100)
    refused(path)
    with path.open("wb") as file:  # a sparse file, 3 GB long
        file.write(struct.pack("<Q", 3 << 30) + b"{")
        file.truncate(3 << 30)
    assert "is not a model" in refused(path)
