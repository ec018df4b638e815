"""TOML files that anyone may have written: settings, cues, set lists, timelines."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from visualiser.types import UserError

MOST_BYTES = 256 * 1024  # in a file

_TWICE = ("Cannot overwrite a value", "Cannot declare", "Cannot mutate")


def read_bytes(path: Path) -> bytes:
    """All of a file that is none too large, else a byte more than that: a device has no end.
    Raises OSError."""
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def load_toml(data: bytes) -> dict[str, Any]:
    """UserError, one line, where it is none, or larger than MOST_BYTES."""
    if len(data) > MOST_BYTES:
        raise UserError(f"it is larger than {MOST_BYTES // 1024} KiB")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))  # some editors begin a file with a mark
    except UnicodeDecodeError:
        raise UserError("it is not UTF-8") from None
    except RecursionError:
        raise UserError("it is not TOML: too many brackets lie in each other") from None
    except ValueError as error:  # not TOML, a number without end
        words = str(error)
        if words.startswith(_TWICE):
            _, bracket, place = words.rpartition(" (")
            words = f"a key or section stands there twice{bracket}{place}"
        raise UserError(f"it is not TOML: {words}") from None
