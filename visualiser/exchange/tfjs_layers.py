"""Layers of TensorFlow.js, one after the other, made into ours."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from visualiser.exchange.tfjs_chain import Link
from visualiser.exchange.tfjs_weights import short
from visualiser.nets import layers
from visualiser.types import FloatArray, UserError

ACTIVATIONS = ("relu", "relu6", "elu", "selu", "swish", "softplus", "sigmoid", "tanh")
# What only training needs.
DROPPED = ("Dropout", "GaussianNoise", "GaussianDropout", "AlphaDropout", "SpatialDropout2D")


@dataclass(frozen=True)
class Step:
    """One of our layers, its weights, and the shape that it gives."""

    layer: layers.AnyLayer
    weights: dict[str, FloatArray]
    gives: layers.Shape


class Converter:
    """The network so far: its steps, and the shape that comes out.

    Every layer that is added takes its weights out of `stored`, so what is left at the end belongs
    to no layer.
    """

    def __init__(self, path: Path, takes: layers.Shape, stored: dict[str, FloatArray]) -> None:
        self.steps: list[Step] = []
        self.shape = takes
        self._path = path
        self._stored = stored

    def put(self, layer: layers.AnyLayer, **weights: FloatArray) -> None:
        """Add one of our layers. Raises ValueError where it does not fit what comes to it."""
        if isinstance(layer, layers.Reshape) and layer.shape == self.shape:
            return
        for name, shape in layer.weights(self.shape).items():
            if weights[name].shape != shape:
                raise ValueError(f"its {name} is {by(weights[name].shape)}, it needs {by(shape)}")
        ((_, _, _, self.shape),) = layers.walk([layer], self.shape)
        self.steps.append(Step(layer, weights, self.shape))

    def add(self, link: Link) -> None:
        """Add a layer of theirs. Raises UserError where we have none that does the same."""
        make = MAKERS.get(link.kind)
        if make is None:
            raise UserError(
                f"{self._path}: {link} is none that can be read; these are: {', '.join(MAKERS)}"
            )
        try:
            make(self, link)
        except ValidationError as error:
            first = error.errors()[0]
            what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise UserError(f"{self._path}: {link} does not fit: {what}") from None
        except KeyError as error:
            raise UserError(f"{self._path}: {link} does not say its {error}") from None
        except (ValueError, TypeError, ArithmeticError) as error:
            why = re.sub("^layer 0, [a-z_]+: ", "", str(error))
            raise UserError(f"{self._path}: {link} does not fit: {short(why)}") from None

    def take(self, link: Link, name: str) -> FloatArray:
        """A weight of a layer: "dense/kernel", or with the names of models before that."""
        wanted = f"{link.name}/{name}"
        found = [key for key in self._stored if key == wanted]
        found = found or [key for key in self._stored if key.endswith(f"/{wanted}")]
        if len(found) != 1:
            many = "has several" if found else "lacks"
            raise UserError(f"{self._path}: its manifest {many} {short(wanted)}, for {link}")
        return self._stored.pop(found[0])

    def activation(self, link: Link) -> None:
        """What a layer has for its `activation`."""
        name: Any = link.config.get("activation") or "linear"
        name = "swish" if name == "silu" else name
        if name not in (*ACTIVATIONS, "linear"):
            raise UserError(
                f"{self._path}: {link} has the activation {short(name)}; allowed are linear,"
                f" {', '.join(ACTIVATIONS)}, silu"
            )
        if name != "linear":
            self.put(layers.Activation(name=name, alpha=1.0 if name == "elu" else 0.0))


def _demand(link: Link, **wanted: Any) -> None:
    """Raises ValueError where a setting is another than ours has; missing or null is as wanted."""
    for key, value in wanted.items():
        got = link.config.get(key)
        if got is not None and got != value:
            raise ValueError(f"{key} is {short(got)}, where only {short(value)} can be read")


def _pair(link: Link, key: str, default: int | None = None) -> tuple[int, int]:
    value = link.config.get(key, default)
    if isinstance(value, int):
        value = [value, value]
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{key} is {short(value)}, where two whole numbers are wanted")
    return value[0], value[1]


def _number(link: Link, default: float, *keys: str) -> float:
    for key in keys:
        if link.config.get(key) is not None:
            value = link.config[key]
            if isinstance(value, dict) and isinstance(value.get("value"), int | float):
                value = value["value"]  # an array of one number, as Keras 3 writes it
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{key} is {short(value)}, where a number is wanted")
            return float(value)
    return default


def _weights(made: Converter, link: Link) -> dict[str, FloatArray]:
    names = ["kernel"] + (["bias"] if link.config.get("use_bias", True) else [])
    return {name: made.take(link, name) for name in names}


def _dense(made: Converter, link: Link) -> None:
    weights = _weights(made, link)
    made.put(layers.Dense(units=link.config["units"], bias="bias" in weights), **weights)
    made.activation(link)


def _conv(made: Converter, link: Link) -> None:
    _demand(link, data_format="channels_last", groups=1, output_padding=None)
    if _pair(link, "dilation_rate", 1) != (1, 1):
        raise ValueError("it is dilated, which cannot be read")
    weights = _weights(made, link)
    kind = layers.Conv if link.kind == "Conv2D" else layers.ConvTranspose
    layer = kind(
        filters=link.config["filters"],
        kernel=_pair(link, "kernel_size"),
        stride=_pair(link, "strides", 1),
        padding=link.config.get("padding", "valid"),
        bias="bias" in weights,
    )
    made.put(layer, **weights)
    made.activation(link)


def _upsample(made: Converter, link: Link) -> None:
    _demand(link, data_format="channels_last")
    how = link.config.get("interpolation", "nearest")
    if how not in ("nearest", "bilinear"):
        raise ValueError(f"interpolation is {short(how)}; allowed are nearest, bilinear")
    smooth = how == "bilinear"
    made.put(layers.Upsample(factor=_pair(link, "size", 2), smooth=smooth, corner=smooth))


def _pool(made: Converter, link: Link) -> None:
    _demand(link, data_format="channels_last")
    size = _pair(link, "pool_size", 2)
    if link.config.get("strides") is not None and _pair(link, "strides") != size:
        raise ValueError("its strides are not its pool_size, which cannot be read")
    fits = all(n % k == 0 for n, k in zip(made.shape, size, strict=False))
    if link.config.get("padding", "valid") != "valid" and not fits:
        raise ValueError(f"it would pad {by(made.shape)}, which cannot be read")
    made.put(layers.Pool(how="max" if link.kind.startswith("Max") else "mean", size=size))


def _flatten(made: Converter, link: Link) -> None:
    _demand(link, data_format="channels_last")
    made.put(layers.Reshape(shape=(math.prod(made.shape),)))


def _reshape(made: Converter, link: Link) -> None:
    shape = link.config.get("target_shape")
    if isinstance(shape, list):
        shape = [-1 if n is None else n for n in shape]  # as TensorFlow.js writes it
    if not isinstance(shape, list) or not all(isinstance(n, int) for n in shape):
        raise ValueError(f"target_shape is {short(shape)}, where whole numbers are wanted")
    if shape.count(-1) == 1:
        rest = math.prod(made.shape) // max(1, abs(math.prod(n for n in shape if n != -1)))
        shape = [rest if n == -1 else n for n in shape]
    made.put(layers.Reshape(shape=tuple(shape)))


def _permute(made: Converter, link: Link) -> None:
    axes = link.config.get("dims")
    n = len(made.shape)
    if not isinstance(axes, list) or sorted(axes) != list(range(1, n + 1)):
        raise ValueError(f"dims is {short(axes)}, where {by(made.shape)} has {n} axes")
    long = [axis for axis in axes if made.shape[axis - 1] > 1]
    if long != sorted(long):
        raise ValueError("it turns the picture over, which cannot be read")
    made.put(layers.Reshape(shape=tuple(made.shape[axis - 1] for axis in axes)))


def _batch_normalisation(made: Converter, link: Link) -> None:
    axis = link.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if axis not in (-1, len(made.shape)):
        raise ValueError(f"axis is {short(axis)}, where only the last can be read")
    mean = made.take(link, "moving_mean").astype(np.float64)
    variance = made.take(link, "moving_variance").astype(np.float64)
    variance = variance + _number(link, 1e-3, "epsilon")
    if not (variance > 0).all():
        raise ValueError("its variance is not above zero")
    scale, shift = 1 / np.sqrt(variance), np.zeros_like(mean)
    if link.config.get("scale", True):
        scale = scale * made.take(link, "gamma")
    if link.config.get("center", True):
        shift = shift + made.take(link, "beta")
    shift = shift - mean * scale
    made.put(layers.Affine(), scale=scale.astype(np.float32), shift=shift.astype(np.float32))


def _activation(made: Converter, link: Link) -> None:
    made.activation(link)


def _relu(made: Converter, link: Link) -> None:
    most = _number(link, 0.0, "max_value")
    slope = _number(link, 0.0, "negative_slope")
    if most not in (0.0, 6.0) or _number(link, 0.0, "threshold") != 0 or (most and slope):
        raise ValueError("only max_value 6, or none, can be read, and no threshold")
    name: Any = "relu6" if most else "leaky_relu" if slope else "relu"
    made.put(layers.Activation(name=name, alpha=slope))


def _leaky_relu(made: Converter, link: Link) -> None:
    slope = _number(link, 0.3, "alpha", "negative_slope")
    made.put(layers.Activation(name="leaky_relu", alpha=slope))


def _elu(made: Converter, link: Link) -> None:
    made.put(layers.Activation(name="elu", alpha=_number(link, 1.0, "alpha")))


def _input(made: Converter, link: Link) -> None:
    if made.shape != (wanted := link.takes()):
        raise ValueError(f"it wants {short(wanted)} and gets {by(made.shape)}")


def _nothing(made: Converter, link: Link) -> None:
    pass


MAKERS: dict[str, Callable[[Converter, Link], None]] = {
    "InputLayer": _input,
    "Dense": _dense,
    "Conv2D": _conv,
    "Conv2DTranspose": _conv,
    "UpSampling2D": _upsample,
    "MaxPooling2D": _pool,
    "AveragePooling2D": _pool,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "BatchNormalization": _batch_normalisation,
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "ELU": _elu,
    **dict.fromkeys(DROPPED, _nothing),
}


def by(shape: layers.Shape) -> str:
    return "x".join(map(str, shape))
