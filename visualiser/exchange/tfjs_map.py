"""The latents.json that our own export writes beside model.json: where the latents lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from visualiser.exchange.tfjs_weights import LARGEST_JSON, short
from visualiser.latents import LatentMap
from visualiser.nets.architecture import Architecture
from visualiser.types import FloatArray

NAME = "latents.json"
LARGEST_NUMBER = 1e6
MOST_BENDS, MOST_KNOTS = 64, 4096
SKEWED = 1e-3  # how far rows that should be orthonormal may be off


def read(path: Path, made: Architecture) -> tuple[LatentMap | None, str]:
    """The map that lies beside model.json, which belongs to this decoder, and a line about it; no
    map where there is none, or none that can be believed; "" where there is nothing to say."""
    beside = path.with_name(NAME)
    try:
        if not beside.is_file():
            return None, ""
        if beside.stat().st_size > LARGEST_JSON:
            raise ValueError(f"it is larger than {LARGEST_JSON >> 20} MB")
        found = _map(json.loads(beside.read_bytes()), made)
    except OSError as error:
        why = str(error.strerror)
    except (ValueError, RecursionError) as error:
        why = short(error)
    else:
        return found, f"where its latents lie, and its directions, are taken from {NAME} beside it"
    return None, f"{NAME} beside it is not used: {why}"


def _map(table: Any, made: Architecture) -> LatentMap:
    if not isinstance(table, dict):
        raise ValueError("it is no table")
    for key in ("height", "width", "pictures"):
        if table.get(key) != getattr(made, key):
            raise ValueError(f"its {key} is {short(table.get(key))}, not {getattr(made, key)}")
    dim = made.latent_dim
    mean, std = _array(table, "mean", (dim,)), _array(table, "std", (dim,))
    visibility = _array(table, "visibility", (None,))
    directions = _array(table, "directions", (len(visibility), dim))
    rotations = _array(table, "rotations", (None, dim, dim))
    knots = _array(table, "knots", (len(rotations), dim, None))
    if not len(rotations):
        knots = knots.reshape(0, dim, 2)
    if len(rotations) > MOST_BENDS or not 2 <= knots.shape[2] <= MOST_KNOTS:
        raise ValueError("its knots do not hold together")
    if not 1 <= len(directions) <= dim:
        raise ValueError(f"it has {len(directions)} directions of {dim}")
    if std.min() <= 0 or visibility.min() < 0 or (np.diff(knots) <= 0).any():
        raise ValueError("its std, visibility or knots go below nothing")
    for name, rows in (("directions", directions[None]), ("rotations", rotations)):
        turned = rows @ rows.transpose(0, 2, 1)
        if (np.abs(turned - np.eye(rows.shape[1])) > SKEWED).any():
            raise ValueError(f"its {name} are not at right angles, or not of length 1")
    return LatentMap(mean, std, rotations, knots, directions, visibility)


def _array(table: dict[str, Any], name: str, shape: tuple[int | None, ...]) -> FloatArray:
    """Nested lists of numbers as an array of that shape; None is any length."""
    try:
        array = np.array(table.get(name))
    except ValueError:  # ragged
        raise ValueError(f"its {name} are lists of different lengths") from None
    if array.size == 0 and array.shape == (0,) and shape[0] in (0, None):
        array = np.zeros([n or 0 for n in (0, *shape[1:])])
    if array.dtype.kind not in "fiu":
        raise ValueError(f"its {name} are not numbers")
    wanted = zip(shape, array.shape, strict=False)
    if len(shape) != array.ndim or any(n is not None and n != got for n, got in wanted):
        size = "x".join("?" if n is None else str(n) for n in shape)
        raise ValueError(f"its {name} are not {size} numbers")
    if not (np.abs(array) <= LARGEST_NUMBER).all():
        raise ValueError(f"its {name} are not all finite, or too large")
    return array.astype(np.float32)
