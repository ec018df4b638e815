"""OSC in and out: an address for every control, /list, and what has changed."""

from __future__ import annotations

import math
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from visualiser import config
from visualiser.controls import Command, Control, Controls, Value
from visualiser.inputs.osc_wire import LONGEST, Argument, Malformed, pack, unpack

Place = tuple[str, int]  # host, port

DEEPEST_QUEUE = 64  # presses between two frames; older ones are forgotten
REST_S = 0.002  # between two readings: what comes meanwhile is read in one go
MOST_READ = 512  # datagrams in one go, before the rest is taken
SUBSCRIBERS, SUBSCRIBED_S = 16, 60.0  # who does not ask again is forgotten
ANSWER_S = 0.05  # between two answers to /list, which are long
COMPLAIN_S = 5.0  # between two lines about what could not be used


class Osc:
    """Listens on a UDP port on a thread of its own; the newest value of each control wins.

    controls: what can be set; only their declarations are looked at on the thread.
    """

    def __init__(self, settings: config.Osc, controls: Controls) -> None:
        self._controls = {control.address: control for control in controls if _is_told(control)}
        self._addresses = {control.id: address for address, control in self._controls.items()}
        self._lock = threading.Lock()
        self._latest: dict[str, Value] = {}
        self._presses: deque[Command] = deque(maxlen=DEEPEST_QUEUE)
        self._now: Mapping[str, Value] = controls.values
        self._values: dict[str, Value] = dict(controls.values)  # as last told to who listens
        self._changed: dict[str, Value] = {}
        self._subscribers: dict[Place, float] = {}  # until when, of time.monotonic
        self._lists: dict[Place, str] = {}  # who asked for a list, of what
        self._notices: list[str] = []
        self._unused, self._why = 0, ""
        self._complained = -math.inf
        self.ignored = 0  # datagrams and messages that could not be used, in all
        self._feedback = settings.feedback
        self._fixed: Place | None = None
        self._stop = threading.Event()
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        if not settings.on:
            return
        try:
            self._socket = _bound(settings.address, settings.port)
        except OSError as error:
            place = f"{settings.address}:{settings.port}"
            self._notices.append(f"no OSC: cannot listen at {place}: {error.strerror or error}")
            return
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="osc")
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens; 0 where it does not."""
        return int(self._socket.getsockname()[1]) if self._socket else 0

    # --- as every input, from the show's thread

    def commands(self) -> Iterable[Command]:
        with self._lock:
            latest, self._latest = self._latest, {}
            presses = list(self._presses)
            self._presses.clear()
        return [*latest.items(), *presses]

    def has_news(self) -> bool:
        """Whether anything was asked for since the last call of `commands`."""
        return bool(self._latest or self._presses)

    def tell(self, values: Mapping[str, Value]) -> None:
        self._now = values
        is_heard = self._subscribers or self._fixed
        if self._thread is None or not is_heard or values == self._values:
            return
        changed = {id: value for id, value in values.items() if self._values.get(id) != value}
        with self._lock:
            self._values.update(changed)
            self._changed.update(changed)
        with suppress(OSError):  # full of wake-ups that have not been read yet: it is awake
            self._wake.send(b"\0")

    def notices(self) -> list[str]:
        with self._lock:
            lines, self._notices = self._notices, []
            now = time.monotonic()
            if self._unused and now - self._complained > COMPLAIN_S:
                few = f"{self._unused} messages" if self._unused > 1 else "a message"
                lines.append(f"OSC: {few} ignored: {self._why}")
                self._unused, self._complained = 0, now
        return lines

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._wake.close()  # which wakes it
            self._thread.join()
            self._woken.close()
        if self._socket is not None:
            self._socket.close()

    # --- on the thread

    def _run(self) -> None:
        assert self._socket is not None
        answered = -math.inf
        self._fixed = self._found(self._feedback)
        while not self._stop.is_set():
            wait_s = ANSWER_S if self._lists else 1.0
            ready, _, _ = select.select([self._socket, self._woken], [], [], wait_s)
            if self._woken in ready:
                self._woken.recv(4096)
            if self._socket in ready:
                self._read(self._socket)
            self._send_changes(self._socket)
            if self._lists and time.monotonic() - answered >= ANSWER_S:
                to = next(iter(self._lists))
                self._send_list(self._socket, to, self._lists.pop(to))
                answered = time.monotonic()
            self._stop.wait(REST_S)

    def _read(self, source: socket.socket) -> None:
        """Take what has come."""
        for _ in range(MOST_READ):
            try:
                datagram, sender = source.recvfrom(LONGEST)
            except BlockingIOError:
                return
            except OSError:  # a receiver that is gone makes itself heard here
                continue
            try:
                for address, arguments in unpack(datagram):
                    self._take(address, arguments, sender[:2])
            except Malformed as error:
                self._ignore(str(error))

    def _take(self, address: str, arguments: tuple[Argument, ...], sender: Place) -> None:
        if address in ("/list", "/get", "/subscribe", "/unsubscribe"):
            self._ask(address, arguments, sender)
            return
        control = self._controls.get(_spelled(address))
        if control is None:
            self._ignore(f"there is no {_short(address)}; /list tells what there is")
            return
        try:
            value = meant(control, arguments)
        except ValueError as error:
            self._ignore(f"{control.address} {error}")
            return
        with self._lock:
            if control.kind not in ("action", "hold"):
                self._latest.pop(control.id, None)  # it comes last now
                self._latest[control.id] = value
            elif control.kind == "hold" or control.takes or value is not False:
                self._presses.append((control.id, value))

    def _ask(self, address: str, arguments: tuple[Argument, ...], sender: Place) -> None:
        first = arguments[0] if arguments else None
        if address == "/list":
            if sender in self._lists or len(self._lists) < SUBSCRIBERS:
                self._lists[sender] = _spelled(str(first)) if isinstance(first, str) else "/"
        elif address == "/get":
            control = self._controls.get(_spelled(str(first)))
            if control is None or control.id not in self._now:
                self._ignore(f"/get: there is no value of {_short(str(first))}")
            else:
                self._send(pack(control.address, self._now[control.id]), sender)
        else:
            port = first if isinstance(first, int) and 0 < first < 65536 else sender[1]
            place = (sender[0], int(port))
            if address == "/unsubscribe":
                self._subscribers.pop(place, None)
                return
            self._forget_silent()
            if not self._subscribers and not self._fixed:
                with self._lock:  # nobody was told what has changed until now, nor needs to be
                    self._values = dict(self._now)
            if place in self._subscribers or len(self._subscribers) < SUBSCRIBERS:
                self._subscribers[place] = time.monotonic() + SUBSCRIBED_S
            else:
                self._ignore(f"/subscribe: {SUBSCRIBERS} others have")

    def _forget_silent(self) -> None:
        """Those who have not asked again in time."""
        now = time.monotonic()
        if any(until <= now for until in self._subscribers.values()):
            self._subscribers = {p: t for p, t in self._subscribers.items() if t > now}

    def _send_changes(self, source: socket.socket) -> None:
        with self._lock:
            changed, self._changed = self._changed, {}
        self._forget_silent()
        places = list(self._subscribers)
        places += [self._fixed] if self._fixed and self._fixed not in places else []
        if not places or not changed:
            return
        for id, value in changed.items():
            if id in self._addresses:
                datagram = pack(self._addresses[id], value)
                for place in places:
                    self._send(datagram, place)

    def _send_list(self, source: socket.socket, to: Place, prefix: str) -> None:
        """A message for each control, and one that says how many there were."""
        values = dict(self._now)
        rows = [c for c in self._controls.values() if c.address.startswith(prefix)]
        for control in rows:
            self._send(pack("/list", *described(control, values.get(control.id))), to)
        self._send(pack("/list/end", len(rows)), to)

    def _send(self, datagram: bytes, to: Place) -> None:
        assert self._socket is not None
        try:
            self._socket.sendto(datagram, to)
        except OSError as error:  # full, or nobody there: the next change goes out anyway
            if not isinstance(error, BlockingIOError):
                self._ignore(f"cannot answer {to[0]}:{to[1]}: {error.strerror or error}")

    def _found(self, feedback: str) -> Place | None:
        """Where that is, host:port; looking it up may take a while."""
        host, _, port = feedback.rpartition(":")
        if not host or self._socket is None:
            return None
        try:
            rows = socket.getaddrinfo(host, int(port), self._socket.family, socket.SOCK_DGRAM)
            return (str(rows[0][4][0]), int(port))
        except OSError as error:
            with self._lock:
                self._notices.append(f"OSC: no feedback to {feedback}: {error.strerror or error}")
            return None

    def _ignore(self, why: str) -> None:
        with self._lock:
            self.ignored += 1
            self._unused += 1
            self._why = why


def meant(control: Control, arguments: tuple[Argument, ...]) -> Value:
    """What a message asks a control for. Raises ValueError, with what is allowed."""
    first = arguments[0] if arguments else None
    number = float(first) if isinstance(first, int | float) else None
    if number is not None and not math.isfinite(number):
        raise ValueError("is given no number")
    if control.takes:
        if number is None:
            raise ValueError(f"wants {control.takes}")
        return number
    if control.is_number:
        if number is None:
            raise ValueError(f"wants a number from {control.lo:g} to {control.hi:g}")
        return number
    if control.kind == "choice":
        word = str(first) if isinstance(first, str | int) else ""
        if control.choices and word not in control.choices:
            raise ValueError(f"wants one of {', '.join(control.choices)}")
        return word
    if control.kind == "action":
        if not arguments:
            return True
        if number is None or not 0 <= number <= 1:
            raise ValueError("wants 1, or nothing")
    elif number is None:
        raise ValueError("wants 1 or 0")
    return number >= 0.5


def _is_told(control: Control) -> bool:
    """Whether a message can ask for it. Files, devices, strokes and clocks are for hands alone."""
    return not control.takes or control.takes.endswith("number")


def described(control: Control, value: Value | None) -> Iterator[Argument]:
    """A row of /list: address, kind, range, unit, label, and the value, if it has one."""
    yield control.address
    yield control.kind
    if control.is_number:
        yield f"{control.lo:g} to {control.hi:g}"
    else:
        on_off = "0 or 1" if control.kind != "action" else ""
        yield ", ".join(control.choices) or control.takes or on_off
    yield control.unit
    yield control.label
    if value is not None:
        yield value


def _spelled(address: str) -> str:
    """/show.speed is /show/speed."""
    return "/" + address.strip("/").replace(".", "/")


def _short(address: str) -> str:
    return repr(address if len(address) <= 60 else f"{address[:60]}...")


def _bound(address: str, port: int) -> socket.socket:
    """A socket that listens there, and never waits."""
    family, kind, proto, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
    made = socket.socket(family, kind, proto)
    try:
        made.setblocking(False)
        made.bind(place)
    except OSError:
        made.close()
        raise
    return made
