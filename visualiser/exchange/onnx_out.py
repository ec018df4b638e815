"""A model as an ONNX file, of standard ops that any runtime has.

decoder: z (batch, latent_dim) -> image (batch, H, W), or (batch, H, W, 3) in colour
encoder: image -> z, the means where it is variational

The numbers agree with nets.play to 1e-5.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visualiser.exchange.onnx_steps import Steps
from visualiser.files import write_bytes
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.onnx import need
from visualiser.types import FloatArray, UserError

Part = Literal["decoder", "encoder"]
OPSET, IR_VERSION = 17, 8  # of 2022


def write(checkpoint: Checkpoint, path: Path, part: Part = "decoder") -> None:
    """Write a part of a model as an ONNX file, whole or not at all; a decoder that came as a graph
    goes as it came. Raises UserError, one line."""
    if part == "encoder" and not checkpoint.architecture.encoder:
        raise UserError(f"{checkpoint.name} has no encoder: it only draws")
    if part == "decoder" and checkpoint.architecture.graph is not None:
        write_bytes(path, checkpoint.graph)
        return
    try:
        data: bytes = model(checkpoint, part).SerializeToString()
    except ValueError:  # protobuf's limit of 2 GB
        raise UserError(f"{checkpoint.name} is too large for one ONNX file") from None
    write_bytes(path, data)


def model(checkpoint: Checkpoint, part: Part = "decoder") -> Any:
    """A part of a model as a ModelProto, checked."""
    onnx = need("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    spec = checkpoint.architecture
    drawn = spec.picture if spec.pictures == "colour" else checkpoint.shape
    image = helper.make_tensor_value_info("image", floats, ["batch", *drawn])
    z = helper.make_tensor_value_info("z", floats, ["batch", spec.latent_dim])
    if part == "decoder":
        steps = Steps(onnx, "z")
        steps.stack(spec.decoder, (spec.latent_dim,), _weights(checkpoint, part))
        steps.reshape(drawn)
    else:
        steps = Steps(onnx, "image")
        steps.reshape(spec.picture)
        steps.stack(spec.encoder, spec.picture, _weights(checkpoint, part))
        if spec.variational:
            steps.cut(steps.value, 0, spec.latent_dim)
    given, gives = (z, image) if part == "decoder" else (image, z)
    steps.add("Identity", gives=gives.name)
    made = helper.make_model(
        helper.make_graph(steps.nodes, checkpoint.name, [given], [gives], steps.weights),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="Squircle",
        doc_string=f"{spec.kind}: {spec}",
    )
    helper.set_model_props(made, {"squircle": _card(checkpoint)})
    onnx.checker.check_model(made, full_check=True)
    return made


def _weights(checkpoint: Checkpoint, part: Part) -> dict[str, FloatArray]:
    return {
        name.removeprefix(f"{part}."): weight
        for name, weight in checkpoint.weights.items()
        if name.startswith(f"{part}.")
    }


def _card(checkpoint: Checkpoint) -> str:
    """What a player has to know, as JSON: what is drawn, and where latents lie: mean and std of
    each, and, in these units, the directions that are seen, the most visible first."""
    known = checkpoint.latents
    tables = {
        "mean": known.mean,
        "std": known.std,
        "directions": known.directions,
        "visibility": known.visibility,
    }
    card: dict[str, object] = {
        "name": checkpoint.name,
        "kind": checkpoint.architecture.kind,
        "pictures": checkpoint.architecture.pictures,
    }
    card |= {name: [_short(row) for row in table] for name, table in tables.items()}
    return json.dumps(card)


def _short(number: FloatArray) -> object:
    return np.vectorize(lambda x: float(f"{x:.6g}"))(number).tolist()
