"""What was chosen while playing, for the next time: driver, model, look, effects, the window.

It lies beside the settings file, as config.state.json beside config.toml, and not in it: that one
belongs to whoever plays, with their comments, and may be under version control.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from visualiser.config import Settings
from visualiser.controls import Command, Control, Value
from visualiser.files import write_bytes
from visualiser.look.effects import effects
from visualiser.nets import checkpoint
from visualiser.place import Place
from visualiser.types import UserError

# Choices and switches that make a set what it is. Numbers are not among them: a speed that was
# pushed up for one song would surprise the next evening. Nor is what covers or darkens the picture.
KEPT = (
    "show.driver", "show.model", "show.mode", "look.look", "look.palette", "look.output_only",
    "look.smooth", "window.fullscreen", "window.hud",
)  # fmt: skip
NOT_KEPT = {("show.mode", "draw")}  # the drawing is gone by then

WRITE_S = 3.0  # after a change, at most
SETTLE_S = 2.0  # until then a window is moved by the system, which has just opened it: that alone
# is nothing to remember
LONGEST = 65_536  # bytes of a file that is read
Pixels = Annotated[int, Field(ge=-100_000, le=100_000)]
Pair = tuple[Pixels, Pixels]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Placed(_Strict):
    size: tuple[Annotated[int, Field(ge=160, le=7680)], Annotated[int, Field(ge=90, le=4320)]]
    configured: Pair  # the size that config.toml said then
    corner: Pair | None = None
    desktop: tuple[Pair, ...] = Field((), max_length=16)


class _Left(_Strict):
    version: Literal[1] = 1
    values: dict[str, tuple[bool | str, bool | str]] = {}  # each with what config.toml said then
    window: _Placed | None = None


class State:
    """An input that asks for nothing: it watches, and remembers.

    settings: those given, with what was left last time in the place of what the file says; but
    neither where the command line says something else, nor where the file has been changed since.
    place: where the window was, if that is known.
    is_fresh: begin as the file says, and remember from there on what is changed.

    A file that cannot be used is told in a line, and left out.
    """

    def __init__(
        self, settings: Settings, declared: Iterable[Control], is_fresh: bool = False
    ) -> None:
        self.path = settings.path.with_suffix(".state.json")
        self.place: Place | None = None
        self.settings = settings
        self._notices: list[str] = []
        self._written: Callable[[], Mapping[str, Any]] = lambda: settings.written
        self._ask_place: Callable[[], Place | None] = lambda: None
        self._declared = {control.id: control for control in declared}
        names = [*KEPT, *(f"{name}.on" for name in effects())]
        self._ids = [id for id in names if id in self._declared]
        self._may_write = settings.path.is_file()  # nothing is to lie beside a pipe
        self._left = self._read() if self._may_write and not is_fresh else _Left()
        self._recall()
        self._values = {id: self.settings.controls[id] for id in self._ids}
        self._was_at: Place | None = None
        self._has_moved = False  # since that was noted
        self._since = 0.0  # when it began to be watched, s
        self._lock = threading.Lock()
        self._is_new = False  # what is left now, and not yet on the disk
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="state")

    # --- coming back

    def _read(self) -> _Left:
        try:
            with self.path.open("rb") as file:
                data = file.read(LONGEST + 1)
            if len(data) > LONGEST:
                raise ValueError("it is too long")
            found = json.loads(data)
            version = found.get("version") if isinstance(found, dict) else None
            if isinstance(version, int) and version > 1:
                self._may_write = False
                self._notices.append(
                    f"{self.path} is of a newer version: it is left out, and stays as it is"
                )
                return _Left()
            return _Left.model_validate_json(data)
        except FileNotFoundError:
            return _Left()
        except OSError as error:
            self._notices.append(f"what was left last time is not known: {error}")
        except (ValueError, RecursionError) as error:  # not JSON, or not what we write
            what = "not as written by Squircle" if isinstance(error, ValidationError) else error
            self._notices.append(f"what was left last time is not known: {self.path}: {what}")
        return _Left()

    def _recall(self) -> None:
        settings = self.settings
        values: dict[str, tuple[bool | str, bool | str]] = {}
        for id, (value, was) in self._left.values.items():
            if id not in self._ids or settings.written.get(id) != was:
                continue  # of another version; or someone has put something else into the file
            if mistake := self._mistake(self._declared[id], value):
                self._notices.append(f"{mistake}: {id} is {settings.controls[id]} again")
                continue
            values[id] = value, was
        placed = self._left.window
        if placed is not None and placed.configured != self._configured(settings.written):
            placed = None
        self._left = _Left(values=values, window=placed)

        recalled = {id: value for id, (value, _) in values.items() if id not in settings.given}
        window = settings.window
        if placed is not None:
            self.place = Place(placed.size, placed.corner, placed.desktop)
            if not {"window.width", "window.height"} & settings.given:
                width, height = placed.size
                window = window.model_copy(update={"width": width, "height": height})
        self.settings = replace(settings, controls={**settings.controls, **recalled}, window=window)
        if recalled:
            words = ", ".join(_words(id, value) for id, value in recalled.items())
            self._notices.append(f"as it was left: {words} (--fresh begins as config.toml says)")

    @staticmethod
    def _mistake(control: Control, value: bool | str) -> str:
        """Why it cannot be had any more; "" if it can."""
        if control.kind == "switch":
            return "" if isinstance(value, bool) else f"{value!r} is neither on nor off"
        if value not in control.choices:
            return f"there is no {value!r} any more"
        if control.id == "show.model":
            try:
                checkpoint.read(checkpoint.find(str(value)))
            except UserError as error:
                return str(error)
        return ""

    @staticmethod
    def _configured(written: Mapping[str, Any]) -> tuple[int, int]:
        return int(written["window.width"]), int(written["window.height"])

    # --- while it plays

    def follow(
        self, place: Callable[[], Place | None], written: Callable[[], Mapping[str, Any]]
    ) -> State:
        """Begin to remember. place: where the window is, None where it fills the screen; written:
        what the settings file says now, by "section.key"."""
        self._ask_place, self._written = place, written
        self._since = time.monotonic()
        self._thread.start()
        return self

    def commands(self) -> list[Command]:
        return []

    def tell(self, values: Mapping[str, Value]) -> None:
        """Note what has been changed."""
        written, has_chosen = self._written(), False
        for id in self._ids:
            value = values[id]
            if value == self._values[id]:
                continue
            self._values[id] = value
            if (id, value) not in NOT_KEPT:
                self._note(id, value, written.get(id))
                has_chosen = True
        place = self._ask_place()
        if place is not None and place != self._was_at:
            self._has_moved = self._was_at is not None
            self._was_at = place
            has_chosen |= time.monotonic() - self._since > SETTLE_S
        if has_chosen and self._has_moved and self._was_at is not None:
            self._has_moved = False
            self._note_place(self._was_at, self._configured(written))

    def _note(self, id: str, value: Any, was: Any) -> None:
        if not isinstance(was, bool | str) or checkpoint.is_path(str(value)) or _is_odd(value):
            return  # that would not be there, or not be the same, when it is read
        with self._lock:
            values = {k: v for k, v in self._left.values.items() if k != id}
            if value != was:
                values[id] = value, was
            self._left = self._left.model_copy(update={"values": values})
            self._is_new = True

    def _note_place(self, place: Place, configured: tuple[int, int]) -> None:
        try:
            placed = _Placed(
                size=place.size, configured=configured, corner=place.corner, desktop=place.desktop
            )
        except ValidationError:  # too small to be seen: not a size to come back to
            return
        with self._lock:
            self._left = self._left.model_copy(update={"window": placed})
            self._is_new = True

    def notices(self) -> list[str]:
        with self._lock:
            notices, self._notices = self._notices, []
        return notices

    # --- the disk

    def _keep(self) -> None:
        while not self._stop.wait(WRITE_S):
            self._write()

    def _write(self) -> None:
        with self._lock:
            left, is_new, self._is_new = self._left, self._is_new, False
        if not (is_new and self._may_write):
            return
        try:
            write_bytes(self.path, (left.model_dump_json(indent=1) + "\n").encode())
        except UserError as error:
            self._may_write = False  # told once
            with self._lock:
                self._notices.append(f"what is chosen is not remembered: {error}")

    def close(self) -> None:
        """Write what is not yet written."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._write()


def _is_odd(value: Value) -> bool:
    """Whether it cannot be written: a file's name need not be text."""
    return isinstance(value, str) and value.encode(errors="replace").decode() != value


def _words(id: str, value: Value) -> str:
    """A value for people: random, trails, hud off."""
    if isinstance(value, str):
        return value
    section, _, name = id.partition(".")
    name = section if name == "on" else name.replace("_", " ")
    return name if value else f"{name} off"
