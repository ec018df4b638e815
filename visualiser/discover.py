"""Finds what a package's files define, so that a new file is all it takes to add one."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TypeVar

from visualiser.types import UserError

Kind = TypeVar("Kind")


def discover(
    package: str, base: type[Kind], what: str, needed: tuple[str, ...]
) -> list[type[Kind]]:
    """Every class of a package's modules that fills in `base`, in the order of the files' names.

    what: how such a class is called in messages; needed: what each has to have. UserError where
    one lacks something, or where two share a name.
    """
    found: list[type[Kind]] = []
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        module = importlib.import_module(f"{package}.{info.name}")
        found += [
            kind
            for _, kind in inspect.getmembers(module, inspect.isclass)
            if issubclass(kind, base) and not inspect.isabstract(kind)
            if kind.__module__ == module.__name__
        ]
    for kind in found:
        if missing := [word for word in needed if not hasattr(kind, word)]:
            raise UserError(f"the {what} {kind.__module__}.{kind.__name__} has no {missing[0]}")
    names = [str(getattr(kind, "name", "")) for kind in found]
    if len(set(names)) < len(names):
        raise UserError(f"two {what}s have the same name, among {', '.join(sorted(names))}")
    return found
