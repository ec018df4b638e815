"""The ports of MIDI devices, as the system gives them."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from visualiser.types import UserError

# `rtmidi` is imported where it is used: it is an extra, and there are no wheels for every Python.

OURS = "Squircle"  # the name of our own end of a cable
INSTALL = "pip install -r requirements-live.txt -c constraints.txt"

Hear = Callable[[str, Sequence[int], float], None]  # device, message, when it came (s)
GONE = (OSError, RuntimeError, ValueError, MemoryError)  # what a driver raises when it fails


class Port(Protocol):
    """One end of a cable."""

    def send(self, message: bytes) -> None:
        """Raises one of GONE where the device is."""

    def close(self) -> None: ...


class Backend(Protocol):
    """A system's MIDI. All methods may raise one of GONE."""

    def inputs(self) -> list[str]:
        """Names of what can be heard now."""

    def outputs(self) -> list[str]:
        """Names of what can be told something now."""

    def open_input(self, name: str, hear: Hear) -> Port:
        """Hear it, on a thread of the driver's."""

    def open_output(self, name: str) -> Port: ...


class RtMidi:
    """The system's MIDI through python-rtmidi. Raises UserError where there is none."""

    def __init__(self) -> None:
        try:
            import rtmidi
        except ImportError as error:
            raise UserError(f"python-rtmidi is not there ({error}): {INSTALL}") from None
        self._rtmidi: Any = rtmidi
        self._api = _api(rtmidi)
        try:
            self._in = rtmidi.MidiIn(self._api, f"{OURS} looks")
            self._out = rtmidi.MidiOut(self._api, f"{OURS} looks")
        except GONE as error:
            raise UserError(f"the system's MIDI does not answer: {error}") from None

    def inputs(self) -> list[str]:
        return list(self._in.get_ports())

    def outputs(self) -> list[str]:
        return list(self._out.get_ports())

    def open_input(self, name: str, hear: Hear) -> Port:
        port = self._rtmidi.MidiIn(self._api, OURS)
        _open(port, name)
        port.ignore_types(sysex=True, timing=False, active_sense=True)
        port.set_callback(lambda said, _: hear(name, said[0], time.perf_counter()))
        return _RtPort(port)

    def open_output(self, name: str) -> Port:
        port = self._rtmidi.MidiOut(self._api, OURS)
        _open(port, name)
        return _RtPort(port)


class _RtPort:
    def __init__(self, port: Any) -> None:
        self._port = port

    def send(self, message: bytes) -> None:
        self._port.send_message(message)

    def close(self) -> None:
        self._port.close_port()
        self._port.delete()


def _open(port: Any, name: str) -> None:
    names = port.get_ports()
    if name not in names:
        port.delete()
        raise OSError(f"{name} has just gone")
    port.open_port(names.index(name), name=OURS)


def _api(rtmidi: Any) -> int:
    """Which of Linux's two to use: either complains aloud on stderr where it is not running."""
    if not sys.platform.startswith("linux"):
        return int(rtmidi.API_UNSPECIFIED)
    compiled = rtmidi.get_compiled_api()
    if rtmidi.API_LINUX_ALSA in compiled and Path("/dev/snd/seq").exists():
        return int(rtmidi.API_LINUX_ALSA)
    server = os.environ.get("JACK_DEFAULT_SERVER", "default")
    if rtmidi.API_UNIX_JACK in compiled and any(Path("/dev/shm").glob(f"jack_{server}_*")):
        return int(rtmidi.API_UNIX_JACK)
    raise UserError("neither /dev/snd/seq nor a JACK server is there")


def plain(name: str) -> str:
    """A port's name without the numbers that change when it is plugged in again."""
    return re.sub(r"[\s:]*\d+(:\d+)?$", "", name) or name


def is_wanted(name: str, wanted: Sequence[str]) -> bool:
    """Whether to open a port. wanted: parts of names; none is every device."""
    if name.startswith((OURS, "RtMidi")):
        return False
    if wanted:
        return any(part.lower() in name.lower() for part in wanted)
    return "midi through" not in name.lower()  # what is sent there comes back


def listed(connect: Callable[[], Backend] = RtMidi) -> Mapping[str, str]:
    """Every MIDI device and its directions: {"nanoKONTROL2": "in, out"}. Raises UserError."""
    backend = connect()
    try:
        inputs, outputs = backend.inputs(), backend.outputs()
    except GONE as error:
        raise UserError(f"the system's MIDI does not answer: {error}") from None
    names = dict.fromkeys(n for n in [*inputs, *outputs] if not n.startswith((OURS, "RtMidi")))
    ways = {n: [w for w, there in (("in", inputs), ("out", outputs)) if n in there] for n in names}
    return {name: ", ".join(way) for name, way in ways.items()}
