"""Writing files so that nothing is lost: whole or not at all, and never over another unasked."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from visualiser.types import UserError

Stamp = tuple[int, ...]


def stamp(path: Path) -> Stamp:
    """Its size in bytes first, then what is another whenever a file was written, replaced or made
    readable; () where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def refuse_endless(path: Path) -> None:
    """Raises OSError for what is no regular file: a pipe or a device may be waited on for ever."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise OSError(errno.EINVAL, f"it is {what}, and no file", str(path))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises UserError where it cannot be written."""
    try:
        with replacing(path) as part:
            part.write_bytes(data)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside it for a file that goes there once it is whole, or not at all. OSError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def onto_disk(path: Path) -> None:
    """See that what a file holds is written: else a power cut may leave its name, and less in it.
    Raises OSError."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def refuse_existing(path: Path, force: bool) -> None:
    """Raises UserError if there is a file already, unless `force`; or if it cannot be
    written there."""
    try:
        if path.is_dir():
            raise UserError(f"cannot write {path}: it is a folder")
        if path.exists() and not force:
            raise UserError(f"{path} exists already; --force writes over it")
        if not path.absolute().parent.is_dir():
            raise UserError(f"cannot write {path}: there is no folder {path.parent}")
        if not os.access(path.absolute().parent, os.W_OK):
            raise UserError(f"cannot write {path}: the folder cannot be written to")
    except OSError as error:  # a name that is too long
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}") from None


def claim(folder: Path, stem: str, suffix: str) -> Path:
    """A path in folder that nobody had, and nobody else gets: an empty file is there now; without a
    suffix, an empty folder."""
    while True:
        path = free_path(folder, stem, suffix)
        try:
            path.open("xb").close() if suffix else path.mkdir()
        except FileExistsError:  # just now
            continue
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from None
        return path


def name_now() -> str:
    """What a file is called that is made now, without its ending."""
    return datetime.now().strftime("squircle-%Y-%m-%d-%H%M%S")


def free_path(folder: Path, stem: str, suffix: str, beside: str = "") -> Path:
    """A path in folder that is not taken: stem, stem-2, stem-3 ... Makes the folder.

    beside: a second ending, under which that name must be free as well.
    """
    make_folder(folder)
    name, n = stem, 1
    while any((folder / f"{name}{ending}").exists() for ending in (suffix, beside or suffix)):
        n += 1
        name = f"{stem}-{n}"
    return folder / f"{name}{suffix}"
