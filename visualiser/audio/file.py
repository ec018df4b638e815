"""Sound files, heard at the show's clock."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np

from visualiser.audio import decode
from visualiser.audio.ring import Ring
from visualiser.audio.source import SAMPLERATE, drain
from visualiser.types import FloatArray, Sound, UserError

DEMO = Path(__file__).resolve().parents[2] / "assets" / "demo.flac"

_EMPTY = np.zeros(0, np.float32)


class AudioFile:
    """A sound file, decoded while it plays, as mono at 48 kHz; it is not heard in the room.

    Sample k of the file is heard at k / 48000 s of show time. The same t gives exactly the same
    samples whatever was asked before; t should grow (going back decodes from the start again).
    A jump forward decodes what it jumps over, but never a whole turn of a loop. Memory does not
    grow with the length of the file.

    Raises UserError, one line, for a path that is missing, a folder, not audio, without sound or
    of zero length. Damage further in is skipped, so that what follows comes earlier, and said in
    notices() when the end is reached.
    """

    state = "hearing"

    def __init__(self, path: str | Path, loop: bool = False, label: str = "") -> None:
        self.path = Path(path)
        self.loop = loop
        self.label = label or self.path.name
        self._notices: deque[str] = deque(maxlen=8)
        self._start()
        if not self._pending.size:
            raise UserError(f"{path}: there is no sound in it, its length is zero")

    def _start(self) -> None:
        self._blocks = decode.mono(self.path, self._notices)
        self._pending = next(self._blocks, _EMPTY)  # decoded, and not yet due
        self._length = self._pending.size  # samples decoded in this turn of the loop
        self._skipped = 0  # samples jumped over, that never were in the ring
        self._ring = Ring()

    def window(self, t: float, n: int) -> Sound:
        end = round(t * SAMPLERATE)
        if end <= 0:
            return Sound(np.zeros(n, np.float32), SAMPLERATE, end, t)
        oldest = self._skipped + self._ring.written - self._ring.capacity
        if end - n < oldest:  # time went back, further than we remember
            self._blocks.close()
            self._start()
        while (missing := end - self._skipped - self._ring.written) > 0:
            if not self._pending.size:
                self._decode_more(missing)
            else:
                self._ring.append(self._pending[:missing, None])
                self._pending = self._pending[missing:]
        samples: FloatArray = self._ring.read(n, end - self._skipped)[:, 0]
        return Sound(np.clip(samples, -1.0, 1.0), SAMPLERATE, end, t)

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
            self._blocks = decode.mono(self.path, deque(maxlen=1))  # damage was said before
            self._pending = next(self._blocks, _EMPTY)
        except UserError as error:  # deleted or replaced while it played: no reason to stop a set
            self._pending = _EMPTY
            self._notices.append(f"{error}; playing silence")
        self._length = self._pending.size
        self.loop = self._length > 0

    def notices(self) -> list[str]:
        return drain(self._notices)

    def close(self) -> None:
        self._blocks.close()


def audio_samples(path: str | Path, notices: deque[str] | None = None) -> int:
    """How many samples the file decodes to at 48 kHz, counted by decoding all of it.

    (What a file says of its own length is often wrong.) Takes about a second for five minutes of
    mp3. notices: where to say what is damaged, or missing. Raises UserError as AudioFile does.
    """
    said: deque[str] = deque(maxlen=1) if notices is None else notices
    count = sum(block.size for block in decode.mono(Path(path), said))
    if not count:
        raise UserError(f"{path}: there is no sound in it, its length is zero")
    return count


def audio_duration_s(path: str | Path, notices: deque[str] | None = None) -> float:
    """The exact length of a file in seconds; see audio_samples()."""
    return audio_samples(path, notices) / SAMPLERATE
