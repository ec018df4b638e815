"""What training tells while it goes on, and what it gives in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from visualiser.nets.checkpoint import Checkpoint
from visualiser.types import FloatArray


@dataclass(frozen=True)
class Progress:
    """Told after every epoch. Losses are in the units of the loss function; figures: what was
    measured on held-out pictures, by name, as in a model's card."""

    epoch: int
    train_loss: float
    test_loss: float
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Trained:
    """A model, and some held-out pictures before and after it: (n, H, W) or (n, H, W, 3), 0..1."""

    checkpoint: Checkpoint
    test: FloatArray
    reconstructed: FloatArray
