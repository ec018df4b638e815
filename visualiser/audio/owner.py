"""The one thread of this process that talks to PortAudio.

PortAudio sees devices that come and go only when it is started anew, and that ends every stream
there is. So whoever wants streams (a microphone, the levels of a list of inputs, a song that is
played) is a client here: it is tended on this thread fifty times a second, opens its own streams
there, and drops them when it is told to.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

from visualiser.audio import inputs
from visualiser.audio.inputs import Input
from visualiser.audio.scout import Scout
from visualiser.types import UserError

CLOSE_S = 2.0  # how long detach() waits for an audio driver that hangs
_BEAT_S = 0.02
_REST_S = 1.0  # how long a client that failed in a way nobody thought of is left alone


class Client(Protocol):
    """Whoever wants streams. All of this is called on the owner's thread only."""

    def tend(self, owner: Owner, now: float) -> None:
        """Open, look after and close own streams; now: perf_counter's."""
        ...

    def drop(self) -> None:
        """Close all own streams; tend() may open them again."""
        ...

    def has_streams(self) -> bool: ...

    def say(self, line: str) -> None:
        """Tell the person, once."""
        ...


class Owner:
    """Runs while it has clients. attach() and detach() may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: list[Client] = []
        self._leaving: list[tuple[Client, threading.Event]] = []
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._scout: Scout | None = None
        self._scouted = 0.0  # when somebody last wanted to know
        self._rows: list[Input] | None = None
        self._resting: dict[int, float] = {}  # until when a client that failed is left alone
        self._acted_on: list[tuple[object, ...]] = []  # what a scout saw that led to a restart

    def attach(self, client: Client) -> None:
        """Begin to tend it. Returns at once."""
        with self._lock:
            self._clients.append(client)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="portaudio", daemon=True)
                self._thread.start()

    def detach(self, client: Client, wait_s: float = CLOSE_S) -> None:
        """Have it drop its streams, and wait for that. A driver that hangs is left after wait_s to
        the thread, which closes the streams as soon as it gets them."""
        dropped = threading.Event()
        with self._lock:
            if client not in self._clients:
                return
            self._clients.remove(client)
            self._leaving.append((client, dropped))
            thread, is_last = self._thread, not self._clients
        self.wake()
        deadline = time.perf_counter() + wait_s
        if dropped.wait(wait_s) and is_last and thread is not None:
            thread.join(max(0.0, deadline - time.perf_counter()))

    def wake(self) -> None:
        """Tend the clients now: something has changed."""
        self._wake.set()

    def _run(self) -> None:
        while True:
            with self._lock:
                leaving, self._leaving = self._leaving, []
                clients = list(self._clients)
                if not clients and not leaving:
                    self._thread = None
                    self._resting.clear()
                    break
            for client, dropped in leaving:
                client.drop()
                dropped.set()
            for client in clients:
                self._tend(client, time.perf_counter())
            self._end_scout()
            self._wake.wait(_BEAT_S)
            self._wake.clear()
        self._end_scout(now=True)

    def _tend(self, client: Client, now: float) -> None:
        if now < self._resting.get(id(client), 0.0):
            return
        try:
            client.tend(self, now)
        except Exception as error:  # of a driver, say; whatever it is, the others are tended
            client.drop()
            client.say(f"sound: {error or type(error).__name__}")
            self._resting[id(client)] = now + _REST_S

    # --- what clients ask, from tend()

    def inputs(self) -> list[Input]:
        """The inputs as they are known; UserError as list_inputs()."""
        if self._rows is None:
            self._rows = inputs.list_inputs()
        return self._rows

    def refresh(self, client: Client) -> None:
        """Look at the hardware anew, for a client without streams. Where others have some, they
        are stopped only if a scout has seen that something is different."""
        others = [other for other in self._clients if other is not client and other.has_streams()]
        if not others or self.has_changed():
            self.restart()

    def restart(self) -> None:
        """Start PortAudio anew, now; every client loses its streams."""
        self._rows = None
        for client in list(self._clients):
            client.drop()
        sounddevice = inputs.portaudio()
        try:
            inputs.restart(sounddevice)
        except sounddevice.PortAudioError as error:
            raise UserError(f"PortAudio does not start: {error}") from None

    def has_changed(self) -> bool:
        """Whether other inputs are there than are known, or another one is the default, as far as
        the scout has seen; it is sent for by asking, and goes when nobody asks any more."""
        self._scouted = time.perf_counter()
        if self._scout is None:
            try:
                self._scout = Scout()
            except OSError:  # no room for another process
                return False
        self._scout.ask()
        seen = self._scout.rows
        if seen is None or self._rows is None:
            return False
        # A device that we hold open may look as if it were not there to somebody else: so what the
        # scout sees is a reason once, and no more until it sees something else again.
        found = _gist(seen)
        if found in (_gist(self._rows), self._acted_on):
            return False
        self._acted_on = found
        return True

    def _end_scout(self, now: bool = False) -> None:
        if self._scout is not None and (now or time.perf_counter() - self._scouted > 10.0):
            self._scout.close()
            self._scout = None


def _gist(rows: list[Input]) -> list[tuple[object, ...]]:
    return [(row.name, row.hostapi, row.channels, row.is_default) for row in rows]


OWNER = Owner()
