"""The ear and what it listens to, as config.toml asks for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visualiser import config
from visualiser.audio.analysis import Ear
from visualiser.audio.file import AudioFile
from visualiser.audio.microphone import Microphone
from visualiser.audio.song import Song
from visualiser.audio.source import Source
from visualiser.types import Features, Tick

HOP_S = 0.004  # s; nothing new can be heard sooner than a block of sound comes


def source_of(sound: config.Sound, song: Path | None) -> Source:
    """What is heard live."""
    if song is None:
        return Microphone(sound.input, channels=sound.channels)
    return Song(song, sound.loop) if sound.audible else AudioFile(song, sound.loop)


class Listener:
    """A source and the ear that listens to it, once a tick; but where ticks come faster than new
    sound does, only every few milliseconds."""

    def __init__(self, source: Source, sound: config.Sound) -> None:
        self.source = source
        self._heard: Features | None = None
        self._waited = 0.0
        self._ear = Ear(
            n_bands=sound.bands,
            n_fft=sound.n_fft,
            f_lo_hz=sound.low_hz,
            f_hi_hz=sound.high_hz,
            attack_s=sound.attack_s,
            release_s=sound.release_s,
            gain_attack_s=sound.gain_attack_s,
            gain_release_s=sound.gain_release_s,
            floor_dbfs=sound.floor_dbfs,
            range_db=sound.range_db,
            tilt_db_per_octave=sound.tilt_db_per_octave,
            learned_floor=np.array(sound.room_dbfs, np.float32) if sound.room_dbfs else None,
        )

    def listen(self, tick: Tick) -> Features:
        self._waited += tick.dt
        if self._heard is not None and self._waited < HOP_S:
            return self._heard
        dt, self._waited = self._waited, 0.0
        self._heard = self._ear.listen(self.source.window(tick.t, self._ear.n_samples), dt)
        return self._heard
