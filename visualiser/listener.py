"""The ear, what it listens to, and what a performer does to both."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from visualiser import config
from visualiser.audio.analysis import Ear
from visualiser.audio.beat import Beat
from visualiser.audio.file import AudioFile
from visualiser.audio.floor import LEARN_S
from visualiser.audio.microphone import Microphone
from visualiser.audio.song import Song
from visualiser.audio.source import Source
from visualiser.controls import Command, Control, Controls, Pulse, action, hold, number
from visualiser.remember import Memory
from visualiser.scope import Hearing
from visualiser.types import Features, FloatArray, Sound, Tick
from visualiser.undo import MOST, History

HOP_S = 0.004  # s; nothing new can be heard sooner than a block of sound comes
HICCUP_S = 0.4  # of the room's time may be lost: a floor is taken from the loudest of it
LOUD_DBFS = -30.0  # a room is hardly ever so loud
NUDGE = 0.02  # beats a key moves the beat by


def declare() -> tuple[Control, ...]:
    """All controls of what is heard."""
    return (
        number("sound.sensitivity", "what the sound is lifted by before it is judged",
               0.0, -24.0, 24.0, "dB"),
        number("sound.attack_s", "time constant of bands that rise", 0.01, 0.0, 5.0, "s", 1.25),
        number("sound.release_s", "time constant of bands that fall", 0.15, 0.0, 30.0, "s", 1.25),
        number("sound.floor_dbfs", "what is quieter and steady is room noise",
               -58.0, -120.0, 0.0, "dBFS"),
        hold("sound.learn", "hold 3 s: learn the quiet room", "n"),
        action("sound.undo", "the room as it was before it was learned last"),
        action("sound.choose", "hear the input of that name", takes="a name"),
        action("beat.tap", "tap the beat", "return"),
        action("beat.earlier", "the beat a little earlier", ",", repeats=True),
        action("beat.later", "a little later", "/", repeats=True),
        action("beat.halve", "half the tempo", "-"),
        action("beat.double", "twice the tempo", "="),
        action("beat.clock", "follow another clock", takes="a pulse"),
    )  # fmt: skip


def source_of(sound: config.Sound, song: Path | None) -> Source:
    """What is heard live."""
    if song is None:
        return Microphone(sound.input, channels=sound.channels)
    return Song(song, sound.loop) if sound.audible else AudioFile(song, sound.loop)


class Listener:
    """A source and the ear that listens to it, once a tick; but where ticks come faster than new
    sound does, only every few milliseconds.

    memory: where the room and the input that is chosen are kept, if anywhere; history: told of
    those that were before.
    """

    def __init__(
        self,
        source: Source,
        sound: config.Sound,
        controls: Controls,
        memory: Memory | None = None,
        history: History | None = None,
    ) -> None:
        self._history = history or History()
        self.source = source
        self._sound = sound
        self._controls = controls
        self._memory = memory
        self._notices: list[str] = []
        self._closing: list[threading.Thread] = []
        self.sound: Sound | None = None  # what was listened to last
        self._heard: Features | None = None
        self._waited = self._attended = 0.0
        self._has_begun = False
        self._new = self._end = 0  # samples that came since the tick before, and all of them
        self._was_held = False
        self._unheard_s = 0.0  # how much of that time there was nothing
        self._held_s: float | None = None  # how long the room has been learned
        self._before: FloatArray | None = None  # the room until then; and to undo:
        self._rooms: deque[FloatArray | None] = deque(maxlen=MOST)
        room = np.array(sound.room_dbfs, np.float32) if sound.room_dbfs else None
        if room is not None and len(room) != sound.bands:
            self._notices.append(
                f"sound.room_dbfs has {len(room)} bands instead of {sound.bands}:"
                " left out; learn the room anew"
            )
        self.ear = Ear(
            n_bands=sound.bands,
            n_fft=sound.n_fft,
            f_lo_hz=sound.low_hz,
            f_hi_hz=sound.high_hz,
            gain_attack_s=sound.gain_attack_s,
            gain_release_s=sound.gain_release_s,
            floor_dbfs=controls.number("sound.floor_dbfs"),
            range_db=sound.range_db,
            tilt_db_per_octave=sound.tilt_db_per_octave,
            learned_floor=room,
        )

    @property
    def beat(self) -> Beat:
        return self.ear.beat

    def attend(self, t: float) -> bool:
        """Between two ticks: whether something has begun, so that the next should come now. t: s of
        the show."""
        if t - self._attended < HOP_S / 5:
            return False
        self._attended = t
        # It is asked many times a frame: first whether there is anything new, then for that alone.
        sound = self.source.window(t, 0)
        while (n := self.ear.n_new(sound.end)) > sound.samples.size:
            sound = self.source.window(t, n)
        if sound.samples.size:
            self._has_begun = self.ear.attend(sound)
        return self._has_begun

    def listen(self, tick: Tick) -> Features:
        self._waited += tick.dt
        if self._heard is not None and self._waited < HOP_S and not self._has_begun:
            return self._heard
        self._has_begun = False
        dt, self._waited = self._waited, 0.0
        value = self._controls.number
        self.ear.set(
            value("sound.attack_s"),
            value("sound.release_s"),
            value("sound.floor_dbfs"),
            value("sound.sensitivity"),
        )
        self._follow_learning(dt)
        sound = self.sound = self.source.window(tick.t, self.ear.n_samples)
        self._new, self._end = sound.end - self._end, sound.end
        self._heard = self.ear.listen(sound, dt)
        return self._heard

    def obey(self, tick: Tick, commands: Iterable[Command]) -> None:
        """Carry out those commands that are about the beat, or about what is listened to."""
        beat = self.beat
        for id, value in commands:
            if id == "sound.choose":
                self._keep_input(str(value), is_back=self._history.gave((id, value)))
                self.choose(str(value))
            elif id == "sound.undo" and value is not False:
                self._undo()
            elif id == "beat.tap":
                beat.tap(tick.t)
            elif id == "beat.earlier":
                beat.nudge(NUDGE)
            elif id == "beat.later":
                beat.nudge(-NUDGE)
            elif id == "beat.halve":
                beat.scale(0.5)
            elif id == "beat.double":
                beat.scale(2.0)
            elif id == "beat.clock" and isinstance(value, Pulse):
                if value.phase is None:
                    beat.bpm = value.bpm  # ears find where the beat is
                else:
                    beat.set(value.bpm, value.phase)

    # --- the source

    def choose(self, name: str) -> None:
        """Hear the input of that name from now on, "" for the system's default, and remember it.
        Returns at once, also where a song was heard."""
        if isinstance(self.source, Microphone):
            self.source.choose(name)
        else:
            self._let_go(self.source)
            self.source = Microphone(name, channels=self._sound.channels)
        self._notices.append(f"sound input: {name or 'the default of the system'}")
        if self._memory is not None:
            self._memory.keep("sound", "input", name, "the sound input")

    def _keep_input(self, name: str, is_back: bool) -> None:
        """What was heard until now can be had back; a song that begins anew would be another."""
        if isinstance(self.source, Microphone) and not is_back:
            before = str(self.source.wanted or "")
            if before != name:
                self._history.keep("", ("sound.choose", before))

    def _let_go(self, source: Source) -> None:
        """Close it without waiting for its driver."""
        thread = threading.Thread(target=source.close, name="closing")
        thread.start()
        self._closing.append(thread)

    @property
    def trouble(self) -> str:
        """Why there is silence, in words; "" while something is heard."""
        source, state = self.source, self.source.state
        device = source.device if isinstance(source, Microphone) else None
        name = device.name if device is not None else source.label
        if state == "lost":
            return f"{name} has gone: waiting for it"
        if state == "silent":
            return f"{name} is open and delivers nothing"
        if state == "opening" and (device is not None or source.label == "microphone"):
            return f"opening {name}"
        return ""  # it is heard; or a demo loop in its place, or a song that is about to begin

    def song_at(self, tick: Tick) -> float | None:
        """Where the song that is heard is at a tick, s; None where there is none."""
        sound = self.sound
        if sound is None or not isinstance(self.source, Song | AudioFile):
            return None
        return sound.end / sound.samplerate + tick.t - sound.t

    # --- the room

    @property
    def learning(self) -> str:
        """What to do while the room is learned; "" else."""
        if self._held_s is None:
            return ""
        left = math.ceil(max(LEARN_S - self._held_s, 0.0))
        return f"keep quiet: learning the room, {left} s"

    def _follow_learning(self, dt: float) -> None:
        """Learn the room while its key is held."""
        held = bool(self._controls["sound.learn"])
        if self._held_s is None:
            if held and not self._was_held:
                self._begin_learning()
        elif not self.ear.learning:
            self._held_s = None
            self._keep_room()
        elif not held or self._unheard_s > HICCUP_S:
            self._held_s = None
            self.ear.stop_learning()
            why = f"{self.source.label} is not heard" if held else f"hold it for {LEARN_S:g} s"
            self._notices.append(f"the room is not learned: {why}")
        else:
            self._held_s += dt
            self._unheard_s += dt if self.source.state != "hearing" else 0.0
        self._was_held = held

    def _begin_learning(self) -> None:
        if not isinstance(self.source, Microphone):
            self._notices.append("the room is not learned: a song is heard, and no microphone")
        elif self.source.state != "hearing":
            self._notices.append("the room is not learned: no microphone is heard")
        else:
            self._held_s = self._unheard_s = 0.0
            self._before = self.ear.learned_floor
            self.ear.learn_floor()

    def _keep_room(self) -> None:
        room = self.ear.learned_floor
        if room is None:
            return
        level_dbfs = self.ear.floor.level_dbfs
        loud = ", which is loud: was it quiet? U undoes it" if level_dbfs > LOUD_DBFS else ""
        self._notices.append(f"learned the room: {level_dbfs:.0f} dBFS{loud}")
        self._rooms.append(self._before)
        self._history.keep("", ("sound.undo", True))
        self._write_room(room)

    def _undo(self) -> None:
        """The room as it was before it was learned last."""
        if not self._rooms:
            self._notices.append("the room was not learned")
            return
        room = self._rooms.pop()
        self.ear.use_floor(room)
        was = "not learned" if room is None else f"{self.ear.floor.level_dbfs:.0f} dBFS"
        self._notices.append(f"undone: the room is {was} again")
        self._write_room(room)

    def _write_room(self, room: FloatArray | None) -> None:
        if self._memory is not None:
            levels = [] if room is None else room.tolist()
            kept = [round(min(max(level, -120.0), 20.0), 1) for level in levels]
            self._memory.keep("sound", "room_dbfs", kept, "the room")

    def hearing(self) -> Hearing:
        """For the hearing view."""
        tap = self.source.tap if isinstance(self.source, Microphone) else None
        return Hearing(
            source=self.source.label,
            trouble=self.trouble,
            floor_dbfs=self.ear.floor.level_dbfs,
            is_learned=self.ear.learned_floor is not None,
            edges_hz=self.ear.edges_hz,
            waiting=self._new,
            ring=tap.ring.capacity if tap is not None else 0,
        )

    # --- the end of a tick, and of the evening

    def notices(self) -> list[str]:
        """Lines for the person since the last call."""
        lines = [*self.source.notices(), *self._notices]
        self._notices.clear()
        if self._memory is not None:
            lines += self._memory.notices()
        self._closing = [thread for thread in self._closing if thread.is_alive()]
        return lines

    def close(self) -> None:
        self.source.close()
        for thread in self._closing:
            thread.join()


def tempo_of(features: Features) -> str:
    """The tempo in words, while there is a beat; "" else."""
    return f"{features.bpm:.0f} bpm" if features.has_beat else ""
