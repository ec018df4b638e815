"""Sound: loudness carries a slow walk, bands pull it about, and what begins kicks it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from visualiser.controls import Key, Value, choice, number
from visualiser.drivers.base import Driver
from visualiser.noise import simplex
from visualiser.smoothing import step
from visualiser.types import Features, FloatArray, Tick
from visualiser.walk import FIELD, Loop, Walk, arc

JOIN_S = 0.6  # time constant of joining a loop, and of leaving it
PULL_S = 0.15  # time constant of pulls at full loudness; softer is slower, so that throws stand out
OFTEN = 1.5  # throws lately, after which the next goes half as far, and further ones less and less
LEAST = 0.1  # share of a throw that is left, however often
LEAP_S = 0.1  # of walking at full loudness: how far it leaps for a whole throw that is not
SWELL_S, SHRINK_S = 0.15, 0.7  # of the painted outline: quicker ones are flashes (look.flash)
VANISH_S = 0.2  # of it, in silence
BULGE = 0.3  # of a picture, how far a beginning pushes it out
WIDTH = 0.15  # of such a bulge, of the way from the foot to the top
RECALLS_S = 1.0  # time constant in which a throw is forgotten by those after it


class Audio(Driver):
    """Louder is further and faster; in silence it all but stands still.

    The ear's gain evens out what is loud and what is quiet, so that all of the bands is used; with
    dynamics, what was louder a moment ago is remembered, and a quiet passage moves less.

    Each direction of the model listens to a stretch of the spectrum, and a kick, a snare or a hat
    throws the direction that listens to it. Where that happens often, throws go less far, and the
    walk leaps instead. With a beat, it can go round a closed path of some bars, so that it comes
    back to where it was whenever they begin again.

    In pixel mode it paints a shape whose outline is the spectrum, bass below and treble above: a
    kick makes it bulge, a pause makes it vanish.
    """

    name = "audio"
    key = "4"
    blurb = "the sound in the room"
    controls = (
        number("audio.speed", "how fast full loudness walks", 0.5, 0.0, 10.0, "noise units/s",
               ratio=1.25),
        number("audio.calm", "the walk's speed in silence", 0.0015, 0.0, 1.0, "of full speed"),
        number("audio.distance", "how much further from the middle loudness is", 0.3, 0.0, 1.0,
               "share"),
        number("audio.reach", "how far a full band pulls", 1.0, 0.0, 4.0, "deviations"),
        number("audio.bass_to", "the direction that bass pulls, by how much they are seen",
               1.0, 1.0, 64.0),
        choice("audio.order", "which bands pull the directions after it", "rising",
               ("rising", "falling")),
        number("audio.kick", "how far a beginning throws", 1.0, 0.0, 4.0, "deviations"),
        number("audio.kick_decay", "time constant in which it comes back", 0.12, 0.01, 2.0, "s",
               1.25),
        number("audio.dynamics", "how much less moves what is quieter than just before",
               1.0, 0.0, 1.0, "share"),
        choice("audio.loop", "go round a closed path in so many bars", "off",
               ("off", "4", "8", "16"), (Key("y", "loops of 4, 8, 16 bars, or none"),)),
        number("audio.lead", "how far loops are ahead of the beat", 0.0, 0.0, 0.5, "s"),
        number("audio.size", "pixel mode: how large full loudness is", 0.9, 0.1, 1.4, "pictures"),
    )  # fmt: skip

    def __init__(self, latent_dim: int, seed: int) -> None:
        super().__init__(latent_dim, seed)
        self._walk, self._loop = Walk(simplex(seed), latent_dim, seed), Loop(latent_dim, seed)
        self._phase = self._turn = 0.0
        self._turn_s = 0.0  # of a loop that goes round whatever is heard; 0 is none
        self._joined = 0.0  # 0 walks, 1 is in the loop
        self._has_begun = False
        self._far = 1.0
        self._heard: FloatArray = np.zeros(latent_dim, np.float32)
        self._pull: FloatArray = np.zeros(latent_dim, np.float32)
        self._thrown: FloatArray = np.zeros(latent_dim, np.float32)
        self._signs = np.where(np.arange(latent_dim) % 2, -1, 1).astype(np.float32)
        self._throws = np.ones(3, np.float32)
        self._often = 0.0  # throws lately
        self._outline: FloatArray = np.zeros(1, np.float32)
        self._bulges = np.zeros(3, np.float32)  # of bass, middle and treble
        self._size = 1.0
        centred = (np.arange(FIELD) + 0.5) / FIELD * 2 - 1
        self._radius = np.hypot(centred[None, :], centred[:, None]) / 2
        self._height = np.arctan2(np.abs(centred[None, :]), centred[:, None]) / np.pi  # 0 is down

    def advance(self, tick: Tick, features: Features, value: Mapping[str, Value]) -> None:
        calm, distance = float(value["calm"]), float(value["distance"])
        dynamics = float(value["dynamics"])
        loud = 1 - dynamics + dynamics * features.loudness
        rms = loud * features.rms
        # Loudness is the pace of all but the throws: the rest surges with what begins, and slows
        # down as that dies away. Pulls that let go as fast as they came would be seen as one more.
        self._phase += tick.dt * float(value["speed"]) * (calm + (1 - calm) * rms)
        begun, self._has_begun = self._has_begun, True  # it begins as if it had long heard this
        followed = step(tick.dt * rms, PULL_S) if begun else 1.0
        self._far += followed * (1 - distance + distance * rms - self._far)
        # Each direction listens to its own stretch of the spectrum.
        n = len(features.bands)
        at = np.linspace(0, n - 1, self.latent_dim)
        heard = np.interp(at, np.arange(n), features.bands).astype(np.float32)
        to = self._directions(round(float(value["bass_to"])), value["order"] == "falling")
        self._heard += np.float32(followed) * (np.float32(loud) * heard - self._heard)
        self._pull[to] = np.float32(value["reach"]) * self._signs * self._heard
        if tick.dt > 0:
            self._follow_beat(tick.dt, features, value)
            self._throw(tick.dt, features, loud, value, to)
        self._follow_outline(tick.dt if begun else math.inf, features)
        self._size = float(value["size"])

    def point(self) -> FloatArray:
        way = self._walk.point(self._phase)
        if self._joined > 0:
            way = arc(way, self._loop.point(self._turn), self._joined)
        point: FloatArray = (self._far * way + self._pull + self._thrown).astype(np.float32)
        return point

    def field(self) -> FloatArray:
        places = np.linspace(0, 1, len(self._outline))
        edge = np.interp(self._height, places, self._outline)
        for bulge, height in zip(self._bulges, (0.0, 0.5, 1.0), strict=True):
            out = np.exp(-(((self._height - height) / WIDTH) ** 2))
            edge += bulge * (out - out.mean())
        edge *= self._size / 2
        return np.clip((edge - self._radius) * FIELD + 0.5, 0, 1).astype(np.float32)

    def _follow_outline(self, dt: float, features: Features) -> None:
        """The bands in pixel mode. dt: s, infinity to begin with."""
        if len(self._outline) != len(features.bands):
            self._outline = np.zeros_like(features.bands)
        off = features.bands - self._outline
        fall_s = SHRINK_S if features.rms > 0 else VANISH_S
        self._outline += np.where(off > 0, step(dt, SWELL_S), step(dt, fall_s)) * off

    def _directions(self, first: int, falling: bool) -> np.ndarray:
        """(latent_dim,): which direction each stretch of the spectrum pulls, bass first."""
        steps = np.arange(self.latent_dim) * (-1 if falling else 1)
        return (first - 1 + steps) % self.latent_dim

    def _throw(
        self,
        dt: float,
        features: Features,
        loud: float,
        value: Mapping[str, Value],
        to: np.ndarray,
    ) -> None:
        """Throw the directions of bass, middle and treble where one begins, to and fro by turns.

        A throw comes back. Where much light comes and goes more than three times in a second, that
        is a flash too many (look.flash); so they share one second's room, and what does not fit in
        is a leap of the walk, which is as sudden and does not come back.
        """
        kept = np.float32(math.exp(-dt / float(value["kick_decay"])))
        self._thrown *= kept
        self._bulges *= kept
        self._often *= math.exp(-dt / RECALLS_S)
        furthest = np.float32(loud * float(value["kick"]))
        begun = (features.onset_low, features.onset_mid, features.onset_high)
        leap = 0.0
        listening = to[[0, (self.latent_dim - 1) // 2, -1]]
        for i, (strength, direction) in enumerate(zip(begun, listening, strict=True)):
            if strength > 0:
                self._throws[i] *= -1
                share = np.float32(LEAST + (1 - LEAST) / (1 + (self._often / OFTEN) ** 2))
                self._often += strength
                self._thrown[direction] = self._throws[i] * strength * furthest * share
                self._bulges[i] = BULGE * strength * furthest * share
                leap = max(leap, float(strength * furthest * (1 - share)))
        self._phase += LEAP_S * float(value["speed"]) * leap

    def go_round(self, turn_s: float) -> None:
        self._turn_s, self._joined = turn_s, 1.0

    def _follow_beat(self, dt: float, features: Features, value: Mapping[str, Value]) -> None:
        """Go round the loop with the beat, where there is one."""
        if self._turn_s:
            turns = int(self._turn + 1e-6)
            self._turn += dt / self._turn_s
            if int(self._turn + 1e-6) > turns:
                self._throws[:] = 1  # to and fro as in the turn before
            return
        bars = 0 if value["loop"] == "off" else int(str(value["loop"]))
        joins = bars > 0 and features.has_beat
        self._joined += step(dt, JOIN_S) * (joins - self._joined)
        if self._joined < 1e-3 and not joins:
            self._joined = 0.0
        if bars:
            beats = features.beats + float(value["lead"]) * features.bpm / 60
            self._turn = beats / (4 * bars)
