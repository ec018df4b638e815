"""Playing a trained network, one picture at a time, without torch.

At a batch of one torch is mostly overhead: the same arithmetic in numpy is up to four times as
fast, needs no two seconds of import, and lets go of the interpreter's lock a few times a picture
instead of forty, so the window's thread is hardly disturbed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from visualiser.crew import help_with
from visualiser.nets import layers, lines
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.lines import Run
from visualiser.types import FloatArray, UserError

Placed = tuple[layers.Layer, layers.Shape, dict[str, FloatArray]]  # what it takes, its weights
LARGE = 1 << 16  # numbers that are worth handing half of to another thread


class Player:
    """The network of a checkpoint, for one picture at a time."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        architecture = checkpoint.architecture
        self.shape = checkpoint.shape
        self.has_encoder = bool(architecture.encoder)
        self._picture = architecture.picture
        self._gives = self._picture if architecture.pictures == "colour" else self.shape
        self._latent_dim = architecture.latent_dim
        self._encoder = _part(checkpoint, "encoder", architecture.encoder, self._picture)
        if architecture.graph is None:
            self._decoder = _part(checkpoint, "decoder", architecture.decoder, (self._latent_dim,))
        else:
            from visualiser.nets import onnx

            self._decoder = onnx.decoder(checkpoint)

    def encode(self, image: FloatArray) -> FloatArray:
        """(H, W) or (H, W, 3), 0..1 -> (latent_dim,). UserError where there is no encoder."""
        if not self.has_encoder:
            raise UserError("this model has no encoder: it only draws")
        return self._encoder(image.reshape(self._picture))[: self._latent_dim]

    def decode(self, z: FloatArray) -> FloatArray:
        """(latent_dim,) -> (H, W) or (H, W, 3), 0..1 or distances."""
        return self._decoder(z).reshape(self._gives)


def _part(
    checkpoint: Checkpoint, part: str, spec: Sequence[layers.Layer], takes: layers.Shape
) -> Run:
    own = {
        name.removeprefix(f"{part}."): weight
        for name, weight in checkpoint.weights.items()
        if name.startswith(part)
    }
    return build(spec, takes, own)


def build(
    spec: Sequence[layers.Layer], takes: layers.Shape, weights: Mapping[str, FloatArray]
) -> Run:
    """A function from one input of shape `takes`, float32, to what the last layer gives.

    weights: by the names that nets.layers gives them. Agrees with nets.stack to 1e-5. Steps write
    into memory of their own, again and again, since fresh memory costs more than what is written to
    it: what is given is copied, so it stays, but the function is for one thread at a time.
    """
    steps: list[Run] = [lambda x: np.array(x, np.float32)]
    shared: list[Placed] = []  # neighbouring layers of which two threads do half the rows each
    for i, layer, given, gives in layers.walk(spec, takes):
        own = {name: weights[f"{i}.{name}"] for name in layer.weights(given)}
        if is_by_pixel(layer, given):
            shared.append((layer, given, own))
            continue
        steps += [_halves(shared)] if shared else []
        shared = []
        steps.append(_step(layer, given, gives, own))
    steps += [_halves(shared)] if shared else []

    return lines.quickly(spec, weights, lambda x: _through(steps, x).copy())


def is_by_pixel(layer: layers.Layer, takes: layers.Shape) -> bool:
    """Whether a layer works on each pixel of a picture alone, and on many of them."""
    is_large = len(takes) == 3 and takes[0] > 1 and math.prod(takes) >= LARGE
    return is_large and isinstance(layer, layers.Dense | layers.Activation)


def _halves(shared: Sequence[Placed]) -> Run:
    """The same as one layer after the other, the lower half of the picture on another thread."""
    middle = shared[0][1][0] // 2
    parts: list[list[Run]] = []
    for size in (middle, shared[0][1][0] - middle):
        shapes = [(size, *takes[1:]) for _, takes, _ in shared]
        parts.append([
            _step(layer, takes, layer.output(takes), own)
            for (layer, _, own), takes in zip(shared, shapes, strict=True)
        ])  # fmt: skip
    upper, lower = parts

    def run(x: FloatArray) -> FloatArray:
        later = help_with(lambda: _through(lower, x[middle:]))
        try:
            above = _through(upper, x[:middle])
        finally:
            below = later.result()
        return np.concatenate([above, below])

    return run


def _through(steps: Sequence[Run], x: FloatArray) -> FloatArray:
    for step in steps:
        x = step(x)
    return x


def _step(
    layer: layers.Layer, takes: layers.Shape, gives: layers.Shape, w: dict[str, FloatArray]
) -> Run:
    if isinstance(layer, layers.Dense):
        return _dense(np.ascontiguousarray(w["kernel"]), w.get("bias"), takes)
    if isinstance(layer, layers.Conv):
        return _conv(layer, takes, w["kernel"], w.get("bias"))
    if isinstance(layer, layers.ConvTranspose):
        return _conv_transpose(layer, takes, gives, w["kernel"], w.get("bias"))
    if isinstance(layer, layers.Activation):
        return _activation(layer)
    if isinstance(layer, layers.Affine):
        return lambda x: x * w["scale"] + w["shift"]
    if isinstance(layer, layers.Reshape):
        shape = layer.shape
        return lambda x: x.reshape(shape)
    if isinstance(layer, layers.Upsample):
        return _upsample(layer, takes)
    if isinstance(layer, layers.Pool):
        return _pool(layer, gives)
    if isinstance(layer, layers.Look):
        return _look(layer, takes, w)
    if isinstance(layer, layers.Lines):
        return lines.values(layer, w)
    raise TypeError(f"no player for the layer {layer}")


def _dense(kernel: FloatArray, bias: FloatArray | None, takes: layers.Shape) -> Run:
    n_in, n_out = kernel.shape
    rows = takes[:-1]
    y = np.empty((math.prod(rows), n_out) if rows else n_out, np.float32)

    def run(x: FloatArray) -> FloatArray:
        # np.dot: on a single row it is twice as fast as matmul.
        np.dot(x.reshape(-1, n_in) if rows else x, kernel, out=y)
        if bias is not None:
            np.add(y, bias, out=y)
        return y.reshape(*rows, n_out)

    return run


def _conv(
    layer: layers.Conv, takes: layers.Shape, kernel: FloatArray, bias: FloatArray | None
) -> Run:
    """As one matrix product over every window of the picture."""
    rows, columns = layer.kernel
    down, along = layer.stride
    pads = [(0, 0)] * 3
    if layer.padding == "same":
        pads[:2] = [
            layers.same_padding(n, k, s)
            for n, k, s in zip(takes[:2], layer.kernel, layer.stride, strict=True)
        ]
    matrix = np.ascontiguousarray(kernel.reshape(-1, layer.filters))

    def run(x: FloatArray) -> FloatArray:
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, pads), layer.kernel, (0, 1))
        windows = windows[::down, ::along].transpose(0, 1, 3, 4, 2)
        height, width = windows.shape[:2]
        y = windows.reshape(height * width, rows * columns * takes[2]) @ matrix
        if bias is not None:
            y += bias
        return y.reshape(height, width, layer.filters)

    return run


def _conv_transpose(
    layer: layers.ConvTranspose,
    takes: layers.Shape,
    gives: layers.Shape,
    kernel: FloatArray,
    bias: FloatArray | None,
) -> Run:
    """One matrix product gives every pixel's patch; the patches are added where they overlap."""
    (rows, columns), (down, along), (height, width, n_in) = layer.kernel, layer.stride, takes
    matrix = np.ascontiguousarray(kernel.reshape(-1, n_in).T)
    whole = ((height - 1) * down + max(rows, down), (width - 1) * along + max(columns, along))
    same = layer.padding == "same"
    top, left = (
        max(k - s, 0) // 2 if same else 0 for k, s in zip(layer.kernel, layer.stride, strict=True)
    )

    def run(x: FloatArray) -> FloatArray:
        patches = x.reshape(-1, n_in) @ matrix
        patches = patches.reshape(height, width, rows, columns, layer.filters)
        y = np.zeros((*whole, layer.filters), np.float32)
        for i, j in product(range(rows), range(columns)):
            stop, end = i + (height - 1) * down + 1, j + (width - 1) * along + 1
            y[i:stop:down, j:end:along] += patches[:, :, i, j]
        y = y[top : top + gives[0], left : left + gives[1]]
        if bias is not None:
            y += bias
        return y

    return run


def _upsample(layer: layers.Upsample, takes: layers.Shape) -> Run:
    if not layer.smooth:
        return lambda x: x.repeat(layer.factor[0], 0).repeat(layer.factor[1], 1)
    down, across = (
        bilinear(n, f, layer.corner) for n, f in zip(takes[:2], layer.factor, strict=True)
    )

    def run(x: FloatArray) -> FloatArray:
        tall = np.tensordot(down, x, (1, 0))
        return np.ascontiguousarray(np.tensordot(across, tall, (1, 1)).transpose(1, 0, 2))

    return run


def bilinear(n: int, factor: int, corner: bool = False) -> FloatArray:
    """(n * factor, n): the share of every pixel in each new one."""
    middle = 0.0 if corner else 0.5
    at = np.clip((np.arange(n * factor) + middle) / factor - middle, 0, n - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n))).astype(np.float32)


def _pool(layer: layers.Pool, gives: layers.Shape) -> Run:
    rows, columns = layer.size

    def run(x: FloatArray) -> FloatArray:
        x = x[: gives[0] * rows, : gives[1] * columns]
        windows = x.reshape(gives[0], rows, gives[1], columns, gives[2])
        pooled: FloatArray = (
            windows.max((1, 3)) if layer.how == "max" else windows.mean((1, 3), dtype=np.float32)
        )
        return pooled

    return run


def _look(layer: layers.Look, takes: layers.Shape, w: dict[str, FloatArray]) -> Run:
    def part(name: str) -> dict[str, FloatArray]:
        return {k.removeprefix(f"{name}."): v for k, v in w.items() if k.startswith(f"{name}.")}

    height, width, _ = takes
    where = build(layer.where, takes, part("where"))
    what = build(layer.what, layer.window, part("what"))
    edge = (np.arange(layer.size) + 0.5) / layer.size * 2 - 1
    offsets: FloatArray = (edge * layers.WINDOW).astype(np.float32)

    def run(x: FloatArray) -> FloatArray:
        place = where(x)
        size = np.float32(np.logaddexp(0.0, place[2]))
        down = _samples((place[1] + size * offsets + 1) * height / 2 - 0.5, height)
        across = _samples((place[0] + size * offsets + 1) * width / 2 - 0.5, width)
        window = (down @ x[..., 0] @ across.T).astype(np.float32)
        v = what(window[..., None])
        v[:2] = w["gain"][0] * (place[:2] + size * v[:2])
        v[2] += w["gain"][1] * place[2]
        return v

    return run


def _samples(at: FloatArray, n: int) -> FloatArray:
    """(len(at), n): the share of n pixels in each bilinear sample; beyond the edge is black."""
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n))).astype(np.float32)


def _activation(layer: layers.Activation) -> Run:
    alpha = np.float32(layer.alpha)

    def sigmoid(x: FloatArray) -> FloatArray:
        y = np.tanh(x * np.float32(0.5))  # the sigmoid, as a tanh, which cannot overflow
        y *= 0.5
        y += 0.5
        return y

    def elu(x: FloatArray, depth: float = float(alpha), scale: float = 1.0) -> FloatArray:
        below = np.float32(depth) * np.expm1(np.minimum(x, 0))
        return np.float32(scale) * np.where(x > 0, x, below)

    functions: dict[str, Run] = {
        "relu": lambda x: np.maximum(x, 0, out=x),
        "relu6": lambda x: np.clip(x, 0, 6),
        "leaky_relu": lambda x: np.where(x > 0, x, alpha * x),
        "elu": elu,
        # Klambauer et al. 2017, "Self-normalizing neural networks"
        "selu": lambda x: elu(x, 1.6732632423543772, 1.0507009873554805),
        "swish": lambda x: x * sigmoid(x),
        "softplus": lambda x: np.logaddexp(np.float32(0), x),
        "sigmoid": sigmoid,
        "tanh": np.tanh,
    }
    return functions[layer.name]
