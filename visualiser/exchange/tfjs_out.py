"""A model for TensorFlow.js, with a page that plays it.

model.json, group1-shard*.bin   the decoder: tf.loadLayersModel("model.json") reads it
encoder/model.json, ...         the encoder, where there is one: pictures -> latents
latents.json                    where its pictures lie among the latents, and points to start from
model.js                        decoder and latents once more, as a script: a page that was opened
                                from a file may load scripts, but not fetch data
index.html, sketch.js, ...      the page, from assets/sketch, with p5.js and TensorFlow.js
"""

from __future__ import annotations

import base64
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from visualiser import latents
from visualiser.exchange import tfjs_graph
from visualiser.files import make_folder, write_bytes
from visualiser.nets import layers
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.types import FloatArray, UserError

PAGE = Path(__file__).resolve().parents[2] / "assets" / "sketch"
SHARD_BYTES = 4 << 20  # as the converter of TensorFlow.js has it
STARTS = 8  # points to start from
CANDIDATES = 40  # of which these are the most different


def write(checkpoint: Checkpoint, folder: Path, force: bool = False) -> None:
    """Write all of it into a folder, which is new or empty; with force, over what is there.

    Raises UserError where that cannot be done; then nothing of a new folder is left behind.
    """
    if checkpoint.architecture.graph is not None:
        raise UserError(
            f"{checkpoint.name} is an ONNX graph: only models made of layers go to TensorFlow.js"
        )
    _refuse(folder, force)
    files = _files(checkpoint)
    make_folder(folder.parent)
    if folder.exists():
        for name, data in files.items():
            make_folder((folder / name).parent)
            write_bytes(folder / name, data)
        return
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".squircle-") as part:
            whole = Path(part) / "whole"
            for name, data in files.items():
                make_folder((whole / name).parent)
                write_bytes(whole / name, data)
            whole.rename(folder)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from None


def _refuse(folder: Path, force: bool) -> None:
    try:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"cannot write into {folder}: it is a file")
        if folder.exists() and any(folder.iterdir()) and not force:
            raise UserError(f"{folder} is not empty; --force writes over a model that is in it")
    except OSError as error:
        raise UserError(f"cannot write into {folder}: {error.strerror}") from None


def _files(checkpoint: Checkpoint) -> dict[str, bytes]:
    """Every file by its name in the folder."""
    decoder = _decoder(checkpoint)
    files = _model(decoder)
    if checkpoint.architecture.encoder:
        files |= {f"encoder/{name}": data for name, data in _model(_encoder(checkpoint)).items()}
    table = _latents(checkpoint)
    files["latents.json"] = _json(table)
    files["model.js"] = _script(decoder, table)
    for path in sorted(PAGE.rglob("*")):
        if path.is_file():
            files[path.relative_to(PAGE).as_posix()] = path.read_bytes()
    return files


def _decoder(checkpoint: Checkpoint) -> tfjs_graph.Graph:
    architecture = checkpoint.architecture
    takes = (architecture.latent_dim,)
    return tfjs_graph.graph("decoder", architecture.decoder, takes, _weights(checkpoint, "decoder"))


def _encoder(checkpoint: Checkpoint) -> tfjs_graph.Graph:
    architecture, dim = checkpoint.architecture, checkpoint.latent_dim
    weights = _weights(checkpoint, "encoder")
    made = tfjs_graph.graph("encoder", architecture.encoder, architecture.picture, weights)
    if architecture.variational:  # of means and variances, the means
        made.dense(np.eye(2 * dim, dim, dtype=np.float32))
    return made


def _weights(checkpoint: Checkpoint, part: str) -> dict[str, FloatArray]:
    return {
        name.removeprefix(f"{part}."): weight
        for name, weight in checkpoint.weights.items()
        if name.startswith(f"{part}.")
    }


def _model(graph: tfjs_graph.Graph) -> dict[str, bytes]:
    """model.json and its shards."""
    stream = graph.stream()
    n = max(1, math.ceil(len(stream) / SHARD_BYTES))
    shards = {
        f"group1-shard{i + 1}of{n}.bin": stream[i * SHARD_BYTES : (i + 1) * SHARD_BYTES]
        for i in range(n)
    }
    model = {
        "format": "layers-model",
        "generatedBy": f"TensorFlow.js tfjs-layers v{tfjs_graph.VERSION}",
        "convertedBy": "Squircle",
        "modelTopology": graph.topology(),
        "weightsManifest": [{"paths": list(shards), "weights": graph.manifest()}],
    }
    return {"model.json": _json(model), **shards}


def _latents(checkpoint: Checkpoint) -> dict[str, Any]:
    """What assets/sketch/latents.js needs to do what visualiser.latents does."""
    architecture, table = checkpoint.architecture, checkpoint.latents
    arrays = ("directions", "stretch", "visibility", "mean", "std", "rotations", "knots")
    return {
        "name": checkpoint.name,
        "network": layers.words(architecture.decoder, (architecture.latent_dim,)),
        "pictures": architecture.pictures,
        "height": architecture.height,
        "width": architecture.width,
        "edge": latents.EDGE,
        "reach": latents.REACH,
        "starts": _numbers(starting_points(checkpoint)),
        **{name: _numbers(getattr(table, name)) for name in arrays},
    }


def starting_points(checkpoint: Checkpoint, seed: int = 1) -> FloatArray:
    """(STARTS, n_directions) deviations along each direction: of some drawn by lot, those whose
    pictures differ most."""
    table = checkpoint.latents
    lot = np.random.default_rng(seed).standard_normal((CANDIDATES, table.n_directions))
    points = np.clip(lot, -2, 2).round(2).astype(np.float32)
    net = Player(checkpoint)
    seen = np.stack([net.decode(z).ravel() for z in table.bend(points @ table.directions)])
    if checkpoint.architecture.pictures == "distance":  # what is seen is the edge
        seen = np.clip(0.5 - seen * checkpoint.architecture.width / 4, 0, 1)
    chosen = [0]
    while len(chosen) < STARTS:
        apart = np.stack([((seen - seen[i]) ** 2).mean(axis=1) for i in chosen]).min(axis=0)
        chosen.append(int(apart.argmax()))
    return points[chosen]


def _script(graph: tfjs_graph.Graph, table: dict[str, Any]) -> bytes:
    model = {
        "modelTopology": graph.topology(),
        "weightSpecs": graph.manifest(),
        "weights": base64.b64encode(graph.stream()).decode(),
    }
    return (
        b"// model.json with its shards, and latents.json, for pages that are opened from a file.\n"
        b"const MODEL = " + _json(model)[:-1] + b";\n"
        b"const LATENTS = " + _json(table)[:-1] + b";\n"
    )


def _json(value: Any) -> bytes:
    return (json.dumps(value, separators=(",", ":")) + "\n").encode()


def _numbers(array: FloatArray) -> Any:
    """Nested lists of the shortest numbers that are these float32 ones."""
    return [_numbers(part) for part in array] if array.ndim else float(str(array))
