"""What an ONNX decoder does not say of itself, found by playing it: which output is the picture,
where its channels are, and which values are black and white."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from visualiser.latents import LatentMap
from visualiser.nets import onnx
from visualiser.types import FloatArray

LARGEST_EDGE, LEAST_EDGE = 2048, 4
LOOKS, LOOK_S = 32, 20.0  # pictures drawn to see which values there are; seconds at most

Decode = Callable[[FloatArray], dict[str, Any]]


class Picture(NamedTuple):
    """How an output is read; channels as they come."""

    shape: tuple[int, ...]
    axes: Literal["hwc", "chw", "hw"]
    height: int
    width: int
    channels: int


class Seen(NamedTuple):
    """What was seen of a decoder's pictures: some of their values, of which kind ("u": bytes),
    seconds a picture, and what is odd, a line each."""

    values: FloatArray
    kind: str
    seconds: float
    notes: tuple[str, ...]


def player(run: Any, takes: tuple[int, ...]) -> Decode:
    """A function from a latent (latent_dim,) to every output by name. Raises ValueError."""
    given = onnx.latent(run)
    names = [output.name for output in run.get_outputs()]

    def decode(z: FloatArray) -> dict[str, Any]:
        x = z.astype(onnx.INPUTS[given.type]).reshape(takes)
        try:
            return dict(zip(names, run.run(names, {given.name: x}), strict=True))
        except Exception as error:  # onnxruntime's errors have no parent of their own
            raise ValueError(f"it cannot be played: {onnx.said(error)}") from None

    return decode


def find(decode: Decode, dim: int) -> tuple[str, Picture]:
    """The name of the output that is a picture, and how it is read. Raises ValueError."""
    z = np.random.default_rng(0).standard_normal(dim).astype(np.float32)
    shapes = {
        name: value.shape
        for name, value in decode(z).items()
        if isinstance(value, np.ndarray) and value.dtype.kind in "fu"
    }
    for read in (_picture, _square):
        for name, shape in shapes.items():
            if picture := read(shape):
                if max(picture.height, picture.width) > LARGEST_EDGE:
                    size = f"{picture.width}x{picture.height}"
                    raise ValueError(f"its pictures are {size}, larger than {LARGEST_EDGE}")
                return name, picture
    given = ", ".join("x".join(map(str, shape)) for shape in shapes.values()) or "no numbers"
    raise ValueError(f"it gives {given[:150]}, which is no picture")


def _picture(shape: tuple[int, ...]) -> Picture | None:
    """(1, 3, H, W), (1, H, W, 3), (1, H, W) and the like."""
    bare = _bare(shape)
    if len(bare) == 2:
        found = Picture(shape, "hw", *bare, 1)
    elif len(bare) == 3 and bare[0] in (3, 4):
        found = Picture(shape, "chw", bare[1], bare[2], bare[0])
    elif len(bare) == 3 and bare[2] in (1, 3, 4):
        found = Picture(shape, "hwc", *bare)
    else:
        return None
    return found if min(found.height, found.width) >= LEAST_EDGE else None


def _square(shape: tuple[int, ...]) -> Picture | None:
    """(1, n), where n is a square."""
    bare = _bare(shape)
    edge = math.isqrt(bare[0]) if bare else 0
    found = bare == (edge * edge,) and edge >= LEAST_EDGE
    return Picture(shape, "hw", edge, edge, 1) if found else None


def _bare(shape: tuple[int, ...]) -> tuple[int, ...]:
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape


def look(decode: Decode, latents: LatentMap) -> Seen:
    """Pictures of latents drawn by lot. Raises ValueError where none is made of numbers."""
    rng = np.random.default_rng(1)
    values: list[FloatArray] = []
    times: list[float] = []
    while len(times) < 2 or (len(times) < LOOKS and sum(times) < LOOK_S):
        z = latents.bend(rng.standard_normal(latents.latent_dim).astype(np.float32))
        start = time.perf_counter()
        (y,) = decode(z).values()
        times.append(time.perf_counter() - start)
        if np.isfinite(y).all():
            values.append(rng.choice(y.reshape(-1), min(y.size, 1 << 14)).astype(np.float32))
    if not values:
        raise ValueError("it draws no numbers, but infinities or nothing")
    notes = []
    if broken := len(times) - len(values):
        notes.append(f"{broken} of {len(times)} pictures were not made of finite numbers")
    if not np.array_equal(y, *decode(z).values()):
        notes.append("it draws by lot: the same latent does not give the same picture")
    return Seen(np.concatenate(values), y.dtype.kind, float(np.median(times)), tuple(notes))


def levels(seen: Seen) -> tuple[float, float, str]:
    """Which values are black and white, and a line that says so.

    Bytes are 0 to 255. Else what nearly all values lie between decides: what reaches below zero as
    well (a tanh, and what overshoots one) is -1 to 1, what does not is 0 to 1 or, where it goes far
    beyond, 0 to 255; what is none of these is stretched.
    """
    least, most = (float(q) for q in np.quantile(seen.values, (0.005, 0.995)))
    below = -least > most / 4
    if seen.kind == "u" or (not below and 16 <= most <= 300):
        low, high = 0.0, 255.0
    elif below and max(-least, most) <= 4:
        low, high = -1.0, 1.0
    elif not below and most <= 2:
        low, high = 0.0, 1.0
    else:
        low, high = least, most if most > least else least + 1
    told = f"black is {low:.4g} and white {high:.4g}: its values are {least:.3g} to {most:.3g}"
    return low, high, told
