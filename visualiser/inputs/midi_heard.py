"""What MIDI devices have said since the last frame: the newest of each knob, and the clock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from visualiser.inputs.knobs import Knob

CLOCK, START, CONTINUE, STOP, POSITION = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2
MOST_PRESSES = 16  # of one button, between two frames
OTHER_CLOCK_S = 1.0  # so long a clock is silent, until another is heard
_CC, _NOTE_ON, _NOTE_OFF = 0xB0, 0x90, 0x80


@dataclass(frozen=True)
class Touch:
    """What became of a knob. value: 0..127, the newest, velocity of the press for a note;
    presses, releases: how often it went from off to on (64 and more for a cc), and back; where a
    knob is when it is heard first is neither, unless at its ends, where buttons are; is_on: which
    it is now; is_gone: its device has gone while it was on."""

    value: int
    presses: int = 0
    releases: int = 0
    is_on: bool = False
    is_gone: bool = False


@dataclass(frozen=True)
class Clocked:
    """A word of the clock: which, when it came (s), and the position in sixteenths."""

    word: int
    t: float
    at: int = 0


class Heard:
    """`put` is called from the threads of the drivers, `take` from the show's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._touches: dict[tuple[int, int], Touch] = {}
        self._on: dict[tuple[int, int], str] = {}  # by what device, "" for what is off
        self._clock: deque[Clocked] = deque(maxlen=512)
        self._clock_of, self._clock_t = "", 0.0

    def put(self, device: str, message: Sequence[int], t: float) -> None:
        """One message as it came at t, s; what is no whole message of a kind that is known is
        left out."""
        if not message:
            return
        status = message[0]
        if status >= 0xF0:
            self._put_clock(device, message, t)
            return
        kind = status & 0xF0
        if len(message) < 3 or not (0 <= message[1] < 128 and 0 <= message[2] < 128):
            return  # cut off
        number, value = message[1], message[2]
        if kind == _CC:
            self._put_touch(device, (status, number), value, value >= 64)
        elif kind in (_NOTE_ON, _NOTE_OFF):
            value = value if kind == _NOTE_ON else 0
            self._put_touch(device, (_NOTE_ON | status & 0x0F, number), value, value > 0)

    @property
    def is_touched(self) -> bool:
        """Whether a knob was since the last call of `take`."""
        return bool(self._touches)

    def take(self) -> tuple[dict[Knob, Touch], list[Clocked]]:
        """All since the last call, knobs in the order in which they were touched last."""
        with self._lock:
            touches, self._touches = self._touches, {}
            clock = list(self._clock)
            self._clock.clear()
        return {_knob(*key): touch for key, touch in touches.items()}, clock

    def _put_touch(self, device: str, key: tuple[int, int], value: int, is_on: bool) -> None:
        with self._lock:
            before = self._touches.pop(key, Touch(value))
            if key in self._on:
                is_new = bool(self._on[key]) != is_on
            else:
                is_new = key[0] & 0xF0 == _NOTE_ON or value in (0, 127)
            if key[0] & 0xF0 == _NOTE_ON:
                value = value or before.value
            presses = min(before.presses + (is_new and is_on), MOST_PRESSES)
            releases = min(before.releases + (is_new and not is_on), MOST_PRESSES)
            self._touches[key] = Touch(value, presses, releases, is_on)
            self._on[key] = device if is_on else ""

    def let_go(self, device: str) -> None:
        """The device has gone: what was held on it is not held for ever."""
        with self._lock:
            for key in [key for key, held_on in self._on.items() if held_on == device]:
                self._on[key] = ""
                self._touches[key] = Touch(0, is_gone=True)

    def _put_clock(self, device: str, message: Sequence[int], t: float) -> None:
        word, at = message[0], 0
        if word not in (CLOCK, START, CONTINUE, STOP, POSITION):
            return
        if word == POSITION:
            if len(message) < 3:
                return
            at = (message[1] & 127) + 128 * (message[2] & 127)
        with self._lock:
            # Two clocks at once would be twice as fast.
            if device != self._clock_of and t - self._clock_t < OTHER_CLOCK_S:
                return
            self._clock_of, self._clock_t = device, t
            self._clock.append(Clocked(word, t, at))


def _knob(status: int, number: int) -> Knob:
    return Knob("cc" if status & 0xF0 == _CC else "note", (status & 0x0F) + 1, number)
