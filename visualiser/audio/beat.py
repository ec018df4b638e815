"""The beat: a count that never runs backwards, at a tempo that is heard or tapped.

Every quarter of a second the tempo is taken from the flux of the last seconds (tempo.py) and the
phase from a comb at that tempo; the count is then slewed towards it, as a phase-locked loop does.
Another source of beats (MIDI clock, Ableton Link) would call set() with what it knows.
"""

from __future__ import annotations

import math

import numpy as np

from visualiser.audio import tempo
from visualiser.audio.spectrum import Array
from visualiser.smoothing import step

_EVERY_S = 0.25  # between looks at the tempo
_FIRST_S = 1.8  # of sound, before the first look
_ATTACK_S = 0.011  # flux comes so much later than what it is of
_SLEW_S = 0.35  # time constant of corrections of the phase
_LARGEST_SLEW = 0.25  # share of the tempo
_DOUBT = 0.12  # beats off that are not believed at once
_BETTER = 0.1  # share of all it varies by that another phase must explain more, to be believed
_WEIGHED_S = 1.0  # time constant of what looks at the phase have found
_COMB_S = 5.0  # what the comb looks back
_RISE_S, _FALL_S = 0.7, 1.5  # time constants of the confidence
_BREAK_S = 6.0  # the same while nothing begins
_BEGINS = 0.35  # overall flux of which something began
_QUIET_S = 1.0  # nothing began for so long: a break
_OVER_S = 4.0  # so long a break is an end, and what comes next starts anew
_TAPS_S = 2.0  # taps further apart are of two tempi
_TAPPED_S = 20.0  # how long taps are believed more than ears
_SETTLED_S, _FAITH = 5.0, 2.0  # after so much sound, that much more score for the tempo it has
_NO_SCORE, _FULL_SCORE = 5.5, 11.0  # of the best tempo: no beat, and a sure one


class Beat:
    """bpm: 0 until known; beats: counted, with their fraction; confidence: 0..1.

    hop_s: seconds from one row of flux to the next.
    """

    def __init__(self, hop_s: float) -> None:
        self.bpm = 0.0
        self.beats = 0.0
        self.confidence = 0.0
        self._t = 0.0  # seconds of sound so far
        self._error = 0.0  # beats still to be slewed
        self._scores = np.zeros(len(tempo.BPM))
        self._taps: list[float] = []
        self._tapped_t = -math.inf
        self._locked, self._locked_t = False, 0.0
        self._tempo_next = True
        self._sure = 0.0  # how well the best tempo explains what was heard, 0..1
        # How well each phase explains what was heard: [i] is i / PHASES of a beat further on.
        self._curve = np.zeros(tempo.PHASES)
        self._slewed = 0.0  # beats, since the last look at the phase
        self.retune(hop_s)

    def retune(self, hop_s: float) -> None:
        """Flux comes at another pace from now on: what was heard so far cannot be gone on with."""
        self._hop_s = hop_s
        self._flux = np.zeros((round(tempo.SPAN_S / hop_s), 3))
        self._known = 0  # rows of it, since the sound began
        self._quiet_s = math.inf
        self._waited_s = 0.0

    def advance(self, dt: float) -> None:
        """The beat goes on by dt seconds of sound, heard or not."""
        self._t += dt
        part = step(dt, _SLEW_S) * self._error
        most = _LARGEST_SLEW * self.bpm / 60 * dt
        part = min(max(part, -most), most)
        self._error -= part
        self._slewed += part
        self.beats += self.bpm / 60 * dt + part

    def hear(self, flux: Array, behind_s: float = 0.0) -> None:
        """flux: (hops, 4) as Onsets gives it, just advanced over; behind_s: how long before now
        the last of it was."""
        self._remember(flux)
        self._waited_s += len(flux) * self._hop_s
        # Tempo and phase in turn: either takes a while, and no tick should be late for both.
        if self._waited_s >= _EVERY_S / 2:
            self._waited_s = 0.0
            self._tempo_next = not self._tempo_next
            if self._quiet_s > _QUIET_S:
                self.confidence *= 1 - step(_EVERY_S / 2, _BREAK_S)
            elif self._known * self._hop_s >= _FIRST_S:
                heard = self._flux[-self._known :]
                if self._tempo_next:
                    self._find_phase(heard, behind_s)
                else:
                    self._find_tempo(heard)

    def tap(self, t: float) -> None:
        """A tap on the beat, t in seconds; from the second on they give the tempo."""
        if self._taps and not 0.15 < t - self._taps[-1] < _TAPS_S:
            self._taps = []
        self._taps = [*self._taps, t][-8:]
        if len(self._taps) > 1:
            period_s = (self._taps[-1] - self._taps[0]) / (len(self._taps) - 1)
            self.set(60.0 / period_s, 0.0)

    def set(self, bpm: float, phase: float) -> None:
        """Something else knows the beat: take its tempo and phase (0..1), for a while at least."""
        self.bpm = bpm
        self._error = (phase - self.beats + 0.5) % 1.0 - 0.5
        self.confidence = 1.0
        self._tapped_t = self._t
        self._locked = True

    def nudge(self, beats: float) -> None:
        """Move the beat: 0.01 is a hundredth of a beat on. Backwards it slows down instead."""
        self._error += beats

    def scale(self, factor: float) -> None:
        """Twice as fast (2) or half (0.5). What is heard goes on from there."""
        if self.bpm and 30.0 <= self.bpm * factor <= 400.0:
            self.bpm *= factor
            self._error = 0.0
            self._tapped_t = self._t

    @property
    def _tapped(self) -> bool:
        return self._t - self._tapped_t < _TAPPED_S

    def _remember(self, flux: Array) -> None:
        for overall in flux[:, 0].tolist():
            self._quiet_s = 0.0 if overall > _BEGINS else self._quiet_s + self._hop_s
        if self._quiet_s > _OVER_S:
            self._known = 0
            self._scores[:] = 0.0
            self._locked_t = self._t  # what comes next may be anywhere
            return
        n = min(len(flux), len(self._flux))
        self._flux[:-n] = self._flux[n:]
        self._flux[-n:] = flux[-n:, 1:]
        self._known = min(self._known + n, len(self._flux))

    def _find_tempo(self, heard: Array) -> None:
        """Take tempo and confidence from flux (hops, 3)."""
        heard_s = len(heard) * self._hop_s
        now = tempo.scores(heard, self._hop_s)
        # What was heard before counts on, the less the older; at first there is nothing before.
        keep = math.exp(-_EVERY_S / min(heard_s / 4, 1.2)) if self._scores.any() else 0.0
        self._scores = keep * self._scores + (1 - keep) * now
        best = float(self._scores.max())
        sure = min(max((best - _NO_SCORE) / (_FULL_SCORE - _NO_SCORE), 0.0), 1.0)
        if sure > 0.2 or not self._locked:
            scores = self._scores
            if self._locked and heard_s > _SETTLED_S:
                # What was believed for long is given up only for what is clearly better.
                off = np.log2(tempo.BPM / self.bpm) / 0.03
                scores = scores + _FAITH * np.exp(-(off**2))
            bpm = tempo.refine(scores, self.bpm if self._tapped else 0.0)
            same = self.bpm > 0 and abs(math.log2(bpm / self.bpm)) < math.log2(1.04)
            if not same and heard_s < _SETTLED_S:
                self._locked = False  # a first guess, taken back: lock once more
            # Within a few hundredths the tempo glides.
            self.bpm = self.bpm + 0.4 * (bpm - self.bpm) if same else bpm
        self._sure = sure
        aim = max(sure, 0.6) if self._tapped else sure if self._locked else 0.0
        pace = step(_EVERY_S, _RISE_S if aim > self.confidence else _FALL_S)
        self.confidence += pace * (aim - self.confidence)

    def _find_phase(self, heard: Array, ago_s: float) -> None:
        """Take the phase from flux (hops, 3), whose last row was ago_s seconds ago."""
        if not self.bpm or (self._locked and self._sure <= 0.2):
            return
        rows = heard[-round(_COMB_S / self._hop_s) :]
        ago = (ago_s + _ATTACK_S) * self.bpm / 60
        now = tempo.shifted(tempo.phases(rows, self._hop_s, self.bpm), self.beats - ago)
        if not self._locked:
            if self._sure > 0.0:
                on = tempo.peak(now)[0] % 1.0
                self.beats += on
                self._curve, self._slewed = tempo.shifted(now, on), 0.0
                self._locked, self._locked_t = True, self._t
            return
        keep = math.exp(-_EVERY_S / _WEIGHED_S)
        before = tempo.shifted(self._curve, self._slewed)
        self._curve, self._slewed = keep * before + (1 - keep) * now, 0.0
        error, height = tempo.peak(now, _DOUBT)[0], tempo.peak(self._curve, _DOUBT)[1]
        other, highest = tempo.peak(self._curve)
        # A single look may take an off-beat for the beat; who taps, knows better.
        enough = _BETTER * (highest - float(self._curve.min()))
        if highest - height > enough and not self._tapped:
            error = other
        self._error = error
