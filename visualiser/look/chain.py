"""All effects, one after the other, each faded in and out."""

from __future__ import annotations

from visualiser.controls import Controls
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
            changed = effect.apply(field, value)
            # Half-way between two fields of distances lies a shape that is half-way.
            field = field.with_values(mix(field.values, changed.values, fade.eased))
        return field
