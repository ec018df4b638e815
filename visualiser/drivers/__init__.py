"""Drivers, one file each. Every module of this package that defines a Driver is found by itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache

from visualiser.drivers.base import Driver
from visualiser.types import UserError


@cache
def drivers() -> dict[str, type[Driver]]:
    """All drivers by name, in the order of their keys. UserError if two share a name."""
    found: list[type[Driver]] = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        found += [
            kind
            for _, kind in inspect.getmembers(module, inspect.isclass)
            if issubclass(kind, Driver) and not inspect.isabstract(kind)
            if kind.__module__ == module.__name__
        ]
    for kind in found:
        if missing := [word for word in ("name", "key", "blurb") if not hasattr(kind, word)]:
            raise UserError(f"the driver {kind.__module__}.{kind.__name__} has no {missing[0]}")
    named = {kind.name: kind for kind in sorted(found, key=lambda kind: (kind.key, kind.name))}
    if len(named) < len(found):
        raise UserError(f"two drivers have the same name, among {', '.join(sorted(named))}")
    return named
