"""The classic autoencoder: dense layers, relu inside, sigmoid at the end.

(H, W) 0..1 -> encoder -> z (latent_dim,) -> decoder, its mirror -> (H, W) 0..1
"""

from __future__ import annotations

from collections.abc import Sequence

from visualiser.nets.architecture import Architecture
from visualiser.nets.layers import Activation, AnyLayer, Dense, Reshape


def architecture(height: int, width: int, widths: Sequence[int], latent_dim: int) -> Architecture:
    """widths: of the hidden layers, input side first."""
    relu = Activation(name="relu")
    encoder: list[AnyLayer] = [Reshape(shape=(height * width,))]
    for units in widths:
        encoder += [Dense(units=units), relu]
    decoder: list[AnyLayer] = []
    for units in reversed(widths):
        decoder += [Dense(units=units), relu]
    return Architecture(
        height=height,
        width=width,
        latent_dim=latent_dim,
        encoder=(*encoder, Dense(units=latent_dim)),
        decoder=(
            *decoder,
            Dense(units=height * width),
            Activation(name="sigmoid"),
            Reshape(shape=(height, width, 1)),
        ),
    )
