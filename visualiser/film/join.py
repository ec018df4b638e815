"""The parts of a film in one file, as they were encoded, and its sound with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from visualiser.files import replacing
from visualiser.film.soundtrack import Soundtrack
from visualiser.types import UserError
from visualiser.video.formats import FORMATS, exact
from visualiser.video.pictures import nth, there
from visualiser.voice import Voice


def join(
    parts: Sequence[tuple[Path, int]], out: Path, fps: float, soundtrack: Soundtrack | None
) -> None:
    """parts: in order, with how many frames each must have. OSError where it cannot be written;
    UserError where a part is damaged, which is taken away then."""
    import av

    rate = exact(fps)
    kind = FORMATS[out.suffix.lower()]
    options = {"movflags": "faststart"} if kind.suffix in (".mp4", ".mov") else {}
    with av.open(str(out), "w", options=options) as file:
        video = voice = None
        start = heard = 0
        lead: int | None = None  # of decoding over showing, in frames: a short part needs less
        for path, frames in parts:
            first: int | None = None
            behind = 0
            for source, packet in _packets(path, frames):
                if video is None:
                    video = file.add_stream_from_template(source)
                    video.time_base = 1 / rate
                    video.metadata.update(source.metadata)  # of VP9, that there is alpha
                    voice = Voice(file, kind.sound, 2) if soundtrack else None
                unit = packet.time_base * rate  # frames, exactly: it may be coarser than they
                if first is None:
                    first, own = packet.pts, round((packet.pts - packet.dts) * unit)
                    lead = own if lead is None else lead
                    behind = lead - own
                packet.pts = start + round((packet.pts - first) * unit)
                packet.dts = start + round((packet.dts - first) * unit) - behind
                packet.duration, packet.time_base = 1, 1 / rate
                packet.stream = video
                file.mux(packet)
                if soundtrack is not None and voice is not None:
                    _hear(soundtrack, voice, heard, fps)
                    heard += 1
            start += frames
        if voice is not None:
            voice.close((start - 1) / fps)


def lay_out(parts: Sequence[tuple[Path, int]], out: Path) -> None:
    """The pictures of parts, as they were encoded, each in a file of its own: all or none of them.
    out: the sequence; one that is there goes, for a longer one would go on behind the new. Raises
    as `join` does."""
    done: list[Path] = []
    for each in there(out):
        each.unlink()
    try:
        for path, frames in parts:
            for _, packet in _packets(path, frames):
                done.append(nth(out, len(done)))
                with replacing(done[-1]) as part:
                    part.write_bytes(bytes(packet))
    except BaseException:
        for each in done:
            each.unlink(missing_ok=True)
        raise


def _packets(path: Path, frames: int) -> Iterator[tuple[Any, Any]]:
    """The stream of a part, and its packets one by one. UserError if there are not so many."""
    import av

    found = 0
    try:
        # An edit list is how players are told where pictures begin; here the first does.
        part = av.open(str(path), options={"ignore_editlist": "1"})
        source = part.streams.video[0]
    except (av.FFmpegError, IndexError) as error:
        raise _damaged(path) from error
    with part:
        for packet in part.demux(source):
            if packet.dts is None or packet.pts is None:
                continue  # the end
            yield source, packet
            found += 1
    if found != frames:
        raise _damaged(path)


def _hear(soundtrack: Soundtrack, voice: Voice, n: int, fps: float) -> None:
    """The sound of one frame."""
    if heard := soundtrack.between(n / fps, (n + 1) / fps):
        voice.hear(heard)
    voice.keep_up(n / fps)


def _damaged(path: Path) -> UserError:
    path.unlink(missing_ok=True)
    return UserError(f"{path} was damaged, and is gone: the same command renders it again")
