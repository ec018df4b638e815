"""Drivers, one file each. Every module of this package that defines a Driver is found by itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache

from visualiser.drivers.base import Driver


@cache
def drivers() -> dict[str, type[Driver]]:
    """All drivers by name, in the order of their keys."""
    found: list[type[Driver]] = []
    for module in pkgutil.iter_modules(__path__):
        names = vars(importlib.import_module(f"{__name__}.{module.name}")).values()
        found += [
            kind
            for kind in names
            if inspect.isclass(kind) and issubclass(kind, Driver) and not inspect.isabstract(kind)
        ]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: (kind.key, kind.name))}
