"""What was copied elsewhere, and is pasted here."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.request import url2pathname

import pygame

MOST = 8  # paths at once
LONGEST = 4096  # letters of one


def copied_paths() -> list[str]:
    """Paths of files that were copied as text, a line each: as one types them, in quotes, or as
    file managers write them. It may take as long as whoever has the text needs to give it."""
    try:
        return paths_in(pygame.scrap.get_text())
    except (pygame.error, UnicodeError):  # nobody has it any more, or it is no text
        return []


def paths_in(words: str) -> list[str]:
    """As above, of a text; what is too long to be one is left out."""
    lines = [line.strip().strip("\"'") for line in words.split("\0")[0].splitlines()[: 4 * MOST]]
    named = [line for line in lines if re.match("file:/", line, re.IGNORECASE)]
    if named:  # others beside them are none
        lines = [url2pathname(re.sub("(?i)^file:(//(localhost)?(?=/))?", "", each))
                 for each in named]  # fmt: skip
    return [_at_home(line) for line in lines if 0 < len(line) <= LONGEST][:MOST]


def _at_home(path: str) -> str:
    try:
        return str(Path(path).expanduser()) if path.startswith("~") else path
    except RuntimeError:  # there is no such person
        return path
