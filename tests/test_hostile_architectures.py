"""Architectures that no network has are refused in one line, before they take memory or time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from model_files import refused, small, with_card

from visualiser.nets.checkpoint import write

CONV = {"op": "conv", "filters": 1}
ELU = {"op": "activation", "name": "elu"}
FLAT = {"op": "reshape", "shape": [64]}
LOOK = {
    "op": "look", "size": 8,
    "where": [FLAT, {"op": "dense", "units": 3}],
    "what": [FLAT, {"op": "dense", "units": 4}],
}  # fmt: skip


def encoder(*layers: dict[str, Any]) -> Callable[[dict], None]:
    """The encoder, of other layers."""
    return lambda a: a.update(encoder=list(layers))


def look(**other: Any) -> Callable[[dict], None]:
    return encoder(LOOK | other)


ABSURD: dict[str, Callable[[dict[str, Any]], object]] = {
    "tall": lambda a: a.update(height=10**9),
    "no width": lambda a: a.update(width=0),
    "a width below zero": lambda a: a.update(width=-28),
    "a height with a half": lambda a: a.update(height=8.5),
    "a height in words": lambda a: a.update(height="eight"),
    "an endless height": lambda a: a.update(height=float("inf")),
    "a height that is none": lambda a: a.update(height=float("nan")),
    "endless latents": lambda a: a.update(latent_dim=10**12),
    "no latents": lambda a: a.update(latent_dim=0),
    "unknown pictures": lambda a: a.update(pictures="smell"),
    "an odd key": lambda a: a.update(odd=1),
    "nothing": lambda a: a.clear(),
    "layers in words": lambda a: a.update(encoder="many"),
    "layers that are none": lambda a: a.update(encoder=None),
    "an unknown layer": encoder({"op": "exec", "code": "print(1)"}),
    "a layer without a name": encoder({"units": 3}),
    "a layer that is a number": lambda a: a.update(encoder=[5]),
    "a layer with an odd key": encoder({"op": "dense", "units": 3, "code": "x"}),
    "units without end": encoder(FLAT, {"op": "dense", "units": 10**30}),
    "units below zero": encoder(FLAT, {"op": "dense", "units": -3}),
    "no units": encoder(FLAT, {"op": "dense", "units": 0}),
    "units that are a list": encoder(FLAT, {"op": "dense", "units": [3]}),
    "ten thousand layers": lambda a: a.update(encoder=[{"op": "affine"}] * 10_000),
    "a million layers": lambda a: a.update(encoder=[5] * 1_000_000),
    "lists in lists": lambda a: a.update(encoder=json.loads("[" * 400 + "]" * 400)),
    "no decoder": lambda a: a.update(decoder=[]),
    "a decoder that draws another size": lambda a: a["decoder"].pop(),
    "two decoders": lambda a: a.update(
        graph={"takes": [2], "gives": [8, 8], "axes": "hw", "low": 0, "high": 1}
    ),
    "a graph that is an odd one": lambda a: a.update(
        decoder=[], graph={"takes": [0], "gives": [8], "axes": "xyz", "low": 0, "high": "NaN"}
    ),
    "a reshape to more": encoder({"op": "reshape", "shape": [65]}),
    "a reshape to nothing": encoder({"op": "reshape", "shape": []}),
    "a reshape below zero": encoder({"op": "reshape", "shape": [-8, -8]}),
    "a reshape to five axes": encoder({"op": "reshape", "shape": [2, 2, 2, 2, 4]}),
    "a kernel without end": encoder(CONV | {"kernel": [10**9, 1]}),
    "a kernel larger than the picture": encoder(CONV | {"kernel": [9, 9], "padding": "valid"}),
    "a kernel of none": encoder(CONV | {"kernel": [0, 3]}),
    "a kernel of one axis": encoder(CONV | {"kernel": [3]}),
    "a stride of none": encoder(CONV | {"stride": [0, 1]}),
    "unknown padding": encoder(CONV | {"padding": "mirror"}),
    "a convolution of a vector": encoder(FLAT, CONV),
    "pooled until nothing is left": encoder(*[{"op": "pool", "size": [2, 2]}] * 4),
    "enlarged beyond all bounds": encoder(*[{"op": "upsample", "factor": [64, 64]}] * 3),
    "enlarged without end": encoder(*[{"op": "upsample", "factor": [64, 64]}] * 64),
    "transposed beyond all bounds": encoder(
        *[{"op": "conv_transpose", "filters": 64, "stride": [64, 64]}] * 9
    ),
    "filters by filters": encoder(
        *[{"op": "conv", "filters": 65_536, "kernel": [64, 64]}] * 2
    ),
    "a kernel of a large picture": encoder(
        *[{"op": "upsample", "factor": [64, 64]}, {"op": "conv", "filters": 1, "kernel": [64, 64]}]
    ),
    "a kernel of many filters": encoder(
        {"op": "conv_transpose", "filters": 65_536, "kernel": [16, 16], "stride": [1, 1]}
    ),
    "a long line made smooth": encoder(
        {"op": "reshape", "shape": [64, 1, 1]},
        *[{"op": "upsample", "factor": [64, 1], "smooth": True}] * 3,
    ),
    "an unknown activation": encoder({"op": "activation", "name": "eval"}),
    "a slope that is no number": encoder(ELU | {"alpha": float("nan")}),
    "a slope below zero": encoder(ELU | {"alpha": -1}),
    "lines without end": encoder(FLAT, {"op": "lines", "height": 10**6, "width": 8, "count": 9}),
    "lines of large pictures": encoder(
        FLAT, {"op": "lines", "height": 1024, "width": 1024, "count": 1024}
    ),
    "lines through wide layers": encoder(
        FLAT, {"op": "lines", "height": 8, "width": 8, "count": 9, "hidden": [65_536] * 8}
    ),
    "lines of three numbers": encoder(
        FLAT, {"op": "dense", "units": 3}, {"op": "lines", "height": 8, "width": 8, "count": 9}
    ),
    "a look of any size": look(size=10**9),
    "a look below zero": look(size=-8),
    "a look at nowhere": look(where=[]),
    "a look that sees three numbers": look(what=[FLAT, {"op": "dense", "units": 3}]),
    "a look within a look": look(where=[LOOK]),
    "a look at a vector": encoder(FLAT, LOOK),
    "a look at many layers": look(where=[{"op": "affine"}] * 33),
    "looks that grow": look(where=[{"op": "upsample", "factor": [64, 64]}] * 32),
    "looks through wide layers": look(what=[FLAT, *[{"op": "dense", "units": 65_536}] * 31]),
    "a look at another picture": look(what=[{"op": "reshape", "shape": [4096]}]),
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "small.safetensors"
    write(path, small())
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broken.safetensors"


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_architectures_in_the_card(path: Path, whole: bytes, name: str) -> None:
    path.write_bytes(with_card(whole, lambda card: ABSURD[name](card["architecture"])))
    assert "card does not hold together" in refused(path)


def test_they_take_neither_time_nor_memory(tmp_path: Path, whole: bytes) -> None:
    """In a process of its own, that may take a little more than Python and numpy do."""
    for i, change in enumerate(ABSURD.values()):
        spoiled = with_card(whole, lambda card, change=change: change(card["architecture"]))
        (tmp_path / f"{i}.safetensors").write_bytes(spoiled)
    code = (
        "import resource, sys; from pathlib import Path; import safetensors, numpy\n"
        "from visualiser.nets.checkpoint import read; from visualiser.types import UserError\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before = peak(); resource.setrlimit(resource.RLIMIT_CPU, (15, 15))\n"
        "for path in sorted(Path(sys.argv[1]).glob('*.safetensors')):\n"
        "    try: read(path); print('read', path)\n"
        "    except UserError: pass\n"
        "print(f'{peak() - before:.0f}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1, done.stdout
    assert int(done.stdout) < 120, "MB"  # the list of a million numbers is one of them


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.update(encoder=[FLAT, {"op": "dense", "units": 2}]),
        lambda a: a["encoder"][1].update(units=4),
        lambda a: a["encoder"][1].update(bias=False),
        lambda a: a["encoder"].insert(1, {"op": "affine"}),
        lambda a: a["decoder"].insert(0, {"op": "dense", "units": 2}),
        lambda a: a.update(encoder=[]),
        lambda a: a.update(encoder=[LOOK | {"what": [FLAT, {"op": "dense", "units": 4}]}],
                           variational=True),
        lambda a: a.update(decoder=[], graph={"takes": [2], "gives": [8, 8], "axes": "hw",
                                              "low": 0, "high": 1}),
    ],
)  # fmt: skip
def test_weights_that_are_not_of_the_architectures_size(
    path: Path, whole: bytes, change: Callable
) -> None:
    path.write_bytes(with_card(whole, lambda card: change(card["architecture"])))
    line = refused(path)
    assert "weights." in line or "latents." in line or "graph" in line
    assert any(word in line for word in ("its architecture needs", "missing", "not expected"))
