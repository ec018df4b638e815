"""What a network takes, draws, and is made of: all that is needed to build it again."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from visualiser.nets import layers
from visualiser.nets.layers import Layers, Shape

Kind = Literal["grey", "colour", "distance"]


class Graph(BaseModel):
    """A decoder that is an ONNX graph, kept as it came.

    takes: the input's shape; gives: the output's; the batch counts as 1. axes: what the output's
    last axes are, "hwc", "chw" or "hw"; low, high: which of its values are black and white.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    takes: tuple[layers.Size, ...] = Field(max_length=8)
    gives: tuple[layers.Size, ...] = Field(max_length=8)
    axes: Literal["hwc", "chw", "hw"]
    low: float
    high: float


class Architecture(BaseModel):
    """pictures: what the decoder draws: grey 0..1, colour 0..1, or the signed distance to a shape's
    outline in shares of the picture, negative inside. The encoder takes grey pictures for
    distances, and is missing in a decoder that came alone; variational: it gives latent_dim means,
    and then as many logarithms of variances.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    height: int = Field(ge=1, le=2048)
    width: int = Field(ge=1, le=2048)
    pictures: Kind = "grey"
    latent_dim: Annotated[int, Field(ge=1, le=1 << 16)]
    variational: bool = False
    encoder: Layers = ()
    decoder: Layers = ()
    graph: Graph | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Architecture:
        if self.encoder:
            wanted = (self.latent_dim * (2 if self.variational else 1),)
            got = layers.output(self.encoder, self.picture)
            if got != wanted:
                raise ValueError(f"its encoder gives {got}, where {wanted} is wanted")
        if self.graph is None:
            got = layers.output(self.decoder, (self.latent_dim,))
            if got != self.picture:
                raise ValueError(f"its decoder gives {got}, where {self.picture} is wanted")
        elif self.decoder:
            raise ValueError("its decoder is given twice")
        return self

    @property
    def picture(self) -> Shape:
        """(H, W, channels) of what is encoded and of what is drawn."""
        return self.height, self.width, 3 if self.pictures == "colour" else 1

    @property
    def kind(self) -> str:
        """In two or three words, for lists."""
        drawn = {"grey": "", "colour": "colour ", "distance": "shape "}[self.pictures]
        if self.graph is not None:
            return f"{drawn}decoder, ONNX"
        if not self.encoder:
            return f"{drawn}decoder"
        return drawn + ("VAE" if self.variational else "autoencoder")

    def weights(self) -> dict[str, Shape]:
        """The name and shape of every weight: "encoder.1.kernel", "decoder.0.bias", ..."""
        parts = {
            "encoder": (self.encoder, self.picture),
            "decoder": (self.decoder, (self.latent_dim,)),
        }
        return {
            f"{part}.{name}": shape
            for part, (spec, takes) in parts.items()
            for name, shape in layers.weights(spec, takes).items()
        }

    def sizes(self) -> list[int]:
        """How many numbers there are after each step from the picture to the latents: 784, 256,
        128, 64, 16, 4. Of a decoder that came alone, backwards."""
        if self.encoder:
            spec, takes = self.encoder, self.picture
        else:
            spec, takes = self.decoder, (self.latent_dim,)
        counts = [math.prod(takes), *(math.prod(g) for _, _, _, g in layers.walk(spec, takes))]
        counts = [n for i, n in enumerate(counts) if i == 0 or n != counts[i - 1]]
        if self.encoder and self.variational:
            counts[-1] = self.latent_dim
        return counts if self.encoder else counts[::-1]

    def __str__(self) -> str:
        if self.graph is not None:
            return f"{self.latent_dim}-ONNX-{'x'.join(map(str, self.picture))}"
        half = layers.words(self.decoder, (self.latent_dim,))
        return f"{layers.words(self.encoder, self.picture)} > {half}" if self.encoder else half
