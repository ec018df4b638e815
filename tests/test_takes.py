"""Takes: what was played is in the file, to the last bit, and as much of it as was written."""

from __future__ import annotations

import gzip
import json
import math
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from program import wait_until

from visualiser.controls import Controls, Nudge, Stroke, Swap, choice
from visualiser.cue_files import Step
from visualiser.film.soundtrack import Stretches
from visualiser.nets import checkpoint
from visualiser.takes.events import Head, digest, rounded
from visualiser.takes.log import Log, flac_of
from visualiser.takes.needs import missing
from visualiser.takes.read import Take, read
from visualiser.types import Features, Sound, Tick, UserError

SHAPES, PETALS = (checkpoint.find(name) for name in ("shapes", "petals"))
HEAD = Head(7, {"show.speed": 1.5, "look.look": "relief", "look.smooth": True},
            "2026-11-24T20:00:00", "song.flac", models=(SHAPES.stem, PETALS.stem))  # fmt: skip


def heard(rng: np.random.Generator) -> Features:
    scalars = rng.random(11).tolist()
    return rounded(Features(scalars[0], rng.random(16, np.float32), -60 * scalars[1],
                            onset=scalars[2], loudness=scalars[3], beats=1000 * scalars[4],
                            bpm=180 * scalars[5], beat_confidence=scalars[6]))  # fmt: skip


def show(path: Path) -> Any:
    """One that plays that model."""
    controls = Controls(
        [choice("show.model", "", path.stem, (SHAPES.stem, PETALS.stem))],
        {"show.model": path.stem},
    )
    cues = SimpleNamespace(found=None)
    return SimpleNamespace(path=path, departed=None, controls=controls, cues=cues)


def play(folder: Path, n: int = 300, commands: dict[int, Any] | None = None) -> list[tuple]:
    """Write n ticks; what was written."""
    rng, log = np.random.default_rng(1), Log(HEAD, folder=folder)
    t, written, one, other = 0.0, [], show(SHAPES), show(PETALS)
    for i in range(n):
        dt = float(rng.uniform(0.01, 0.03)) if i else 0.0
        t += dt
        row = (Tick(i, t, dt), heard(rng), tuple((commands or {}).get(i, ())))
        log.write(*row, other if i > 100 else one, song_at=2.0 + t)
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
    assert json.loads(lines[0])["squircle take"] == 2
    assert len(lines) == 1201
    assert only(tmp_path).stat().st_size / written[-1][0].t < 12_000  # of noise, the worst there is


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[tuple]]:
    folder = tmp_path_factory.mktemp("whole")
    written = play(folder, 400, COMMANDS)
    return only(folder).read_bytes(), written


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0.0, 1.0, exclude_max=True) | st.floats(0.9, 1.0, exclude_max=True))
def test_a_take_whose_end_is_missing_is_read_to_its_last_whole_event(
    share: float, whole: tuple[bytes, list[tuple]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    data, written = whole
    path = tmp_path_factory.getbasetemp() / "cut.take.gz"
    path.write_bytes(data[: int(len(data) * share)])
    try:
        take = read(path)
    except UserError as error:
        assert share < 0.2 and str(path) in str(error) and "\n" not in str(error)
        return
    assert not take.is_whole
    assert [event.commands for event in take.events] == [
        asked for _, _, asked in written[: len(take.events)]
    ]
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
    head: Any = {"squircle take": 2, "seed": 1, "size": [64, 64], "song": "", "created": "",
                 "loops": True, "models": ["shapes"], "begin": 0.0, "end": 1.0,
                 "controls": {"show.speed": 1.0}}  # fmt: skip
    event: Any = {"i": 0, "t": 0.0, "dt": 0.0, "f": [0.0] * 27, "c": [["show.speed", 2.0]],
                  "p": "shapes", "m": {"shapes": ""}, "o": ["petals"], "d": [0.0], "s": 1.0,
                  "w": {"q": {"1": ""}, "l": [[1, None, None, None]], "x": [2]},
                  "q": {"1": ""}, "l": []}  # fmt: skip
    target = data.draw(st.sampled_from([head, event]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(anything)
    path = tmp_path_factory.mktemp("edited") / "a.take.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, [head, event, event])).encode()))
    try:
        take = read(path)
        assert isinstance(take, Take) and 0 <= take.seconds < math.inf
        take.song_at(0.0)
        missing(take)
    except UserError as error:
        assert str(path) in str(error) and len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "no take"), (b"\x00\x01", "no take"), (gzip.compress(b"", mtime=0), "no take"),
     (gzip.compress(b"hello\n", mtime=0), "no take"),
     (gzip.compress(b'{"squircle take": 3}\n', mtime=0), "a newer one is needed"),
     (gzip.compress(b'{"squircle take": 1}\n', mtime=0), "lacks"),
     (gzip.compress(b'{"squircle take": [1]}\n', mtime=0), "newer"),
     (gzip.compress(b"[" * 100_000 + b"\n", mtime=0), "take")],
)  # fmt: skip
def test_what_is_no_take_is_said_in_a_line(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "x.take.gz"
    path.write_bytes(data)
    with pytest.raises(UserError, match=words):
        read(path)


def test_a_folder_is_no_take(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "not there"):
        with pytest.raises(UserError, match="cannot read"):
            read(path)


def test_a_take_that_unpacks_to_far_more_than_a_day_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.take.gz"
    path.write_bytes(gzip.compress(b" " * 50_000_000))
    with pytest.raises(UserError, match="too large"):
        read(path)


def test_a_take_of_the_first_version_is_read(tmp_path: Path) -> None:
    """It told of cues and steps as they were after the tick."""
    head = {"squircle take": 1, "created": "", "seed": 1, "size": [64, 64], "song": "",
            "controls": {"show.speed": 1.0}}  # fmt: skip
    first = {"i": 0, "t": 0.5, "dt": 0.0, "f": [0.0] * 27, "m": {"models/shapes.safetensors": ""}}
    cue = 'name = "a"\nmodel = "shapes"\npoint = [0.5, 1]\n\n[show]\nspeed = 2.0\n'
    told = {"i": 1, "t": 1.0, "q": {"3": cue, "4": ""}, "l": [[3, None, 2.0, None]], "s": 1.0}
    lines = [head, first, told, {"i": 2, "t": 1.5}, {"i": 3, "t": 2.0}]
    path = tmp_path / "old.take.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    take = read(path)
    assert take.is_whole and take.seconds == 1.5 and not take.head.models
    found = [event.found for event in take.events]
    assert found[:2] == [None, None] and found[3] is None and found[2] is not None
    assert found[2].cues[3].controls == {"show.speed": 2.0} and found[2].cues[4] is None
    assert found[2].steps == (Step(3, None, 2.0, None),)
    assert take.song_at(1.0) == 1.5


@contextmanager
def no_file_larger_than(n: int) -> Iterator[None]:
    """Of all that this process writes, bytes."""
    before, heed = resource.getrlimit(resource.RLIMIT_FSIZE), signal.SIG_IGN
    heed = signal.signal(signal.SIGXFSZ, heed)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heed)


def noise(n: int, rng: np.random.Generator) -> Sound:
    """As a microphone hears it at tick n."""
    samples = rng.uniform(-0.5, 0.5, 2048).astype(np.float32)
    return Sound(samples, 48_000, n * 800, n / 60)


def test_a_disk_that_is_full_of_sound_ends_that_in_a_line_and_the_take_goes_on(
    tmp_path: Path,
) -> None:
    log, said, rng = Log(HEAD, True, folder=tmp_path), [], np.random.default_rng(1)
    one = show(SHAPES)
    with no_file_larger_than(150_000):
        for i in range(240):
            log.write(Tick(i, i / 60, 1 / 60), heard(rng), (), one, noise(i, rng))
            said += log.said()
            time.sleep(0.0005)
        log.close()
    said += log.said()
    path = next(tmp_path.glob("*.take.gz"))
    take, stretches = read(path), Stretches(flac_of(path))
    samples = stretches.read(0, 4 * 48_000)
    stretches.close()
    assert take.is_whole and take.seconds == pytest.approx(239 / 60)
    assert len(said) == 1 and "what is heard is not kept any more" in said[0]
    heard_s = np.flatnonzero(samples[:, 0])[-1] / 48_000
    assert 150_000 / 96_000 - 0.3 < heard_s < 3.5, "not all that there was room for can be heard"


def test_a_folder_that_goes_while_a_take_is_written_is_told(tmp_path: Path) -> None:
    folder, said, rng = tmp_path / "takes", [], np.random.default_rng(1)
    log, one = Log(HEAD, True, folder=folder), show(SHAPES)
    for i in range(240):
        log.write(Tick(i, i / 60, 1 / 60), heard(rng), (), one, noise(i, rng))
        said += log.said()
        if i == 60:
            wait_until(lambda: not log.waiting, "what was written")
            shutil.rmtree(folder)
        if i > 60:
            time.sleep(0.002)
    log.close()
    assert len(said) == 1 and "not written down any more" in said[0] and str(folder) in said[0]


def test_a_full_disk_ends_the_take_in_a_line_and_what_was_written_is_read(tmp_path: Path) -> None:
    log, said, rng = Log(HEAD, folder=tmp_path), [], np.random.default_rng(1)
    one = show(SHAPES)
    with no_file_larger_than(30_000):
        for i in range(2000):
            log.write(Tick(i, i / 60, 1 / 60), heard(rng), (), one)
            said += log.said()
            if said:
                break
            time.sleep(0.0005)
        log.close()
    path = only(tmp_path)
    assert len(said) == 1 and "not written down any more" in said[0] and str(path) in said[0]
    take = read(path)
    assert not take.is_whole and len(take.events) > 50


def test_ticks_that_find_no_room_are_told_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visualiser.takes.log.ROOM", 2)
    log, rng, one = Log(HEAD, folder=tmp_path), np.random.default_rng(1), show(SHAPES)
    for i in range(300):
        log.write(Tick(i, i / 60, 1 / 60), heard(rng), (), one)
    deadline = time.monotonic() + 10
    while log.waiting and time.monotonic() < deadline:
        time.sleep(0.01)
    log.write(Tick(300, 5.0, 1 / 60), heard(rng), (), one)
    log.close()
    assert log.lost > 0 and ["not exact" in line for line in log.said()] == [True]
    take = read(only(tmp_path))
    assert take.is_whole and take.parts[0].lost == log.lost


def test_where_nothing_can_be_written_the_show_goes_on_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "takes").write_text("a file where the folder should be")
    log, said = Log(HEAD, folder=tmp_path / "takes"), []
    for i in range(200):
        log.write(Tick(i, i / 60, 1 / 60), heard(np.random.default_rng(1)), (), show(SHAPES))
        if said := log.said():
            break
        time.sleep(0.01)
    log.close()
    assert len(said) == 1 and "not written down" in said[0]
