"""`python main.py render`: one film, or one for every song."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from visualiser.audio.file import AudioFile
from visualiser.files import make_folder
from visualiser.film.parts import Parts
from visualiser.film.render import Hands, is_cut
from visualiser.film.workers import workers
from visualiser.types import UserError
from visualiser.words import printable

SUFFIX = ".mp4"  # of films that are called as their songs
Film = Callable[[argparse.Namespace, Hands | None], int]


def films(options: argparse.Namespace, film: Film) -> int:
    """Make what was typed; returns the exit code: 130 after Ctrl-C, 2 where one of many could not
    be made. film: makes one, of options with a single song, or None, and a path of its own."""
    songs, out = options.audio or [], options.out
    if options.workers > 1 and options.cluster:
        raise UserError("--workers is for this machine: give it, or --cluster")
    if len(songs) < 2 and not (songs and out.is_dir()):
        if (options.workers > 1 or options.cluster) and not is_cut(out):
            raise UserError(f"{out}: it is drawn in one go, and several workers are no help")
        with _hands(options) as hands:
            return _one(options, songs[0] if songs else None, out, film, hands)
    if options.take:
        raise UserError("--take is of one film: give it one song, or none")
    if out.suffix and not out.is_dir():
        raise UserError(f"{out}: of several songs come several films; -o takes a folder")
    outs = [out / name for name in names(songs)]
    _want([song for song, made in zip(songs, outs, strict=True) if not _is_there(options, made)])
    make_folder(out)
    code = 0
    with _hands(options) as hands:
        for song, made in zip(songs, outs, strict=True):
            try:
                done = _one(options, song, made, film, hands)
            except UserError as error:
                print(f"squircle: {printable(str(error))}", file=sys.stderr)
                code = 2
                continue
            if done:
                return done
    return code


def names(songs: Sequence[Path]) -> list[str]:
    """Of their films: as the songs are called, with their endings where two differ in these alone.
    UserError where two are called the same."""
    stems = [song.stem for song in songs]
    found = [song.stem if stems.count(song.stem) == 1 else song.name for song in songs]
    if twice := [name for name in found if found.count(name) > 1]:
        raise UserError(f"two songs are called {twice[0]}: their films would be one")
    return [f"{name}{SUFFIX}" for name in found]


def _want(songs: Sequence[Path]) -> None:
    """UserError, a line for each that cannot be heard: before hours of drawing the others."""
    lines = []
    for song in songs:
        try:
            AudioFile(song).close()
        except UserError as error:
            lines.append(str(error))
    if lines:
        raise UserError("\n".join(lines))


def _is_there(options: argparse.Namespace, out: Path) -> bool:
    return options.resume and out.exists() and not Parts(out).is_unfinished


def _one(
    options: argparse.Namespace, song: Path | None, out: Path, film: Film, hands: Hands | None
) -> int:
    if _is_there(options, out):
        print(f"{out} is there already")
        return 0
    return film(argparse.Namespace(**{**vars(options), "audio": song, "out": out}), hands)


def _hands(options: argparse.Namespace) -> AbstractContextManager[Hands | None]:
    if options.workers == 1 and not options.cluster:
        return nullcontext(None)
    return workers(options.workers, options.cluster or "", _say)


def _say(line: str) -> None:
    print(line, file=sys.stderr)
