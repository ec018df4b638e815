"""The segments of a film that is being rendered, as files in a folder beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from visualiser.files import make_folder, onto_disk, stamp
from visualiser.types import UserError
from visualiser.video.formats import format_of
from visualiser.video.pictures import is_sequence, there

_NAMES = re.compile(r"\d{8}-[0-9a-f]{24}\.\w+|(writing|joining|tail)[\w.-]*|unfinished\.json")


class Parts:
    """A part is there whole or not at all. out: the film's own path."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._suffix = format_of(out).part
        self.folder = out.with_name(f"{out.name}.parts")
        self.mark = self.folder / "unfinished.json"

    @property
    def is_unfinished(self) -> bool:
        """Whether the file that is there is only as much of the film as there was when it was
        stopped."""
        with suppress(OSError, ValueError):
            found = json.loads(self.mark.read_text())
            return bool(found) and found == self._stamps()
        return False

    def begin(self) -> None:
        """Make the folder."""
        make_folder(self.folder)

    def is_other(self, name: str) -> bool:
        """Whether a part is there that has the place of the one of that name in another film."""
        return any(self.folder.glob(f"{name.partition('-')[0]}-*{self._suffix}"))

    def path(self, name: str) -> Path:
        return self.folder / name

    def keep(self, name: str, write: Callable[[Path], bool]) -> bool:
        """Have a part written, to the path that `write` is given; that says whether it is whole.
        Where it is not, it is the tail, after which nothing comes."""
        with self._writing(self.folder / f"writing.{name}") as temporary:
            is_whole = write(temporary)
            onto_disk(temporary)
            temporary.replace(self.path(name) if is_whole else self.tail)
        return is_whole

    @property
    def tail(self) -> Path:
        return self.folder / f"tail{self._suffix}"

    def finish(self, write: Callable[[Path], object], is_whole: bool) -> None:
        """Have the film itself written; where it is whole, no part is needed any more."""
        with self._writing(self.folder / f"joining{self._suffix}") as temporary:
            self.mark.unlink(missing_ok=True)
            if is_sequence(self.out):
                write(self.out)  # which is many files
            else:
                write(temporary)
                onto_disk(temporary)
                temporary.replace(self.out)
        if is_whole:
            self.remove()
        else:
            self.tail.unlink(missing_ok=True)
            self.mark.write_text(json.dumps(self._stamps()))

    def _stamps(self) -> list[list[int]]:
        """Of the film, or of all pictures that it is made of."""
        return [list(stamp(each)) for each in there(self.out)]

    def remove(self) -> None:
        """Take away the parts, and the folder; what somebody else put there stays."""
        with suppress(OSError):
            for path in self.folder.iterdir():
                if _NAMES.fullmatch(path.name):
                    path.unlink()
            self.folder.rmdir()

    @contextmanager
    def _writing(self, temporary: Path) -> Iterator[Path]:
        """A file that is written beside its place, and is whole by the time that it goes there."""
        try:
            yield temporary
        except OSError as error:
            raise UserError(
                f"cannot write {self.out}: {error.strerror or error}; what is done is kept in"
                f" {self.folder}, and the same command goes on"
            ) from None
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
