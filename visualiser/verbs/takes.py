"""What a take holds and needs; and takes cut and joined."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from visualiser.files import refuse_existing, replacing
from visualiser.run import declared_controls
from visualiser.takes import sound, splice
from visualiser.takes.log import flac_of
from visualiser.takes.needs import lacking, missing, sound_of
from visualiser.takes.read import Take, read
from visualiser.times import spoken
from visualiser.types import UserError


def takes(
    files: Sequence[Path],
    out: Path | None,
    start_s: float | None,
    stop_s: float | None,
    force: bool,
    as_json: bool,
) -> None:
    """Tell what a take holds; or, with out, write there a part of it, or several joined."""
    is_cut = start_s is not None or stop_s is not None
    if out is None:
        if is_cut or len(files) > 1:
            raise UserError("-o says where the new take is to be written: -o OUT.take.gz")
        tell(read(files[0]), as_json)
        return
    if is_cut and len(files) > 1:
        raise UserError("--from and --to are for one take: cut each of them, and then join them")
    found = [read(path) for path in files]
    splice.refuse(out, found, force)
    refuse_existing(out, force)
    parts = [piece for take in found for piece in splice.pieces(take, start_s or 0.0, stop_s)]
    _write(parts, out)
    tell(read(out), as_json)


def _write(pieces: list[splice.Piece], out: Path) -> None:
    """Whole or not at all, with its sound beside it where it has one."""
    beside = flac_of(out)
    try:
        with replacing(out) as part:
            splice.write([piece.part for piece in pieces], part)
            if not sound.is_needed(pieces):
                beside.unlink(missing_ok=True)  # it was another take's
                return
            for song in sound.lost(pieces):
                print(f"its song {song} is gone: there it is silent", file=sys.stderr)
            with replacing(beside) as heard:
                sound.write(pieces, heard)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from None


def tell(take: Take, as_json: bool) -> None:
    """Print what a take holds, what it needs, and what of that is not there."""
    asked = Counter(id for event in take.events for id, _ in event.commands)
    beside, lacks = sound_of(take), [*missing(take), *lacking(take, declared_controls())]
    parts = [
        {
            "begins": round(begins, 3),
            "seconds": round(part.seconds, 3),
            "unseen": round(part.begin_s, 3),
            "ticks": len(part.events),
            "lost": part.lost,
            "created": part.head.created,
            "seed": part.head.seed,
        }
        for begins, part in zip(take.begins, take.parts, strict=True)
    ]
    about = {
        "seconds": round(take.seconds, 3),
        "ticks": len(take.events),
        "created": take.head.created,
        "whole": take.is_whole,
        "size": list(take.head.size),
        "seed": take.head.seed,
        "parts": parts,
        "models": take.models,
        "sound": str(beside) if beside else "",
        "commands": dict(asked.most_common()),
        "missing": lacks,
    }
    if as_json:
        print(json.dumps(about))
        return
    print(f"{take.path}: {spoken(take.seconds)}, {len(take.events)} ticks, {take.head.created}")
    if not take.is_whole:
        print("its end is missing: it plays up to its last whole event")
    for begins, part in zip(take.begins, take.parts, strict=True):
        if len(take.parts) > 1:
            print(f"part: {spoken(part.seconds)} from {spoken(begins)} on, {part.head.created}")
        if part.begin_s > 0:
            print(f"unseen: {spoken(part.begin_s)} before it, which lead there")
        if part.lost:
            print(f"not exact: {part.lost} of its ticks could not be written in time")
    print(f"models: {', '.join(Path(name).stem for name in take.models)}")
    print(f"sound: {beside or 'none kept; --audio FILE gives it one'}")
    print("asked: " + (", ".join(f"{id} {n}" for id, n in asked.most_common()) or "nothing"))
    for line in lacks:
        print(f"missing: {line}")
