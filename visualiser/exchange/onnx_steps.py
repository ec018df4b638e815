"""The layers of a network as ONNX nodes.

Our arrays are channels last and ONNX's pictures channels first: a value is turned where the next op
wants it the other way round, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from visualiser.nets import layers
from visualiser.nets.lines import points
from visualiser.types import FloatArray

OPS = {
    "relu": "Relu",
    "leaky_relu": "LeakyRelu",
    "elu": "Elu",
    "selu": "Selu",
    "softplus": "Softplus",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
}


class Steps:
    """Nodes one after the other. value: the name of what the last one gave; first: whether its
    channels come before its rows."""

    def __init__(self, onnx: Any, value: str) -> None:
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.value, self.first = value, False

    def add(self, op: str, *others: str, gives: str = "", **settings: object) -> str:
        """A node that takes the value and others."""
        return self.node(op, self.value, *others, gives=gives, **settings)

    def node(self, op: str, *takes: str, gives: str = "", **settings: object) -> str:
        """A node that takes values by name; what it gives is the value from now on."""
        gives = gives or f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(op, takes, [gives], **settings))
        self.value = gives
        return gives

    def constant(self, array: FloatArray, name: str = "") -> str:
        name = name or f"constant{len(self.weights)}"
        whole = np.ascontiguousarray(array)
        self.weights.append(self._onnx.numpy_helper.from_array(whole, name))
        return name

    def whole(self, numbers: list[int]) -> str:
        return self.constant(np.array(numbers, np.int64))

    def cut(self, value: str, start: int, stop: int, axis: int = 1) -> str:
        return self.node("Slice", value, *map(self.whole, ([start], [stop], [axis])))

    def shaped(self, *shape: int) -> str:
        """The value with another shape; the batch stays in front."""
        return self.add("Reshape", self.whole([-1, *shape]))

    def reshape(self, shape: layers.Shape) -> None:
        self.turn(first=False)
        self.shaped(*shape)

    def turn(self, first: bool) -> None:
        """Channels first, or last."""
        if first != self.first:
            self.add("Transpose", perm=[0, 3, 1, 2] if first else [0, 2, 3, 1])
            self.first = first

    def stack(
        self,
        spec: Sequence[layers.Layer],
        takes: layers.Shape,
        weights: Mapping[str, FloatArray],
        prefix: str = "",
    ) -> str:
        """All layers of a network; weights: by the names that nets.layers gives them."""
        for i, layer, given, _ in layers.walk(spec, takes):
            own = {name: weights[f"{i}.{name}"] for name in layer.weights(given)}
            self._layer(layer, given, own, f"{prefix}{i}")
        self.turn(first=False)
        return self.value

    def _layer(
        self, layer: layers.Layer, takes: layers.Shape, w: dict[str, FloatArray], i: str
    ) -> None:
        if isinstance(layer, layers.Activation):
            self._activation(layer)
        elif isinstance(layer, layers.Reshape):
            self.reshape(layer.shape)
        elif isinstance(layer, layers.Dense):
            self.turn(first=False)
            self.dense(w["kernel"], w.get("bias"), i)
        elif isinstance(layer, layers.Affine):
            shape = (-1, 1, 1) if self.first else (-1,)
            self.add("Mul", self.constant(w["scale"].reshape(shape), f"{i}.scale"))
            self.add("Add", self.constant(w["shift"].reshape(shape), f"{i}.shift"))
        elif isinstance(layer, layers.Lines):
            self._lines(layer, takes, w, i)
        elif isinstance(layer, layers.Look):
            self.turn(first=False)
            self._look(layer, takes, w, i)
        else:
            self.turn(first=True)
            self._picture(layer, takes, w, i)

    def dense(self, kernel: FloatArray, bias: FloatArray | None, i: str) -> None:
        self.add("MatMul", self.constant(kernel, f"{i}.kernel"))
        if bias is not None:
            self.add("Add", self.constant(bias, f"{i}.bias"))

    def _picture(
        self, layer: layers.Layer, takes: layers.Shape, w: dict[str, FloatArray], i: str
    ) -> None:
        """What takes and gives channels first."""
        parts = [self.constant(w["bias"], f"{i}.bias")] if "bias" in w else []
        if isinstance(layer, layers.Conv | layers.ConvTranspose):
            parts.insert(0, self.constant(w["kernel"].transpose(3, 2, 0, 1), f"{i}.kernel"))
            sizes = list(zip(takes[:2], layer.kernel, layer.stride, strict=True))
        if isinstance(layer, layers.Conv):
            same = [layers.same_padding(*size) for size in sizes]
            pads = _pads(same if layer.padding == "same" else [(0, 0)] * 2)
            self.add("Conv", *parts, strides=layer.stride, pads=pads)
        elif isinstance(layer, layers.ConvTranspose):
            over = [max(k - s, 0) if layer.padding == "same" else 0 for _, k, s in sizes]
            pads = _pads([(n // 2, n - n // 2) for n in over])
            more = [max(s - k, 0) for _, k, s in sizes]
            self.add("ConvTranspose", *parts, strides=layer.stride, pads=pads, output_padding=more)
        elif isinstance(layer, layers.Pool):
            op = "MaxPool" if layer.how == "max" else "AveragePool"
            self.add(op, kernel_shape=layer.size, strides=layer.size)
        elif isinstance(layer, layers.Upsample):
            scales = self.constant(np.array([1, 1, *layer.factor], np.float32))
            if layer.smooth:
                how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
            else:
                how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}
                how["nearest_mode"] = "floor"
            self.add("Resize", "", scales, **how)
        else:
            raise TypeError(f"no ONNX ops for the layer {layer}")

    def _activation(self, layer: layers.Activation) -> None:
        if layer.name == "swish":
            x = self.value
            self.node("Mul", x, self.add("Sigmoid"))
        elif layer.name == "relu6":
            self.add("Clip", *(self.constant(np.array(n, np.float32)) for n in (0, 6)))
        elif layer.name in ("leaky_relu", "elu"):
            self.add(OPS[layer.name], alpha=layer.alpha)
        else:
            self.add(OPS[layer.name])

    def _lines(
        self, layer: layers.Lines, takes: layers.Shape, w: dict[str, FloatArray], i: str
    ) -> None:
        """As nets.layers says: three latents move the lines that the others make."""
        z = self.value
        self.cut(z, 0, 2)
        self.add("Mul", self.constant(w["place"]))
        place = self.shaped(2, 1)
        self.cut(z, 2, 3)
        self.add("Mul", self.constant(w["size"][:1]))
        self.add("Add", self.constant(w["size"][1:]))
        self.add("Softplus")
        size = self.shaped(1, 1)
        self.cut(z, 3, takes[0])
        for n in range(len(layer.hidden) + 1):
            if n:
                self.add("Relu")
            self.dense(w[f"kernel{n}"], w[f"bias{n}"], f"{i}.{n}")
        lines = self.shaped(layer.count, 3)
        slopes = self.cut(lines, 0, 2, axis=2)
        sized = self.node("Mul", self.cut(lines, 2, 3, axis=2), size)
        moved = self.node("Sub", sized, self.node("MatMul", slopes, place))
        whole = self.node("Concat", slopes, moved, axis=2)
        last = self.node("Pad", size, self.whole([0, 0, 2, 0, 0, 0]))  # it slopes nowhere
        self.node("Concat", whole, last, axis=1)
        across = self.add("Transpose", perm=[0, 2, 1])
        self.node("MatMul", self.constant(points(layer.height, layer.width)), across)
        self.shaped(layer.height, layer.width, layer.count + 1)

    def _look(
        self, layer: layers.Look, takes: layers.Shape, w: dict[str, FloatArray], i: str
    ) -> None:
        """As nets.layers says: a window of the picture, where the picture says, seen closely."""

        def part(name: str) -> dict[str, FloatArray]:
            return {k.removeprefix(f"{name}."): v for k, v in w.items() if k.startswith(f"{name}.")}

        (height, width, _), picture = takes, self.value
        where = self.stack(layer.where, takes, part("where"), f"{i}.where.")
        place, u = self.cut(where, 0, 2), self.cut(where, 2, 3)
        size = self.node("Softplus", u)
        down = self._samples(layer.size, height, self.cut(where, 1, 2), size)
        self._samples(layer.size, width, self.cut(where, 0, 1), size)
        across = self.add("Transpose", perm=[0, 2, 1])
        self.node("Reshape", picture, self.whole([-1, height, width]))
        self.node("MatMul", self.node("MatMul", down, self.value), across)
        self.shaped(*layer.window)
        seen = self.stack(layer.what, layer.window, part("what"), f"{i}.what.")
        self.node("Add", place, self.node("Mul", self.cut(seen, 0, 2), size))
        moved = self.add("Mul", self.constant(w["gain"][:1]))
        sized = self.node("Mul", u, self.constant(w["gain"][1:]))
        sized = self.node("Add", sized, self.cut(seen, 2, 3))
        rest = self.cut(seen, 3, layer.output(takes)[0])
        self.node("Concat", moved, sized, rest, axis=1)

    def _samples(self, n: int, edge: int, place: str, size: str) -> str:
        """(batch, n, edge): the share of every pixel of an edge in n bilinear samples."""
        offsets = ((np.arange(n) + 0.5) / n * 2 - 1) * layers.WINDOW
        self.node("Mul", size, self.constant(offsets.astype(np.float32)))
        self.add("Add", place)
        self.add("Mul", self.constant(np.array(edge / 2, np.float32)))
        self.add("Add", self.constant(np.array(edge / 2 - 0.5, np.float32)))
        self.shaped(n, 1)
        self.add("Sub", self.constant(np.arange(edge, dtype=np.float32)))
        far = self.add("Abs")
        self.node("Sub", self.constant(np.array(1, np.float32)), far)
        return self.add("Relu")


def _pads(rows_columns: Sequence[tuple[int, int]]) -> list[int]:
    """(top, bottom), (left, right), in ONNX's order."""
    (top, bottom), (left, right) = rows_columns
    return [top, left, bottom, right]
