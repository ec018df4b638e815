"""Networks as Keras and TensorFlow.js describe them: from our layers to a graph of theirs.

Only layers that every TensorFlow.js knows are used, so that plain tf.loadLayersModel takes the
result. Where it has no such layer, several that it has do the same sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from visualiser.nets import layers
from visualiser.nets.lines import points
from visualiser.nets.play import bilinear
from visualiser.types import FloatArray

VERSION = "4.22.0"  # of TensorFlow.js, which assets/sketch brings


class Graph:
    """A functional model under construction: layers are added, and each takes what others give."""

    def __init__(self, name: str, takes: layers.Shape) -> None:
        self.name = name
        self.weights: list[tuple[str, FloatArray]] = []
        self._nodes: list[dict[str, Any]] = []
        config = {"batch_input_shape": [None, *takes], "dtype": "float32", "sparse": False}
        self.last = self.add("InputLayer", config, inputs=())

    def add(
        self,
        kind: str,
        config: Mapping[str, Any],
        weights: Mapping[str, FloatArray] | None = None,
        inputs: Sequence[str] | None = None,
    ) -> str:
        """Add a layer, after the last one if not after `inputs`, and return its name."""
        name = f"{kind.lower()}_{sum(node['class_name'] == kind for node in self._nodes) + 1}"
        inputs = [self.last] if inputs is None else inputs
        self._nodes.append(
            {
                "class_name": kind,
                "name": name,
                "config": {"name": name, "trainable": True, **config},
                "inbound_nodes": [[[source, 0, 0, {}] for source in inputs]] if inputs else [],
            }
        )
        for key, weight in (weights or {}).items():
            self.weights.append((f"{name}/{key}", np.ascontiguousarray(weight, np.float32)))
        self.last = name
        return name

    def dense(self, kernel: FloatArray, bias: FloatArray | None = None, **more: Any) -> str:
        """kernel: (in, out). more: activation, and inputs as for `add`."""
        inputs = more.pop("inputs", None)
        own = {"kernel": kernel} | ({} if bias is None else {"bias": bias})
        config = {"units": kernel.shape[1], "use_bias": bias is not None, "activation": "linear"}
        return self.add("Dense", config | more, own, inputs)

    def reshape(self, shape: Sequence[int]) -> str:
        return self.add("Reshape", {"target_shape": list(shape)})

    def permute(self, *axes: int) -> str:
        """axes: counted from 1, without the batch."""
        return self.add("Permute", {"dims": list(axes)})

    def topology(self) -> dict[str, Any]:
        return {
            "class_name": "Model",
            "config": {
                "name": self.name,
                "layers": self._nodes,
                "input_layers": [[self._nodes[0]["name"], 0, 0]],
                "output_layers": [[self.last, 0, 0]],
            },
            "keras_version": f"tfjs-layers {VERSION}",
            "backend": "tensor_flow.js",
        }

    def manifest(self) -> list[dict[str, Any]]:
        """What lies in the stream of weights, in its order."""
        return [
            {"name": name, "shape": list(weight.shape), "dtype": "float32"}
            for name, weight in self.weights
        ]

    def stream(self) -> bytes:
        return b"".join(weight.astype("<f4").tobytes() for _, weight in self.weights)


def graph(
    name: str,
    spec: Sequence[layers.Layer],
    takes: layers.Shape,
    weights: Mapping[str, FloatArray],
) -> Graph:
    """weights: by the names that nets.layers gives them: "0.kernel", ..."""
    made = Graph(name, takes)
    _add_all(made, spec, takes, weights)
    return made


def _add_all(
    made: Graph,
    spec: Sequence[layers.Layer],
    takes: layers.Shape,
    weights: Mapping[str, FloatArray],
) -> None:
    for i, layer, given, _ in layers.walk(spec, takes):
        own = {key: weights[f"{i}.{key}"] for key in layer.weights(given)}
        _add(made, layer, given, own)


def _add(
    made: Graph, layer: layers.Layer, takes: layers.Shape, w: Mapping[str, FloatArray]
) -> None:
    if isinstance(layer, layers.Dense):
        made.dense(w["kernel"], w.get("bias"))
    elif isinstance(layer, layers.Conv | layers.ConvTranspose):
        config = {
            "filters": layer.filters,
            "kernel_size": list(layer.kernel),
            "strides": list(layer.stride),
            "padding": layer.padding,
            "data_format": "channels_last",
            "activation": "linear",
            "use_bias": layer.bias,
        }
        made.add("Conv2D" if isinstance(layer, layers.Conv) else "Conv2DTranspose", config, w)
    elif isinstance(layer, layers.Upsample):
        _add_upsample(made, layer, takes)
    elif isinstance(layer, layers.Pool):
        size = list(layer.size)
        config = {"pool_size": size, "strides": size, "padding": "valid"}
        kind = "MaxPooling2D" if layer.how == "max" else "AveragePooling2D"
        made.add(kind, config | {"data_format": "channels_last"})
    elif isinstance(layer, layers.Reshape):
        made.reshape(layer.shape)
    elif isinstance(layer, layers.Affine):
        _add_affine(made, w["scale"], w["shift"])
    elif isinstance(layer, layers.Activation):
        _add_activation(made, layer)
    elif isinstance(layer, layers.Lines):
        _add_lines(made, layer, takes, w)
    elif isinstance(layer, layers.Look):
        _add_look(made, layer, takes, w)
    else:
        raise TypeError(f"TensorFlow.js knows no layer {layer}")


def _add_affine(made: Graph, scale: FloatArray, shift: FloatArray) -> None:
    """Batch normalisation with nothing to normalise: mean 0, variance 1, and an epsilon of 0."""
    config = {"axis": -1, "momentum": 0.99, "epsilon": 0, "center": True, "scale": True}
    weights = {
        "gamma": scale,
        "beta": shift,
        "moving_mean": np.zeros_like(scale),
        "moving_variance": np.ones_like(scale),
    }
    made.add("BatchNormalization", config, weights)


def _add_activation(made: Graph, layer: layers.Activation) -> None:
    if layer.name != "leaky_relu":
        made.add("Activation", {"activation": layer.name})
    # TensorFlow.js knows elu with a depth of 1 only; below zero the depth is but a factor.
    if layer.name == "leaky_relu" or (layer.name == "elu" and layer.alpha != 1):
        made.add("LeakyReLU", {"alpha": layer.alpha})


def _add_upsample(made: Graph, layer: layers.Upsample, takes: layers.Shape) -> None:
    if not layer.smooth or layer.corner:
        how = "bilinear" if layer.smooth else "nearest"
        config = {"size": list(layer.factor), "data_format": "channels_last", "interpolation": how}
        made.add("UpSampling2D", config)
        return
    # Its bilinear upsampling moves the picture by half a pixel. So: each axis in turn comes last,
    # and is made longer by a dense layer that holds the share of each old pixel in each new one.
    made.permute(2, 3, 1)  # width, channels, height
    made.dense(bilinear(takes[0], layer.factor[0]).T)
    made.permute(2, 3, 1)  # channels, height, width
    made.dense(bilinear(takes[1], layer.factor[1]).T)
    made.permute(2, 3, 1)


def _add_lines(
    made: Graph, layer: layers.Lines, takes: layers.Shape, w: Mapping[str, FloatArray]
) -> None:
    """Lines (a, b, c) times a matrix that moves and sizes them, times the places of the pixels."""
    z, dim = made.last, takes[0]
    depth = len(layer.hidden)
    for i in range(depth + 1):
        kernel, bias = w[f"kernel{i}"], w[f"bias{i}"]
        if i == 0:  # which does not see place and size
            kernel = np.concatenate([np.zeros((3, kernel.shape[1]), np.float32), kernel])
        if i == depth:  # and one line more, (0, 0, 1): it becomes the size
            kernel = np.pad(kernel, ((0, 0), (0, 3)))
            bias = np.append(bias, np.array([0, 0, 1], np.float32))
        made.dense(kernel, bias, activation="linear" if i == depth else "relu")
    line = made.reshape((layer.count + 1, 3))

    place = np.zeros((dim, 2), np.float32)
    place[0, 0] = place[1, 1] = -w["place"][0]
    moved = made.dense(place, inputs=[z])
    size = np.zeros((dim, 1), np.float32)
    size[2, 0] = w["size"][0]
    sized = made.dense(size, w["size"][1:], activation="softplus", inputs=[z])
    made.add("Concatenate", {"axis": -1}, inputs=[moved, sized])
    spread = np.zeros((3, 9), np.float32)  # x, y, size -> (1, 0, x), (0, 1, y), (0, 0, size)
    spread[0, 2] = spread[1, 5] = spread[2, 8] = 1
    made.dense(spread, np.array([1, 0, 0, 0, 1, 0, 0, 0, 0], np.float32))
    matrix = made.reshape((3, 3))

    made.add("Dot", {"axes": [2, 1], "normalize": False}, inputs=[line, matrix])
    made.dense(points(layer.height, layer.width).T)
    made.permute(2, 1)
    made.reshape((layer.height, layer.width, layer.count + 1))


def _add_look(
    made: Graph, layer: layers.Look, takes: layers.Shape, w: Mapping[str, FloatArray]
) -> None:
    """The window is the picture times the share of each of its rows and columns in each new one."""

    def part(name: str) -> dict[str, FloatArray]:
        return {k.removeprefix(f"{name}."): v for k, v in w.items() if k.startswith(f"{name}.")}

    picture = made.last
    _add_all(made, layer.where, takes, part("where"))
    raw = made.last  # x, y, and the size before softplus
    size = made.dense(np.eye(3, 1, -2, dtype=np.float32), activation="softplus")
    keep = made.dense(np.eye(3, 2, dtype=np.float32), inputs=[raw])
    where = made.add("Concatenate", {"axis": -1}, inputs=[keep, size])
    across = _samples(made, where, 0, layer.size, takes[1])
    down = _samples(made, where, 1, layer.size, takes[0])
    made.add("Reshape", {"target_shape": list(takes[:2])}, inputs=[picture])
    made.add("Dot", {"axes": [2, 1], "normalize": False}, inputs=[down, made.last])
    made.add("Dot", {"axes": [2, 2], "normalize": False}, inputs=[made.last, across])
    made.reshape(layer.window)
    _add_all(made, layer.what, layer.window, part("what"))

    seen, n = made.last, layers.output(layer.what, layer.window)[0]
    gain = w["gain"]
    moved, kept = np.zeros((2, n, n), np.float32)  # what is times the size, and what stays
    moved[:2, :2] = np.eye(2) * gain[0]
    kept[2:, 2:] = np.eye(n - 2)
    place = np.zeros((3, n), np.float32)
    place[0, 0] = place[1, 1] = gain[0]
    place[2, 2] = gain[1]
    sizes = made.dense(np.ones((1, n), np.float32), inputs=[size])
    product = made.add("Multiply", {}, inputs=[made.dense(moved, inputs=[seen]), sizes])
    summands = [product, made.dense(kept, inputs=[seen]), made.dense(place, inputs=[raw])]
    made.add("Add", {}, inputs=summands)


def _samples(made: Graph, where: str, axis: int, n: int, pixels: int) -> str:
    """(n, pixels): the share of every pixel in each bilinear sample of one axis, 1 - |at - pixel|
    where that is above zero; where: x, y and the size of the window."""
    offsets = ((np.arange(n) + 0.5) / n * 2 - 1) * layers.WINDOW
    kernel = np.zeros((3, n, pixels), np.float32)
    kernel[axis] = pixels / 2
    kernel[2] = offsets[:, None] * pixels / 2
    bias = np.tile((pixels - 1) / 2 - np.arange(pixels), n).astype(np.float32)
    flat = kernel.reshape(3, -1)
    over = made.dense(flat, bias, activation="relu", inputs=[where])
    under = made.dense(-flat, -bias, activation="relu", inputs=[where])
    made.add("Add", {}, inputs=[over, under])
    made.reshape((n, pixels))
    ones = np.ones(pixels, np.float32)
    _add_affine(made, -ones, ones)
    return made.add("Activation", {"activation": "relu"})
