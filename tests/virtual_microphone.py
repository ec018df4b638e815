"""A microphone without hardware, for tests: a private PulseAudio whose input is a named pipe.

    with virtual_microphone() as microphone:
        microphone.tone(440.0)
        subprocess.run([sys.executable, "-c", ...], env=microphone.env)

PortAudio in a process that has `microphone.env` sees the inputs "pulse" and "default", and hears
what is fed here, silence at first. A process of its own, because PortAudio reads its environment
once. Works as root or not, without D-Bus, and leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

SAMPLERATE = 48_000
_BLOCK = 480  # 10 ms
_INSTALL = (
    "apt-get install -y --no-install-recommends "
    "libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins"
)


class VirtualMicrophone:
    """env: the environment for processes that shall hear it; feed it with tone() or play()."""

    def __init__(self, folder: Path) -> None:
        self._pipe = folder / "microphone"
        socket = folder / "pulse.sock"
        self.env = os.environ | {
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "PULSE_SERVER": f"unix:{socket}",
            "PULSE_SOURCE": "microphone",
            "PULSE_COOKIE": str(folder / "cookie"),
        }
        self._log = folder / "log"
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"]
        command += ["--disable-shm=yes", "--use-pid-file=no"]
        command += ["-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1"]
        command += [
            "-L",
            f"module-pipe-source file={self._pipe} source_name=microphone "
            f"format=s16le rate={SAMPLERATE} channels=1",
        ]
        server_env = {k: v for k, v in self.env.items() if k != "PULSE_SERVER"}
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                command, env=server_env | {"HOME": str(folder)}, stdout=log, stderr=log
            )
        self._sound = np.zeros(_BLOCK, "<i2")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._feed, name="virtual microphone")
        try:
            self._wait_until(lambda: socket.exists() and self._pipe.exists())
        except BaseException:
            self.unplug()
            raise
        self._thread.start()

    def _wait_until(self, ready) -> None:
        deadline = time.monotonic() + 10.0
        while not ready():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"PulseAudio did not start (is all of it there? {_INSTALL}):\n"
                    + self._log.read_text()
                )
            time.sleep(0.02)

    def tone(self, hz: float, peak: float = 0.5) -> None:
        """Feed a sine of a whole number of hertz, from now on."""
        t = np.arange(SAMPLERATE) / SAMPLERATE
        self.play(peak * np.sin(2 * np.pi * hz * t))

    def play(self, samples: np.ndarray) -> None:
        """Feed mono samples at 48 kHz, -1..1, over and over, from now on."""
        self._sound = (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2")

    def unplug(self) -> None:
        """End the sound server, as if the device were pulled out."""
        self._server.terminate()
        try:
            self._server.wait(5.0)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self.unplug()

    def _feed(self) -> None:
        """Write blocks into the pipe at the pace of real time: this is the device's clock."""
        # Opened for reading too, so that writing neither waits for the server nor breaks with it.
        pipe = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        try:
            sound, position = self._sound, 0
            started, blocks = time.monotonic(), 0
            while not self._stop.is_set():
                if sound is not self._sound:
                    sound, position = self._sound, 0
                block = sound.take(range(position, position + _BLOCK), mode="wrap")
                position = (position + _BLOCK) % sound.size
                # With nobody reading, the pipe is full, and the sound is lost, as it is in the air.
                with suppress(BlockingIOError):
                    os.write(pipe, block.tobytes())
                blocks += 1
                late_s = time.monotonic() - started - blocks * _BLOCK / SAMPLERATE
                self._stop.wait(max(0.0, -late_s))
        finally:
            os.close(pipe)


@contextmanager
def virtual_microphone() -> Iterator[VirtualMicrophone]:
    """The microphone, running; RuntimeError says which Debian packages are missing."""
    if not shutil.which("pulseaudio"):
        raise RuntimeError(f"these tests need PulseAudio and PortAudio: {_INSTALL}")
    with tempfile.TemporaryDirectory(prefix="squircle-sound-") as folder:
        microphone = VirtualMicrophone(Path(folder))
        try:
            yield microphone
        finally:
            microphone.close()
