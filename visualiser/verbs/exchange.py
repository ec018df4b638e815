"""The verbs `import` and `export`: models from other programs, and for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from visualiser.exchange import measure
from visualiser.files import write_bytes
from visualiser.nets import checkpoint
from visualiser.pictures import png
from visualiser.types import UserError
from visualiser.verbs.train import check_name


def bring_in(
    path: Path, name: str | None, force: bool, shape: tuple[int, ...], recipe: str
) -> None:
    """Write models/NAME.safetensors, and its sheet, from a TensorFlow.js model.json or an ONNX
    decoder."""
    name = check_name(name, path.parent.name if path.suffix == ".json" else path.stem, force)
    if path.suffix.lower() == ".json":
        from visualiser.exchange import tfjs_in

        print(measure.ANNOUNCED, flush=True)
        imported = tfjs_in.read(path, name)
    elif path.suffix.lower() == ".onnx":
        from visualiser.exchange import onnx_in

        print(measure.ANNOUNCED, flush=True)
        imported = onnx_in.read(path, name, shape)
    else:
        raise UserError(f"{path}: wanted is a TensorFlow.js model.json or a decoder in .onnx")

    from visualiser.train.sheets import model_sheet

    file = checkpoint.MODELS / f"{name}{checkpoint.SUFFIX}"
    model = imported.checkpoint
    model = replace(model, card=model.card.model_copy(update={"recipe": recipe}))
    checkpoint.write(file, model)
    for note in imported.notes:
        print(note)
    print(f"{file}: {model.architecture.kind}, {model.architecture}")
    sheet = file.with_suffix(".png")
    with np.errstate(all="ignore"):
        write_bytes(sheet, png(model_sheet(model)))
    print(f"{sheet}: what its latent directions do")


def send_out(name: str, form: str, out: Path, force: bool) -> None:
    """Write a model for TensorFlow.js, into a folder, or its decoder as an ONNX file."""
    model = checkpoint.read(checkpoint.find(name))
    if form == "tfjs":
        from visualiser.exchange import tfjs_out

        tfjs_out.write(model, out, force)
        print(f"{out}: open {out / 'index.html'} in a browser")
    else:
        from visualiser.exchange import onnx_out
        from visualiser.files import refuse_existing

        refuse_existing(out, force)
        onnx_out.write(model, out)
        print(f"{out}: z (n, {model.latent_dim}) -> pictures")
