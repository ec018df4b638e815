"""What words on the command line mean: sizes, times, rates and lists."""

from __future__ import annotations

import argparse
import re
from contextlib import suppress
from typing import NoReturn

from visualiser.types import UserError

CALLED = {f"{n * 1000 / 1001:.{d}f}": n * 1000 / 1001 for n in (24, 30, 60, 120) for d in (2, 3)}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as everything else does."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see: python {self.prog} --help)")


def size(word: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", word)
    wide, high = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (16 <= wide <= 7680 and 16 <= high <= 4320):
        raise argparse.ArgumentTypeError(f"{word!r}: allowed is 16x16 to 7680x4320")
    return wide, high


def seconds(word: str) -> float:
    return between(word, 0.001, 86_400, "seconds")


def moment(word: str) -> float:
    """A place in a take or a show, s."""
    return between(word, 0, 86_400, "seconds")


def rate(word: str) -> float:
    """Frames a second: a number, a fraction, as 30000/1001, or what such a one is called, 29.97."""
    if found := re.fullmatch(r"(\d{1,7})/([1-9]\d{0,6})", word):
        word = repr(int(found[1]) / int(found[2]))
    return CALLED.get(word.rstrip("0"), between(word, 1, 240, "frames a second"))


def tempo(word: str) -> float:
    return between(word, 20, 400, "beats a minute")


def between(word: str, lo: float, hi: float, what: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if not lo <= value <= hi:
        raise argparse.ArgumentTypeError(f"{word!r}: allowed are {lo:g} to {hi:g} {what}")
    return value


def slot(word: str) -> int:
    return _whole(word, 1, 64, "cues")


def whole(word: str) -> int:
    return _whole(word, 0, 1000, "frames a second")


def _whole(word: str, lo: int, hi: int, what: str) -> int:
    if not word.isdecimal():
        raise argparse.ArgumentTypeError(f"{word!r}: wanted is a whole number")
    return int(between(word, lo, hi, what))


def workers(word: str) -> int:
    return int(between(word if word.isdecimal() else "", 1, 64, "workers"))


def number(word: str) -> int | float | str:
    """Of a setting that config.toml has, too: where it is none, config.py says what is allowed."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(word)
    return word


def advance(word: str) -> str:
    """How the set list goes on; "" is as config.toml says."""
    if word not in ("", "time", "beats"):
        raise argparse.ArgumentTypeError(f"{word!r}: allowed are time or beats, or nothing")
    return word


def numbers(word: str) -> list[int]:
    try:
        return [int(part) for part in word.split(",") if part]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r}: wanted are numbers, as in 256,128") from None


def words(word: str) -> list[str]:
    return [part.strip() for part in word.split(",") if part.strip()]
