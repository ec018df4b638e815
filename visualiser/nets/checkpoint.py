"""Model files: one safetensors file holds weights, architecture, latent map and history.

Reading one needs numpy only, never runs anything from the file, and checks all of it first: the
sizes against the architecture, every number for being one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from visualiser.files import write_bytes
from visualiser.latents import LatentMap
from visualiser.nets.architecture import Architecture
from visualiser.types import FloatArray, UserError

MODELS = Path(__file__).resolve().parents[2] / "models"
SUFFIX = ".safetensors"
VERSION = 2  # of the format
GRAPH = "graph"  # the tensor that holds an ONNX decoder's bytes
KEY = "squircle"  # the entry of the safetensors header that holds the card, as JSON


class Card(BaseModel):
    """What a model file says about itself.

    recipe: the command that made it; data: the settings its pictures were made with; training:
    loss, epochs, batch, rate, seconds; figures: what was measured on held-out pictures, by name:
    mse (0..1 grey squared), iou, kl (nats); train_losses, test_losses: one number an epoch; seed:
    of data, weights and order alike; created: an ISO date.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(default=VERSION, ge=VERSION, le=VERSION)
    architecture: Architecture
    recipe: str = ""
    data: dict[str, Any] = {}
    training: dict[str, Any] = {}
    figures: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = {}
    train_losses: Annotated[tuple[float, ...], FailFast()] = ()
    test_losses: Annotated[tuple[float, ...], FailFast()] = ()
    seed: int = 0
    created: str = ""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model as it lies on disk: name, card, weights as float32 arrays, the latent map, and the
    bytes of its ONNX graph where it is one."""

    name: str
    card: Card
    weights: Mapping[str, FloatArray] = field(repr=False)
    latents: LatentMap = field(repr=False)
    graph: bytes = field(default=b"", repr=False)

    @property
    def architecture(self) -> Architecture:
        return self.card.architecture

    @property
    def latent_dim(self) -> int:
        return self.architecture.latent_dim

    @property
    def shape(self) -> tuple[int, int]:
        return self.architecture.height, self.architecture.width


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write a model file whole or not at all. Raises UserError where it cannot be written."""
    from safetensors.numpy import save

    tensors = {f"weights.{name}": np.ascontiguousarray(w) for name, w in checkpoint.weights.items()}
    tensors |= {f"latents.{name}": table for name, table in asdict(checkpoint.latents).items()}
    if checkpoint.graph:
        tensors[GRAPH] = np.frombuffer(checkpoint.graph, np.uint8)
    data = save(tensors, metadata={KEY: checkpoint.card.model_dump_json()})
    write_bytes(path, data)


def read(path: Path) -> Checkpoint:
    """Read a model file. Raises UserError, one line, for anything but a whole, sane model."""
    from safetensors import SafetensorError, safe_open

    _refuse_foreign(path)
    try:
        with safe_open(path, framework="np") as file:
            card = _card(path, (file.metadata() or {}).get(KEY))
            expected = _expected(card.architecture)
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            _compare(path, expected, found)
            tensors = {name: np.asarray(file.get_tensor(name)) for name in found}
            graph = tensors.pop(GRAPH, np.zeros(0, np.uint8))
    except (SafetensorError, OSError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged or cut short: {_line(error)}") from None
    if graph.dtype != np.uint8:
        raise UserError(f"{path}: {GRAPH} does not hold bytes")
    for name, tensor in tensors.items():
        if tensor.dtype != np.float32 or not np.isfinite(tensor).all():
            raise UserError(f"{path}: {name} holds values that are not finite float32 numbers")
    weights = {
        n.removeprefix("weights."): t for n, t in tensors.items() if n.startswith("weights.")
    }
    latents = {
        n.removeprefix("latents."): t for n, t in tensors.items() if n.startswith("latents.")
    }
    return Checkpoint(path.stem, card, weights, LatentMap(**latents), graph.tobytes())


def _refuse_foreign(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(9)
            size = path.stat().st_size
    except OSError as error:
        raise UserError(f"cannot read the model {path}: {error.strerror}") from None
    # A safetensors file begins with the length of its header, so its first byte may be any.
    header = int.from_bytes(start[:8], "little")
    if len(start) == 9 and start[8:] == b"{" and header <= 1 << 24:
        if header + 8 > size:
            raise UserError(f"{path} is cut short: its header alone is longer than the file")
        return
    if start.startswith((b"PK\x03\x04", b"\x80")):
        raise UserError(
            f"{path} is a pickle or a zip of pickles, which can carry code: refused unopened."
            " A model is a .safetensors file written by 'python main.py train'"
        )
    raise UserError(f"{path} is not a model: a model is a .safetensors file")


def _card(path: Path, text: str | None) -> Card:
    if text is None:
        raise UserError(f"{path} is a safetensors file, but not one of Squircle's: it has no card")
    try:
        raw = json.loads(text)
        version = raw.get("version", VERSION) if isinstance(raw, dict) else VERSION
        if isinstance(version, int) and version != VERSION:
            older = version < VERSION
            raise UserError(
                f"{path} was written by {'an older' if older else 'a newer'} Squircle: version"
                f" {version} of the format, where this one reads {VERSION}"
                + (": train it again" if older else "")
            )
        return Card.model_validate(raw)
    except (ValidationError, ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        else:
            why = str(error)
        raise UserError(f"{path}: its card does not hold together: {_line(why)}") from None


def _line(words: object) -> str:
    """Words out of a file as one short line: they may be anything."""
    line = "".join(c if c.isprintable() else " " for c in str(words))
    return line if len(line) <= 200 else f"{line[:200]}..."


def _expected(architecture: Architecture) -> dict[str, tuple[int | None, ...]]:
    dim = architecture.latent_dim
    expected: dict[str, tuple[int | None, ...]] = {
        f"weights.{name}": shape for name, shape in architecture.weights().items()
    }
    if architecture.graph is not None:
        expected[GRAPH] = (None,)
    expected["latents.mean"] = expected["latents.std"] = (dim,)
    expected["latents.rotations"] = (None, dim, dim)
    expected["latents.knots"] = (None, dim, None)
    expected["latents.directions"] = (None, dim)
    expected["latents.visibility"] = (None,)
    return expected


def _compare(
    path: Path,
    expected: Mapping[str, tuple[int | None, ...]],
    found: Mapping[str, tuple[int, ...]],
) -> None:
    if odd := set(expected) ^ set(found):
        name = sorted(odd)[0]
        what = "missing" if name in expected else "not expected"
        raise UserError(f"{path}: {_line(name)} is {what}")
    for name, want in expected.items():
        got = found[name]
        if len(want) != len(got) or any(
            w is not None and w != g for w, g in zip(want, got, strict=True)
        ):
            wanted = "x".join("?" if w is None else str(w) for w in want)
            raise UserError(
                f"{path}: {name} is {'x'.join(map(str, got))}, its architecture needs {wanted}"
            )
    bends, _, knots = found["latents.knots"]
    (seen,), (directions, dim) = found["latents.visibility"], found["latents.directions"]
    if bends != found["latents.rotations"][0] or not 2 <= knots <= 4096:
        raise UserError(f"{path}: its latent map does not hold together")
    if seen != directions or not 1 <= directions <= dim:
        raise UserError(f"{path}: its latent directions do not hold together")


def names(folder: Path = MODELS) -> list[str]:
    """The models in a folder, by name."""
    return sorted(path.stem for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))


def is_path(name: str) -> bool:
    """Whether a model is given by its file, not by its name."""
    return name.endswith(SUFFIX) or "/" in name or "\\" in name


def find(name: str, folder: Path = MODELS) -> Path:
    """The file of a model given by name or by path. Raises UserError if there is none."""
    if is_path(name):
        return Path(name)
    path = folder / f"{name}{SUFFIX}"
    if not path.exists():
        known = ", ".join(names(folder)) or "none yet: 'python main.py train' makes one"
        raise UserError(f"there is no model called {name!r} in {folder}; there are: {known}")
    return path
