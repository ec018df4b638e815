"""What was copied elsewhere, and is pasted here."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import url2pathname

import pygame

MOST = 8  # paths at once


def copied_paths() -> list[str]:
    """Paths of files that were copied as text, a line each: as one types them, in quotes, or as
    file managers write them. It may take as long as whoever has the text needs to give it."""
    return paths_in(pygame.scrap.get_text())


def paths_in(words: str) -> list[str]:
    lines = [line.strip().strip("\"'") for line in words.split("\0")[0].splitlines()]
    named = [line for line in lines if line.startswith("file://")]  # others beside them are none
    if named:
        lines = [url2pathname(urlsplit(line).path) for line in named]
    return [line for line in lines if line][:MOST]
