"""The verb `flashes`: whether a video flashes more than is allowed, by the standards' own limits.

The rules stand in visualiser/look/flashes.py. Unlike the live guard this looks at every pixel: at
means, in linear light, over cells of about a tenth of a degree. What alternates within a cell and
is balanced does not count, as the standard has it for fine patterns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from visualiser.audio.decode import opened
from visualiser.files import refuse_endless
from visualiser.images import open_image
from visualiser.look.flashes import KINDS, STANDARD, Limits, Watch, linear, signals
from visualiser.types import FloatArray, UserError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_SHAPE = (168, 300)  # cells, where there are as many pixels; a field of ten degrees has a third
_APART_S = 1.0  # between two violations that are told as two
_LOST_S = 0.25  # of a file's own length, that may be missing at its end

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Violation:
    """More flashes than are allowed. kind: general or red; from_s, to_s: from the first picture
    that completes one too many to the last; flashes: the most in any second; area: the largest that
    flashed as often, in shares of a field of ten degrees."""

    kind: str
    from_s: float
    to_s: float
    flashes: float
    area: float

    def __str__(self) -> str:
        return (
            f"{self.from_s:.2f} to {self.to_s:.2f} s: {self.kind} flashes,"
            f" {self.flashes:g} in a second, over {self.area:.0%} of a field of view"
        )


class Audit:
    """Judges pictures that come one after the other, of one size."""

    def __init__(self, limits: Limits = STANDARD) -> None:
        self._limits = limits
        self._watch: Watch | None = None
        self._shape = (0, 0)
        self._found: list[Violation] = []
        self._open: dict[str, Violation] = {}

    def see(self, pixels: Pixels, t: float) -> None:
        """A picture, (H, W, 3) sRGB 0..255, that is seen from t on, s; t must grow."""
        if self._watch is None:
            height, width = (max(length // 6 * 6, 6) for length in pixels.shape[:2])
            self._shape = min(height, _SHAPE[0]), min(width, _SHAPE[1])
            self._watch = Watch(self._shape, self._limits)
        means = _pooled(pixels, self._shape).reshape(-1, 3)
        watch = self._watch
        watch.expire(t)
        steps = watch.step(signals(means[:, 0], means[:, 1], means[:, 2]))
        bad = watch.too_much(steps)
        watch.take(steps, t)
        for kind in bad:
            changes, area = watch.count(steps, kind)
            before = self._open.pop(kind, None)
            if before is not None and t - before.to_s >= _APART_S:
                self._found.append(before)
                before = None
            self._open[kind] = Violation(
                kind,
                before.from_s if before else t,
                t,
                max(changes / 2, before.flashes if before else 0.0),
                max(area, before.area if before else 0.0),
            )

    @property
    def violations(self) -> list[Violation]:
        """All so far, in the order of their beginnings."""
        found = [*self._found, *self._open.values()]
        return sorted(found, key=lambda each: (each.from_s, KINDS.index(each.kind)))


def flashes(path: Path, as_json: bool) -> int:
    """Judge a video and tell what is found; 0 if it complies, else 1.

    UserError, one line: for a path that is missing, a folder, no video, damaged or cut short; what
    cannot be read whole cannot be said to comply.
    """
    audit = Audit()
    frames, t = 0, 0.0
    for pixels, t in pictures(path):
        audit.see(pixels, t)
        frames += 1
    found = audit.violations
    if as_json:
        report = {"file": str(path), "frames": frames, "last_s": round(t, 3)}
        told = [{k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(each).items()}
                for each in found]  # fmt: skip
        print(json.dumps(report | {"complies": not found, "violations": told}, indent=2))
    else:
        for violation in found:
            print(violation)
        verdict = "flashes more than three times in a second" if found else "complies"
        print(f"{path}: {verdict} (WCAG 2.3.1; {frames} pictures, {t:.1f} s)")
    return 1 if found else 0


def pictures(path: Path) -> Iterator[tuple[Pixels, float]]:
    """A video's pictures, (H, W, 3) sRGB, small ones of large ones, and their times from the first
    one's on, s. UserError as above, with the first picture or where damage is met."""
    return _of_webp(path) if _is_webp(path) else _of_video(path)


def _of_video(path: Path) -> Iterator[tuple[Pixels, float]]:
    import av

    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        first: float | None = None
        t = last = -1.0
        try:
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise UserError(_damaged(path, max(t, 0)))
                now = frame.time if frame.time is not None else t + 1 / 25
                first = now if first is None else first
                t = now - first
                if t <= last:  # seen by nobody
                    continue
                last = t
                size = _small(frame.width, frame.height)
                small = frame.reformat(*size, format="rgb24", interpolation="AREA")
                yield np.asarray(small.to_ndarray(), np.uint8), t
        except (av.FFmpegError, ValueError):
            raise UserError(_damaged(path, max(t, 0))) from None
        if first is None:
            raise UserError(f"{path}: has no picture in it that can be read")
        length_s = _length_s(container, stream)
        if length_s - t > max(_LOST_S, 2 * _frame_s(stream)):
            raise UserError(
                f"{path}: cut short, {length_s - t:.1f} s of {length_s:.1f} s are missing"
            )


def _is_webp(path: Path) -> bool:
    try:
        refuse_endless(path)
        with path.open("rb") as file:
            begin = file.read(12)
    except OSError:  # which is told where it is opened
        return False
    return begin[:4] == b"RIFF" and begin[8:] == b"WEBP"


def _of_webp(path: Path) -> Iterator[tuple[Pixels, float]]:
    """With Pillow: ffmpeg reads none that moves."""
    from PIL import Image

    t_ms = 0.0
    try:
        with open_image(path) as film:
            size = _small(*film.size)
            for n in range(getattr(film, "n_frames", 1)):
                film.seek(n)
                small = film.convert("RGB").resize(size, Image.Resampling.BOX)
                yield np.asarray(small, np.uint8), t_ms / 1e3
                t_ms += film.info.get("duration", 0)
    except (OSError, EOFError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise UserError(_damaged(path, t_ms / 1e3)) from None


def _damaged(path: Path, t: float) -> str:
    return f"{path}: damaged at {t:.1f} s, so it cannot be said whether it complies"


def _small(width: int, height: int) -> tuple[int, int]:
    """As large as needed: up to three pixels a cell each way."""
    rows, columns = _SHAPE
    return min(width, 3 * columns), min(height, 3 * rows)


def _length_s(container: InputContainer, stream: VideoStream) -> float:
    """Of the pictures, as the file says itself; 0 where it does not."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if len(container.streams) == 1:  # with sound, that may be the sound's
        return (container.duration or 0) / 1e6
    return 0.0


def _frame_s(stream: VideoStream) -> float:
    return float(1 / stream.average_rate) if stream.average_rate else 0.0


def _opened(path: Path) -> InputContainer:
    refusal = "is not a video, or is cut short (mp4, mkv and webm are read)"
    container = opened(path, "a video", refusal)
    if not container.streams.video:
        container.close()
        raise UserError(f"{path}: has no video in it")
    return container


def _pooled(pixels: Pixels, shape: tuple[int, int]) -> FloatArray:
    """The means of linear light in every cell: (rows, columns, 3)."""
    light = linear(pixels)
    for axis, cells in enumerate(shape):
        length = light.shape[axis]
        if length == cells:
            continue
        if length < cells:  # a picture of less than six pixels
            light = light.take(np.arange(cells) * length // cells, axis)
        elif length == 3 * cells:
            parts = (*light.shape[:axis], cells, 3, *light.shape[axis + 1 :])
            light = light.reshape(parts).mean(axis + 1)
        else:
            edges = np.arange(cells) * length // cells
            widths = np.diff(np.append(edges, length)).astype(np.float32)
            shaped = widths.reshape([-1 if n == axis else 1 for n in range(3)])
            light = (np.add.reduceat(light, edges, axis) / shaped).astype(np.float32)
    return light
