"""Times as people write them: seconds, 1:02.5, or bars and beats of a tempo."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from visualiser.types import Features

LONGEST_S = 86_400.0
TEMPI = (20.0, 400.0)  # beats a minute
CLOCK = re.compile(r"(?:(?:(\d{1,2}):)?([0-5]?\d):)?(\d+(?:\.\d*)?)(?: ?s)?", re.ASCII)
BARS = re.compile(r"bar (\d{1,6})(?: beat (\d{1,3}(?:\.\d*)?))?", re.ASCII)
BEAT = re.compile(r"beat (\d{1,7}(?:\.\d*)?)", re.ASCII)
LENGTH = re.compile(r"(\d{1,7}(?:\.\d*)?) ?(bar|beat)s?", re.ASCII)
MOMENTS = "seconds, '1:02.5', or with a tempo 'bar 17', 'bar 17 beat 3', 'beat 65'"
LENGTHS = "seconds, '0:08', or with a tempo '4 bars', '2 beats'"


@dataclass(frozen=True)
class Metre:
    """tempo: beats a minute; begin: when the first beat of bar 1 is, s; beats: in a bar."""

    tempo: float
    begin: float = 0.0
    beats: int = 4

    def seconds(self, beats: float) -> float:
        """How long so many beats are."""
        return beats * 60 / self.tempo

    def hear(self, features: Features, t: float) -> Features:
        """What is heard at t, with this beat instead of one that was found."""
        beats = (t - self.begin) * self.tempo / 60
        return replace(features, bpm=self.tempo, beats=beats, beat_confidence=1.0)


def moment(word: object, metre: Metre | None = None) -> float:
    """When something is, s. ValueError, with what is allowed, where that is no time."""
    if isinstance(word, str) and (found := BARS.fullmatch(word) or BEAT.fullmatch(word)):
        metre = _needed(metre)
        bar, beat = (
            (int(found[1]), float(found[2] or 1)) if found.re is BARS else (1, float(found[1]))
        )
        if bar < 1 or beat < 1 or (found.re is BARS and beat >= metre.beats + 1):
            raise ValueError(f"bars and beats count from 1, {metre.beats} beats a bar")
        return _held(metre.begin + metre.seconds((bar - 1) * metre.beats + beat - 1), MOMENTS)
    return _plain(word, MOMENTS)


def length(word: object, metre: Metre | None = None) -> float:
    """How long something takes, s. ValueError as above."""
    if isinstance(word, str) and (found := LENGTH.fullmatch(word)):
        metre = _needed(metre)
        beats = float(found[1]) * (metre.beats if found[2] == "bar" else 1)
        return _held(metre.seconds(beats), LENGTHS)
    return _plain(word, LENGTHS)


def spoken(seconds: float) -> str:
    """As it is told."""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f} min {rest:.1f} s"


def _plain(word: object, allowed: str) -> float:
    if isinstance(word, int | float) and not isinstance(word, bool):
        return _held(float(min(word, 2 * LONGEST_S)), allowed)
    found = CLOCK.fullmatch(word) if isinstance(word, str) else None
    if found is None:
        raise ValueError(f"allowed are {allowed}")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    if found[2] is not None and seconds >= 60:
        raise ValueError("behind minutes there are less than 60 seconds")
    return _held(hours * 3600 + minutes * 60 + seconds, allowed)


def _held(seconds: float, allowed: str) -> float:
    if not (math.isfinite(seconds) and 0 <= seconds <= LONGEST_S):
        raise ValueError(f"allowed are {allowed}, from 0 to {LONGEST_S:g} s")
    return seconds


def _needed(metre: Metre | None) -> Metre:
    if metre is None:
        raise ValueError("bars and beats need a tempo, in beats a minute, as in tempo = 120")
    return metre
