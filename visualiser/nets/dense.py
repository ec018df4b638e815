"""The classic autoencoder: dense layers, relu inside, sigmoid at the end.

(n, H, W) 0..1 -> encoder -> z (n, latent_dim) -> decoder -> (n, H, W) 0..1
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


def _stack(widths: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])  # the last layer is linear: latents, or logits of pixels


class Dense(nn.Module):
    """Encoder and decoder can be used apart; the decoder mirrors the encoder.

    shape: the picture's, (H, W); widths: of the hidden layers, input side first;
    latent_dim: how many numbers a picture becomes.
    """

    def __init__(self, shape: Sequence[int], widths: Sequence[int], latent_dim: int) -> None:
        super().__init__()
        self.shape = tuple(shape)
        sizes = [math.prod(self.shape), *widths, latent_dim]
        self.encoder = _stack(sizes)
        self.decoder = _stack(sizes[::-1])

    def encode(self, x: Tensor) -> Tensor:
        """(n, H, W) -> (n, latent_dim)."""
        z: Tensor = self.encoder(x.flatten(1))
        return z

    def logits(self, z: Tensor) -> Tensor:
        """(n, latent_dim) -> (n, H, W), before the sigmoid: what the loss is computed on."""
        flat: Tensor = self.decoder(z)
        return flat.unflatten(1, self.shape)

    def decode(self, z: Tensor) -> Tensor:
        """(n, latent_dim) -> (n, H, W) 0..1."""
        return self.logits(z).sigmoid_()

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
