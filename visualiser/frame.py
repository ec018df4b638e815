"""One picture, together with everything that made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visualiser.types import Features, FloatArray, Tick

if TYPE_CHECKING:
    from visualiser.nets.architecture import Kind
    from visualiser.nets.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, with everything that made it, so that both panes always belong together.

    tick: the tick whose input this is; model: what draws it; z: (latent_dim,) float32, None
    until the network has encoded the field; field: (H, W) float32 0..1, the encoder's input in
    pixel mode, None in latent mode; image: (H, W) or (H, W, 3) float32, as `kind` says, None while
    there is no picture yet; error: what went wrong with a newer picture, or ""; along:
    (n_directions,) deviations, where z lies along the model's directions; None in pixel mode;
    fade_s: how long the picture of another model takes to fade into this one; None is as
    look.model_fade says.
    """

    tick: Tick
    model: Checkpoint
    z: FloatArray | None
    field: FloatArray | None = None
    image: FloatArray | None = None
    error: str = ""
    along: FloatArray | None = None
    fade_s: float | None = None

    @property
    def kind(self) -> Kind:
        """What the image holds: grey or colour 0..1, or signed distances."""
        return self.model.card.architecture.pictures


@dataclass(frozen=True)
class Moment:
    """What is to be drawn at a time: frame has no picture yet; tick's t counts from the film's
    beginning, s; anew: whether black and frozen are at once as their controls say: after a panic,
    and where another part of a take begins."""

    tick: Tick
    frame: Frame
    features: Features
    anew: bool = False

    @property
    def is_before(self) -> bool:
        """Whether it lies before the film, and is drawn for what pictures remember of it alone."""
        return self.tick.t < 0
