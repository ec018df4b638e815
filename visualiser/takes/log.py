"""Writing a take while it is played: on a thread, so that no frame waits."""

from __future__ import annotations

import json
import queue
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from visualiser.audio.source import drain
from visualiser.config import ROOT
from visualiser.controls import Command, Controls
from visualiser.cues import Cues
from visualiser.files import free_path, name_now, onto_disk
from visualiser.takes.events import Event, Head, digest, of_event, of_head, song_after
from visualiser.types import Features, FloatArray, Sound, Tick, UserError
from visualiser.voice import Fresh, Heard, Voice

if TYPE_CHECKING:
    from av.container import OutputContainer

TAKES = ROOT / "takes"
SUFFIX, FLAC = ".take.gz", ".flac"
FLUSH_S = 0.25  # what a crash can cost
ROOM = 4096  # ticks that can wait: a minute
Item = tuple[Event, Heard | None]


class Played(Protocol):
    """What is played: show.Show, after the update of the tick that is written."""

    path: Path
    departed: FloatArray | None
    controls: Controls
    cues: Cues


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
        self._plays = ""
        self._models = head.models
        self._queue: queue.Queue[Item | None] = queue.Queue(ROOM)
        self._fault = ""
        self._told: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="take", daemon=True)
        self._thread.start()

    def write(
        self,
        tick: Tick,
        features: Features,
        commands: Iterable[Command],
        show: Played,
        sound: Sound | None = None,
        song_at: float | None = None,
    ) -> None:
        """One tick. sound: what was listened to last; song_at: where the song is, s."""
        plays, before = str(show.controls["show.model"]), self._plays
        has_begun = plays != before
        models = show.controls.get("show.model")
        there, known = models.choices if models is not None else (), self._models
        is_more = len(there) > len(known)
        offered = tuple(name for name in there if name not in known) if is_more else ()
        heard = self._fresh.of(sound) if self._has_sound and sound is not None else None
        event = Event(tick, features, tuple(commands), plays if has_begun else "",
                      {str(show.path): ""} if has_begun else {}, offered, song_at, show.departed,
                      show.cues.found)  # fmt: skip
        try:
            self._queue.put_nowait((event, heard))
        except queue.Full:
            self.lost += 1
            if not self._fault:
                self._say_once("the disk is too slow: the take of this set is not exact from here")
        else:
            self._plays, self._models = plays, self._models + offered
        if self._fault:
            self._say_once(f"this set is not written down any more: {self._fault}")

    def _say_once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._notices.append(line)

    @property
    def waiting(self) -> int:
        """Ticks that are not yet written."""
        return self._queue.qsize()

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
        except Exception as error:  # a full disk, above all; whatever it is, the show goes on
            why = getattr(error, "strerror", None) or str(error)
            is_told = isinstance(error, UserError)
            self._fault = why if is_told else f"cannot write {self.path or self._folder}: {why}"
            while self._queue.get() is not None:  # nobody is to wait on a full queue
                pass

    def _write(self, item: Item | None, files: ExitStack) -> None:
        """Write until the end; item: the first."""
        self.path = free_path(self._folder, name_now(), SUFFIX, FLAC)
        file = files.enter_context(self.path.open("xb"))
        packed = zlib.compressobj(6, zlib.DEFLATED, 31)  # 31: with the head and foot of gzip
        head = self._head
        if head.song:  # files are looked at here, where nobody waits
            head = replace(head, song_digest=digest(Path(head.song)))
        file.write(packed.compress(line_of(of_head(head))))
        began = flushed = item[0].tick.t if item else 0.0
        beside = Beside(flac_of(self.path), began) if self._has_sound else None
        before: Event | None = None
        while item is not None:
            event, heard = item
            if event.models:
                event = replace(event, models={name: digest(Path(name)) for name in event.models})
            line = of_event(event, before)
            file.write(packed.compress(line_of(line)))
            if beside is not None:
                beside.hear(heard, event.tick.t)
                if beside.error:
                    self._say_once(f"what is heard is not kept any more: {beside.error}")
            if event.tick.t - flushed >= FLUSH_S:
                file.write(packed.flush(zlib.Z_SYNC_FLUSH))
                file.flush()
                onto_disk(self.path)  # a pulled plug costs no more than a crash
                if beside is not None:
                    beside.onto_disk()
                flushed = event.tick.t
            # As a reader has it, so that what is left out never adds up.
            before = replace(event, song_at=line.get("s", song_after(before, event.tick.t)))
            item = self._queue.get()
        file.write(packed.flush())
        if beside is not None and before is not None:
            beside.close(before.tick.t)


class Beside:
    """The sound of a take, in a FLAC beside it. began: the time of the first tick, s.

    error: why there is no more of it, or "".
    """

    def __init__(self, path: Path, began: float) -> None:
        self.path = path
        self.error = ""
        self._began = began
        self._file: OutputContainer | None = None
        self._voice: Voice | None = None
        self._attempt(self._open)

    def _open(self) -> None:
        import av

        options = {"flush_packets": "1"}  # what is written can be heard after a crash
        self._file = av.open(str(self.path), "w", format="flac", options=options)
        self._voice = Voice(self._file, "flac")

    def hear(self, heard: Heard | None, t: float) -> None:
        """heard: since the tick before, if anything; t: of the tick, s."""
        if self._voice is None or self.error:
            return
        if heard is not None:
            self._attempt(self._voice.hear, replace(heard, t=heard.t - self._began))
        self._attempt(self._voice.keep_up, t - self._began)

    def onto_disk(self) -> None:
        """What was heard survives a power cut."""
        if not self.error:
            self._attempt(onto_disk, self.path)

    def close(self, t: float) -> None:
        """t: of the last tick, s."""
        if self._voice is not None and not self.error:
            self._attempt(self._voice.close, t - self._began)
        if self._file is not None:
            self._attempt(self._file.close)
        self._file = self._voice = None  # what could not be finished is let go all the same

    def _attempt(self, do: Callable[..., None], *given: object) -> None:
        try:
            do(*given)
        except Exception as error:  # the take itself goes on
            why = getattr(error, "strerror", None) or str(error)
            self.error = self.error or f"cannot write {self.path}: {why}"


def flac_of(take: Path) -> Path:
    """Where the sound of a take is kept, if it is."""
    return take.with_name(take.name.removesuffix(SUFFIX) + FLAC)


def line_of(entry: object) -> bytes:
    """An entry as it stands in the file."""
    return (json.dumps(entry, separators=(",", ":")) + "\n").encode()
