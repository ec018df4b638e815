"""Models from TensorFlow.js: model.json in the layers format, and its shards.

A chain of layers from a picture to a picture is an autoencoder, and is taken apart where it is
narrowest; one from a few numbers to a picture is a decoder.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from visualiser import latents
from visualiser.exchange import Imported, measure, tfjs_map, tfjs_weights
from visualiser.exchange.tfjs_chain import chain
from visualiser.exchange.tfjs_layers import Converter, Step, by
from visualiser.exchange.tfjs_weights import LARGEST_JSON, short
from visualiser.latents import LatentMap
from visualiser.nets.architecture import Architecture, Kind
from visualiser.nets.checkpoint import Card, Checkpoint
from visualiser.nets.layers import Activation, Affine, Reshape, Shape
from visualiser.nets.play import Player
from visualiser.types import FloatArray, UserError

MOST_LATENTS = 1024
CHANNELS: dict[int, Kind] = {1: "grey", 3: "colour"}
# Where latents lie of which nothing is known but what bounds them: mean and deviation.
BOUNDED = {"sigmoid": (0.5, 0.2), "tanh": (0.0, 0.5), "relu": (1.0, 1.0), "relu6": (1.0, 1.0)}


def read(path: Path, name: str) -> Imported:
    """Read model.json and what is beside it; takes up to a minute for a slow decoder.

    Raises UserError, one line, for whatever is wrong.
    """
    model = _json(path)
    links = chain(path, model.get("modelTopology"))
    takes = links[0].takes()
    if takes is None:
        raise UserError(
            f"{path}: {links[0]} does not say what shape it takes: wanted is a batch_input_shape"
            " of whole numbers after the first"
        )
    stored = tfjs_weights.read(path, model.get("weightsManifest"))
    made = Converter(path, takes, stored)
    for link in links:
        made.add(link)
    if stored:
        raise UserError(f"{path}: its manifest has {short(min(stored))}, which no layer takes")
    picture = _picture(path, takes, made.shape)
    ends = _ends_in(made.steps)
    n = _bottleneck(path, takes, made.steps)
    encoder = _encoder(made.steps[:n], takes, picture, ends)
    latent = made.steps[n - 1].gives if n else takes
    decoder = _decoder(made.steps[n:], latent, picture, ends)
    checkpoint = _checkpoint(path, name, picture, math.prod(latent), encoder, decoder)
    known, told = (None, "") if encoder else tfjs_map.read(path, checkpoint.architecture)
    if known:
        checkpoint = replace(checkpoint, latents=known)
    checkpoint, moved = _measured(path, checkpoint, known is not None)
    notes = [*moved, *_notes(checkpoint, ends), told]
    if not encoder and not known:
        notes.append("it came without an encoder: its latents are taken to be standard normal")
    return Imported(checkpoint, tuple(filter(None, notes)))


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise UserError(f"{path} is too large; allowed are {LARGEST_JSON >> 20} MB")
        model = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read the model {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON: {short(error)}") from None
    if not isinstance(model, dict) or "modelTopology" not in model:
        raise UserError(f"{path} is no model of TensorFlow.js: it has no modelTopology")
    if model.get("format", "layers-model") != "layers-model":
        raise UserError(
            f"{path} is a {short(model['format'])}; only the layers format can be read, which"
            " model.save() writes"
        )
    return model


def _picture(path: Path, takes: Shape, gives: Shape) -> Shape:
    """(H, W, channels) of what is drawn."""
    n = math.prod(gives)
    if len(gives) == 1 and len(takes) > 1 and math.prod(takes) == n:
        gives = takes  # an autoencoder that gives flat what it takes as a picture
    if len(gives) == 2:
        gives = (*gives, 1)
    if len(gives) == 1:
        for channels in CHANNELS:
            side = math.isqrt(n // channels)
            if side * side * channels == n:
                gives = (side, side, channels)
    if len(gives) == 3 and gives[2] in CHANNELS:
        return gives
    raise UserError(
        f"{path}: it gives {by(gives)}, which is no picture; allowed are height x width, that x 1"
        " (grey) or x 3 (colour), and as many numbers as a square of either has"
    )


def _ends_in(steps: Sequence[Step]) -> str:
    """The activation that stands last, but for changes of shape."""
    rest = [step.layer for step in steps if not isinstance(step.layer, Reshape)]
    return rest[-1].name if rest and isinstance(rest[-1], Activation) else ""


def _bottleneck(path: Path, takes: Shape, steps: Sequence[Step]) -> int:
    """How many steps belong to the encoder: all up to where it is narrowest."""
    n, sizes = math.prod(takes), [math.prod(step.gives) for step in steps]
    if not sizes:
        raise UserError(f"{path}: it has no layers that do anything")
    if n < sizes[-1] and max(takes) == n:
        return 0
    if n != sizes[-1]:
        raise UserError(
            f"{path}: it takes {by(takes)} and gives {by(steps[-1].gives)}; wanted is an"
            " autoencoder, which gives what it takes, or a decoder, from a vector to more numbers"
        )
    if min(sizes) >= n:
        raise UserError(f"{path}: it is nowhere narrower than its pictures, so it has no latents")
    narrow = sizes.index(min(sizes)) + 1
    while isinstance(steps[narrow].layer, Activation | Affine):
        narrow += 1
    return narrow


def _encoder(steps: list[Step], takes: Shape, picture: Shape, ends: str) -> list[Step]:
    """From a picture 0..1 to a vector; nothing where there is no encoder."""
    if not steps:
        return []
    before = [] if takes == picture else [_reshape(takes)]
    if ends == "tanh":
        before.insert(0, _affine(2.0, -1.0, picture))
    dim = math.prod(steps[-1].gives)
    return [*before, *steps, *([] if steps[-1].gives == (dim,) else [_reshape((dim,))])]


def _decoder(steps: list[Step], latent: Shape, picture: Shape, ends: str) -> list[Step]:
    """From a vector to a picture, 0..1 if that is known to be possible."""
    after = [] if steps[-1].gives == picture else [_reshape(picture)]
    if ends == "tanh":
        after.append(_affine(0.5, 0.5, picture))
    return [*([] if len(latent) == 1 else [_reshape(latent)]), *steps, *after]


def _reshape(shape: Shape) -> Step:
    return Step(Reshape(shape=shape), {}, shape)


def _affine(scale: float, shift: float, shape: Shape) -> Step:
    ones = np.ones(shape[-1], np.float32)
    return Step(Affine(), {"scale": scale * ones, "shift": shift * ones}, shape)


def _checkpoint(
    path: Path, name: str, picture: Shape, dim: int, encoder: list[Step], decoder: list[Step]
) -> Checkpoint:
    if dim > MOST_LATENTS:
        raise UserError(f"{path}: its latents are {dim} numbers; allowed are {MOST_LATENTS}")
    try:
        architecture = Architecture(
            height=picture[0],
            width=picture[1],
            pictures=CHANNELS[picture[2]],
            latent_dim=dim,
            encoder=tuple(step.layer for step in encoder),
            decoder=tuple(step.layer for step in decoder),
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: it makes no network: {where} {short(first['msg'])}") from None
    weights = {
        f"{part}.{i}.{key}": weight
        for part, own in (("encoder", encoder), ("decoder", decoder))
        for i, step in enumerate(own)
        for key, weight in step.weights.items()
    }
    card = Card(
        architecture=architecture,
        recipe=f"python main.py import {path.name} --name {name}",
        data={"source": "TensorFlow.js"},
        created=date.today().isoformat(),
    )
    return Checkpoint(name, card, weights, _latents(encoder, dim))


def _latents(encoder: list[Step], dim: int) -> LatentMap:
    """A guess, which only pictures can better: where what bounds its latents lets them lie."""
    mean, std = BOUNDED.get(_ends_in(encoder), (0.0, 1.0))
    ones = np.ones(dim, np.float32)
    return replace(latents.standard(dim), mean=mean * ones, std=std * ones)


def _measured(
    path: Path, checkpoint: Checkpoint, known: bool
) -> tuple[Checkpoint, tuple[str, ...]]:
    """With directions, and what there is to say of them, a line each; known: it has them."""
    if not np.isfinite(_middle(checkpoint)).all():
        raise UserError(f"{path}: it draws no finite numbers")
    if known and measure.changes(checkpoint):
        return checkpoint, ()
    try:
        return measure.measured(checkpoint)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def _notes(checkpoint: Checkpoint, ends: str) -> tuple[str, ...]:
    notes = []
    if ends == "tanh":
        notes.append("its pictures go from -1 to 1 (tanh): they are taken to 0 to 1")
    elif ends != "sigmoid":
        notes.append(f"what it draws is not held within 0 to 1 ({ends or 'linear'}): kept as it is")
    edge = np.ones(checkpoint.shape, bool)
    edge[1:-1, 1:-1] = False
    if _middle(checkpoint)[edge].mean() > 0.5:
        notes.append("it draws on a light ground, where others here draw on a dark one: kept so")
    return tuple(notes)


def _middle(checkpoint: Checkpoint) -> FloatArray:
    """The picture in the middle of its latents."""
    with np.errstate(all="ignore"):  # told in words
        return Player(checkpoint).decode(checkpoint.latents.mean)
