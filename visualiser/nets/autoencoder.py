"""An autoencoder in torch: what training works on."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from visualiser.nets.architecture import Architecture
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.layers import Activation
from visualiser.nets.stack import Stack
from visualiser.types import FloatArray


class Autoencoder(nn.Module):
    """Encoder and decoder can be used apart. Pictures are (n, H, W), in colour (n, H, W, 3)."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.encoder = Stack(architecture.encoder, architecture.picture)
        self.decoder = Stack(architecture.decoder, (architecture.latent_dim,))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures -> means and logarithms of variances, (n, latent_dim) both."""
        mean, logvar = self.encoder(self._with_channels(x)).chunk(2, 1)
        return mean, logvar.clamp(-12, 4)

    def encode(self, x: Tensor) -> Tensor:
        """Pictures -> (n, latent_dim)."""
        z: Tensor = self.encoder(self._with_channels(x))
        return z[:, : self.architecture.latent_dim]

    def logits(self, z: Tensor) -> Tensor:
        """(n, latent_dim) -> pictures before the sigmoid, which the loss has inside: cheaper, and
        steadier where it saturates."""
        y = z
        for step in self.decoder.steps:
            if step.layer != Activation(name="sigmoid"):
                y = step(y)
        return self._without_channel(y)

    def decode(self, z: Tensor) -> Tensor:
        """(n, latent_dim) -> pictures 0..1, or distances."""
        return self._without_channel(self.decoder(z))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    def load(self, weights: Mapping[str, FloatArray]) -> None:
        """Take weights by the names that Architecture.weights gives them."""
        self.load_state_dict({name: torch.tensor(w) for name, w in weights.items()})

    def arrays(self) -> dict[str, FloatArray]:
        """Copies of the weights, by the names that Architecture.weights gives them."""
        return {name: p.detach().cpu().numpy().copy() for name, p in self.named_parameters()}

    def _with_channels(self, x: Tensor) -> Tensor:
        return x if x.ndim == 4 else x[..., None]

    def _without_channel(self, y: Tensor) -> Tensor:
        return y if self.architecture.pictures == "colour" else y[..., 0]


def build(checkpoint: Checkpoint) -> Autoencoder:
    """The network of a model file, to be run and not trained on."""
    net = Autoencoder(checkpoint.architecture)
    net.load(checkpoint.weights)
    return net.eval().requires_grad_(False)
