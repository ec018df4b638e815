"""Looks, one file each. Every module here that defines a Look is found by itself."""

from __future__ import annotations

from functools import cache

from visualiser.discover import discover
from visualiser.look.looks.base import Look


@cache
def looks() -> dict[str, type[Look]]:
    """All looks by name, in alphabetical order."""
    found = discover(__name__, Look, "look", ("name", "blurb"))  # type: ignore[type-abstract]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.name)}
