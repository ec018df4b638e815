"""A microphone or line-in that may be pulled out and plugged in again at any time."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from math import inf
from pathlib import Path

import numpy as np

from visualiser.audio import owner
from visualiser.audio.file import DEMO, AudioFile
from visualiser.audio.inputs import Input, NoPortAudio, find_again, match_input
from visualiser.audio.mix import Mix
from visualiser.audio.owner import OWNER, Owner
from visualiser.audio.ring import HISTORY
from visualiser.audio.source import SAMPLERATE, ShowClock, Silence, Source, drain
from visualiser.audio.tap import Tap
from visualiser.types import Sound, UserError

_AGAIN_S = 0.2  # between attempts to get a device back
_AGAIN_UNHEARD_S = 1.0  # and to get one that has never been there
_HICCUP_S = 0.4  # a stream that stalls for so long is opened anew
_MOVES = sys.platform == "linux"  # there the sound server takes a stream to the new default itself


class Microphone:
    """A sound input. Constructing it is instant: the device opens on PortAudio's own thread.

    device: None or "" is the system's default, and follows it; a number is an index of
    list_inputs(); a name is matched as match_input() says. Once it is open it is known by its name:
    when it goes, it is taken up again when it is back. channels: which to hear, counted from 1, as
    a mix that loses none (mix.py); () is the first two. samplerate: Hz, None is the device's own;
    it is a wish. blocksize: samples a callback; 0 is what the sound system brings, as soon
    as it does.

    window() gives the newest samples, whatever t says; its `t` is when the last of them was
    captured, by the clock of the sound system, and its `end` goes on where it was when the device
    comes back. Until the first device can be opened `demo` is heard in its place.
    """

    def __init__(
        self,
        device: str | int | None = None,
        samplerate: int | None = None,
        blocksize: int = 0,
        demo: Path = DEMO,
        channels: Sequence[int] = (),
    ) -> None:
        self.samplerate = samplerate or SAMPLERATE
        self.label = "microphone"
        self._wanted = device
        self._channels = tuple(channels)
        self._wish_hz = samplerate
        self._blocksize = blocksize
        self._demo = demo
        self._notices: deque[str] = deque(maxlen=8)
        # Kept by PortAudio's thread:
        self._tap: Tap | None = None
        self._tapped = device  # what was wanted when it was opened
        self._known: Input | None = None  # what was open last
        self._again = 0.0  # when to try next
        self._said = ""  # the last line about something nobody thought of
        self._is_stale = False  # whether to look at the hardware anew before that
        self._idle = "opening"  # the state while nothing is heard
        self._instead: Source | None = None
        self._complaint = ""  # what was said last about a device that does not open
        self._off_rate = 0  # a rate that turned out not to be the true one
        # Kept by the show's:
        self._clock = ShowClock()
        self._mix = Mix()
        self._told = "opening"
        self._seen: tuple[Tap | None, int] = (None, 0)  # how many of a stream's were counted
        self._last = (0, 0.0)  # `end` and t that were given last
        OWNER.attach(self)

    # --- the show's thread

    @property
    def state(self) -> str:
        return self._state_of(self._tap)

    def _state_of(self, tap: Tap | None) -> str:
        state = tap.state(time.perf_counter()) if tap else self._idle
        return self._idle if state == "opening" else state

    @property
    def wanted(self) -> str | int | None:
        """The name or number that was chosen last."""
        return self._wanted

    @property
    def device(self) -> Input | None:
        """The input that is open now, or was last."""
        return self._known

    @property
    def tap(self) -> Tap | None:
        """The stream that is open now."""
        return self._tap

    def choose(self, device: str | int | None) -> None:
        """Hear another input from now on, as the constructor's `device`. Returns at once."""
        self._wanted = device
        OWNER.wake()

    def window(self, t: float, n: int) -> Sound:
        self._clock.learn(t)
        tap, instead = self._tap, self._instead
        state = self._state_of(tap)
        self._tell(state)
        passed = max(0.0, t - self._last[1])
        if state == "hearing" and tap is not None:
            if instead is not None:
                self._instead = None
                instead.close()
            count, captured, _ = tap.newest
            self.samplerate = tap.samplerate
            samples = tap.ring.read(n, count)
            if not np.isfinite(samples).all():
                np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            mono = self._mix.mono(samples, passed).clip(-1.0, 1.0)
            seen = self._seen[1] if self._seen[0] is tap else 0
            self._seen = (tap, count)
            self._last = (self._last[0] + count - seen, t)
            return Sound(mono, tap.samplerate, self._last[0], self._clock.show(captured))
        if instead is not None:
            heard = instead.window(t, n)
            self.samplerate, samples = heard.samplerate, heard.samples
        else:
            samples = np.zeros(n, np.float32)
        # In whole samples of the show's time, so that nothing is lost in rounding.
        before = round(self._last[1] * self.samplerate)
        fresh = max(0, round(t * self.samplerate) - before)
        self._last = (self._last[0] + fresh, max(t, self._last[1]))
        return Sound(samples, self.samplerate, self._last[0], t)

    def _tell(self, state: str) -> None:
        """Say once what has become of the device."""
        before, self._told = self._told, state
        if state == "lost" and before == "hearing":
            self._notices.append(f"{self.label} has gone: hearing silence")
        elif state == "silent" and before != "silent":
            self._notices.append(f"{self.label} is open and delivers nothing: hearing silence")
        elif state == "hearing" and before in ("lost", "silent"):
            self._notices.append(f"{self.label} is back")

    def notices(self) -> list[str]:
        instead = self._instead
        return drain(self._notices) + (instead.notices() if instead else [])

    def close(self) -> None:
        """Stop the stream. A driver that hangs is left after 2 s to PortAudio's thread, which
        closes the stream as soon as it gets it."""
        OWNER.detach(self, owner.CLOSE_S)
        if self._instead is not None:
            self._instead.close()

    # --- PortAudio's thread

    def tend(self, owner: Owner, now: float) -> None:
        if self._tapped != self._wanted:
            self._tapped, self._known = self._wanted, None
            self._idle, self._again, self._complaint = "opening", 0.0, ""
            self.drop()
        elif self._tap is not None:
            if not (idle := self._fault(self._tap, owner, now)):
                return
            self._idle, self._again, self._is_stale = idle, 0.0, True
            self.drop()
        if now < self._again:
            return
        try:
            if self._is_stale:
                owner.refresh(self)
            self._open(owner.inputs())
            self._is_stale = False
        except UserError as error:
            self._is_stale = True
            self._fail(error)

    def _fault(self, tap: Tap, owner: Owner, now: float) -> str:
        """Why this stream has to be opened anew, as the state until then; or ""."""
        state = tap.state(now)
        if state == "silent":
            return state
        if state == "lost":
            is_over = tap.has_finished or now - tap.newest[2] > _HICCUP_S
            return state if is_over else ""
        if state == "hearing":
            self._idle = "opening"
            if tap.is_off_rate() and self._off_rate != tap.samplerate:
                self._off_rate = tap.samplerate
                return "lost"
            if not self._wanted and not _MOVES and owner.has_changed():
                return "opening"
        return ""

    def _open(self, rows: list[Input]) -> None:
        device = None
        if self._known is not None and self._wanted not in (None, ""):
            device = find_again(rows, self._known)
            if device is None and str(self._wanted).strip().isdecimal():
                raise UserError(f'"{self._known.name}" is not there')  # its number is another's now
        device = device or match_input(rows, self._wanted)
        columns = [channel - 1 for channel in self._channels if channel <= device.channels]
        if self._channels and not columns and self._known is None:
            self._notices.append(
                f"{device.name} has no channel {self._channels[0]}, only {device.channels}: "
                "hearing the first"
            )
        # More than a pair are the other inputs of an interface, not more microphone.
        columns = columns or list(range(min(2, device.channels)))
        tap = Tap(device, columns, self._wish_hz, self._blocksize, 2 * HISTORY)
        self.label = f"microphone {device.name}"
        self.samplerate = tap.samplerate
        self._known = device
        self._tap = tap

    def _fail(self, error: UserError) -> None:
        is_first = self._known is None
        wait_s = _AGAIN_UNHEARD_S if is_first else _AGAIN_S
        self._again = inf if isinstance(error, NoPortAudio) else time.perf_counter() + wait_s
        if self.label == "microphone":  # nothing has been open yet
            self._play_instead(str(error))
        elif self._instead is None and self._idle == "opening":
            self._idle = "lost"
        if is_first and not self._complaint and self._instead is None:
            self._notices.append(f"{error}; hearing silence")
        self._complaint = str(error)

    def _play_instead(self, reason: str) -> None:
        instead: Source
        try:
            instead, name = AudioFile(self._demo, loop=True, label="demo loop"), "the demo loop"
        except UserError as error:
            instead, name, reason = Silence(), "silence", f"{reason}; {error}"
        self.label = instead.label
        self._instead = instead
        self._notices.append(f"no microphone: {reason}; playing {name} instead")

    def drop(self) -> None:
        tap, self._tap = self._tap, None
        if tap is not None:
            tap.close()

    def has_streams(self) -> bool:
        return self._tap is not None

    def say(self, line: str) -> None:
        if line != self._said:
            self._notices.append(line)
        self._said = line
