"""Reading a take, as much of it as there is."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from visualiser.cue_folder import Found
from visualiser.takes.events import (
    MARK,
    READ,
    VERSION,
    Event,
    Head,
    to_event,
    to_found,
    to_head,
)
from visualiser.types import UserError

LARGEST = 1 << 31  # bytes that a take may unpack to: a day of it
LONGEST_LINE = 1 << 20
CHUNK = 1 << 18


@dataclass(frozen=True)
class Part:
    """What was played in one go. head: its first line; events: of every tick, at least one."""

    head: Head
    events: list[Event]

    @property
    def begin_s(self) -> float:
        """Of what is seen of it, s from its first tick on."""
        return min(self.head.begin_s, self.end_s)

    @property
    def end_s(self) -> float:
        last = float(self._times[-1])
        return last if self.head.end_s is None else min(self.head.end_s, last)

    @property
    def seconds(self) -> float:
        return self.end_s - self.begin_s

    @cached_property
    def _times(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """(ticks,) s, from its first tick on."""
        return np.array([event.tick.t for event in self.events]) - self.events[0].tick.t

    @property
    def lost(self) -> int:
        """How many ticks are not in it, because they could not be written in time."""
        return self.events[-1].tick.index - self.events[0].tick.index + 1 - len(self.events)

    def song_at(self, t: float) -> float | None:
        """Where the song is at t, s from its first tick on; None where there is none."""
        at = max(int(np.searchsorted(self._times, t, "right")) - 1, 0)
        song_at = self.events[at].song_at
        return None if song_at is None else song_at + t - float(self._times[at])


@dataclass(frozen=True)
class Take:
    """parts: what was played, one after the other; is_whole: False where its end is missing."""

    path: Path
    parts: tuple[Part, ...]
    is_whole: bool

    @property
    def head(self) -> Head:
        """Of the first part."""
        return self.parts[0].head

    @property
    def events(self) -> list[Event]:
        """Of every tick, those that are gone through unseen among them."""
        return [event for part in self.parts for event in part.events]

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.parts)

    @property
    def begins(self) -> list[float]:
        """When each part begins, s."""
        return list(accumulate((part.seconds for part in self.parts[:-1]), initial=0.0))

    @property
    def models(self) -> dict[str, str]:
        """Every model that plays in it: its file -> SHA-256."""
        found: dict[str, str] = {}
        for event in self.events:
            found.update(event.models)
        return found

    def song_at(self, t: float) -> float | None:
        """Where the song is at t of the take, s, or None where there is none."""
        began, part = max(
            ((began, part) for began, part in zip(self.begins, self.parts, strict=True)
             if began <= max(t, 0.0)), key=lambda each: each[0],
        )  # fmt: skip
        return part.song_at(t - began + part.begin_s)


def read(path: Path) -> Take:
    """Raises UserError, one line, where it is no take, or of a newer version; a take whose end is
    missing is read up to its last whole event."""
    lines = _lines(path)
    try:
        head = _head(path, json.loads(next(lines, b"null")))
        if head is None:
            raise ValueError("it is no take")
    except (ValueError, RecursionError, zlib.error, EOFError) as error:
        raise UserError(f"{path}: {_why(error)}") from None
    parts: list[Part] = []
    events: list[Event] = []
    after: Found | None = None
    is_whole = False
    try:
        for each in lines:
            line = json.loads(each)
            if (following := _head(path, line)) is not None:
                parts += [Part(head, events)] if events else []
                head, events, after = following, [], None
                continue
            event = to_event(line, events[-1] if events else None)
            if events and event.tick.t < events[-1].tick.t:
                raise ValueError("its time runs backwards")
            events.append(event if after is None else replace(event, found=after))
            after = to_found(line) if "q" in line or "l" in line else None
        is_whole = True
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError,
            zlib.error, EOFError):  # fmt: skip
        pass  # as much as there is
    parts += [Part(head, events)] if events else []
    if not parts:
        raise UserError(f"{path}: there is no tick in it")
    return Take(path, tuple(parts), is_whole)


def _head(path: Path, line: Any) -> Head | None:
    """What a line says of the ticks behind it, None where it is of a tick itself."""
    if not isinstance(line, dict) or MARK not in line:
        return None
    if line[MARK] not in READ:
        raise UserError(
            f"{path}: a take of version {line[MARK]!r}; this program reads up to {VERSION}:"
            " a newer one is needed"
        )
    return to_head(line)


def _lines(path: Path) -> Iterator[bytes]:
    """Its lines; EOFError behind the last whole one of a file whose end is missing. Files that were
    put together by `cat` are read as one."""
    unpacked, left, total = zlib.decompressobj(31), b"", 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                while chunk:
                    if unpacked.eof:
                        unpacked = zlib.decompressobj(31)
                    data = unpacked.decompress(chunk, CHUNK)
                    chunk = unpacked.unused_data if unpacked.eof else unpacked.unconsumed_tail
                    total += len(data)
                    *lines, left = (left + data).split(b"\n")
                    yield from lines
                    if total > LARGEST or len(left) > LONGEST_LINE:
                        raise ValueError("it is too large")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    is_whole = unpacked.eof
    *lines, left = (left + unpacked.flush()).split(b"\n")
    yield from lines
    if not is_whole:
        raise EOFError
    if left:  # someone has edited it
        yield left


def _why(error: Exception) -> str:
    if isinstance(error, EOFError | zlib.error | json.JSONDecodeError | UnicodeDecodeError):
        return "it is no take"
    return str(error).splitlines()[0]
