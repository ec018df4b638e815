"""Sound: loudness carries a slow walk, and the bands of the spectrum pull it about."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visualiser.controls import Value, number
from visualiser.drivers.base import Driver
from visualiser.noise import simplex
from visualiser.types import Features, FloatArray, Tick
from visualiser.walk import FIELD, Walk


class Audio(Driver):
    """Louder is further and faster; in silence it all but stands still.

    In pixel mode it paints a shape whose outline is the spectrum, bass below and treble above: a
    kick makes it bulge, a pause makes it vanish.
    """

    name = "audio"
    key = "4"
    blurb = "the sound in the room"
    controls = (
        number("audio.speed", "how fast full loudness walks", 0.8, 0.0, 10.0, "noise units/s",
               ratio=1.25),
        number("audio.reach", "how far a full band pulls", 1.6, 0.0, 4.0, "deviations"),
        number("audio.calm", "the walk's speed in silence", 0.02, 0.0, 1.0, "of full speed"),
        number("audio.size", "pixel mode: how large full loudness is", 0.9, 0.1, 1.4, "pictures"),
    )  # fmt: skip

    def __init__(self, latent_dim: int, seed: int) -> None:
        super().__init__(latent_dim, seed)
        self._walk = Walk(simplex(seed), latent_dim, seed)
        self._phase = 0.0
        self._pull: FloatArray = np.zeros(latent_dim, np.float32)
        self._signs = np.where(np.arange(latent_dim) % 2, -1, 1).astype(np.float32)
        self._bands: FloatArray = np.zeros(1, np.float32)
        self._size = 1.0
        centred = (np.arange(FIELD) + 0.5) / FIELD * 2 - 1
        self._radius = np.hypot(centred[None, :], centred[:, None]) / 2
        self._height = np.arctan2(np.abs(centred[None, :]), centred[:, None]) / np.pi  # 0 is down

    def advance(self, tick: Tick, features: Features, value: Mapping[str, Value]) -> None:
        calm, reach = float(value["calm"]), float(value["reach"])
        self._phase += tick.dt * float(value["speed"]) * (calm + (1 - calm) * features.rms)
        # Each latent listens to its own stretch of the spectrum, bass first.
        n = len(features.bands)
        at = np.linspace(0, n - 1, self.latent_dim)
        heard = np.interp(at, np.arange(n), features.bands).astype(np.float32)
        self._pull = np.float32(reach) * self._signs * heard
        self._bands = features.bands
        self._size = float(value["size"])

    def point(self) -> FloatArray:
        point: FloatArray = (self._walk.point(self._phase) + self._pull).astype(np.float32)
        return point

    def field(self) -> FloatArray:
        places = np.linspace(0, 1, len(self._bands))
        edge = self._size / 2 * np.interp(self._height, places, self._bands)
        return np.clip((edge - self._radius) * FIELD + 0.5, 0, 1).astype(np.float32)
