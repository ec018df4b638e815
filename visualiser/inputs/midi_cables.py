"""MIDI devices that come and go while the show runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from visualiser.inputs.midi_ports import GONE, Backend, Hear, Port, is_wanted, plain
from visualiser.types import UserError

LOOK_S = 1.0  # between two looks at what is plugged in


class Cables:
    """Keeps every wanted device plugged in, on a thread of its own.

    hear: called on the drivers' threads; gone: with the name of a device that was pulled. trouble:
    why there is no MIDI at all, "" where there is; plugged: how often a device was plugged in so
    far; is_plugged: whether one is now.
    """

    def __init__(
        self,
        connect: Callable[[], Backend],
        wanted: Sequence[str],
        hear: Hear,
        gone: Callable[[str], None],
        look_s: float = LOOK_S,
    ) -> None:
        self.trouble = ""
        self.plugged = 0
        self.is_plugged = False
        self._connect, self._wanted, self._look_s = connect, wanted, look_s
        self._hear, self._gone = hear, gone
        self._backend: Backend | None = None
        self._inputs: dict[str, Port] = {}
        self._outputs: dict[str, Port] = {}
        self._broken: set[str] = set()  # names that are told not to open; not told again
        self._outbox: dict[bytes, bytes] = {}  # newest wins, for each knob
        self._notices: list[str] = []
        self._known: set[str] = set()  # plain names of all there were
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="midi")
        self._thread.start()

    def send(self, messages: Iterable[bytes]) -> None:
        """Tell every device. Of messages about the same knob the newest is sent."""
        with self._lock:
            self._outbox.update((message[:2], message) for message in messages)
        self._wake.set()

    def notices(self) -> list[str]:
        with self._lock:
            lines, self._notices = self._notices, []
        return lines

    def close(self) -> None:
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        looked = -self._look_s
        try:
            while not self._stopping:
                if time.monotonic() - looked >= self._look_s:
                    self._look()
                    looked = time.monotonic()
                self._send()
                self._wake.wait(max(looked + self._look_s - time.monotonic(), 0.0))
                self._wake.clear()
        finally:
            for port in [*self._inputs.values(), *self._outputs.values()]:
                _let_go(port)

    def _look(self) -> None:
        try:
            if self._backend is None:
                self._backend = self._connect()
            inputs, outputs = self._backend.inputs(), self._backend.outputs()
        except UserError as error:
            self.trouble = str(error)
            return
        except GONE as error:
            self.trouble = f"the system's MIDI has gone: {error}"
            inputs = outputs = []
            self._backend = None
        else:
            self.trouble = ""
        inputs = [name for name in inputs if is_wanted(name, self._wanted)]
        devices = {plain(name) for name in inputs}
        outputs = [n for n in outputs if is_wanted(n, self._wanted) and plain(n) in devices]
        self._unplug(self._inputs, inputs, "MIDI: {} has gone")
        self._unplug(self._outputs, outputs, "")
        self._broken &= {*inputs, *outputs}
        backend = self._backend
        if backend is None:
            self.is_plugged = False
            return
        for name in outputs:  # first: who is plugged in is told at once what its lamps show
            self._plug(self._outputs, name, lambda name: backend.open_output(name))
        for name in inputs:
            if self._plug(self._inputs, name, lambda name: backend.open_input(name, self._hear)):
                self._say(f"MIDI: {name}{' is back' if plain(name) in self._known else ''}")
                self._known.add(plain(name))
                self.plugged += 1
        self.is_plugged = bool(self._inputs)

    def _plug(self, ports: dict[str, Port], name: str, how: Callable[[str], Port]) -> bool:
        if name in ports or name in self._broken:
            return False
        try:
            ports[name] = how(name)
        except GONE as error:
            self._broken.add(name)
            self._say(f"MIDI: cannot open {name}: {error}")
            return False
        return True

    def _unplug(self, ports: dict[str, Port], present: Sequence[str], words: str) -> None:
        for name in [name for name in ports if name not in present]:
            _let_go(ports.pop(name))
            if words:
                self._gone(name)
                self._say(words.format(name))

    def _send(self) -> None:
        with self._lock:
            messages, self._outbox = list(self._outbox.values()), {}
        for name, port in list(self._outputs.items()):
            try:
                for message in messages:
                    port.send(message)
            except GONE:  # the next look finds out
                _let_go(self._outputs.pop(name))

    def _say(self, line: str) -> None:
        with self._lock:
            self._notices.append(line)


def _let_go(port: Port) -> None:
    with suppress(*GONE):  # it may have gone by itself
        port.close()
