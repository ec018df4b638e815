"""Model files taken apart and put together again, for tests of what is refused."""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_model
from safetensors.numpy import save

from visualiser.nets.checkpoint import KEY, Checkpoint, read
from visualiser.types import UserError


def refused(path: Path) -> str:
    """The one line that is said of a file that is no model."""
    with pytest.raises(UserError) as caught:
        read(path)
    line = str(caught.value)
    assert line.isprintable() and len(line) < len(str(path)) + 600
    assert str(path) in line
    return line


def small() -> Checkpoint:
    return make_model(height=8, width=8, widths=(3,), latent_dim=2)


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """A safetensors file's header and body."""
    (size,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def joined(header: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def with_card(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A model file whose card was changed."""
    header, body = parts(data)
    card = json.loads(header["__metadata__"][KEY])
    change(card)
    header["__metadata__"][KEY] = json.dumps(card)
    return joined(header, body)


def with_tensors(change: Callable[[dict[str, np.ndarray]], object]) -> bytes:
    """The small model's file, its tensors changed after the card was made."""
    made = small()
    tensors = {f"weights.{name}": w for name, w in made.weights.items()}
    tensors |= {f"latents.{k}": v for k, v in dataclasses.asdict(made.latents).items()}
    change(tensors)
    return save(tensors, metadata={KEY: made.card.model_dump_json()})


def put(name: str, value: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict], None]:
    """What replaces one tensor."""
    return lambda tensors: tensors.update({name: value(tensors[name])})


def spoil(number: float) -> Callable[[np.ndarray], np.ndarray]:
    """What puts a number at the end of a tensor."""

    def spoiled(tensor: np.ndarray) -> np.ndarray:
        tensor = tensor.copy()
        tensor.flat[-1] = number
        return tensor

    return spoiled
