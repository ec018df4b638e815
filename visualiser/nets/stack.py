"""Networks in torch, for training: built from the list of their layers.

Arrays are channels last, (n, H, W, C), as in nets.layers; torch's convolutions get a permuted view,
which for them is the memory format "channels last".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from visualiser.nets import layers
from visualiser.nets.play import bilinear

ACTIVATIONS = {
    "relu": torch.relu,
    "relu6": functional.relu6,
    "selu": torch.selu,
    "swish": functional.silu,
    "softplus": functional.softplus,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


class Step(nn.Module):
    """One layer; its parameters bear the names, and have the shapes, that nets.layers gives."""

    kernel: Tensor
    bias: Tensor
    scale: Tensor
    shift: Tensor
    place: Tensor
    size: Tensor
    where: Stack
    what: Stack

    def __init__(self, layer: layers.Layer, takes: layers.Shape) -> None:
        super().__init__()
        self.layer = layer
        self.takes, self.gives = takes, layer.output(takes)
        if isinstance(layer, layers.Look):
            self.where = Stack(layer.where, takes)
            self.what = Stack(layer.what, layer.window)
            self.gain = nn.Parameter(torch.tensor([5.0, 3.3]))  # what fresh Lines undo
            return
        for name, shape in layer.weights(takes).items():
            self.register_parameter(name, nn.Parameter(_fresh(name, shape, layer)))
        if isinstance(layer, layers.Lines):
            _spread_lines(self, layer)

    def forward(self, x: Tensor) -> Tensor:
        layer = self.layer
        if isinstance(layer, layers.Dense):
            return functional.linear(x, self.kernel.t(), self.bias if layer.bias else None)
        if isinstance(layer, layers.Conv):
            return _conv(x, layer, self.kernel, self.bias if layer.bias else None)
        if isinstance(layer, layers.ConvTranspose):
            y = _conv_transpose(x, layer, self.kernel, self.bias if layer.bias else None)
            return y[:, : self.gives[0], : self.gives[1]]
        if isinstance(layer, layers.Activation):
            return activate(x, layer)
        if isinstance(layer, layers.Affine):
            return x * self.scale + self.shift
        if isinstance(layer, layers.Reshape):
            return x.reshape(len(x), *layer.shape)
        if isinstance(layer, layers.Upsample) and layer.smooth and layer.corner:
            rows, columns = (
                torch.from_numpy(bilinear(n, f, corner=True)).to(x)
                for n, f in zip(self.takes, layer.factor, strict=False)
            )
            return torch.einsum("ih,jw,nhwc->nijc", rows, columns, x)
        if isinstance(layer, layers.Upsample):
            mode = "bilinear" if layer.smooth else "nearest"
            size = list(self.gives[:2])
            return _last(functional.interpolate(_first(x), size=size, mode=mode))
        if isinstance(layer, layers.Pool):
            pool = functional.max_pool2d if layer.how == "max" else functional.avg_pool2d
            return _last(pool(_first(x), layer.size))
        if isinstance(layer, layers.Lines):
            points = grid(layer.height, layer.width)
            return self.lines(x, points).unflatten(1, (layer.height, layer.width))
        if isinstance(layer, layers.Look):
            return self.look(x, self.where(x))
        raise TypeError(f"torch knows no layer {layer}")

    def lines(self, z: Tensor, points: Tensor) -> Tensor:
        """The layer Lines at any places: z (n, latent_dim), points (P, 3) or (n, P, 3), each
        x, y, 1 -> (n, P, count + 1)."""
        assert isinstance(self.layer, layers.Lines)
        x = z[:, 3:]
        depth = len(self.layer.hidden)
        for i in range(depth + 1):
            x = x @ getattr(self, f"kernel{i}") + getattr(self, f"bias{i}")
            x = torch.relu(x) if i < depth else x
        line = x.unflatten(1, (self.layer.count, 3))
        place = z[:, :2] * self.place
        size = functional.softplus(z[:, 2] * self.size[0] + self.size[1])
        c = size[:, None] * line[..., 2] - (line[..., :2] * place[:, None]).sum(2)
        moved = torch.cat([line[..., :2], c[..., None]], 2)
        last = functional.pad(size[:, None, None], (2, 0))  # the size: a line that slopes nowhere
        return points @ torch.cat([moved, last], 1).transpose(1, 2)

    def look(self, x: Tensor, where: Tensor) -> Tensor:
        """The layer Look, at a place and size (n, 3) that were found. Training does not move them:
        they are learned from where shapes are."""
        assert isinstance(self.layer, layers.Look)
        edge = self.layer.size
        where = where.detach()
        place, size = where[:, :2], functional.softplus(where[:, 2:])
        offsets = grid(edge, edge)[:, :2] * layers.WINDOW
        points = (place[:, None] + size[:, None] * offsets).unflatten(1, (edge, edge))
        window = functional.grid_sample(_first(x), points, "bilinear", "zeros", align_corners=False)
        v = self.what(_last(window))
        moved = self.gain[0] * (place + size * v[:, :2])
        third = self.gain[1] * where[:, 2:] + v[:, 2:3]
        return torch.cat([moved, third, v[:, 3:]], 1)


class Stack(nn.Sequential):
    """Layers one after the other: (n, *takes) -> (n, *gives)."""

    def __init__(self, spec: Sequence[layers.Layer], takes: layers.Shape) -> None:
        super().__init__(*(Step(layer, given) for _, layer, given, _ in layers.walk(spec, takes)))

    @property
    def steps(self) -> list[Step]:
        return [step for step in self if isinstance(step, Step)]


def grid(height: int, width: int) -> Tensor:
    """(height * width, 3): x, y, 1 of the pixels' middles, x and y from -1 to 1."""
    y = (torch.arange(height) + 0.5) / height * 2 - 1
    x = (torch.arange(width) + 0.5) / width * 2 - 1
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([columns.flatten(), rows.flatten(), torch.ones(height * width)], 1)


def activate(x: Tensor, layer: layers.Activation) -> Tensor:
    if layer.name == "leaky_relu":
        return functional.leaky_relu(x, layer.alpha)
    if layer.name == "elu":
        return functional.elu(x, layer.alpha)
    return ACTIVATIONS[layer.name](x)


def _first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def _conv(x: Tensor, layer: layers.Conv, kernel: Tensor, bias: Tensor | None) -> Tensor:
    x = _first(x)
    if layer.padding == "same":
        (top, bottom), (left, right) = (
            layers.same_padding(n, k, s)
            for n, k, s in zip(x.shape[2:], layer.kernel, layer.stride, strict=True)
        )
        x = functional.pad(x, (left, right, top, bottom))
    if x.shape[1] == 1:
        # One channel lies both first and last; torch 2.13 takes such strides for the wrong one, and
        # where the picture is as narrow as the kernel it reads beyond it.
        x = x.squeeze(1).unsqueeze(1)
    return _last(functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, layer.stride))


def _conv_transpose(
    x: Tensor, layer: layers.ConvTranspose, kernel: Tensor, bias: Tensor | None
) -> Tensor:
    weight = kernel.permute(3, 2, 0, 1)
    over = [k - s for k, s in zip(layer.kernel, layer.stride, strict=True)]
    if layer.padding == "same" and all(n >= 0 and n % 2 == 0 for n in over):
        cut = [n // 2 for n in over]  # the same from either side, as torch itself can
        return _last(functional.conv_transpose2d(_first(x), weight, bias, layer.stride, cut))
    more, cut = [], []
    for k, s in zip(layer.kernel, layer.stride, strict=True):
        cut.append(max(k - s, 0) // 2 if layer.padding == "same" else 0)
        more.append(max(s - k, 0))  # places that no kernel reaches
    y = functional.conv_transpose2d(_first(x), weight, None, layer.stride)
    y = functional.pad(y, (0, more[1], 0, more[0]))[:, :, cut[0] :, cut[1] :]
    y = _last(y)
    return y if bias is None else y + bias


def _fresh(name: str, shape: layers.Shape, layer: layers.Layer) -> Tensor:
    """He's initialisation (He et al. 2015, "Delving deep into rectifiers"), half as wide as for
    relu alone where what follows is unknown; no bias."""
    if not name.startswith("kernel"):
        return torch.ones(shape) if name in ("scale",) else torch.zeros(shape)
    fan_in = math.prod(shape[:-1])
    if isinstance(layer, layers.ConvTranspose):
        taps = math.prod(k / s for k, s in zip(layer.kernel, layer.stride, strict=True))
        fan_in = round(taps * shape[-1])
    return torch.randn(shape) * math.sqrt(1.5 / max(fan_in, 1))


def _spread_lines(step: Step, layer: layers.Lines) -> None:
    """Before anything is learned lines lie all over the picture, in every direction."""
    with torch.no_grad():
        angle = torch.rand(layer.count) * math.tau
        last = getattr(step, f"bias{len(layer.hidden)}").view(layer.count, 3)
        last[:] = torch.stack([angle.cos(), angle.sin(), torch.rand(layer.count) * 2 - 1], 1)
        step.place.fill_(0.2)
        step.size.copy_(torch.tensor([0.3, 0.0]))
