"""Models from elsewhere, and ours for elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from visualiser.nets.checkpoint import Checkpoint


@dataclass(frozen=True)
class Imported:
    """A model from elsewhere; notes: what had to be assumed or left out, a line each."""

    checkpoint: Checkpoint
    notes: tuple[str, ...]
