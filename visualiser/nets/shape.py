"""The shape model: a variational autoencoder of signed distances, whose decoder moves lines.

(S, S) 0..1 -> a closer look -> convolutions -> z, standard normal -> lines -> relu -> (S, S)

What it draws is where a distance is zero, found after upscaling: an edge is as sharp as the screen,
and a shape that becomes another grows into it. That distances are the better thing to learn is from
Park et al. 2019, "DeepSDF"; that a shape is made of moving half-planes, from Chen, Tagliasacchi and
Zhang 2020, "BSP-Net".
"""

from __future__ import annotations

from visualiser.nets.architecture import Architecture
from visualiser.nets.layers import (
    Activation,
    AnyLayer,
    Conv,
    Dense,
    Lines,
    Look,
    Plain,
    Pool,
    Reshape,
)


def architecture(
    size: int = 64,
    latent_dim: int = 12,
    channels: tuple[int, ...] = (24, 48, 64),
    hidden: tuple[int, ...] = (256, 256),
    lines: int = 96,
    mixed: tuple[int, ...] = (64,),
) -> Architecture:
    """channels: of the encoder's convolutions, each halving what it sees; hidden: layers between
    latents and lines; mixed: relu layers that join lines to a shape."""
    relu = Activation(name="relu")
    coarse = size // 32 or 1  # to see where something is, some 32 pixels are enough
    where: list[Plain] = [Pool(how="mean", size=(coarse, coarse))] if coarse > 1 else []
    where += _convolutions(size // coarse, (12, 24, 32), (64, 3))
    what = _convolutions(32, channels, (192, 2 * latent_dim))
    encoder = [Look(size=32, where=tuple(where), what=tuple(what))]
    decoder: list[AnyLayer] = [Lines(height=size, width=size, count=lines, hidden=hidden), relu]
    for units in mixed:
        decoder += [Dense(units=units, bias=False), relu]
    decoder.append(Dense(units=1, bias=False))
    return Architecture(
        height=size,
        width=size,
        pictures="distance",
        latent_dim=latent_dim,
        variational=True,
        encoder=tuple(encoder),
        decoder=tuple(decoder),
    )


def _convolutions(edge: int, channels: tuple[int, ...], widths: tuple[int, int]) -> list[Plain]:
    relu = Activation(name="relu")
    layers: list[Plain] = []
    for n in channels:
        layers += [Conv(filters=n, stride=(2, 2)), relu]
        edge = -(-edge // 2)
    flat = Reshape(shape=(edge * edge * channels[-1],))
    return [*layers, flat, Dense(units=widths[0]), relu, Dense(units=widths[1])]
