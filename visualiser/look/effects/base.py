"""What an effect is. A new one is one file beside this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from visualiser.controls import Control, Key, Value, switch
from visualiser.look.field import Field


class Effect(ABC):
    """Changes the field before it is drawn: small as it is, that is cheap, and what is drawn of it
    is crisp at any size.

    name: the section of its controls; key: the key that switches it; blurb: what it does, for the
    help; order: effects with lower ones come first; controls: declared with ids "name.something",
    beside "name.on", which every effect has.

    Time comes from `advance` alone: sum up dt, so that it does not depend on the frame rate. An
    effect is made anew when it is switched on, or when the model changes.
    """

    name: ClassVar[str]
    key: ClassVar[str]
    blurb: ClassVar[str]
    order: ClassVar[int]
    controls: ClassVar[tuple[Control, ...]] = ()

    @classmethod
    def declared(cls) -> tuple[Control, ...]:
        """All of its controls, with the switch."""
        on = switch(f"{cls.name}.on", cls.blurb, False, (Key(cls.key, f"{cls.name}: {cls.blurb}"),))
        return on, *cls.controls

    def advance(self, dt: float, value: Mapping[str, Value]) -> None:
        """Move on by dt seconds. value: this effect's controls by short name."""
        return

    @classmethod
    def looks_back(cls, value: Mapping[str, Value]) -> float:
        """How long ago what it shows may be, s."""
        return 0.0

    def forget(self) -> None:
        """The frame that `advance` moved on to is not applied, for nobody sees it: what is known of
        the past has a gap, and is of no use any more."""
        return

    @abstractmethod
    def apply(self, field: Field, value: Mapping[str, Value]) -> Field:
        """The changed field: of the same kind, shape and pitch. Once after every `advance`, or
        `forget` is called."""
