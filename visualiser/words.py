"""Words that came from files and paths, made fit for a terminal."""

from __future__ import annotations

import unicodedata


def printable(text: object) -> str:
    """One line that only shows: a terminal obeys escapes, and a file may be full of them. What is
    no letter, mark or space becomes what Python writes for it, as \\x1b."""
    return "".join(c if _shows(c) else _escaped(c) for c in str(text))


def _shows(c: str) -> bool:
    return c.isprintable() or unicodedata.category(c) == "Zs"


def _escaped(c: str) -> str:
    return f"\\x{ord(c):02x}" if ord(c) < 256 else ascii(c)[1:-1]
