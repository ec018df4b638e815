"""Takes: what was played is in the file, to the last bit, and as much of it as was written."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser.controls import Nudge, Stroke, Swap
from visualiser.nets import checkpoint
from visualiser.takes.events import Head, digest, rounded
from visualiser.takes.log import Log
from visualiser.takes.read import Take, read
from visualiser.types import Features, Tick, UserError

HEAD = Head(7, {"show.speed": 1.5, "look.look": "relief", "look.smooth": True},
            "2026-11-24T20:00:00", "song.flac")  # fmt: skip
SHAPES, PETALS = (checkpoint.find(name) for name in ("shapes", "petals"))


def heard(rng: np.random.Generator) -> Features:
    scalars = rng.random(11).tolist()
    return rounded(Features(scalars[0], rng.random(16, np.float32), -60 * scalars[1],
                            onset=scalars[2], loudness=scalars[3], beats=1000 * scalars[4],
                            bpm=180 * scalars[5], beat_confidence=scalars[6]))  # fmt: skip


def play(folder: Path, n: int = 300, commands: dict[int, Any] | None = None) -> list[tuple]:
    """Write n ticks; what was written."""
    rng, log = np.random.default_rng(1), Log(HEAD, folder=folder)
    t, written = 0.0, []
    for i in range(n):
        dt = float(rng.uniform(0.01, 0.03)) if i else 0.0
        t += dt
        row = (Tick(i, t, dt), heard(rng), tuple((commands or {}).get(i, ())))
        log.write(*row, PETALS if i > 100 else SHAPES, song_at=2.0 + t)
        written.append(row)
    log.close()
    assert not log.lost and not log.said()
    return written


def only(folder: Path) -> Path:
    [path] = folder.glob("*.take.gz")
    return path


def same(one: Features, other: Features) -> bool:
    names = ("rms", "level_dbfs", "onset", "loudness", "bpm", "beats", "beat_confidence")
    return (one.bands == other.bands).all() and all(
        getattr(one, name) == getattr(other, name) for name in names
    )


COMMANDS = {
    3: [("show.speed", 0.1 + 0.2), ("show.driver", "audio"), ("look.smooth", False)],
    50: [("show.model", Nudge(1)), ("show.mode", Swap("pixel", "latent"))],
    51: [("draw.line", Stroke((0.1, 0.2), (1 / 3, 0.4)))],
}


def test_a_take_reads_back_the_very_same(tmp_path: Path) -> None:
    written = play(tmp_path, commands=COMMANDS)
    take = read(only(tmp_path))
    assert take.is_whole and take.head == HEAD
    assert take.models == {str(path): digest(path) for path in (SHAPES, PETALS)}
    assert [event.song_at for event in take.events[:5]] == pytest.approx(
        [2 + event.tick.t for event in take.events[:5]], abs=1e-6
    )
    assert take.seconds == written[-1][0].t
    assert [event.tick for event in take.events] == [tick for tick, _, _ in written]
    assert [event.commands for event in take.events] == [asked for _, _, asked in written]
    assert all(
        same(event.features, row[1]) for event, row in zip(take.events, written, strict=True)
    )


def test_anyone_can_look_into_it_and_it_is_small(tmp_path: Path) -> None:
    written = play(tmp_path, 1200)
    lines = gzip.decompress(only(tmp_path).read_bytes()).decode().splitlines()
    assert json.loads(lines[0])["squircle take"] == 1
    assert len(lines) == 1201
    assert only(tmp_path).stat().st_size / written[-1][0].t < 12_000  # of noise, the worst there is


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], bytes]:
    """What was written of 400 frames, and the file."""
    folder = tmp_path_factory.mktemp("whole")
    return play(folder, 400), only(folder).read_bytes()


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0.02, 0.999))
def test_a_take_whose_end_is_missing_is_read_to_its_last_whole_event(
    share: float, whole: tuple[list[Any], bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    written, data = whole
    path = tmp_path_factory.getbasetemp() / "cut.take.gz"
    path.write_bytes(data[: int(len(data) * share)])
    try:
        take = read(path)
    except UserError as error:
        assert share < 0.2 and str(path) in str(error)
        return
    assert not take.is_whole
    n = len(take.events)
    assert [event.tick for event in take.events] == [tick for tick, _, _ in written[:n]]
    assert n >= share * 400 - 60, "more than half a second and what zlib holds is missing"


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_take_that_someone_has_edited_is_read_or_refused_in_a_line(
    data: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    anything = st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=6,
    )
    head: Any = {"squircle take": 1, "seed": 1, "size": [64, 64], "song": "",
                 "created": "", "controls": {"show.speed": 1.0}}  # fmt: skip
    event: Any = {"i": 0, "t": 0.0, "dt": 0.0, "f": [0.0] * 27, "c": [["show.speed", 2.0]]}
    target = data.draw(st.sampled_from([head, event]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(anything)
    path = tmp_path_factory.mktemp("edited") / "a.take.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, [head, event, event])).encode()))
    try:
        assert isinstance(read(path), Take)
    except UserError as error:
        assert str(path) in str(error) and len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "no take"), (b"\x00\x01", "no take"), (gzip.compress(b"hello\n"), "no take"),
     (gzip.compress(b'{"squircle take": 2}\n'), "a newer one is needed"),
     (gzip.compress(b'{"squircle take": 1}\n'), "lacks"),
     (gzip.compress(b"[" * 100_000 + b"\n"), "take")],
)  # fmt: skip
def test_what_is_no_take_is_said_in_a_line(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "x.take.gz"
    path.write_bytes(data)
    with pytest.raises(UserError, match=words):
        read(path)


def test_where_nothing_can_be_written_the_show_goes_on_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "takes").write_text("a file where the folder should be")
    log, said = Log(HEAD, folder=tmp_path / "takes"), []
    for i in range(200):
        log.write(Tick(i, i / 60, 1 / 60), heard(np.random.default_rng(1)), (), SHAPES)
        if said := log.said():
            break
        time.sleep(0.01)
    log.close()
    assert len(said) == 1 and "not written down" in said[0]
