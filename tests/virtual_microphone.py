"""Sound devices without hardware, for tests: a private PulseAudio whose inputs are named pipes.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np

T = TypeVar("T", bound="VirtualDevices")
SAMPLERATE = 48_000
_BLOCK = 480  # 10 ms
_INSTALL = (
    "apt-get install -y --no-install-recommends "
    "libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins"
)


class Feed:
    """Writes sound into a named pipe at the pace of real time: it is a device's clock. rate: Hz, of
    what is written, which the device may not know."""

    def __init__(self, pipe: Path, channels: int = 1, rate: float = SAMPLERATE) -> None:
        self._pipe = pipe
        self._channels = channels
        self.rate = rate
        self.is_stalled = False  # nothing is written while this holds
        self.sound = np.zeros((_BLOCK, channels))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"feed {pipe.name}")
        self._thread.start()

    def play(self, samples: np.ndarray) -> None:
        """Feed samples at 48 kHz, (n,) or (n, channels), -1..1, over and over, from now on."""
        if samples.ndim == 1:
            samples = np.repeat(samples[:, None], self._channels, axis=1)
        self.sound = samples

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        # Opened for reading too, so that writing neither waits for the server nor breaks with it.
        pipe = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        try:
            sound, position = self.sound, 0
            due = time.monotonic()
            while not self._stop.is_set():
                if sound is not self.sound:
                    sound, position = self.sound, 0
                block = sound.take(range(position, position + _BLOCK), axis=0, mode="wrap")
                position = (position + _BLOCK) % len(sound)
                # With nobody reading, the pipe is full, and the sound is lost, as it is in the air.
                if not self.is_stalled:
                    with suppress(BlockingIOError):
                        os.write(pipe, (np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())
                due += _BLOCK / self.rate
                self._stop.wait(max(0.0, due - time.monotonic()))
        finally:
            os.close(pipe)


class VirtualDevices:
    """Inputs and outputs that can be plugged in and pulled out, of a private PulseAudio.

    env: the environment for processes that shall see them. A plugged device is one that PortAudio
    lists by its name, through a line in ALSA's settings, which goes when it is pulled out.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        socket = folder / "pulse.sock"
        self.env = os.environ | {
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "PULSE_SERVER": f"unix:{socket}",
            "PULSE_COOKIE": str(folder / "cookie"),
        }
        self.feeds: dict[str, Feed] = {}
        self._modules: dict[str, str] = {}
        self._listed: dict[
            str, str
        ] = {}  # what PortAudio calls it: the name of PulseAudio's source
        self._log = folder / "log"
        (folder / "alsa").mkdir(exist_ok=True)
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"]
        command += ["--disable-shm=yes", "--use-pid-file=no"]
        command += ["-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1"]
        server_env = {k: v for k, v in self.env.items() if k != "PULSE_SERVER"}
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                command, env=server_env | {"HOME": str(folder)}, stdout=log, stderr=log
            )
        self._wait_until(socket.exists)

    def _wait_until(self, ready) -> None:
        deadline = time.monotonic() + 10.0
        while not ready():
            if self._server.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise RuntimeError(
                    f"PulseAudio did not start (is all of it there? {_INSTALL}):\n"
                    + self._log.read_text()
                )
            time.sleep(0.02)

    def control(self, *words: str) -> str:
        """pactl with these words; its answer."""
        done = subprocess.run(
            ["pactl", *words], env=self.env, capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout.strip()

    def plug(self, name: str, channels: int = 1, rate: float = SAMPLERATE) -> Feed:
        """Plug a microphone in; what it hears is fed through feeds[name]: what it heard before it
        was pulled out, or silence at first."""
        pipe = self._folder / name
        self._modules[name] = self.control(
            *("load-module", "module-pipe-source", f"file={pipe}", f"source_name={name}"),
            *("format=s16le", f"rate={SAMPLERATE}", f"channels={channels}"),
        )
        feed = Feed(pipe, channels, rate)
        if before := self.feeds.pop(name, None):
            feed.play(before.sound)
            before.close()
        self.feeds[name] = feed
        self._list(name, name)
        return feed

    def plug_speaker(self, name: str, monitor: str = "") -> None:
        """Plug an output in; what it plays can be heard from the input "NAME_monitor", or of
        another name."""
        self._modules[name] = self.control(
            "load-module", "module-null-sink", f"sink_name={name}", f"rate={SAMPLERATE}"
        )
        self._list(monitor or f"{name}_monitor", f"{name}.monitor")

    def unplug(self, name: str) -> None:
        """Pull it out; its feed goes into nowhere."""
        module = self._modules.pop(name)
        self._list(name, "")
        self._list(f"{name}_monitor", "")
        self.control("unload-module", module)

    def _list(self, name: str, source: str) -> None:
        if source:
            self._listed[name] = source
        else:
            self._listed.pop(name, None)
        lines = [
            f'pcm."{name}" {{ type pulse device "{source}" hint {{ show on }} }}\n'
            for name, source in self._listed.items()
        ]
        new = self._folder / "alsa" / "new"
        new.write_text("".join(lines))
        new.replace(self._folder / "alsa" / "asoundrc")

    def end(self) -> None:
        """End the sound server, as if every device were pulled out at once."""
        self._server.terminate()
        try:
            self._server.wait(5.0)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def close(self) -> None:
        for feed in self.feeds.values():
            feed.close()
        self.end()


class VirtualMicrophone(VirtualDevices):
    """One microphone, which is the default input; feed it with tone() or play()."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.env["PULSE_SOURCE"] = "microphone"
        try:
            self._feed = self.plug("microphone")
            self._list("microphone", "")  # known as "pulse" and "default" alone
        except BaseException:
            self.close()
            raise

    def tone(self, hz: float, peak: float = 0.5) -> None:
        """Feed a sine of a whole number of hertz, from now on."""
        self.play(sine(hz, peak))

    def play(self, samples: np.ndarray) -> None:
        """Feed mono samples at 48 kHz, -1..1, over and over, from now on."""
        self._feed.play(samples)

    def unplug(self, name: str = "") -> None:
        """End the sound server, as if the device were pulled out."""
        self.end()


def sine(hz: float, peak: float = 0.5) -> np.ndarray:
    """A second of a sine of a whole number of hertz, to be repeated."""
    return peak * np.sin(2 * np.pi * hz * np.arange(SAMPLERATE) / SAMPLERATE)


@contextmanager
def virtual_microphone() -> Iterator[VirtualMicrophone]:
    """The microphone, running; RuntimeError says which Debian packages are missing."""
    with _running(VirtualMicrophone) as microphone:
        yield microphone


@contextmanager
def virtual_devices() -> Iterator[VirtualDevices]:
    """A sound server with nothing plugged in; RuntimeError likewise."""
    with _running(VirtualDevices) as devices:
        yield devices


@contextmanager
def _running(kind: Callable[[Path], T]) -> Iterator[T]:
    if not shutil.which("pulseaudio"):
        raise RuntimeError(f"these tests need PulseAudio and PortAudio: {_INSTALL}")
    with tempfile.TemporaryDirectory(prefix="squircle-sound-") as folder:
        devices = kind(Path(folder))
        try:
            yield devices
        finally:
            devices.close()
