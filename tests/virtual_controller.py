"""A MIDI controller without hardware, for tests: JACK's dummy driver.

with virtual_controller() as knobs:
    subprocess.Popen([sys.executable, "main.py"], env=os.environ | knobs.env)
    knobs.send(0xB0, 21, 64)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAME = "Knobs:panel"  # as the program sees it


class Controller:
    """A controller that is plugged in. env: what the program needs to see it."""

    def __init__(self, server: str) -> None:
        import rtmidi

        self.env = {"JACK_DEFAULT_SERVER": server, "JACK_NO_AUDIO_RESERVATION": "1"}
        self._rtmidi: Any = rtmidi
        self._out: Any = None
        self.plug()

    def plug(self) -> None:
        self._out = self._rtmidi.MidiOut(self._rtmidi.API_UNIX_JACK, NAME.split(":")[0])
        self._out.open_virtual_port(NAME.split(":")[1])

    def pull(self) -> None:
        if self._out is not None:
            self._out.close_port()
            self._out.delete()
        self._out = None

    def send(self, *message: int) -> None:
        self._out.send_message(message)


@contextmanager
def virtual_controller() -> Iterator[Controller]:
    """One that is plugged into a JACK server of its own; RuntimeError says what is missing."""
    if not shutil.which("jackd"):
        raise RuntimeError("these need jackd: apt-get install -y --no-install-recommends jackd2")
    server = f"squircle{os.getpid()}"
    before = os.environ.get("JACK_DEFAULT_SERVER")
    os.environ["JACK_DEFAULT_SERVER"] = server
    jack = subprocess.Popen(
        # Blocks of 5 ms: of shorter ones some are lost, with what is in them, on a busy machine.
        ["jackd", "-r", "-n", server, "-d", "dummy", "-r", "48000", "-p", "256"],
        env=os.environ | {"JACK_NO_AUDIO_RESERVATION": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 10
        while not any(Path("/dev/shm").glob(f"jack_{server}_*")):
            if jack.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("jackd does not start")
            time.sleep(0.05)
        time.sleep(0.3)  # its socket is there before it answers
        made = Controller(server)
        try:
            yield made
        finally:
            made.pull()
    finally:
        jack.terminate()
        jack.wait(10)
        if before is None:
            del os.environ["JACK_DEFAULT_SERVER"]
        else:
            os.environ["JACK_DEFAULT_SERVER"] = before
