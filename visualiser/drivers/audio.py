"""Sound: loudness carries a slow walk, and the bands of the spectrum pull it about."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visualiser.controls import Value, number
from visualiser.drivers.base import Driver
from visualiser.noise import simplex
from visualiser.types import Features, FloatArray, Tick
from visualiser.walk import FIELD, Walk

HISTORY_HZ = 60  # how finely the rings of the field remember what was heard


class Audio(Driver):
    """Louder is further and faster; in silence it all but stands still.

    In pixel mode sound travels outwards from the middle as rings, bass below and treble above, so
    that a kick is a circle that grows.
    """

    name = "audio"
    key = "4"
    blurb = "the sound in the room: louder is further and faster"
    controls = (
        number("audio.speed", "how fast full loudness walks", 0.8, 0.0, 10.0, "noise units/s",
               ratio=1.25),
        number("audio.reach", "how far a full band pulls", 1.6, 0.0, 4.0, "deviations"),
        number("audio.calm", "the walk's speed in silence", 0.02, 0.0, 1.0, "of full speed"),
        number("audio.spread", "how fast rings leave the middle", 1.0, 0.1, 4.0, "pictures/s"),
    )  # fmt: skip

    def __init__(self, latent_dim: int, seed: int) -> None:
        super().__init__(latent_dim, seed)
        self._walk = Walk(simplex(seed), latent_dim, seed)
        self._phase = 0.0
        self._pull: FloatArray = np.zeros(latent_dim, np.float32)
        self._signs = np.where(np.arange(latent_dim) % 2, -1, 1).astype(np.float32)
        self._history = np.zeros((0, 1), np.float32)  # (slots, n_bands), newest first
        self._since = 0.0
        self._spread = 1.0
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
        self._spread = float(value["spread"])
        self._remember(tick.dt, features.bands)

    def _remember(self, dt: float, bands: FloatArray) -> None:
        if self._history.shape[1] != len(bands):
            self._history = np.zeros((10 * HISTORY_HZ, len(bands)), np.float32)
        self._since += dt * HISTORY_HZ
        slots = min(int(self._since + 1e-6), len(self._history))
        self._since = max(self._since - slots, 0.0)
        if slots:
            self._history = np.roll(self._history, slots, axis=0)
            self._history[:slots] = bands

    def point(self) -> FloatArray:
        point: FloatArray = (self._walk.point(self._phase) + self._pull).astype(np.float32)
        return point

    def field(self) -> FloatArray:
        slots, n_bands = self._history.shape
        if not slots:
            return np.zeros((FIELD, FIELD), np.float32)
        ago = np.minimum(self._radius / self._spread * HISTORY_HZ, slots - 1).astype(int)
        band = np.minimum(self._height * n_bands, n_bands - 1).astype(int)
        rings: FloatArray = self._history[ago, band]
        return rings
