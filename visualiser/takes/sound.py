"""The sound of takes that are cut or joined: from beside them, or from their songs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from visualiser.audio.source import SAMPLERATE
from visualiser.film.soundtrack import Stretches
from visualiser.takes.log import flac_of
from visualiser.takes.splice import Piece
from visualiser.types import FloatArray

BLOCK = 960  # samples: where a song is, is asked so often
LEVELS = 32768


def is_needed(pieces: Iterable[Piece]) -> bool:
    """Whether it must lie beside the new take: where some of it lies beside the old ones, or where
    there is more than one song to go along. One song is found by itself."""
    pieces = list(pieces)
    heads = [piece.part.head for piece in pieces]
    beside = any(flac_of(piece.take.path).is_file() for piece in pieces)
    return beside or len({(head.song, head.loops) for head in heads}) > 1


def lost(pieces: Iterable[Piece]) -> list[str]:
    """Songs that are not there any more, where they would be needed."""
    songs = {p.part.head.song: None for p in pieces if not flac_of(p.take.path).is_file()}
    return [song for song in songs if song and not Path(song).is_file()]


def write(pieces: Iterable[Piece], path: Path) -> None:
    """All of it as FLAC, with silence where there was none. Raises OSError."""
    import av

    with av.open(str(path), "w", format="flac") as file:
        stream: Any = file.add_stream("flac", rate=SAMPLERATE, layout="stereo")
        stream.format = "s16"
        written = 0
        for samples in _all(pieces):
            levels = np.clip(np.round(samples * LEVELS), -LEVELS, LEVELS - 1).astype(np.int16)
            frame: Any = av.AudioFrame.from_ndarray(
                levels.reshape(1, -1), format="s16", layout="stereo"
            )
            frame.sample_rate, frame.time_base = SAMPLERATE, Fraction(1, SAMPLERATE)
            frame.pts = written
            written += len(levels)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _all(pieces: Iterable[Piece]) -> Iterator[FloatArray]:
    """Blocks of (n, 2), -1..1, as long as the pieces together, to the sample."""
    began_s, done = 0.0, 0
    for piece in pieces:
        ends = round((began_s + piece.part.seconds) * SAMPLERATE)
        stretches, is_beside = _stretches(piece)
        first = done
        while done < ends:
            n = min(BLOCK, ends - done)
            since = (done - first) / SAMPLERATE
            at = piece.start_s + since if is_beside else piece.part.song_at(
                piece.part.begin_s + since)  # fmt: skip
            if stretches is None or at is None:
                yield np.zeros((n, 2), np.float32)
            else:
                yield stretches.read(round(at * SAMPLERATE), n)
            done += n
        began_s += piece.part.seconds
        if stretches is not None:
            stretches.close()


def _stretches(piece: Piece) -> tuple[Stretches | None, bool]:
    """Where the sound of a piece is, and whether that lies beside its take."""
    beside, head = flac_of(piece.take.path), piece.part.head
    if beside.is_file():
        return Stretches(beside), True
    song = Path(head.song)
    return (Stretches(song, head.loops) if head.song and song.is_file() else None), False
