"""Sound files into samples, whatever is wrong with them."""

from __future__ import annotations

import wave
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from visualiser.audio.source import SAMPLERATE
from visualiser.types import FloatArray, UserError

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer


ENDLESS_WAV = 0x7FFF_0000  # bytes: headers of streams say so many, or twice as many


def frames(
    path: Path, notices: deque[str], layout: str | None = None, frame_size: int | None = None
) -> Generator[AudioFrame, None, None]:
    """A file's sound at 48 kHz, planar float32, from its start; without pts.

    layout: "stereo", or None for the file's own, or "" for stereo unless it is mono; frame_size:
    samples a frame, the last may have fewer. UserError, one line, comes with the first frame: for a
    path that is missing, a folder, not audio, or without sound. Damage further in is skipped, so
    that what follows comes earlier, and said once, in notices, at the end.
    """
    import av

    with _opened(path) as container:
        stream = container.streams.audio[0]
        if layout == "":
            layout = None if stream.codec_context.channels == 1 else "stereo"

        def fresh() -> av.AudioResampler:
            return av.AudioResampler("fltp", layout, SAMPLERATE, frame_size)

        resampler, fed = fresh(), False
        count = 0
        damage_s: list[float] = []  # where it was met
        try:
            for packet in container.demux(stream):
                try:
                    decoded = packet.decode()
                    for frame in decoded:
                        frame.pts = None
                    resampled = [out for frame in decoded for out in resampler.resample(frame)]
                except (av.FFmpegError, ValueError):
                    # A bad packet, or a new format on the way, which needs a new resampler.
                    resampler, fed = fresh(), False
                    damage_s.append(count / SAMPLERATE)
                    continue
                fed |= bool(decoded)
                for frame in resampled:
                    count += frame.samples
                    yield frame
        except av.FFmpegError:  # no next packet can be found
            damage_s.append(count / SAMPLERATE)
        if fed:
            for frame in resampler.resample(None):
                count += frame.samples
                yield frame
        # Plain mp3 and aac streams hold no length: what is said of them is a guess.
        length_s = 0.0
        if stream.duration and stream.time_base and container.format.name not in ("mp3", "aac"):
            length_s = float(stream.duration * stream.time_base)
        if container.format.name == "wav":
            length_s = max(length_s, _said_in_wav(path))
        if damage_s:
            notices.append(f"{path.name}: damaged at {damage_s[0]:.1f} s; played what can be read")
        elif (lost_s := length_s - count / SAMPLERATE) > 0.1:
            notices.append(
                f"{path.name}: damaged or cut short, {lost_s:.1f} s of {length_s:.1f} s are missing"
            )


def _said_in_wav(path: Path) -> float:
    """How long a file is by its header, s: FFmpeg goes by what is there. 0 where it says nothing,
    as one that was written into a pipe."""
    with suppress(wave.Error, EOFError, OSError), wave.open(str(path)) as file:
        if file.getnframes() * file.getnchannels() * file.getsampwidth() < ENDLESS_WAV:
            return file.getnframes() / file.getframerate()
    return 0.0


def mono(path: Path, notices: deque[str]) -> Generator[FloatArray, None, None]:
    """A file as blocks of (n,) float32, the mean of its channels; see frames()."""
    for frame in frames(path, notices):
        yield _finite(frame.to_ndarray().mean(axis=0, dtype=np.float32))


def stereo(path: Path, notices: deque[str]) -> Generator[FloatArray, None, None]:
    """A file as blocks of (n, 2) float32, to be played; see frames()."""
    # Of one channel FFmpeg would make two that are 3 dB quieter.
    for frame in frames(path, notices, ""):
        samples = _finite(frame.to_ndarray().T.astype(np.float32))
        yield np.repeat(samples, 2, axis=1) if samples.shape[1] == 1 else samples


def _finite(samples: FloatArray) -> FloatArray:
    """A float file may hold NaN."""
    return np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _opened(path: Path) -> InputContainer:
    container = opened(
        path, "a sound file", "is not a sound file (wav, flac, mp3, ogg and m4a are), or damaged"
    )
    if not container.streams.audio:
        container.close()
        raise UserError(f"{path}: has no sound in it (wav, flac, mp3, ogg and m4a have)")
    return container


def opened(path: Path, what: str, refusal: str) -> InputContainer:
    """A file of sound or pictures. UserError, one line, where there is none, or FFmpeg cannot read
    it: what it should be, and what is said then."""
    import av

    if not path.exists():
        raise UserError(f"{path}: there is no such file")
    if path.is_dir():
        raise UserError(f"{path}: is a folder, not {what}")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty")
    try:
        return av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        if isinstance(error, PermissionError):
            raise UserError(f"{path}: may not be read by this user") from None
        raise UserError(f"{path}: {refusal}") from None
