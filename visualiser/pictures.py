"""Single pictures in and out of files: what an encoder is given, what a decoder drew."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np

from visualiser.files import refuse_endless, write_bytes
from visualiser.images import border, open_image, small_rgb, why_not
from visualiser.look.upscale import resize
from visualiser.nets.architecture import Architecture
from visualiser.types import FloatArray, UserError

_SPARE = 4  # how many times the network's size a picture is taken apart in floats


def read(path: Path, wanted: Architecture, turn_light: bool = False) -> FloatArray:
    """A picture as an encoder takes it, (H, W) or (H, W, 3) float32 0..1: from a .npy of floats, or
    whatever Pillow reads. What is not of the network's proportions gets black beside it, so that a
    circle stays one. What is transparent is laid on black; where greys are encoded, what is dark on
    a transparent ground is the shape, and becomes light.

    turn_light: take a dark drawing on a light ground for what is meant by it. Raises UserError.
    """
    in_colour = wanted.pictures == "colour"
    whole = _read_array(path) if path.suffix.lower() == ".npy" else _read_file(path, wanted)
    if whole.size == 0:
        raise UserError(f"{path}: the picture is empty")
    channels = whole[..., None] if whole.ndim == 2 else whole
    if in_colour:
        channels = np.repeat(channels, 3, axis=2) if channels.shape[2] == 1 else channels
    elif channels.shape[2] == 3:
        channels = channels.mean(axis=2, keepdims=True)
    if turn_light and not in_colour and border(channels[..., 0]) > 0.5:
        channels = 1 - channels
    fitted = np.stack(
        [_fit(c, wanted.height, wanted.width) for c in np.moveaxis(channels, 2, 0)], 2
    )
    return fitted if in_colour else fitted[..., 0]


def seen(image: FloatArray, architecture: Architecture) -> FloatArray:
    """What a decoder gave, as a picture (H, W) or (H, W, 3), 0..1: distances become the shape."""
    if architecture.pictures == "distance":
        image = np.float32(0.5) - image * np.float32(architecture.width)
    return np.clip(image, 0, 1)


def png(image: FloatArray) -> bytes:
    """(H, W) or (H, W, 3) float 0..1 as a PNG."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)).save(data, "png")
    return data.getvalue()


def write(out: Path, image: FloatArray, architecture: Architecture) -> None:
    """What a decoder gave into a .png, as it is seen, or a .npy, as it is."""
    if out.suffix.lower() == ".png":
        write_bytes(out, png(seen(image, architecture)))
        return
    data = io.BytesIO()
    np.save(data, image.astype(np.float32))
    write_bytes(out, data.getvalue())


def _fit(grey: FloatArray, height: int, width: int) -> FloatArray:
    high, wide = grey.shape
    aspect = width / height
    across, down = max(wide, round(high * aspect)), max(high, round(wide / aspect))
    left, top = (across - wide) // 2, (down - high) // 2
    whole = np.pad(grey, ((top, down - high - top), (left, across - wide - left)))
    return np.clip(resize(np.ascontiguousarray(whole), (height, width)), 0, 1)


def _read_array(path: Path) -> FloatArray:
    try:
        refuse_endless(path)
        image = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        why = getattr(error, "strerror", None) or "it is not a whole .npy file of numbers"
        raise UserError(f"cannot read {path}: {why}") from None
    fits = isinstance(image, np.ndarray) and image.dtype.kind == "f"
    fits = fits and (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3))
    if not fits or not np.isfinite(image).all():
        raise UserError(f"{path}: wanted is a (H, W) or (H, W, 3) array of finite floats, 0..1")
    return np.clip(image, 0, 1).astype(np.float32)


def _read_file(path: Path, wanted: Architecture) -> FloatArray:
    in_colour = wanted.pictures == "colour"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures; the limit is ours
            with open_image(path) as picture:
                edge = _SPARE * max(wanted.height, wanted.width)
                rgb = small_rgb(picture, edge, ink=not in_colour)
    except Exception as error:  # Pillow's decoders raise nearly everything
        raise UserError(f"cannot read {path}: {why_not(error)}") from None
    return np.asarray(rgb if in_colour else rgb.convert("L"), np.float32) / np.float32(255)
