"""The weights of a TensorFlow.js model: a manifest, and the shards it speaks of.

The shards of a group, one after the other, are one stream of little-endian numbers in the order of
the manifest; a tensor may begin in one shard and end in the next. Nothing that the manifest says is
believed before it has been held against the files.
"""

from __future__ import annotations

import contextlib
import io
import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from visualiser.types import FloatArray, UserError

LARGEST_JSON = 32 << 20  # bytes of a file that is read whole
LARGEST_BYTES = 512 << 20  # of all weights together, as they lie there and as float32
BYTES = {"float32": 4, "float16": 2, "int32": 4, "uint16": 2, "uint8": 1, "bool": 1}
STORED = {"float32": "<f4", "float16": "<f2", "uint16": "<u2", "uint8": "<u1"}
ALLOWED = "allowed are float32, and float32 stored as float16, uint16 or uint8"


@dataclass(frozen=True)
class Entry:
    """A tensor as the manifest has it. stored: how its numbers lie there; scale, low: what makes
    numbers of integers; needed: whether it belongs to the network, not to its training."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    stored: str
    scale: float
    low: float
    needed: bool

    @property
    def size(self) -> int:
        return math.prod(self.shape)


def read(path: Path, manifest: Any) -> dict[str, FloatArray]:
    """Every weight by its name, float32. path: of model.json. UserError for any lie."""
    if not isinstance(manifest, list) or not manifest:
        raise UserError(f"{path}: it has no weightsManifest, a list of groups of weights")
    groups = [_group(path, group) for group in manifest]
    entries = [entry for _, found in groups for entry in found]
    _refuse_twice(path, "the weight", [entry.name for entry in entries])
    _refuse_twice(path, "the shard", [shard.name for shards, _ in groups for shard in shards])
    total = sum(entry.size * max(4, BYTES[entry.stored]) for entry in entries)
    if total > LARGEST_BYTES:
        raise UserError(
            f"{path}: its weights take {total >> 20} MB; allowed are {LARGEST_BYTES >> 20} MB"
        )
    weights: dict[str, FloatArray] = {}
    for shards, found in groups:
        _compare_sizes(path, shards, found)
        weights |= _read_group(path, shards, found)
    return weights


def _group(path: Path, group: Any) -> tuple[list[Path], list[Entry]]:
    paths = group.get("paths") if isinstance(group, dict) else None
    weights = group.get("weights") if isinstance(group, dict) else None
    if not isinstance(paths, list) or not isinstance(weights, list):
        raise UserError(
            f"{path}: a group of weightsManifest is broken: wanted are lists of paths and weights"
        )
    return [_shard(path, name) for name in paths], [_entry(path, weight) for weight in weights]


def _shard(path: Path, name: Any) -> Path:
    """The file of a shard, which must be beside model.json or below."""
    allowed = "allowed are plain names of files beside it"
    if not isinstance(name, str) or not name or not name.isprintable() or len(name) > 255:
        raise UserError(f"{path}: {short(name)} is no name of a shard; {allowed}")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ":" in name or ".." in parts or not parts:
        raise UserError(f"{path}: the shard {short(name)} is not inside its folder; {allowed}")
    folder = path.absolute().parent.resolve()
    try:
        shard = folder.joinpath(*parts)
        if not shard.resolve().is_relative_to(folder):
            raise UserError(f"{path}: the shard {short(name)} leads out of its folder; {allowed}")
        if not shard.is_file():
            raise UserError(f"{path}: its shard {short(name)} is missing")
    except (OSError, RuntimeError):
        raise UserError(f"{path}: its shard {short(name)} cannot be read") from None
    return shard.resolve()


def _entry(path: Path, weight: Any) -> Entry:
    name = weight.get("name") if isinstance(weight, dict) else None
    if not isinstance(name, str):
        raise UserError(f"{path}: a weight of its manifest has no name")
    shape, dtype = weight.get("shape"), weight.get("dtype")
    if not _is_shape(shape):
        raise UserError(
            f"{path}: the weight {short(name)} has the shape {short(shape)}; allowed are lists of"
            " up to 8 whole numbers"
        )
    quantised = weight.get("quantization")
    stored, scale, low = dtype, 1.0, 0.0
    if quantised is not None:
        stored = quantised.get("dtype") if isinstance(quantised, dict) else None
        if stored in ("uint8", "uint16"):
            scale, low = (_number(path, name, quantised, key) for key in ("scale", "min"))
        elif stored != "float16":
            raise UserError(
                f"{path}: the weight {short(name)} is stored as {short(stored)}; {ALLOWED}"
            )
    needed = weight.get("group") != "optimizer"
    if not isinstance(stored, str) or stored not in BYTES or (needed and dtype != "float32"):
        raise UserError(f"{path}: the weight {short(name)} is of {short(dtype)}; {ALLOWED}")
    return Entry(name, tuple(shape), dtype, stored, scale, low, needed)


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list)
        and len(shape) <= 8
        and all(isinstance(n, int) and not isinstance(n, bool) for n in shape)
        and all(0 < n < 1 << 31 for n in shape)
    )


def _number(path: Path, name: str, quantised: dict[str, Any], key: str) -> float:
    value = quantised.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 3e38:
        return float(value)
    raise UserError(
        f"{path}: the weight {short(name)} is stored with the {key} {short(value)}; wanted is a"
        " finite number"
    )


def _refuse_twice(path: Path, what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UserError(f"{path}: its manifest names {what} {short(name)} twice")
        seen.add(name)


def _compare_sizes(path: Path, shards: list[Path], entries: list[Entry]) -> None:
    try:
        there = sum(shard.stat().st_size for shard in shards)
    except OSError as error:
        raise UserError(f"{path}: its shards cannot be read: {error.strerror}") from None
    said = sum(entry.size * BYTES[entry.stored] for entry in entries)
    if there != said:
        files = ", ".join(shard.name for shard in shards[:3]) + (", ..." if len(shards) > 3 else "")
        what = "cut short" if there < said else "too long"
        raise UserError(
            f"{path}: its shards ({files}) are {what}: {there} bytes, where the shapes of its"
            f" manifest make {said}"
        )


class _Stream:
    """The bytes of several files, one file after the other."""

    def __init__(self, shards: list[Path]) -> None:
        self._shards = iter(shards)
        self._file: BinaryIO = io.BytesIO()

    def read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = self._file.read(size - len(data))
            if not part:
                self._file.close()
                self._file = next(self._shards).open("rb")
            data += part
        return bytes(data)

    def close(self) -> None:
        self._file.close()


def _read_group(path: Path, shards: list[Path], entries: list[Entry]) -> dict[str, FloatArray]:
    weights = {}
    with contextlib.closing(_Stream(shards)) as stream:
        for entry in entries:
            try:
                data = stream.read(entry.size * BYTES[entry.stored])
            except (OSError, StopIteration):
                raise UserError(f"{path}: its shards cannot be read as a whole") from None
            if entry.needed:
                weights[entry.name] = _weight(path, entry, data)
    return weights


def _weight(path: Path, entry: Entry, data: bytes) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):  # told below, in words
        numbers = np.frombuffer(data, STORED[entry.stored]).reshape(entry.shape)
        if entry.stored in ("uint8", "uint16"):
            numbers = numbers * entry.scale + entry.low
        weight = numbers.astype(np.float32)
    if not np.isfinite(weight).all():
        raise UserError(
            f"{path}: the weight {short(entry.name)} holds values that are not finite numbers"
        )
    return weight


def short(value: Any) -> str:
    """A word out of a file, which may be anything, as a short one."""
    text = "".join(c if c.isprintable() else " " for c in str(value))
    return text if len(text) <= 80 else f"{text[:80]}..."
