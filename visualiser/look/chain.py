"""All effects, one after the other, each faded in and out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from visualiser.controls import Controls, Value
from visualiser.look.effects import effects
from visualiser.look.effects.base import Effect
from visualiser.look.fade import Fade, mix
from visualiser.look.field import Field


class Chain:
    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        on = {name: bool(controls[f"{name}.on"]) for name in effects()}
        self._fades = {name: Fade(float(is_on)) for name, is_on in on.items()}
        self._playing: dict[str, Effect] = {}

    def apply(self, field: Field, dt: float, fade_dt: float) -> Field:
        """The field with every effect that is on. dt: of the show, which pauses; fade_dt: of the
        wall; both s."""
        for effect, value, share in self._advanced(dt, fade_dt):
            changed = effect.apply(field, value)
            # Half-way between two fields of distances lies a shape that is half-way.
            field = field.with_values(mix(field.values, changed.values, share))
        return field

    def skip(self, dt: float, fade_dt: float) -> None:
        """The same time goes by, and there is no field."""
        for effect, _, _ in self._advanced(dt, fade_dt):
            effect.forget()

    @property
    def memory_s(self) -> float:
        """How much of the past is seen, s."""
        section = self._controls.section
        return max((e.looks_back(section(name)) for name, e in self._playing.items()), default=0.0)

    def _advanced(
        self, dt: float, fade_dt: float
    ) -> Iterator[tuple[Effect, Mapping[str, Value], float]]:
        """Every effect that is on, with its controls and how much of it is seen."""
        fade_s = self._controls.number("look.fade")
        for name, kind in effects().items():
            value, fade = self._controls.section(name), self._fades[name]
            fade.advance(fade_dt, fade_s, up=bool(value["on"]))
            if fade.share == 0:
                self._playing.pop(name, None)
                continue
            if name not in self._playing:
                self._playing[name] = kind()
            effect = self._playing[name]
            effect.advance(dt, value)
            yield effect, value, fade.eased
