"""What an input is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from visualiser.controls import Command, Value


class Input(Protocol):
    """Something that asks for changes. All methods are called from the show's thread, once a frame
    but for `close`, and none of them waits."""

    def commands(self) -> Iterable[Command]:
        """What was asked for since the last call, in the order in which it came."""

    def tell(self, values: Mapping[str, Value]) -> None:
        """The values of all controls, by id, as they are after a frame: for lamps, motors and
        other screens."""

    def notices(self) -> list[str]:
        """Lines for the person on stage since the last call."""

    def close(self) -> None:
        """Let go of devices, sockets and threads."""
