"""The colour model: a convolutional variational autoencoder.

(S, S, 3) 0..1 -> convolutions -> z, standard normal -> transposed convolutions -> (S, S, 3) 0..1

Kernels of 4 with stride 2 cover every pixel equally often, so that no chequers appear (Odena,
Dumoulin and Olah 2016, "Deconvolution and checkerboard artifacts").
"""

from __future__ import annotations

from visualiser.nets.architecture import Architecture
from visualiser.nets.layers import Activation, AnyLayer, Conv, ConvTranspose, Dense, Reshape


def architecture(size: int = 128, latent_dim: int = 32, width: int = 24) -> Architecture:
    """size: a power of two from 16; width: channels at half of the full resolution, doubling
    towards the middle up to four times as many."""
    halvings = size.bit_length() - 3  # down to 4x4
    widths = [width * min(2**i, 4) for i in range(halvings)]
    leaky = Activation(name="leaky_relu", alpha=0.1)
    encoder: list[AnyLayer] = []
    for n in widths:
        encoder += [Conv(filters=n, kernel=(4, 4), stride=(2, 2)), leaky]
    inner = 16 * widths[-1]
    encoder += [Reshape(shape=(inner,)), Dense(units=2 * latent_dim)]
    decoder: list[AnyLayer] = [Dense(units=inner), leaky, Reshape(shape=(4, 4, widths[-1]))]
    for n in reversed(widths[:-1]):
        decoder += [ConvTranspose(filters=n), leaky]
    decoder += [ConvTranspose(filters=3), Activation(name="sigmoid")]
    return Architecture(
        height=size,
        width=size,
        pictures="colour",
        latent_dim=latent_dim,
        variational=True,
        encoder=tuple(encoder),
        decoder=tuple(decoder),
    )
