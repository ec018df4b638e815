"""The folder of cues, read and written on a thread of its own: a frame never waits for a disk."""

from __future__ import annotations

import re
import shutil
from collections import deque
from collections.abc import Mapping, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from visualiser.controls import Controls
from visualiser.cue_files import (
    SLOTS,
    Cue,
    Step,
    read_cue,
    read_steps,
    to_text,
)
from visualiser.files import Stamp, free_path, make_folder, refuse_endless, stamp, write_bytes
from visualiser.toml_files import read_bytes
from visualiser.types import UserError

LOOK_S = 0.5  # between looks at what was changed by hand
SET = "set.toml"


@dataclass
class Found:
    """What has changed since the look before.

    cues: by slot, None where a file has gone; steps: of the set list, None where it is as it was;
    broken: all slots whose file cannot be used, and why not; lines: what is wrong with files, in
    words.
    """

    cues: dict[int, Cue | None] = field(default_factory=dict)
    steps: tuple[Step, ...] | None = None
    broken: Mapping[int, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


class CueFolder:
    """waits: whether the first look is waited for, and is the last: for rendering, where the same
    command gives the same pictures. The folder is made when something is written."""

    def __init__(
        self, path: Path, controls: Controls, kept: frozenset[str], waits: bool = False
    ) -> None:
        self._path = path
        self._controls, self._kept = controls, kept
        self._waits = waits
        self._seen: dict[str, Stamp] = {}  # the thread's own, and so is
        self._broken: dict[int, str] = {}
        self._written: dict[tuple[Step, ...], bytes] = {}  # all set lists that were read
        self._said = ""
        self._thread = ThreadPoolExecutor(1, "cues")
        self._looking: Future[Found] | None = self._thread.submit(self._look)
        # Slots that were written since that look was begun, SET for the set list.
        self._overtaken: set[int | str] = set()
        self._writing: deque[tuple[Future[None], str]] = deque()
        self._waited_s = 0.0

    def poll(self, dt: float) -> Found | None:
        """What has changed, once a tick; dt: s."""
        if self._looking is None:
            self._waited_s += dt
            if self._waited_s >= LOOK_S and not self._waits:
                self._waited_s = 0.0
                self._looking = self._thread.submit(self._look)
            return None
        if not self._waits and not self._looking.done():
            return None
        found = self._looking.result()
        self._looking = None
        found.cues = {s: cue for s, cue in found.cues.items() if s not in self._overtaken}
        found.steps = None if SET in self._overtaken else found.steps
        self._overtaken.clear()
        return found

    def keep(self, slot: int, cue: Cue | None) -> None:
        """Begin to write a slot's file, or to put it away where there is no cue any more."""
        self._overtaken.add(slot)
        self._writing.append((self._thread.submit(self._put, slot, cue), f"cue {slot}"))

    def keep_steps(self, steps: tuple[Step, ...]) -> None:
        """Begin to write the set list's file again, as it was when these steps were read."""
        self._overtaken.add(SET)
        self._writing.append((self._thread.submit(self._put_steps, steps), "the set list"))

    def notices(self) -> list[str]:
        """Lines about what could not be written, since the last call."""
        lines = []
        while self._writing and self._writing[0][0].done():
            writing, what = self._writing.popleft()
            if error := writing.exception():
                lines.append(f"the file of {what} is not as it should be: {error}")
        return lines

    def close(self) -> None:
        """Wait until all is written."""
        self._thread.shutdown()

    # --- on the thread

    def _look(self) -> Found:
        found = Found()
        try:
            names = sorted(path.name for path in self._path.iterdir())
        except FileNotFoundError:  # there is none yet, or it has gone with its disk: keep all
            return found
        except OSError as error:
            line = f"cannot read {self._path}: {error.strerror}"
            found.lines += [line] if line != self._said else []
            self._said = line
            return found
        names = [name for name in names if name.endswith(".toml") and not name.startswith(".")]
        there = {name: stamp(self._path / name) for name in names}
        for name in [name for name in self._seen if name not in there]:
            del self._seen[name]
            if slot := slot_of(name):
                self._broken.pop(slot, None)
                found.cues[slot] = None
            elif name == SET:
                found.steps = ()
        for name, signature in there.items():
            if self._seen.get(name) != signature:
                self._seen[name] = signature
                try:
                    self._read(name, found)
                except UserError as error:
                    found.lines.append(f"{self._path / name}: {error}")
                    if slot := slot_of(name):
                        self._broken[slot] = found.lines[-1]
        found.broken = dict(self._broken)
        return found

    def _read(self, name: str, found: Found) -> None:
        slot = slot_of(name)
        if slot is None and name != SET:
            raise UserError(f"a cue's file is called 1.toml to {SLOTS}.toml, the set list's {SET}")
        try:
            refuse_endless(self._path / name)
            data = read_bytes(self._path / name)
        except OSError as error:
            raise UserError(f"cannot be read: {error.strerror}") from None
        if slot is None:
            found.steps = read_steps(data, self._controls)
            self._written[found.steps] = data
        else:
            found.cues[slot] = read_cue(data, self._controls, self._kept)
            self._broken.pop(slot, None)

    def _put(self, slot: int, cue: Cue | None) -> None:
        self._write(f"{slot}.toml", None if cue is None else to_text(cue).encode())
        self._broken.pop(slot, None)

    def _put_steps(self, steps: tuple[Step, ...]) -> None:
        self._write(SET, self._written[steps])

    def _write(self, name: str, data: bytes | None) -> None:
        """A file, None is none; the one that was there is put away."""
        make_folder(self._path)
        path = self._path / name
        try:
            if path.exists():
                shutil.copy2(path, free_path(self._path / "old", path.stem, ".toml"))
            if data is None:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"cannot put away {path}: {error.strerror or error}") from None
        self._seen.pop(name, None)
        if data is not None:
            write_bytes(path, data)
            self._seen[name] = stamp(path)


def slot_of(name: str) -> int | None:
    """Which slot a file is of, by its name."""
    found = re.fullmatch(r"([1-9]\d?)\.toml", name, re.ASCII)
    return int(found[1]) if found and int(found[1]) <= SLOTS else None


def missing(slots: Mapping[int, str], there: Set[int], broken: Mapping[int, str]) -> list[str]:
    """A line for each of the slots that is not there: who asks for it, and why it is not.

    slots: and who asks for them, or ""; broken: and what is wrong with their files.
    """
    stored = ", ".join(map(str, sorted(there))) or "none"
    lines = []
    for slot in sorted(slots.keys() - there):
        why = f"there is no cue {slot}; stored are {stored}"
        if slot in broken:
            why = f"cue {slot} cannot be used, because {broken[slot]}"
        lines.append(f"{slots[slot]}{': ' * bool(slots[slot])}{why}")
    return lines
