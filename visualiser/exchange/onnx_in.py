"""Other people's decoders: an ONNX graph that takes a latent and gives a picture.

The graph is kept as it came; weights that lay beside it are taken in, and of several outputs only
the picture is kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from visualiser.exchange import Imported, measure, onnx_look
from visualiser.latents import LatentMap
from visualiser.nets import onnx
from visualiser.nets.architecture import Architecture, Graph
from visualiser.nets.checkpoint import Card, Checkpoint
from visualiser.types import FloatArray, UserError

LARGEST_BYTES = 1 << 30
LARGEST_LATENT = 1 << 16
KEY = "squircle"  # the entry of a graph's metadata in which our own exports say what they are


def read(path: Path, name: str, shape: Sequence[int] = ()) -> Imported:
    """A model of an ONNX file; shape: of its latent, where the file leaves that open.

    Takes up to a minute for a slow decoder. Raises UserError, one line, for anything but a whole
    decoder that onnxruntime runs.
    """
    try:
        model = load(path)
        run = onnx.session(model.SerializeToString())
        takes = _takes(onnx.latent(run).shape, shape)
        decode = onnx_look.player(run, takes)
        output, picture = onnx_look.find(decode, math.prod(takes))
        if len(model.graph.output) > 1:
            kept = [one for one in model.graph.output if one.name == output]
            del model.graph.output[:]
            model.graph.output.extend(kept)
            decode = onnx_look.player(onnx.session(model.SerializeToString()), takes)
        own = _own(model, math.prod(takes))
        latents = _normal(math.prod(takes), own)
        seen = onnx_look.look(decode, latents)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    distances = own.get("pictures") == "distance" and picture.channels == 1
    low, high, told = (0.0, 1.0, "it draws distances") if distances else onnx_look.levels(seen)
    architecture = Architecture(
        height=picture.height,
        width=picture.width,
        pictures="distance" if distances else "colour" if picture.channels > 1 else "grey",
        latent_dim=math.prod(takes),
        graph=Graph(takes=takes, gives=picture.shape, axes=picture.axes, low=low, high=high),
    )
    card = Card(
        architecture=architecture,
        data={"source": "onnx", "file": path.name},
        created=datetime.now(UTC).date().isoformat(),
    )
    made = Checkpoint(name, card, {}, latents, model.SerializeToString())
    try:
        made, moved = measure.measured(made)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    speed = f"a picture takes {seen.seconds * 1000:.2g} ms here"
    return Imported(made, (told, *seen.notes, *moved, speed))


def load(path: Path) -> Any:
    """The file as a ModelProto, whole. Raises ValueError or UserError, one line."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError(f"it is larger than {LARGEST_BYTES >> 30} GB")
        model = onnx.parse(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    total = 0
    for tensor in onnx.outside(model):
        _take_in(tensor, path.parent)
        total += len(tensor.raw_data)
        if total > LARGEST_BYTES:
            raise ValueError(f"its weights are larger than {LARGEST_BYTES >> 30} GB")
    return model


def _take_in(tensor: Any, folder: Path) -> None:
    """Numbers that lie in a file beside the graph, into the graph; never from anywhere else."""
    load_tensor = onnx.need("onnx.external_data_helper").load_external_data_for_tensor
    # What is no UTF-8 comes as bytes.
    where = next((str(one.value) for one in tensor.external_data if one.key == "location"), "")
    told = repr(where[:100])
    try:
        whole = (folder / where).resolve()
        if not whole.is_relative_to(folder.resolve()):
            raise ValueError(f"it wants to read {told}, which is outside of its folder: refused")
        if not whole.is_file():
            raise ValueError(f"its weights are missing: {told} should lie beside it")
        if whole.stat().st_size > LARGEST_BYTES:
            raise ValueError(f"its weights {told} are larger than {LARGEST_BYTES >> 30} GB")
    except OSError as error:  # a name that is too long
        raise ValueError(f"cannot read its weights {told}: {error.strerror}") from None
    try:
        load_tensor(tensor, str(folder))
    except Exception as error:  # onnx's errors have no parent of their own
        raise ValueError(f"its weights {told} cannot be read: {onnx.said(error)}") from None


def _takes(given: Sequence[object], shape: Sequence[int]) -> tuple[int, ...]:
    """The latent's shape, of what the file says and of what is said besides; the batch is 1."""
    told = "x".join("?" if n is None else str(n)[:20] for n in given) or "anything"
    known = [1, *given[1:]] if len(given) > 1 and not isinstance(given[0], int) else list(given)
    if shape:
        pairs = zip(known, shape, strict=False)
        fits = all(want == got for want, got in pairs if isinstance(want, int))
        if known and (len(known) != len(shape) or not fits):
            raise ValueError(f"it takes {told}, and not {'x'.join(map(str, shape))}")
        known = list(shape)
    takes = [n for n in known if isinstance(n, int)]
    if not takes or len(takes) < len(known):
        raise ValueError(
            f"it leaves the shape of its latent open ({told}): say it, as in --shape 1,4,64,64"
        )
    if len(takes) > 8 or min(takes) < 1 or math.prod(takes) > LARGEST_LATENT:
        raise ValueError(f"it takes {told}: a latent has 1 to {LARGEST_LATENT} numbers")
    return tuple(takes)


def _own(model: Any, dim: int) -> Mapping[str, Any]:
    """What our own export says of itself, as far as it can be used; else nothing."""
    text = next((entry.value for entry in model.metadata_props if entry.key == KEY), "{}")
    try:
        own = json.loads(text)
        spread = np.array([own["mean"], own["std"]], np.float32)
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}
    sane = spread.shape == (2, dim) and np.isfinite(spread).all() and spread[1].min() > 0
    return own if sane else {}


def _normal(dim: int, own: Mapping[str, Any]) -> LatentMap:
    """The map of standard normal latents, or with the mean and deviation that an export tells.
    Its directions are still to be found: of a large dim there would be too many."""
    none: FloatArray = np.zeros((0, dim, dim), np.float32)
    return LatentMap(
        np.array(own.get("mean", np.zeros(dim)), np.float32),
        np.array(own.get("std", np.ones(dim)), np.float32),
        none,
        none[..., :2].reshape(0, dim, 2),
        np.eye(1, dim, dtype=np.float32),
        np.ones(1, np.float32),
    )
