"""The verbs that draw, read and redraw single pictures: decode, encode, reconstruct."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from visualiser import pictures
from visualiser.files import refuse_existing
from visualiser.nets import checkpoint
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.types import FloatArray, UserError


def decode(model: str, latent: str, out: Path, force: bool) -> None:
    """Draw one latent, "z1,z2,...", into a .png or a .npy."""
    _refuse_output(out, force)
    loaded = checkpoint.read(checkpoint.find(model))
    z = _latent(latent, loaded)
    with np.errstate(over="ignore", invalid="ignore"):  # told below, in words
        image = Player(loaded).decode(z)
    if not np.isfinite(image).all():
        raise UserError(f"--latent {latent}: so far out that {loaded.name} cannot draw it")
    pictures.write(out, image, loaded.architecture)


def encode(model: str, image: Path) -> None:
    """Print the latents of a picture as a JSON list."""
    z, _ = _through(checkpoint.read(checkpoint.find(model)), image)
    print(json.dumps([float(value) for value in z]))


def reconstruct(model: str, image: Path, out: Path, force: bool) -> None:
    """Put a picture through the whole autoencoder."""
    _refuse_output(out, force)
    loaded = checkpoint.read(checkpoint.find(model))
    _, drawn = _through(loaded, image)
    pictures.write(out, drawn, loaded.architecture)


def _through(model: Checkpoint, image: Path) -> tuple[FloatArray, FloatArray]:
    net = Player(model)
    if not net.has_encoder:
        raise UserError(f"{model.name} has no encoder: it only draws")
    z = net.encode(pictures.read(image, model.architecture))
    return z, net.decode(z)


def _latent(text: str, model: Checkpoint) -> FloatArray:
    try:
        values = [float(part) for part in text.strip("[] ").split(",")]
    except ValueError:
        raise UserError(f"--latent {text}: wanted are numbers with commas between them") from None
    if len(values) != model.latent_dim:
        raise UserError(
            f"--latent {text}: {model.name} takes {model.latent_dim} numbers,"
            f" these are {len(values)}"
        )
    largest = float(np.finfo(np.float32).max)
    if not all(abs(value) <= largest for value in values):  # nor is NaN
        raise UserError(f"--latent {text}: not all of them are finite float32 numbers")
    return np.array(values, np.float32)


def _refuse_output(out: Path, force: bool) -> None:
    if out.suffix.lower() not in (".png", ".npy"):
        raise UserError(f"{out}: the ending must be .png or .npy")
    refuse_existing(out, force)
