"""The layers a network is made of, as data: their sizes, and the shapes of their weights.

A network is a list of layers, and everything else reads that list: nets.stack builds it in torch
to train it, nets.play runs it in numpy to play it, the exporters write it down for others. Arrays
are channels last, (H, W, C), and weights lie as Keras and TensorFlow.js keep them: dense (in, out),
conv (kh, kw, in, out), transposed conv (kh, kw, out, in).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field

Shape = tuple[int, ...]
Size = Annotated[int, Field(ge=1, le=1 << 16)]
Pair = tuple[Annotated[int, Field(ge=1, le=64)], Annotated[int, Field(ge=1, le=64)]]
WINDOW = 1.5  # of Look: how far it sees to each side, times the size
LARGEST = 1 << 26  # numbers in the weights of a layer, or in what it gives for one picture
ROOM = 1 << 28  # numbers that a layer works on at a time: a gigabyte


class Layer(BaseModel):
    """One step. output: the shape it gives, without the batch; weights: the shape of each; room:
    how many numbers nets.play works on at a time, beside what it takes and gives.

    They raise ValueError, one line, where the layer cannot take what it is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    def output(self, given: Shape) -> Shape:
        return given

    def weights(self, given: Shape) -> dict[str, Shape]:
        return {}

    def room(self, given: Shape) -> int:
        return 0


class Dense(Layer):
    """On the last axis: (..., n) -> (..., units)."""

    op: Literal["dense"] = "dense"
    units: Size
    bias: bool = True

    def output(self, given: Shape) -> Shape:
        return (*given[:-1], self.units)

    def weights(self, given: Shape) -> dict[str, Shape]:
        return _with_bias((given[-1], self.units), self.units, self.bias)


class Conv(Layer):
    """(H, W, n) -> (H', W', filters). same: as TensorFlow pads, what is odd goes to the end."""

    op: Literal["conv"] = "conv"
    filters: Size
    kernel: Pair = (3, 3)
    stride: Pair = (1, 1)
    padding: Literal["same", "valid"] = "same"
    bias: bool = True

    def output(self, given: Shape) -> Shape:
        sizes = _picture(given)[:2]
        if self.padding == "valid":
            sizes = tuple(n - k + 1 for n, k in zip(sizes, self.kernel, strict=True))
        height, width = (-(-n // s) for n, s in zip(sizes, self.stride, strict=True))
        return height, width, self.filters

    def weights(self, given: Shape) -> dict[str, Shape]:
        return _with_bias((*self.kernel, given[-1], self.filters), self.filters, self.bias)

    def room(self, given: Shape) -> int:
        return math.prod((*self.output(given)[:2], *self.kernel, given[2]))


class ConvTranspose(Layer):
    """(H, W, n) -> (H * stride, W * stride, filters), or a little more where padding is valid."""

    op: Literal["conv_transpose"] = "conv_transpose"
    filters: Size
    kernel: Pair = (4, 4)
    stride: Pair = (2, 2)
    padding: Literal["same", "valid"] = "same"
    bias: bool = True

    def output(self, given: Shape) -> Shape:
        height, width, _ = _picture(given)
        more = [
            0 if self.padding == "same" else max(k - s, 0)
            for k, s in zip(self.kernel, self.stride, strict=True)
        ]
        return height * self.stride[0] + more[0], width * self.stride[1] + more[1], self.filters

    def weights(self, given: Shape) -> dict[str, Shape]:
        return _with_bias((*self.kernel, self.filters, given[-1]), self.filters, self.bias)

    def room(self, given: Shape) -> int:
        return math.prod((*given[:2], *self.kernel, self.filters))


class Upsample(Layer):
    """(H, W, n) -> (H * factor, W * factor, n); smooth: bilinear, with pixels' middles in place,
    or, as TensorFlow.js has it, their top left corners."""

    op: Literal["upsample"] = "upsample"
    factor: Pair = (2, 2)
    smooth: bool = False
    corner: bool = False

    def output(self, given: Shape) -> Shape:
        height, width, channels = _picture(given)
        return height * self.factor[0], width * self.factor[1], channels

    def room(self, given: Shape) -> int:
        return sum(n * n * f for n, f in zip(given[:2], self.factor, strict=True))


class Pool(Layer):
    """(H, W, n) -> (H', W', n), the largest or the mean of each window; no padding."""

    op: Literal["pool"] = "pool"
    how: Literal["max", "mean"] = "max"
    size: Pair = (2, 2)

    def output(self, given: Shape) -> Shape:
        height, width, channels = _picture(given)
        return height // self.size[0], width // self.size[1], channels


class Reshape(Layer):
    """To another shape of as many numbers."""

    op: Literal["reshape"] = "reshape"
    shape: Annotated[tuple[Size, ...], Field(min_length=1, max_length=4), FailFast()]

    def output(self, given: Shape) -> Shape:
        if math.prod(self.shape) != math.prod(given):
            raise ValueError(f"{_by(given)} cannot become {_by(self.shape)}")
        return self.shape


class Affine(Layer):
    """Every channel times a scale, plus a shift: what batch normalisation is once trained."""

    op: Literal["affine"] = "affine"

    def weights(self, given: Shape) -> dict[str, Shape]:
        return {"scale": (given[-1],), "shift": (given[-1],)}


class Activation(Layer):
    """alpha: the slope of leaky_relu below zero, or elu's depth."""

    op: Literal["activation"] = "activation"
    name: Literal[
        "relu", "relu6", "leaky_relu", "elu", "selu", "swish", "softplus", "sigmoid", "tanh"
    ]
    alpha: float = Field(default=0.0, ge=0, le=10)


class Lines(Layer):
    """(latent_dim,) -> (height, width, count + 1): straight lines that the latents move about.

    The first two latents are a place and the third a size; the others go through a small dense
    network that gives each line (a, b, c): its value at (x, y), both from -1 to 1 across the
    picture, is a x + b y + c. Lines are moved by the place, and their c is multiplied by the size;
    the last channel is the size itself. What comes after has no biases: a network of relu without
    biases is homogeneous, so a shape twice as large, anywhere, is the same shape, exactly.
    """

    op: Literal["lines"] = "lines"
    height: Annotated[int, Field(ge=4, le=1024)]
    width: Annotated[int, Field(ge=4, le=1024)]
    count: Annotated[int, Field(ge=3, le=1024)]
    hidden: Annotated[tuple[Size, ...], Field(max_length=8), FailFast()] = ()

    def output(self, given: Shape) -> Shape:
        if len(given) != 1 or given[0] < 4:
            raise ValueError(f"lines need a vector of four numbers or more, not {_by(given)}")
        return self.height, self.width, self.count + 1

    def weights(self, given: Shape) -> dict[str, Shape]:
        shapes: dict[str, Shape] = {"place": (1,), "size": (2,)}
        n_in = given[0] - 3
        for i, n_out in enumerate((*self.hidden, 3 * self.count)):
            shapes[f"kernel{i}"], shapes[f"bias{i}"] = (n_in, n_out), (n_out,)
            n_in = n_out
        return shapes


Plain = Annotated[
    Dense | Conv | ConvTranspose | Upsample | Pool | Reshape | Affine | Activation | Lines,
    Field(discriminator="op"),
]


class Look(Layer):
    """(H, W, 1) -> (n,): an encoder that finds what there is, and then looks at it closely.

    where: a network from the picture to x, y and u: a place, both -1 to 1 across the picture, and a
    size, softplus(u), in half pictures; what: a network from the (size, size, 1) pixels around that
    place, WINDOW sizes to each side, to what is given. Of that the first three numbers are relative
    to where it looked: x, y = gain[0] (place + size * v), and the third is gain[1] u + v. So what
    is small or off centre is seen as well as what fills the picture (Jaderberg et al. 2015,
    "Spatial transformer networks").
    """

    op: Literal["look"] = "look"
    size: Annotated[int, Field(ge=4, le=256)]
    where: Annotated[tuple[Plain, ...], Field(max_length=32), FailFast()]
    what: Annotated[tuple[Plain, ...], Field(max_length=32), FailFast()]

    @property
    def window(self) -> Shape:
        return self.size, self.size, 1

    def output(self, given: Shape) -> Shape:
        if _picture(given)[2] != 1:
            raise ValueError("it looks at grey pictures only")
        if output(self.where, given) != (3,):
            raise ValueError("where to look must be three numbers")
        seen = output(self.what, self.window)
        if len(seen) != 1 or seen[0] < 4:
            raise ValueError("what is seen must be four numbers or more")
        return seen

    def weights(self, given: Shape) -> dict[str, Shape]:
        parts = {"where": (self.where, given), "what": (self.what, self.window)}
        nested = {
            f"{part}.{name}": shape
            for part, (spec, takes) in parts.items()
            for name, shape in weights(spec, takes).items()
        }
        return {"gain": (2,)} | nested


AnyLayer = Annotated[
    Dense | Conv | ConvTranspose | Upsample | Pool | Reshape | Affine | Activation | Lines | Look,
    Field(discriminator="op"),
]
Layers = Annotated[tuple[AnyLayer, ...], Field(max_length=64), FailFast()]


def walk(layers: Sequence[Layer], given: Shape) -> Iterator[tuple[int, Layer, Shape, Shape]]:
    """Each layer with its number, the shape it takes and the shape it gives.

    Raises ValueError, one line, where a layer cannot take what comes to it, or is out of all
    proportion.
    """
    for i, layer in enumerate(layers):
        try:
            gives = layer.output(given)
            numbers = [gives, *layer.weights(given).values()]
        except ValueError as error:
            raise ValueError(f"layer {i}, {_name(layer)}: {error}") from None
        if any(size < 1 for size in gives):
            raise ValueError(f"layer {i}, {_name(layer)}: nothing is left of {_by(given)}")
        too_many = any(math.prod(shape) > LARGEST for shape in numbers)
        if too_many or layer.room(given) > ROOM or len(gives) > 4:
            raise ValueError(f"layer {i}, {_name(layer)}: it is too large")
        yield i, layer, given, gives
        given = gives


def output(layers: Sequence[Layer], given: Shape) -> Shape:
    """The shape that comes out at the end."""
    return [given, *(gives for _, _, _, gives in walk(layers, given))][-1]


def weights(layers: Sequence[Layer], given: Shape) -> dict[str, Shape]:
    """The name and shape of every weight: "0.kernel", "0.bias", "2.kernel", ..."""
    return {
        f"{i}.{name}": shape
        for i, layer, takes, _ in walk(layers, given)
        for name, shape in layer.weights(takes).items()
    }


def same_padding(n: int, kernel: int, stride: int) -> tuple[int, int]:
    """What TensorFlow's "same" adds before and after n numbers."""
    total = max((-(-n // stride) - 1) * stride + kernel - n, 0)
    return total // 2, total - total // 2


def words(layers: Sequence[Layer], given: Shape) -> str:
    """A network in a line: "784-256-128-4", "64x64x1-32x32x16-..."; what changes no shape is
    left out."""
    shapes = [given, *(gives for _, _, takes, gives in walk(layers, given) if gives != takes)]
    return "-".join(map(_by, shapes))


def _with_bias(kernel: Shape, units: int, bias: bool) -> dict[str, Shape]:
    return {"kernel": kernel, "bias": (units,)} if bias else {"kernel": kernel}


def _picture(given: Shape) -> Shape:
    if len(given) != 3:
        raise ValueError(f"it takes height, width and channels, not {_by(given)}")
    return given


def _by(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _name(layer: Layer) -> str:
    return str(getattr(layer, "op", type(layer).__name__))
