"""Effects, one file each. Every module here that defines an Effect is found by itself."""

from __future__ import annotations

from functools import cache

from visualiser.discover import discover
from visualiser.look.effects.base import Effect


@cache
def effects() -> dict[str, type[Effect]]:
    """All effects by name, in the order in which they are applied."""
    found = discover(__name__, Effect, "effect", ("name", "blurb", "key", "order"))  # type: ignore[type-abstract]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: (kind.order, kind.name))}
