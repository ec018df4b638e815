"""What was chosen while playing, kept in config.toml: comments and all else stay as they were."""

from __future__ import annotations

import stat
import threading
import tomllib
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from visualiser.files import write_bytes
from visualiser.types import UserError

# `tomlkit` is imported where it is used: most evenings nothing is kept.

_MARK = "\ufeff"  # that some editors begin a file with


def put(path: Path, section: str, values: Mapping[str, Any]) -> None:
    """Write keys of one section into a TOML file, whole or not at all. A file that says so already
    is not touched: an editor that has it open would ask what happened to it. section: "sound", or
    "midi.map"; values: None takes a key out.

    Raises UserError, one line, where the file cannot be read or written, or is read-only.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = path.resolve()  # a link stays a link
    try:
        if not path.stat().st_mode & stat.S_IWUSR:
            raise UserError(f"cannot write {path}: it is read-only")
        text = path.read_bytes().decode()
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"cannot write {path}: it is not UTF-8") from None
    mark, text = (_MARK, text[1:]) if text.startswith(_MARK) else ("", text)
    try:
        before, wanted = tomllib.loads(text), tomllib.loads(text)
        _change(_section(wanted, section, dict), values)
        if wanted == before:
            return
        document = tomlkit.parse(text)
        table = _section(document, section, tomlkit.table)
        _change(table, values, _replace)
        text = tomlkit.dumps(document)
        if tomllib.loads(text) != wanted:
            raise ValueError("it would not read the same")
    except (ValueError, TypeError, TOMLKitError) as error:  # someone is editing it
        raise UserError(f"cannot write {path}: {error}") from None
    write_bytes(path, (mark + text).encode())


def _section(document: Any, name: str, make: Callable[[], Any]) -> Any:
    """The section of that name, made where there is none. Raises ValueError."""
    for part in name.split("."):
        if part not in document:
            document[part] = make()
        document = document[part]
        if not isinstance(document, dict):
            raise ValueError(f"{part} is no section")
    return document


def _change(
    table: Any, values: Mapping[str, Any], write: Callable[[Any, str, Any], None] = dict.__setitem__
) -> None:
    for key, value in values.items():
        if value is not None:
            write(table, key, value)
        elif key in table:
            del table[key]


def _replace(table: Any, key: str, value: Any) -> None:
    """Set a key, its comment in the column where it was, if there is room."""
    before = table.item(key) if key in table else None
    table[key] = value
    if before is not None and before.trivia.comment:
        after = table.item(key)
        longer = len(after.as_string()) - len(before.as_string())
        after.trivia.comment_ws = " " * max(len(before.trivia.comment_ws) - longer, 1)


class Memory:
    """Writes into one file, one after the other, on a thread of its own: a frame never waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept: dict[str, list[Any]] = {}  # what was written and not yet asked after
        self._thread = ThreadPoolExecutor(1, "remember")
        self._writing: deque[tuple[Future[None], str]] = deque(maxlen=32)

    def keep(self, section: str, key: str, value: Any, what: str) -> None:
        """Begin to write it. what: the subject of the line where that fails, "the room"."""
        with self._lock:
            self._kept.setdefault(f"{section}.{key}", []).append(value)
            del self._kept[f"{section}.{key}"][:-32]
        self._writing.append((self._thread.submit(put, self._path, section, {key: value}), what))

    def wrote(self, key: str, value: Any) -> bool:
        """Whether a change of "section.key" in the file, to this value, is one of ours: whoever
        watches the file asks that once for each. From any thread."""
        with self._lock:
            kept = self._kept.get(key, [])
            at = kept.index(value) if value in kept else None
            del kept[: len(kept) if at is None else at + 1]
            return at is not None

    def notices(self) -> list[str]:
        """Lines about what could not be kept, since the last call."""
        lines = []
        while self._writing and self._writing[0][0].done():
            writing, what = self._writing.popleft()
            if error := writing.exception():
                lines.append(f"{what} is not kept: {error}")
        return lines

    def close(self) -> None:
        """Wait until all is written."""
        self._thread.shutdown()
