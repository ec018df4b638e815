"""The verb `controls`: a table of everything that can be changed while playing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from visualiser.controls import Control, Value
from visualiser.words import printable

# Choices that are files somebody adds to: which there are today is no part of the page.
FILES = {"show.model": "a name in models/", "look.palette": "a file of assets/palettes"}
BETWEEN = ", "  # keys, some of whose names have a space
COLUMNS = ("id", "what", "key", "range", "default", "OSC address")
PAGE = """# Controls

Everything that can be changed while playing, as `python main.py controls --markdown` prints it. An
id is its place in [config.toml](../config.toml), too: `show.speed` is `speed` in `[show]`. What has
no default is something that is done, or held, and has no place there.
"""


def controls(declared: Iterable[Control], as_markdown: bool, as_json: bool) -> None:
    """Print them on a terminal, as the page in docs/, or as JSON."""
    declared = list(declared)
    if as_json:
        print(json.dumps([_described(control) for control in declared], indent=2))
    elif as_markdown:
        print(_page(declared), end="")
    else:
        _print_table(declared)


def _described(control: Control) -> dict[str, Any]:
    found: dict[str, Any] = {"id": control.id, "label": control.label, "kind": control.kind}
    if control.is_number:
        found |= {"lo": control.lo, "hi": control.hi, "unit": control.unit}
    if control.kind == "choice":
        found["choices"] = list(control.choices)
    if control.is_setting:
        found["default"] = control.default
    keys = [{"key": key.name, "does": key.does} for key in control.keys]
    return found | {"keys": keys, "address": control.address}


def _rows(declared: Iterable[Control], every: bool) -> dict[str, list[tuple[str, ...]]]:
    """Rows of COLUMNS by section. every: list all choices, those that are files as well."""
    rows: dict[str, list[tuple[str, ...]]] = {}
    for first, last in _runs(declared):
        row = (
            first.id if first is last else f"{first.id} to {last.name}",
            first.label,
            BETWEEN.join(key.name for key in first.keys),
            _range(first, every),
            _plain(first.default) if first.is_setting else "",
            first.address if first is last else f"{first.address} to {last.name}",
        )
        rows.setdefault(first.section, []).append(row)
    return rows


def _runs(declared: Iterable[Control]) -> list[tuple[Control, Control]]:
    """First and last of those that are the same but for their number, as latents are."""
    runs: list[tuple[Control, Control]] = []
    for control in declared:
        before = runs[-1][1] if runs else None
        follows = (
            before is not None
            and before.section == control.section
            and before.name.isdecimal()
            and control.name == str(int(before.name) + 1)
        )
        runs[-1:] = [(runs[-1][0], control)] if follows else [*runs[-1:], (control, control)]
    return runs


def _range(control: Control, every: bool) -> str:
    if control.is_number:
        return f"{control.lo:g} to {control.hi:g} {control.unit}".rstrip()
    if control.kind == "choice":
        words = None if every else FILES.get(control.id)
        return words or ", ".join(control.choices)
    if control.takes:
        return f"done with {control.takes}"
    return {"switch": "on, off", "hold": "while held"}.get(control.kind, "done once")


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _page(declared: Iterable[Control]) -> str:
    lines = [PAGE]
    for section, rows in _rows(declared, every=False).items():
        lines += [f"## {section}", "", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
        for id, what, keys, allowed, default, address in rows:
            keys = " ".join(f"`{key}`" for key in keys.split(BETWEEN) if key)
            cells = (f"`{id}`", what, keys, allowed, default, f"`{address}`")
            lines.append(f"| {' | '.join(printable(cell).replace('|', '/') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


def _print_table(declared: Iterable[Control]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column)
    for rows in _rows(declared, every=True).values():
        for row in rows:
            table.add_row(*(printable(cell) for cell in row))
        table.add_section()
    Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False).print(table)
