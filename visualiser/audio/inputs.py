"""The sound inputs of this machine: which there are, and which one a person means."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import ModuleType

from visualiser.types import UserError

_INSTALL = (
    "install it (Debian, Ubuntu: apt install libportaudio2; Fedora: dnf install portaudio; "
    "Arch: pacman -S portaudio; macOS: brew install portaudio)"
)
# What carries the sound that the machine plays itself, by a part of its name.
_MONITORS = (
    *("monitor of", ".monitor", "loopback", "blackhole", "soundflower"),
    *("stereo mix", "what u hear", "cable output"),
)


class NoPortAudio(UserError):
    """It is not installed, so that there is no use in trying again."""


@dataclass(frozen=True, slots=True)
class Input:
    """A sound input of this machine. samplerate: its own, in Hz; channels: the most it gives."""

    index: int
    name: str
    hostapi: str
    channels: int
    samplerate: int
    is_default: bool

    @property
    def is_monitor(self) -> bool:
        """Whether it carries what the machine plays, going by its name."""
        return any(part in self.name.casefold() for part in _MONITORS)

    @property
    def full_name(self) -> str:
        """With its sound system: on Windows several of them list the same input."""
        return f"{self.name} [{self.hostapi}]"

    @property
    def lasting_name(self) -> str:
        """Its name without the number that it gets anew whenever it is plugged in."""
        return re.sub(r"\s*[(\[]hw:[^)\]]*[)\]]\s*$", "", self.name)


def portaudio() -> ModuleType:
    """The module sounddevice, with PortAudio behind it; NoPortAudio says how to install it."""
    try:
        import sounddevice
    except ImportError:
        raise NoPortAudio(
            "the Python package sounddevice is missing (pip install sounddevice)"
        ) from None
    except OSError as error:
        if "not found" in str(error):
            raise NoPortAudio(f"the PortAudio library is missing; {_INSTALL}") from None
        raise NoPortAudio(f"PortAudio does not start: {error}; {_INSTALL}") from None
    module: ModuleType = sounddevice
    return module


def list_inputs() -> list[Input]:
    """The inputs that PortAudio knows, by index; empty where there are none.

    They are those of the moment when PortAudio was (last) started. Raises UserError when PortAudio
    is missing or does not start.
    """
    sounddevice = portaudio()
    try:
        hostapis = [api["name"] for api in sounddevice.query_hostapis()]
        default = sounddevice.default.device[0]
        return [
            Input(
                index=device["index"],
                name=device["name"],
                hostapi=hostapis[device["hostapi"]],
                channels=device["max_input_channels"],
                samplerate=round(device["default_samplerate"]),
                is_default=device["index"] == default,
            )
            for device in sounddevice.query_devices()
            if device["max_input_channels"] > 0
        ]
    except sounddevice.PortAudioError as error:
        raise UserError(f"PortAudio cannot list its devices: {error}") from None


def match_input(rows: list[Input], wanted: str | int | None) -> Input:
    """The input that a person means.

    None or "" is the default one, or the first where there is no default. A number, or a text of
    digits, is an index. A name matches whatever its case: an exact one first, with or without its
    sound system in brackets, then the first that contains it. UserError lists what there is.
    """
    if not rows:
        raise UserError("this machine has no sound input; plug one in, or play a file")
    if wanted is None or wanted == "":
        return next((row for row in rows if row.is_default), rows[0])
    name = str(wanted).strip().casefold()
    if name.isdecimal():
        found = [row for row in rows if row.index == int(name)]
    else:
        found = [row for row in rows if name in (row.name.casefold(), row.full_name.casefold())]
        found += [row for row in rows if name in row.name.casefold()]
    if found:
        return found[0]
    there_are = ", ".join(f'{row.index} "{row.name}"' for row in rows)
    raise UserError(f'no sound input matches "{wanted}"; there are {there_are}')


def find_again(rows: list[Input], known: Input) -> Input | None:
    """The input that was open before, by name: its index may be another one now."""
    same = [row for row in rows if row.hostapi == known.hostapi]
    for name in (known.name, known.lasting_name):
        for row in same:
            if name in (row.name, row.lasting_name):
                return row
    return None


def restart(sounddevice: ModuleType) -> None:
    """End PortAudio and start it again: it looks at the hardware only then. Stops every stream."""
    with suppress(sounddevice.PortAudioError):  # it may not have been running
        sounddevice._terminate()
    sounddevice._initialize()


def main() -> None:
    """For scout.py: a look at the hardware for every line on stdin, as a line of JSON."""
    for _ in sys.stdin:
        rows: list[Input] = []
        with suppress(Exception):  # whatever it is: nothing can be told
            restart(portaudio())
            rows = list_inputs()
        print(json.dumps([asdict(row) for row in rows]), flush=True)


if __name__ == "__main__":
    main()
