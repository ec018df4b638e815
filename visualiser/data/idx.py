"""Pictures to train on from an IDX file, the format MNIST comes in: yann.lecun.com/exdb/mnist.

Two zero bytes, the kind of the numbers, how many dimensions, their sizes, and then the numbers.
"""

from __future__ import annotations

import contextlib
import gzip
import math
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from visualiser.data.pictures import Pixels, Rows, check, halves, square
from visualiser.images import LARGEST, why_not
from visualiser.types import UserError

LARGEST_FILE = 2**30  # bytes of pictures, unpacked: all of them are kept in memory


class IdxPictures:
    """One half of an IDX file's pictures, as they are: greys become RGB, and of what is not square
    the middle is taken. They are never varied: what is mirrored may no longer be a digit."""

    def __init__(self, images: Pixels, rows: Rows, size: int, notes: Sequence[str]) -> None:
        self.size = size
        self.skipped: Sequence[tuple[Path, str]] = ()
        self.notes = notes
        self._images = images
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, rows: Rows, rng: np.random.Generator | None = None) -> Pixels:
        images = np.empty((len(rows), self.size, self.size, 3), np.uint8)
        for k, row in enumerate(rows):
            images[k] = square(self._images[self._rows[row]], self.size)
        return images


def open_idx(path: Path, size: int, seed: int) -> tuple[IdxPictures, IdxPictures]:
    """The pictures of an IDX file of bytes, plain or gzipped, to train on and held out.

    size: 8 to 512. Raises UserError where `read` does.
    """
    check(size, seed)
    images = read(path)
    notes: list[str] = []
    train, held_out = halves(len(images), seed, notes)
    return IdxPictures(images, train, size, notes), IdxPictures(images, held_out, size, notes)


def read(path: Path) -> Pixels:
    """(n, rows, columns) in grey, or (n, rows, columns, 3) in RGB, as the file has it.

    Raises UserError where the file cannot be read, is of another kind, is too large, or is not
    as long as its header says.
    """
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path} is not a file: wanted is an IDX file")
        with path.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            shape = _shape(path, file.read(4), file.read(16))
            file.seek(4 + 4 * len(shape))
            told, wanted = "x".join(map(str, shape)), math.prod(shape)
            images = np.empty(wanted, np.uint8)
            got = 0
            with contextlib.suppress(EOFError):  # of a gzip file that is cut off
                while got < wanted and (more := file.readinto(images[got : got + 2**24].data)):
                    got += more
            if got < wanted:
                raise UserError(f"{path} is cut off: {told} are {wanted} bytes, and it has {got}")
            if file.read(1):
                raise UserError(f"{path} is longer than it says: {told} are {wanted} bytes")
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read {path}: {why_not(error, 'it is broken')}") from None
    return images.reshape(shape)


def _shape(path: Path, magic: bytes, sizes: bytes) -> tuple[int, ...]:
    """What the header says: magic is its first four bytes, sizes what follows, at least."""
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise UserError(f"{path} is not an IDX file: those begin with two zero bytes")
    kind, dimensions = magic[2], magic[3]
    if kind != 8:
        raise UserError(f"{path} holds numbers of kind {kind:#04x}: allowed are bytes, 0x08")
    if dimensions not in (3, 4):
        labels = ", as labels have" if dimensions == 1 else ""
        raise UserError(
            f"{path} has {dimensions} dimensions{labels}: pictures have 3, or 4 where they are RGB"
        )
    if len(sizes) < 4 * dimensions:
        raise UserError(f"{path} is cut off: it ends within its header")
    shape = tuple(int(edge) for edge in np.frombuffer(sizes, ">u4", dimensions))
    told = "x".join(map(str, shape))
    if dimensions == 4 and shape[3] != 3:
        raise UserError(f"{path} is {told}: the last of four sizes must be 3, for RGB")
    if 0 in shape:
        raise UserError(f"{path} is {told}: there is no picture in it")
    if shape[1] * shape[2] > LARGEST:
        raise UserError(
            f"{path} is {told}: allowed are {LARGEST // 10**6} million pixels a picture"
        )
    if math.prod(shape) > LARGEST_FILE:
        raise UserError(f"{path} is {told}: allowed are {LARGEST_FILE // 2**20} MiB of pictures")
    return shape
