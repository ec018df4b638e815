"""Where sound comes from: a microphone, a file or nothing, all read the same way.

Every source answers one question: which n samples end at show time t? Live and offline therefore
run the same code, and a file gives the same samples at every frame rate.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from visualiser.types import FloatArray, UserError

if TYPE_CHECKING:
    from av import AudioFrame

# `av` and `sounddevice` are imported where they are used: they cost 0.4 s each, and `sounddevice`
# cannot be imported at all where the system has no PortAudio.

SAMPLERATE = 48_000  # of files and silence; a microphone has its own
DEMO = Path(__file__).resolve().parents[2] / "assets" / "demo.flac"

_HISTORY = 1 << 17  # samples a ring keeps: 2.7 s at 48 kHz
_STALL_S = 1.5  # a running stream without a new block for so long has lost its device
_CLOSE_S = 2.0  # how long close() waits for an audio driver that hangs
_EMPTY = np.zeros(0, np.float32)
_INSTALL = (
    "install it (Debian, Ubuntu: apt install libportaudio2; Fedora: dnf install portaudio; "
    "Arch: pacman -S portaudio; macOS: brew install portaudio)"
)


class Source(Protocol):
    """Something to listen to. Methods are called from one thread, the one with the show's loop.

    samplerate: Hz, a microphone's may change when it opens, so ask at each tick;
    label: short text for the screen, such as "microphone USB Audio", "song.mp3", "demo loop".
    """

    samplerate: int
    label: str

    def window(self, t: float, n: int) -> FloatArray:
        """The n samples that end at show time t (seconds from 0; it should only grow).

        Returns (n,) float32 mono, -1..1, zeros where there is nothing yet; the caller may keep
        it. n is at most 131072.
        """
        ...

    def notices(self) -> list[str]:
        """Lines for the person since the last call; usually none. Each is said once."""
        ...

    def close(self) -> None:
        """Let go of devices, files and threads; may be called twice."""
        ...


class Ring:
    """The last `capacity` mono samples, written by one thread and read by another, without a lock.

    Why a read is never torn: `append` says how far it is going to write (`_claimed`) before it
    touches a sample, and how far it has written (`written`) after the last one. `read` takes
    samples up to `written`, and afterwards looks at `_claimed`: if by then no writer had set out
    to write over the first sample it took, none of them changed under its hands; otherwise it
    reads again. Both counts are whole Python integers, stored and loaded in one step and in
    program order. The audio callback so never waits for anyone.
    """

    def __init__(self, capacity: int = _HISTORY) -> None:
        self.capacity = capacity
        self.written = 0  # samples, ever
        self._claimed = 0
        self._samples = np.zeros(capacity, np.float32)

    def append(self, block: FloatArray) -> None:
        """Copy a block in: (n,) mono, or (n, channels), which is averaged to mono."""
        self._claimed = self.written + len(block)
        if block.ndim == 1:
            block = block[:, None]
        block = block[-self.capacity :]
        at = (self._claimed - len(block)) % self.capacity
        before_edge = min(len(block), self.capacity - at)
        for part, to in ((block[:before_edge], at), (block[before_edge:], 0)):
            np.mean(part, axis=1, out=self._samples[to : to + len(part)])
        self.written = self._claimed

    def read(self, n: int, end: int | None = None) -> FloatArray:
        """A copy of the n samples before sample number `end` (default: the newest): (n,) float32.

        Zeros where nothing had been written yet; ValueError when they are no longer kept.
        """
        while True:
            stop = self.written if end is None else end
            at = (stop - n) % self.capacity
            before_edge = min(n, self.capacity - at)
            out = np.empty(n, np.float32)
            out[:before_edge] = self._samples[at : at + before_edge]
            out[before_edge:] = self._samples[: n - before_edge]
            if self._claimed <= stop - n + self.capacity:
                return out
            if end is not None or n > self.capacity // 2:
                raise ValueError(f"this ring no longer holds the {n} samples before {stop}")


class Silence:
    """No sound at all."""

    def __init__(self) -> None:
        self.samplerate = SAMPLERATE
        self.label = "silence"

    def window(self, t: float, n: int) -> FloatArray:
        return np.zeros(n, np.float32)

    def notices(self) -> list[str]:
        return []

    def close(self) -> None:
        pass


class AudioFile:
    """A sound file, decoded while it plays, as mono at 48 kHz.

    Sample k of the file is heard at k / 48000 s of show time. The same t gives exactly the same
    samples whatever was asked before; t should grow (going back decodes from the start again).
    A jump forward decodes what it jumps over, but never a whole turn of a loop. Memory does not
    grow with the length of the file.

    Raises UserError, one line, for a path that is missing, a folder, not audio, without sound or
    of zero length. Damage further in is skipped, so that what follows comes earlier, and said in
    notices() when the end is reached.
    """

    def __init__(self, path: str | Path, loop: bool = False, label: str = "") -> None:
        self.samplerate = SAMPLERATE
        self.path = Path(path)
        self.loop = loop
        self.label = label or self.path.name
        self._notices: deque[str] = deque(maxlen=8)
        self._start()
        if not self._pending.size:
            raise UserError(f"{path}: there is no sound in it, its length is zero")

    def _start(self) -> None:
        self._blocks = _decode(self.path, self._notices)
        self._pending = next(self._blocks, _EMPTY)  # decoded, and not yet due
        self._length = self._pending.size  # samples decoded in this turn of the loop
        self._skipped = 0  # samples jumped over, that never were in the ring
        self._ring = Ring()

    def window(self, t: float, n: int) -> FloatArray:
        end = round(t * SAMPLERATE)
        if end <= 0:
            return np.zeros(n, np.float32)
        oldest = self._skipped + self._ring.written - self._ring.capacity
        if end - n < oldest:  # time went back, further than we remember
            self._blocks.close()
            self._start()
        while (missing := end - self._skipped - self._ring.written) > 0:
            if not self._pending.size:
                self._decode_more(missing)
            else:
                self._ring.append(self._pending[:missing])
                self._pending = self._pending[missing:]
        return np.clip(self._ring.read(n, end - self._skipped), -1.0, 1.0)

    def _decode_more(self, missing: int) -> None:
        """Put more samples into _pending, of which `missing` are due."""
        block = next(self._blocks, None)
        if block is not None:
            self._pending = block
            self._length += block.size
            return
        # The end of the file. What is due beyond a full ring is never heard: jump over it, in a
        # loop by whole turns, so that its phase stays exact.
        unheard = max(0, missing - self._ring.capacity)
        if not self.loop:
            self._skipped += unheard
            self._pending = np.zeros(min(missing, self._ring.capacity), np.float32)
            return
        self._skipped += unheard // self._length * self._length
        try:
            self._blocks = _decode(self.path, deque(maxlen=1))  # damage was said the first time
            self._pending = next(self._blocks, _EMPTY)
        except UserError as error:  # deleted or replaced while it played: no reason to stop a set
            self._pending = _EMPTY
            self._notices.append(f"{error}; playing silence")
        self._length = self._pending.size
        self.loop = self._length > 0

    def notices(self) -> list[str]:
        return _drain(self._notices)

    def close(self) -> None:
        self._blocks.close()


class Microphone:
    """A sound input. Constructing it is instant: the device opens on a thread of its own.

    device: None or "" is the system's default; a number is an index of list_inputs(); a name is
    matched as match_input() says. samplerate: Hz, None is the device's own; it is a wish, and the
    device's own is taken where the device refuses it. blocksize: samples a callback; the delay
    from air to window is about one or two of them.

    window() takes the newest samples, whatever t says, and zeros until the device runs or after
    it is lost. Where it cannot open, notices() says in one line what is missing, and `demo` is
    analysed in its place.
    """

    def __init__(
        self,
        device: str | int | None = None,
        samplerate: int | None = None,
        blocksize: int = 256,
        demo: Path = DEMO,
    ) -> None:
        self.samplerate = samplerate or SAMPLERATE
        self.label = "microphone"
        self._device = device
        self._wish_hz = samplerate
        self._blocksize = blocksize
        self._demo = demo
        self._instead: Source | None = None
        self._ring = Ring()
        self._seen = (0, 0.0)  # the ring's count when it last grew, and the show time of that
        self._lost = False
        self._notices: deque[str] = deque(maxlen=8)
        self._closing = False
        self._ended = threading.Event()  # by close(), or by PortAudio when the stream stops
        self._thread = threading.Thread(target=self._run, name="microphone", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        """The stream's whole life. Only this thread touches PortAudio."""
        try:
            stream = self._open()
        except UserError as error:
            self._play_instead(str(error))
            return
        with contextlib.closing(stream):
            while not self._ended.wait(0.25) and stream.active:
                pass
        if not self._closing:
            # The place for reconnection: match the device by name again, and loop to _open().
            self._lose()

    def _open(self) -> Any:
        """The running stream; UserError says why there is none."""
        device = match_input(list_inputs(), self._device)
        import sounddevice

        refusal = ""
        for samplerate in dict.fromkeys((self._wish_hz or device.samplerate, device.samplerate)):
            try:
                stream = sounddevice.InputStream(
                    device=device.index,
                    # More than a pair are the other inputs of an interface, not more microphone.
                    channels=min(2, device.channels),
                    samplerate=samplerate,
                    blocksize=self._blocksize,
                    dtype="float32",
                    latency="low",
                    callback=self._hear,
                    finished_callback=self._ended.set,
                )
                stream.start()
            except sounddevice.PortAudioError as error:
                refusal = str(error)
                continue
            self.samplerate = samplerate
            self.label = f"microphone {device.name}"
            return stream
        raise UserError(f'the input "{device.name}" cannot be opened: {refusal}')

    def _hear(self, block: FloatArray, frames: int, time: object, status: object) -> None:
        # An overflow (status) means that samples were lost before; there is nothing to do here.
        self._ring.append(block)

    def _play_instead(self, reason: str) -> None:
        instead: Source
        try:
            instead, name = AudioFile(self._demo, loop=True, label="demo loop"), "the demo loop"
        except UserError as error:
            instead, name, reason = Silence(), "silence", f"{reason}; {error}"
        self.samplerate = instead.samplerate
        self.label = instead.label
        self._instead = instead
        self._notices.append(f"no microphone: {reason}; playing {name} instead")

    def _lose(self) -> None:
        if not self._lost:
            self._lost = True
            self._notices.append(f"{self.label} has gone: hearing silence")

    def window(self, t: float, n: int) -> FloatArray:
        if self._instead is not None:
            return self._instead.window(t, n)
        written, since_s = self._seen
        if self._ring.written != written:
            self._seen = self._ring.written, t
        elif written and t - since_s > _STALL_S:
            # Some drivers stop calling without ever saying so. The last thing that was heard
            # must not stay on the screen.
            self._lose()
        if self._lost:
            return np.zeros(n, np.float32)
        samples = self._ring.read(n)
        np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return np.clip(samples, -1.0, 1.0, out=samples)

    def notices(self) -> list[str]:
        instead = self._instead
        return _drain(self._notices) + (instead.notices() if instead else [])

    def close(self) -> None:
        """Stop the stream. A driver that hangs is left after 2 s to its daemon thread, which
        closes the stream as soon as it gets it."""
        self._closing = True
        self._ended.set()
        self._thread.join(_CLOSE_S)
        if self._instead is not None:
            self._instead.close()


@dataclass(frozen=True, slots=True)
class Input:
    """A sound input of this machine. samplerate: its own, in Hz; channels: the most it gives."""

    index: int
    name: str
    hostapi: str
    channels: int
    samplerate: int
    is_default: bool


def list_inputs() -> list[Input]:
    """The inputs that PortAudio knows, by index; empty where there are none.

    They are those of the moment when PortAudio was first asked. Raises UserError when PortAudio
    is missing or does not start.
    """
    try:
        import sounddevice
    except ImportError:
        raise UserError(
            "the Python package sounddevice is missing (pip install sounddevice)"
        ) from None
    except OSError as error:
        if "not found" in str(error):
            raise UserError(f"the PortAudio library is missing; {_INSTALL}") from None
        raise UserError(f"PortAudio does not start: {error}; {_INSTALL}") from None
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
    digits, is an index. A name matches whatever its case: an exact one first, then the first that
    contains it. UserError lists what there is.
    """
    if not rows:
        raise UserError("this machine has no sound input; plug one in, or play a file")
    if wanted is None or wanted == "":
        return next((row for row in rows if row.is_default), rows[0])
    name = str(wanted).strip().casefold()
    if name.isdecimal():
        found = [row for row in rows if row.index == int(name)]
    else:
        found = [row for row in rows if row.name.casefold() == name]
        found += [row for row in rows if name in row.name.casefold()]
    if found:
        return found[0]
    there_are = ", ".join(f'{row.index} "{row.name}"' for row in rows)
    raise UserError(f'no sound input matches "{wanted}"; there are {there_are}')


def audio_samples(path: str | Path) -> int:
    """How many samples the file decodes to at 48 kHz, counted by decoding all of it.

    (What a file says of its own length is often wrong.) Takes about a second for five minutes of
    mp3. Raises UserError as AudioFile does.
    """
    count = sum(block.size for block in _decode(Path(path), deque(maxlen=1)))
    if not count:
        raise UserError(f"{path}: there is no sound in it, its length is zero")
    return count


def audio_duration_s(path: str | Path) -> float:
    """The exact length of a file in seconds; see audio_samples()."""
    return audio_samples(path) / SAMPLERATE


def _drain(lines: deque[str]) -> list[str]:
    """Take out what is there; the other thread may add meanwhile."""
    return [lines.popleft() for _ in range(len(lines))]


def _decode(path: Path, notices: deque[str]) -> Generator[FloatArray, None, None]:
    """A file as blocks of (n,) float32 mono at 48 kHz, one after the other, from its start.

    UserError comes with the first block. Damage is skipped, and said once, at the end.
    """
    import av

    if not path.exists():
        raise UserError(f"{path}: there is no such file")
    if path.is_dir():
        raise UserError(f"{path}: is a folder, not a sound file")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty")
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        if isinstance(error, PermissionError):
            raise UserError(f"{path}: may not be read by this user") from None
        raise UserError(f"{path}: is not a sound file (wav, flac, mp3, ogg and m4a are)") from None
    with container:
        if not container.streams.audio:
            raise UserError(f"{path}: has no sound in it (wav, flac, mp3, ogg and m4a have)")
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", rate=SAMPLERATE)
        count = 0
        damage_s: list[float] = []  # where it was met
        try:
            for packet in container.demux(stream):
                try:
                    frames = [out for frame in packet.decode() for out in resampler.resample(frame)]
                except (av.FFmpegError, ValueError):
                    # A bad packet, or a new format on the way, which needs a new resampler.
                    resampler = av.AudioResampler(format="fltp", rate=SAMPLERATE)
                    damage_s.append(count / SAMPLERATE)
                    continue
                for frame in frames:
                    count += frame.samples
                    yield _mono(frame)
        except av.FFmpegError:  # no next packet can be found
            damage_s.append(count / SAMPLERATE)
        if count:
            for frame in resampler.resample(None):
                count += frame.samples
                yield _mono(frame)
        # Plain mp3 and aac streams hold no length: what is said of them is a guess.
        length_s = 0.0
        if stream.duration and stream.time_base and container.format.name not in ("mp3", "aac"):
            length_s = float(stream.duration * stream.time_base)
        if damage_s:
            notices.append(f"{path.name}: damaged at {damage_s[0]:.1f} s; played what can be read")
        elif (lost_s := length_s - count / SAMPLERATE) > 0.1:
            notices.append(
                f"{path.name}: damaged or cut short, {lost_s:.1f} s of {length_s:.1f} s are missing"
            )


def _mono(frame: AudioFrame) -> FloatArray:
    """(n,) float32, the mean of the channels, as a microphone's; a float file may hold NaN."""
    samples: FloatArray = frame.to_ndarray().mean(axis=0, dtype=np.float32)
    return np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
