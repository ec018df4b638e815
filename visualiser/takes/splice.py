"""Takes cut and joined. What is cut off before is kept and gone through unseen: where a walk is
comes from all that was before, so that only then is the rest the very same. Parts that are joined
lie one behind the other, each with its own beginning: seed, controls, models."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from visualiser.takes.events import Event, of_event, of_head
from visualiser.takes.log import SUFFIX, flac_of, line_of
from visualiser.takes.read import Part, Take
from visualiser.types import UserError


@dataclass(frozen=True)
class Piece:
    """What is taken of one part of a take. start_s: where in the take it begins; part: as it is to
    be, with the ticks that are needed."""

    take: Take
    start_s: float
    part: Part


def pieces(take: Take, start_s: float = 0.0, stop_s: float | None = None) -> list[Piece]:
    """From start_s to stop_s of a take, or to its end. Raises UserError where that is nothing."""
    stop_s = take.seconds if stop_s is None else min(stop_s, take.seconds)
    found = []
    for begins, part in zip(take.begins, take.parts, strict=True):
        begin_s, end_s = part.begin_s, part.end_s
        if start_s > begins:
            begin_s = start_s - begins + part.begin_s
        if stop_s < begins + part.seconds:
            end_s = stop_s - begins + part.begin_s
        if begin_s < end_s:
            found.append(Piece(take, max(begins, start_s), _cut(part, begin_s, end_s)))
    if not found:
        raise UserError(
            f"{take.path}: it is {take.seconds:.1f} s long; allowed is a part of it,"
            f" not {start_s:g} to {stop_s:g} s"
        )
    return found


def _cut(part: Part, begin_s: float, end_s: float) -> Part:
    """With its first ticks, and up to the one that ends it."""
    if (begin_s, end_s) == (part.begin_s, part.end_s):
        return part
    began = part.events[0].tick.t
    over = sum(event.tick.t - began < end_s for event in part.events) + 1
    head = replace(part.head, begin_s=begin_s, end_s=end_s)
    return Part(head, part.events[:over])


def refuse(out: Path, takes: Iterable[Take], force: bool) -> None:
    """Raises UserError where a take cannot be written there, or would be written over something
    that is needed, or that nobody said may go."""
    if not out.name.endswith(SUFFIX) or out.name == SUFFIX:
        raise UserError(f"{out}: the ending must be {SUFFIX}")
    beside = flac_of(out)
    for take in takes:
        for path in (take.path, flac_of(take.path), *(Path(p.head.song) for p in take.parts)):
            if path.is_file() and any(each.exists() and each.samefile(path)
                                      for each in (out, beside)):  # fmt: skip
                raise UserError(f"{path} is read for this: give the new take another name")
    if beside.exists() and not force:
        raise UserError(f"{beside} exists already, and would be its sound; --force writes over it")


def write(parts: Iterable[Part], path: Path) -> None:
    """A take of these parts. Raises OSError."""
    with path.open("wb") as file:
        packed = zlib.compressobj(6, zlib.DEFLATED, 31)
        for part in parts:
            file.write(packed.compress(line_of(of_head(part.head))))
            before: Event | None = None
            for event in part.events:
                file.write(packed.compress(line_of(of_event(event, before))))
                before = event
        file.write(packed.flush())
