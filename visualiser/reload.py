"""config.toml while it plays: what someone changes in it is taken over as soon as it is saved."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from visualiser import config, files
from visualiser.config import Settings
from visualiser.controls import Command, Control, Value
from visualiser.remember import Memory
from visualiser.types import UserError

POLL_S = 0.01  # a look takes some microseconds
SETTLE_S = 0.04  # a file is read once it has stood still for so long: editors write in steps
DOUBT_S = 0.12  # and for so long where it looks half written: wrong, or without an end of line
SHOWN = 4  # changes named in a line
KNOBS = "midi.map."  # each is taken over by who has the knobs
UNUSED = ("train", "train_shape", "train_colour")  # sections that nothing of a show is read from


class Reload:
    """An input: the changes of controls in a settings file, and a line about each save.

    Only what is another value than the file had before becomes a command, so that what was changed
    live stays; and all of a save does, or nothing. hears_room: whether another sound input may be
    chosen; not where a song is listened to. memory: what writes into the same file.

    controls: looked at anew with every save, for choices are added while it plays, such as a model
    that was taught. Looking, reading and comparing is done on a thread of its own.
    """

    def __init__(
        self,
        settings: Settings,
        controls: Iterable[Control],
        memory: Memory | None = None,
        hears_room: bool = False,
    ) -> None:
        self.written: Mapping[str, Any] = settings.written  # what the file says now
        self._begun = settings.written  # and what it said at the start
        self._path = settings.path
        self._controls = controls
        self._ids = {control.id for control in self._controls if control.is_setting}
        self._memory = memory
        self._hears_room = hears_room
        self._lock = threading.Lock()
        self._commands: dict[str, Value] = {}  # the newest of each
        self._notices: list[str] = []
        self._read = self._seen = settings.stamp
        self._since = 0.0  # when it was seen first
        self._is_broken = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reload")

    def start(self) -> Reload:
        """Begin to watch."""
        self._thread.start()
        return self

    def commands(self) -> list[Command]:
        with self._lock:
            commands, self._commands = self._commands, {}
        return list(commands.items())

    def tell(self, values: Mapping[str, Value]) -> None:
        """As every input; a file shows nothing."""

    def notices(self) -> list[str]:
        with self._lock:
            notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(POLL_S):
            self.look(time.monotonic())

    def look(self, now: float) -> None:
        """Look once whether the file has changed, and read it if it has come to rest. now: s."""
        stamp = files.stamp(self._path)
        if stamp != self._seen:
            self._seen, self._since = stamp, now
        rested = now - self._since
        if stamp == self._read or rested < SETTLE_S:
            return
        new: Settings | None = None
        mistakes: list[str] = []
        try:
            new = config.load(self._controls, self._path)
        except UserError as error:
            mistakes = str(error).splitlines()
        except Exception as error:  # whatever it is: the show goes on, and so does the watching
            mistakes = [f"{self._path}: {type(error).__name__}: {error}"]
        if files.stamp(self._path) != stamp or (new is not None and new.stamp != stamp):
            return  # it was written to meanwhile
        if rested < DOUBT_S and (new is None or not _ends_in_a_line(self._path)):
            return
        self._read = stamp
        if new is None:
            self._is_broken = True
            count = f" (1 of {len(mistakes)})" if len(mistakes) > 1 else ""
            self._say(f"not applied{count}: {mistakes[0]}")
        else:
            self._take(new.written)

    def _take(self, written: Mapping[str, Any]) -> None:
        """Hand over what is another value than before."""
        before, self.written = self.written, written
        changed = {key: value for key, value in written.items() if before.get(key) != value}
        if self._memory is not None:
            wrote = self._memory.wrote
            changed = {key: value for key, value in changed.items() if not wrote(key, value)}
        commands = {key: value for key, value in changed.items() if key in self._ids}
        if self._hears_room and isinstance(changed.get("sound.input"), str):
            commands["sound.choose"] = changed.pop("sound.input")
        with self._lock:
            self._commands.update(commands)
        knobs = {key: id for key, id in changed.items() if key.startswith(KNOBS)}
        now = commands | knobs
        later = [key for key in changed if key not in now and key.split(".")[0] not in UNUSED]
        back = {key: changed[key] for key in later if self._begun.get(key) == changed[key]}
        later = [key for key in later if key not in back]
        said = [f"{key} = {_plain(value)}" for key, value in (now | back).items()]
        lines = [_few(said)] if said else []
        lines += [f"at the next start: {_few(later)}"] if later else []
        if not lines and self._is_broken:
            lines = ["it is right again"]
        self._is_broken = False
        if lines:
            self._say(f"{self._path.name}: {'; '.join(lines)}")

    def _say(self, line: str) -> None:
        with self._lock:
            self._notices.append(line)


def _ends_in_a_line(path: Path) -> bool:
    """As a file does that was written to its end; most editors see to that."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
    except OSError:  # it is empty, for one
        return False


def _few(words: list[str]) -> str:
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return ", ".join(words[:SHOWN]) + more


def _plain(value: Any) -> str:
    """As it stands in a settings file, more or less."""
    return str(value).lower() if isinstance(value, bool) else f"{value}"
