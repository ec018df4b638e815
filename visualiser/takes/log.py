"""Writing a take while it is played: on a thread, so that no frame waits."""

from __future__ import annotations

import json
import queue
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from visualiser.audio.source import drain
from visualiser.config import ROOT
from visualiser.controls import Command
from visualiser.cue_files import Cue, Step, to_text
from visualiser.files import free_path
from visualiser.takes.events import Event, Head, digest, of_event, of_head, song_after
from visualiser.types import Features, FloatArray, Sound, Tick, UserError
from visualiser.voice import Fresh, Heard, Voice

TAKES = ROOT / "takes"
SUFFIX, FLAC = ".take.gz", ".flac"
FLUSH_S = 0.5  # what a crash can cost
ROOM = 4096  # ticks that can wait: a minute
Item = tuple[Event, Heard | None]


class Log:
    """One take, into a new file of the folder; nothing is written without a tick.

    has_sound: whether what is heard is written beside it.
    """

    def __init__(self, head: Head, has_sound: bool = False, folder: Path = TAKES) -> None:
        self._notices: deque[str] = deque(maxlen=4)
        self._has_sound = has_sound
        self._fresh = Fresh()
        self.path: Path | None = None
        self.lost = 0  # ticks that found no room
        self._head, self._folder = head, folder
        self._known: set[Path] = set()
        self._cues: dict[int, Cue] = {}
        self._steps: tuple[Step, ...] = ()
        self._queue: queue.Queue[Item | None] = queue.Queue(ROOM)
        self._fault = ""
        self._told = False
        self._thread = threading.Thread(target=self._run, name="take", daemon=True)
        self._thread.start()

    def write(
        self,
        tick: Tick,
        features: Features,
        commands: Iterable[Command],
        model: Path,
        sound: Sound | None = None,
        song_at: float | None = None,
        departed: FloatArray | None = None,
        cues: Mapping[int, Cue] = {},
        steps: tuple[Step, ...] = (),
    ) -> None:
        """One tick. model: the file of the one that plays; sound: what was listened to last;
        song_at: where the song is, s; departed: as the show has it; cues, steps: of the set list,
        as they are after the tick."""
        begun = {} if model in self._known else {str(model): ""}
        self._known.add(model)
        try:
            heard = self._fresh.of(sound) if self._has_sound and sound is not None else None
            event = Event(tick, features, tuple(commands), begun, song_at, departed,
                          self._changed(cues), None if steps == self._steps else steps)  # fmt: skip
            self._steps = steps
            self._queue.put_nowait((event, heard))
        except queue.Full:
            self.lost += 1
        if self._fault and not self._told:
            self._told = True
            self._notices.append(f"this set is not written down any more: {self._fault}")

    def _changed(self, cues: Mapping[int, Cue]) -> dict[int, str]:
        """The text of those that are others than a tick before, "" of those that have gone."""
        if cues == self._cues:
            return {}
        before, self._cues = self._cues, dict(cues)
        gone = {slot: "" for slot in before.keys() - cues.keys()}
        return gone | {n: to_text(cue) for n, cue in cues.items() if before.get(n) is not cue}

    def said(self) -> list[str]:
        """Lines for the person on stage since the last call."""
        return drain(self._notices)

    def close(self) -> None:
        """Write what waits, and join."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        first = self._queue.get()
        if first is None:
            return
        try:
            with ExitStack() as files:
                self._write(first, files)
        except (OSError, UserError) as error:
            self._fault = getattr(error, "strerror", None) or str(error)
            while self._queue.get() is not None:  # nobody is to wait on a full queue
                pass

    def _write(self, item: Item | None, files: ExitStack) -> None:
        """Write until the end; item: the first."""
        stem = datetime.now().strftime("squircle-%Y-%m-%d-%H%M%S")
        self.path = free_path(self._folder, stem, SUFFIX, FLAC)
        file = files.enter_context(self.path.open("xb", buffering=0))
        packed = zlib.compressobj(6, zlib.DEFLATED, 31)  # 31: with the head and foot of gzip
        file.write(packed.compress(_line(of_head(self._head))))
        voice = self._open_voice(files) if self._has_sound else None
        began = flushed = item[0].tick.t if item else 0.0
        before: Event | None = None
        while item is not None:
            event, heard = item
            if event.models:  # their files are looked at here, where nobody waits
                event = replace(event, models={name: digest(Path(name)) for name in event.models})
            line = of_event(event, before)
            file.write(packed.compress(_line(line)))
            if voice is not None:
                if heard is not None:
                    voice.hear(replace(heard, t=heard.t - began))
                voice.keep_up(event.tick.t - began)
            if event.tick.t - flushed >= FLUSH_S:
                file.write(packed.flush(zlib.Z_SYNC_FLUSH))
                flushed = event.tick.t
            # As a reader has it, so that what is left out never adds up.
            before = replace(event, song_at=line.get("s", song_after(before, event.tick.t)))
            item = self._queue.get()
        file.write(packed.flush())
        if voice is not None and before is not None:
            voice.close(before.tick.t - began)

    def _open_voice(self, files: ExitStack) -> Voice:
        import av

        assert self.path is not None
        path = str(flac_of(self.path))
        return Voice(files.enter_context(av.open(path, "w", format="flac")), "flac")


def flac_of(take: Path) -> Path:
    """Where the sound of a take is kept, if it is."""
    return take.with_name(take.name.removesuffix(SUFFIX) + FLAC)


def _line(entry: object) -> bytes:
    return (json.dumps(entry, separators=(",", ":")) + "\n").encode()
