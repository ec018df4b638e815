"""Reading a take, as much of it as there is."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from visualiser.takes.events import MARK, VERSION, Event, Head, to_event, to_head
from visualiser.types import UserError

LARGEST = 1 << 31  # bytes that a take may unpack to: a day of it
LONGEST_LINE = 1 << 20
CHUNK = 1 << 18


@dataclass(frozen=True)
class Take:
    """head: its first line; events: of every tick; is_whole: False where its end is missing."""

    path: Path
    head: Head
    events: list[Event]
    is_whole: bool

    @property
    def seconds(self) -> float:
        """From its first tick to its last."""
        return self.events[-1].tick.t - self.events[0].tick.t if self.events else 0.0

    @property
    def models(self) -> dict[str, str]:
        """Every model that plays in it: its file -> SHA-256."""
        found: dict[str, str] = {}
        for event in self.events:
            found.update(event.models)
        return found


def read(path: Path) -> Take:
    """Raises UserError, one line, where it is no take, or of a newer version; a take whose end is
    missing is read up to its last whole event."""
    lines = _lines(path)
    try:
        first = json.loads(next(lines, b"null"))
        if not isinstance(first, dict) or MARK not in first:
            raise ValueError("it is no take")
        if first[MARK] != VERSION:
            raise UserError(
                f"{path}: a take of version {first[MARK]!r}; this program reads {VERSION}:"
                " a newer one is needed"
            )
        head = to_head(first)
    except (ValueError, RecursionError, zlib.error, EOFError) as error:
        raise UserError(f"{path}: {_why(error)}") from None
    events: list[Event] = []
    is_whole = False
    try:
        for line in lines:
            event = to_event(json.loads(line), events[-1] if events else None)
            if events and event.tick.t < events[-1].tick.t:
                raise ValueError("its time runs backwards")
            events.append(event)
        is_whole = True
    except (ValueError, RecursionError, OverflowError, zlib.error, EOFError):
        pass  # as much as there is
    if not events:
        raise UserError(f"{path}: there is no tick in it")
    return Take(path, head, events, is_whole)


def _lines(path: Path) -> Iterator[bytes]:
    """Its lines; EOFError behind the last whole one of a file whose end is missing."""
    unpacked, left, total = zlib.decompressobj(31), b"", 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                while chunk:
                    data = unpacked.decompress(chunk, CHUNK)
                    chunk = unpacked.unconsumed_tail
                    total += len(data)
                    *lines, left = (left + data).split(b"\n")
                    yield from lines
                    if total > LARGEST or len(left) > LONGEST_LINE:
                        raise ValueError("it is too large")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if not unpacked.eof:
        raise EOFError


def _why(error: Exception) -> str:
    if isinstance(error, EOFError | zlib.error | json.JSONDecodeError | UnicodeDecodeError):
        return "it is no take"
    return str(error).splitlines()[0]
