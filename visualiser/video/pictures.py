"""Single pictures: one, or a numbered sequence."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

from visualiser.files import make_folder, refuse_existing, write_bytes
from visualiser.types import UserError
from visualiser.video.formats import FORMATS, Quality
from visualiser.video.picture import Pixels, picture_of
from visualiser.voice import Heard

_NUMBER = re.compile(r"%0?\d?d")


def is_sequence(path: Path) -> bool:
    """Whether its name stands for many, as %05d.png does. Raises UserError if it means to and does
    not."""
    if "%" not in path.name:
        return False
    if path.name.count("%") != 1 or not _NUMBER.search(path.name):
        raise UserError(f"{path}: a number in a name is written as in %05d.png")
    return True


def nth(path: Path, n: int) -> Path:
    """The n-th of a sequence, from 0."""
    return path.with_name(path.name % n) if is_sequence(path) else path


def refuse_taken(path: Path, force: bool) -> None:
    """Raises UserError if there is such a file already, or one of such a sequence, unless `force`;
    or if it cannot be written there. The folder of a sequence is made."""
    if not is_sequence(path):
        refuse_existing(path, force)
        return
    make_folder(path.parent)
    for each in there(path):
        refuse_existing(each, force)


def there(path: Path) -> list[Path]:
    """The file of that name, or all of such a sequence, as far as there are any. Raises OSError."""
    if not is_sequence(path):
        return [path] if path.exists() else []
    before, after = map(re.escape, _NUMBER.split(path.name))
    name = re.compile(rf"{before}\d+{after}")
    return [each for each in sorted(path.parent.iterdir()) if name.fullmatch(each.name)]


class PictureWriter:
    """Writes every picture into a file of its own, whole or not at all; where the name has no
    number, the first one alone."""

    def __init__(self, path: Path, size: tuple[int, int], alpha: bool = False) -> None:
        self.path = path
        self.size = size
        self.written = 0.0
        self._alpha = alpha
        self._done = 0

    def write(self, pixels: Pixels, t: float) -> None:
        """As Writer says; when it is seen is not kept."""
        if self._done == 0 or is_sequence(self.path):
            write_bytes(nth(self.path, self._done), png(pixels, self._alpha))
            self._done += 1
        self.written = t

    def hear(self, heard: Heard) -> None:
        """They are silent."""

    def close(self) -> None:
        """Nothing is left to do."""


def png(pixels: Pixels, alpha: bool = False) -> bytes:
    """(H, W, 4) as the bytes of a PNG. alpha: whether the fourth byte means something."""
    import av

    kind = FORMATS[".png"]
    encoder: Any = av.CodecContext.create(kind.codec, "w")
    encoder.height, encoder.width = pixels.shape[:2]
    encoder.pix_fmt = kind.alpha if alpha else kind.pixels
    encoder.time_base = Fraction(1)
    encoder.options = dict(kind.options(Quality()))
    packets = [*encoder.encode(picture_of(pixels, encoder.pix_fmt)), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
