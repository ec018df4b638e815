"""A knob and the control that it moves, without jumps."""

from __future__ import annotations

from visualiser.controls import Control, Nudge, Value
from visualiser.inputs.knobs import Knob
from visualiser.inputs.midi_heard import Touch

NEAR = 1.5 / 127  # of the range: so close a knob is where its control is


class Mapped:
    """pickup: whether the knob acts only once it has passed the control's value, from where on it
    leads until something else moves the control."""

    def __init__(self, knob: Knob, control: Control, pickup: bool) -> None:
        self.knob, self.control = knob, control
        self.shown: int | None = None  # the value that the controller knows
        self._pickup = pickup and control.kind != "live"  # which glides to any hand by itself
        self._share: float | None = None  # where the knob was last
        self._led_to: float | None = None  # share, while it leads

    def follow(self, touch: Touch, now: Value | None) -> list[Value | Nudge]:
        """What the control is asked for. now: its value, if it has one."""
        control = self.control
        if touch.is_gone:
            return [False] if control.kind == "hold" else []
        self.shown = touch.value if self.knob.kind == "cc" or touch.is_on else 0
        if control.kind == "action":
            return [True] * touch.presses
        if control.kind == "hold":
            if touch.presses and touch.releases:
                return [not touch.is_on, touch.is_on]
            return [touch.is_on] if touch.presses or touch.releases else []
        if self.knob.kind == "note":
            if not touch.presses:
                return []
            if control.is_number:
                return [self._struck(touch.value, now)]
            return [Nudge(touch.presses)]
        if control.kind == "switch":
            acts = touch.presses or touch.releases or not self._pickup
            return [touch.is_on] if acts else []
        return self._lead(touch.value / 127, now if now is not None else 0.0)

    def place(self, touch: Touch) -> None:
        """Where the knob was when it was learned."""
        self.shown = touch.value
        self._share = touch.value / 127

    @property
    def waits(self) -> bool:
        """Whether it was moved and does not lead yet."""
        leads = self.knob.kind == "cc" and (self.control.is_number or self.control.kind == "choice")
        return leads and self._pickup and self._led_to is None and self._share is not None

    def further(self, now: Value) -> str:
        """Which way to turn it until it leads."""
        return "up" if self.control.share_of(now) > (self._share or 0.0) else "down"

    def heed(self, now: Value) -> None:
        """The control's value after a frame: where something else has moved it, the knob no longer
        leads."""
        if self._led_to is not None and abs(self.control.share_of(now) - self._led_to) > NEAR / 4:
            self._led_to = None

    def lamp(self, now: Value) -> int | None:
        """What its controller is to show, 0..127; None for what has nothing to show."""
        if self.control.kind in ("switch", "hold"):
            return 127 if now else 0
        return round(127 * self.control.share_of(now)) if self.knob.kind == "cc" else None

    def _struck(self, velocity: int, now: Value | None) -> Value:
        """What a pad sets a number to: its velocity's place. A full blow where that is at its top
        already goes to the bottom: so pads that know no velocity reach both."""
        is_top = now is not None and self.control.share_of(now) > 1 - NEAR
        return self.control.value_at(0.0 if velocity == 127 and is_top else max(velocity, 1) / 127)

    def _lead(self, share: float, now: Value) -> list[Value | Nudge]:
        before, self._share = self._share, share
        if self._led_to is None and self._pickup and not self._meets(before, share, now):
            return []
        value = self.control.value_at(share)
        self._led_to = self.control.share_of(value)
        return [value]

    def _meets(self, before: float | None, share: float, now: Value) -> bool:
        """Whether a knob that goes from one place to another is, or was, where the value is."""
        at = self.control.share_of(now)
        if before is not None and (before - at) * (share - at) <= 0:
            return True
        if self.control.kind == "choice":
            places = [place for place in (before, share) if place is not None]
            return now in map(self.control.value_at, places)
        return abs(share - at) <= NEAR
