"""The list of inputs that a performer picks from, each with how loud it is."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from visualiser.audio import owner
from visualiser.audio.inputs import Input
from visualiser.audio.microphone import Microphone
from visualiser.audio.owner import OWNER, Owner
from visualiser.audio.tap import Tap
from visualiser.types import UserError

_MOST = 8  # inputs that are listened to beside the chosen one
_KEEP = 1 << 14  # samples of each
_OVER_S = 0.1  # what a level is the peak of
_REST_DBFS = -120.0  # digital silence


@dataclass(frozen=True, slots=True)
class InputRow:
    """A line of the list. level_dbfs: the peak of the last 0.1 s, -120 to 0 (and above), or None
    where the input cannot be listened to beside the others, or brings nothing."""

    name: str
    hostapi: str
    channels: int
    level_dbfs: float | None
    is_chosen: bool
    is_default: bool

    @property
    def full_name(self) -> str:
        """What Microphone.choose() may be given, so that it means this one and no other."""
        return f"{self.name} [{self.hostapi}]"


class InputList:
    """Open while the list is seen: every input of it is listened to where that is possible, and
    devices that come and go appear and disappear within about two seconds. Constructing and reading
    it never wait; close() does, for at most 2 s."""

    def __init__(self, microphone: Microphone | None = None) -> None:
        self._microphone = microphone
        # Kept by PortAudio's thread, and replaced whole:
        self._inputs: tuple[Input, ...] = ()
        self._taps: dict[str, Tap] = {}
        self._refused: frozenset[str] = frozenset()
        OWNER.attach(self)

    def rows(self) -> list[InputRow]:
        """The inputs as they are now; the chosen one is listed even while it is gone."""
        chosen = self._microphone.device if self._microphone is not None else None
        taps = self._taps
        rows = []
        for one in self._inputs:
            is_chosen = chosen is not None and _key(one) == _key(chosen)
            tap = taps.get(_key(one))
            if is_chosen and self._microphone is not None:
                tap = self._microphone.tap
            level = _level_dbfs(tap)
            rows.append(
                InputRow(one.name, one.hostapi, one.channels, level, is_chosen, one.is_default)
            )
        if chosen is not None and not any(row.is_chosen for row in rows):
            rows.append(InputRow(chosen.name, chosen.hostapi, chosen.channels, None, True, False))
        return rows

    def close(self) -> None:
        OWNER.detach(self, owner.CLOSE_S)

    # --- PortAudio's thread

    def tend(self, owner: Owner, now: float) -> None:
        try:
            if owner.has_changed():
                owner.restart()
            self._inputs = tuple(owner.inputs())
        except UserError:
            self._inputs = ()
            return
        chosen = self._microphone.device if self._microphone is not None else None
        for key, tap in list(self._taps.items()):
            if tap.state(now) in ("lost", "silent") or (chosen is not None and key == _key(chosen)):
                self._taps = {k: v for k, v in self._taps.items() if k != key}
                self._refused |= {key}
                tap.close()
        for one in self._inputs:
            key = _key(one)
            is_chosen = chosen is not None and key == _key(chosen)
            if is_chosen or key in self._taps or key in self._refused or len(self._taps) >= _MOST:
                continue
            try:
                columns = range(min(2, one.channels))
                self._taps = self._taps | {key: Tap(one, columns, blocksize=1024, capacity=_KEEP)}
            except UserError:
                self._refused |= {key}
            return  # one at a time: others want to be tended

    def drop(self) -> None:
        taps, self._taps = self._taps, {}
        self._refused = frozenset()
        for tap in taps.values():
            tap.close()

    def has_streams(self) -> bool:
        return bool(self._taps)

    def say(self, line: str) -> None:
        """A list that fails is seen to be empty."""


def _key(one: Input) -> str:
    return f"{one.hostapi}/{one.name}"


def _level_dbfs(tap: Tap | None) -> float | None:
    if tap is None or tap.state(time.perf_counter()) != "hearing":
        return None
    count = tap.newest[0]
    samples = tap.ring.read(round(_OVER_S * tap.samplerate), count)
    peak = float(np.abs(np.nan_to_num(samples, copy=False)).max())
    return max(20 * math.log10(peak), _REST_DBFS) if peak > 0 else _REST_DBFS
