"""MIDI controllers without hardware, for tests: a backend whose devices are plugged and pulled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence


class Rack:
    """A system's MIDI. `devices`: those that are plugged in; `sent`: what each was told."""

    def __init__(self, *names: str) -> None:
        self.devices = dict.fromkeys(names)
        self.sent: dict[str, list[bytes]] = {}
        self.hears: dict[str, Callable[[str, Sequence[int], float], None]] = {}
        self.opened: list[str] = []
        self.deaf: set[str] = set()  # cannot be opened

    def __call__(self) -> Rack:
        return self

    def plug(self, name: str) -> None:
        self.devices[name] = None

    def pull(self, name: str) -> None:
        """As a driver sees it: it is listed no more, and what is sent fails."""
        del self.devices[name]

    def turn(self, name: str, *messages: Sequence[int], t: float | None = None) -> None:
        """A hand on a device."""
        for message in messages:
            self.hears[name](name, message, time.perf_counter() if t is None else t)

    # --- as every backend

    def inputs(self) -> list[str]:
        return list(self.devices)

    def outputs(self) -> list[str]:
        return [name for name in self.devices if "keys" not in name]  # which has no lamps

    def open_input(self, name: str, hear: Callable) -> Plug:
        if name in self.deaf:
            raise OSError("busy")
        self.hears[name] = hear
        self.opened.append(name)
        return Plug(self, name)

    def open_output(self, name: str) -> Plug:
        return Plug(self, name)


class Plug:
    def __init__(self, rack: Rack, name: str) -> None:
        self._rack, self._name = rack, name

    def send(self, message: bytes) -> None:
        if self._name not in self._rack.devices:
            raise OSError("it has gone")
        self._rack.sent.setdefault(self._name, []).append(message)

    def close(self) -> None:
        if self._name not in self._rack.devices:
            raise RuntimeError("it has gone")
