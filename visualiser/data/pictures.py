"""Pictures to train on: what they are to training, and a folder of the user's own images.

They come in two halves that share no picture, to train on and held out, and give square RGB bytes
of any size, sRGB as in the files. A folder may hold 30 images or 30,000: when it is opened only
their headers are read, and later small copies are kept as far as the budget goes; what is beyond
it is read again each time.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from visualiser.images import LARGEST, is_reducible, load_upright, open_image, to_rgb, why_not
from visualiser.types import UserError

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[np.uint8]
Rows = NDArray[np.int64]

BUDGET = 512 * 2**20  # bytes of small copies that are kept in memory
HELD_OUT = 0.1
THREADS = min(4, os.cpu_count() or 1)
ALLOWED = "allowed are PNG, JPEG, WebP, GIF, BMP, TIFF and what else Pillow reads"

_SPARE = 1.15  # a small copy's short edge, as a multiple of the size that is trained on
_LONGEST = 1.5  # and its long edge, as a multiple of its short one: the middle is kept
_ALONE = 24_000_000  # pixels from which on only one image is decoded at a time
_DICE = 7  # random numbers for one picture
_GREY = np.array([0.2126, 0.7152, 0.0722])


class Pictures(Protocol):
    """What training takes its pictures from: a folder, an IDX file (data/idx.py), or landscapes.

    size: pixels along each edge; skipped: files that could not be used, and why, which may grow
    while pictures are read; notes: what the user should be told, a line each.
    """

    @property
    def size(self) -> int: ...

    @property
    def skipped(self) -> Sequence[tuple[Path, str]]: ...

    @property
    def notes(self) -> Sequence[str]: ...

    def __len__(self) -> int: ...

    def batch(self, rows: Rows, rng: np.random.Generator | None = None) -> Pixels:
        """Rows, each from 0 to len - 1: (n, size, size, 3) uint8 sRGB.

        With `rng` they are varied as far as does them good; without it they are as they are, and
        always the same. The same rows and the same state of `rng` give the same pictures.
        """
        ...


class FolderPictures:
    """One half of a folder's pictures.

    Each is cut to a square: the whole short edge from the middle; or, varied, 65 to 100 % of it
    from anywhere in the picture's middle (at most 1.5 times as long as it is wide), perhaps
    mirrored, and a little brighter or darker, stronger or weaker in contrast and colour. Of up to
    100 pictures each is varied that much, of 10,000 and more a quarter as much.

    What cannot be read after all is counted in `skipped`, and another picture takes its place.
    Raises UserError once none is left.
    """

    def __init__(self, files: _Files, rows: Rows, size: int, mirror: bool) -> None:
        self.size = size
        self.skipped = files.skipped
        self.notes = files.notes
        self._files = files
        self._rows = rows
        self._mirror = mirror
        self._strength = min(1.0, max(0.25, 1.75 - 0.375 * math.log10(len(files.paths))))

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, rows: Rows, rng: np.random.Generator | None = None) -> Pixels:
        images = np.empty((len(rows), self.size, self.size, 3), np.uint8)
        dice = None if rng is None else rng.random((len(rows), _DICE))
        taken = [int(self._rows[row]) for row in rows]

        def draw(k: int) -> str | None:
            """Fill in picture k; or say why that cannot be."""
            try:
                small = self._files.small(taken[k])
            except Exception as error:  # Pillow's decoders raise nearly everything
                return why_not(error, "it is broken")
            throw = None if dice is None else dice[k]
            images[k] = square(small, self.size, throw, self._strength, self._mirror)
            return None

        todo = list(range(len(rows)))
        with ThreadPoolExecutor(THREADS) as pool, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata and the like
            while todo:
                for k in todo:
                    taken[k] = self._files.standing(taken[k], self._rows)
                failed = [
                    (k, why) for k, why in zip(todo, pool.map(draw, todo), strict=True) if why
                ]
                for k, why in failed:
                    self._files.lose(taken[k], why)
                todo = [k for k, _ in failed]
        return images


def open_folder(
    folder: Path, size: int, seed: int, mirror: bool = True, budget: int = BUDGET
) -> tuple[FolderPictures, FolderPictures]:
    """The images in a folder and all folders in it, to train on and held out.

    Every file is tried, sorted by name, but hidden ones. Transparent images are laid on black;
    of moving ones the first frame is taken. size: 8 to 512; mirror: whether pictures may be
    mirrored, which writing may not; budget: bytes of memory for small copies.
    Raises UserError where there is no folder, or no image in it that can be read.
    """
    check(size, seed)
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
        next(folder.iterdir(), None)
    except NotADirectoryError:
        is_folder = False
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {folder}: {why_not(error, 'that is no path')}") from None
    if not is_folder:
        raise UserError(f"{folder} is a file: wanted is a folder of images")

    skipped: list[tuple[Path, str]] = []
    side = math.ceil(size * _SPARE)
    paths = _readable(_find(folder, skipped), side, skipped)
    if not paths and not skipped:
        raise UserError(f"{folder}: there is no image in this folder; {ALLOWED}")
    notes: list[str] = []
    if skipped:
        path, why = skipped[0]
        told = f"{path.name}: {why}" if len(skipped) == 1 else f"first {path.name}: {why}"
        if not paths:
            raise UserError(
                f"{folder}: no image that can be read ({told}); {ALLOWED},"
                f" up to {LARGEST // 10**6} million pixels each"
            )
        notes.append(f"skipped {len(skipped)} of {len(paths) + len(skipped)} files, {told}")
    files = _Files(paths, skipped, notes, side, budget)
    train, held_out = halves(len(paths), seed, notes)
    return (
        FolderPictures(files, train, size, mirror),
        FolderPictures(files, held_out, size, mirror),
    )


def check(size: int, seed: int) -> None:
    if not 8 <= size <= 512:
        raise UserError(f"picture size {size} px: allowed are 8 to 512")
    if seed < 0:
        raise UserError(f"picture seed {seed}: allowed is 0 and above")


def halves(n: int, seed: int, notes: list[str]) -> tuple[Rows, Rows]:
    """Which of n pictures are trained on and which are held out, the same for the same seed."""
    if n == 1:
        notes.append("only one picture: the one that is held out is the same")
        return np.zeros(1, np.int64), np.zeros(1, np.int64)
    order = np.random.default_rng([seed, n]).permutation(n)
    held_out = max(1, round(n * HELD_OUT))
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def _find(folder: Path, skipped: list[tuple[Path, str]]) -> list[Path]:
    """The files in a folder and below, sorted. Links are followed, into each folder once."""
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()

    def refused(error: OSError) -> None:
        skipped.append((Path(error.filename), error.strerror or "it cannot be read"))

    def new(path: Path) -> bool:
        with contextlib.suppress(OSError):
            at = path.stat()
            key = (at.st_dev, at.st_ino)
            if key not in seen:
                seen.add(key)
                return True
        return False

    new(folder)
    for root, folders, names in os.walk(folder, onerror=refused, followlinks=True):
        here = Path(root)
        folders[:] = [n for n in sorted(folders) if not n.startswith(".") and new(here / n)]
        for name in sorted(names):
            with contextlib.suppress(OSError):  # a link that leads nowhere
                if not name.startswith(".") and stat.S_ISREG((here / name).stat().st_mode):
                    found.append(here / name)
    return found


def _readable(found: list[Path], side: int, skipped: list[tuple[Path, str]]) -> list[Path]:
    """Those of the files that begin as an image does and are not too large. The first of them has
    been read whole: the others are when their turn comes."""
    paths: list[Path] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of large pictures; the limit is ours
        for path in found:
            try:
                with open_image(path) as picture:
                    if not paths:
                        _small(picture, side)
                paths.append(path)
            except Exception as error:  # Pillow's readers raise nearly everything
                skipped.append((path, why_not(error)))
    return paths


class _Files:
    """Image files, and small copies of as many of them as the budget of bytes allows.

    side: pixels of the copies' short edges, if the images have as many.
    """

    def __init__(
        self,
        paths: list[Path],
        skipped: list[tuple[Path, str]],
        notes: list[str],
        side: int,
        budget: int,
    ) -> None:
        self.paths = paths
        self.skipped = skipped
        self.notes = notes
        self._side = side
        self._left = budget
        self._kept: dict[int, Pixels] = {}
        self._lost: set[int] = set()
        self._lock = threading.Lock()
        self._alone = threading.Lock()

    def small(self, row: int) -> Pixels:
        """(height, width, 3). Raises whatever Pillow raises where it cannot be read."""
        kept = self._kept.get(row)
        if kept is not None:
            return kept
        with open_image(self.paths[row]) as picture:
            picture.draft(None, (self._side, self._side))  # JPEGs come smaller: much faster
            large = picture.width * picture.height > _ALONE
            with self._alone if large else contextlib.nullcontext():
                small = np.asarray(_small(picture, self._side))
        with self._lock:
            if row not in self._kept and small.nbytes <= self._left:
                self._left -= small.nbytes
                self._kept[row] = small
        return small

    def lose(self, row: int, why: str) -> None:
        if row not in self._lost:
            self._lost.add(row)
            self.skipped.append((self.paths[row], why))

    def standing(self, row: int, own: Rows) -> int:
        """The row itself; or, where it is lost, the next of its own half, or else of all."""
        if row not in self._lost:
            return row
        for half in (own, np.arange(len(self.paths))):
            after = int(np.searchsorted(half, row))
            for other in np.roll(half, -after):
                if int(other) not in self._lost:
                    return int(other)
        path, why = self.skipped[-1]
        raise UserError(f"none of the pictures can be read any more: last {path}: {why}")


def _small(picture: Image.Image, side: int) -> Image.Image:
    """The picture upright, in RGB, its short edge `side` if it has as much, and of what is very
    long the middle."""
    from PIL import Image

    load_upright(picture)
    width, height = picture.size
    most = math.ceil(min(width, height) * _LONGEST)
    wide, high = min(width, most), min(height, most)
    left, top = (width - wide) // 2, (height - high) // 2
    box = (left, top, left + wide, top + high)
    factor = min(wide, high) // (2 * side)
    if factor > 1 and is_reducible(picture):
        picture = picture.reduce(factor, box)  # before there are copies of something large
    elif (wide, high) != (width, height):
        picture = picture.crop(box)
    rgb = to_rgb(picture)
    scale = min(1.0, side / min(rgb.size))
    small = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
    return rgb if scale == 1 else rgb.resize(small, Image.Resampling.BICUBIC, reducing_gap=2.0)


def square(
    small: Pixels,
    size: int,
    dice: NDArray[np.float64] | None = None,
    strength: float = 1.0,
    mirror: bool = False,
) -> Pixels:
    """(h, w) or (h, w, 3) to (size, size, 3): the middle, or what the dice (_DICE,) 0..1 say."""
    from PIL import Image

    height, width = small.shape[:2]
    edge = float(min(height, width))
    x = y = 0.5
    if dice is not None:
        edge *= 1 - 0.35 * strength * dice[0]
        x, y = dice[1], dice[2]
    left, top = (width - edge) * x, (height - edge) * y
    box = (left, top, min(left + edge, width), min(top + edge, height))
    cut = Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC, box=box)
    cut = cut.convert("RGB")
    if dice is None:
        return np.asarray(cut)
    gain, contrast, colour = 1 + strength * np.array([0.12, 0.12, 0.2]) * (2 * dice[4:7] - 1)
    image = np.asarray(_recolour(cut, gain, contrast, colour))
    return image[:, ::-1] if mirror and dice[3] < 0.5 else image


def _recolour(image: Image.Image, gain: float, contrast: float, colour: float) -> Image.Image:
    """Its distances from black, from its mean and from grey each stretched: all of it one matrix,
    and one column that is added."""
    from PIL import Image

    to_grey = np.tile(_GREY, (3, 1))
    matrix = gain * contrast * (colour * np.eye(3) + (1 - colour) * to_grey)
    mean = np.asarray(image.resize((1, 1), Image.Resampling.BOX))[0, 0] @ _GREY
    added = np.full((3, 1), gain * (1 - contrast) * mean)
    return image.convert("RGB", tuple(np.hstack([matrix, added]).ravel().tolist()))
