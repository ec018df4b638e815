"""Takes cut and joined: what is left plays as it did, with its sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from evening import evening
from hypothesis import given, settings
from hypothesis import strategies as st
from program import read_sound, read_video, write_song

from visualiser.cli import main
from visualiser.frame import Moment
from visualiser.nets import checkpoint
from visualiser.run import declared_controls
from visualiser.takes.log import flac_of
from visualiser.takes.read import Take, read
from visualiser.takes.replay import Replay
from visualiser.takes.splice import pieces, write


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> list[Take]:
    """Two sets, of different seeds and models."""
    one = evening(tmp_path_factory.mktemp("one"), song="a.flac")[1]
    return [one, evening(tmp_path_factory.mktemp("two"), 100, "petals", 7, song="a.flac")[1]]


def levels(path: Path) -> np.ndarray:
    """(n,) the left channel of a FLAC, as it stands there."""
    with av.open(str(path)) as file:
        channels = file.streams.audio[0].codec_context.channels
        blocks = [frame.to_ndarray().reshape(-1, channels) for frame in file.decode(audio=0)]
    return np.concatenate(blocks)[:, 0]


def moments(take: Take, fps: float, *part: float) -> list[Moment]:
    replay = Replay(take, declared_controls(), {}, checkpoint.MODELS)
    try:
        return [each for each in replay.moments(fps, *part) if not each.is_before]
    finally:
        replay.close()


def same(one: Moment, other: Moment) -> bool:
    a, b = one.frame, other.frame
    return (
        a.model.name == b.model.name
        and (a.z is None or a.z.tobytes() == b.z.tobytes())
        and (a.field is None or a.field.tobytes() == b.field.tobytes())
        and one.features.bands.tobytes() == other.features.bands.tobytes()
        and a.tick == b.tick
    )


def cut(take: Take, path: Path, *part: float) -> Take:
    write([piece.part for piece in pieces(take, *part)], path)
    return read(path)


def joined(takes: list[Take], path: Path) -> Take:
    write([piece.part for take in takes for piece in pieces(take)], path)
    return read(path)


@settings(max_examples=8, deadline=None)
@given(start=st.floats(0.001, 3.5), seconds=st.floats(0.01, 3.0), fps=st.sampled_from([24, 60]))
def test_a_part_plays_as_in_the_whole_to_the_last_bit(
    start: float, seconds: float, fps: float, takes: list[Take], tmp_path_factory: Any
) -> None:
    stop = min(start + seconds, takes[0].seconds)
    part = cut(takes[0], tmp_path_factory.mktemp("cut") / "a.take.gz", start, stop)
    assert part.is_whole and part.seconds == pytest.approx(stop - start, abs=1e-9)
    assert len(part.events) <= len(takes[0].events)
    expected = moments(takes[0], fps, start, stop)
    found = moments(part, fps)
    assert abs(len(found) - len(expected)) <= 1  # the very last may be on the edge
    assert all(same(one, other) for one, other in zip(found, expected, strict=False))
    assert [moment.tick.t for moment in found[:3]] == [n / fps for n in range(len(found[:3]))]
    assert part.song_at(0.0) == pytest.approx(takes[0].song_at(start))


def test_a_part_of_a_part_is_that_part_of_the_whole(takes: list[Take], tmp_path: Path) -> None:
    once = cut(takes[0], tmp_path / "a.take.gz", 1.0, 3.0)
    twice = cut(once, tmp_path / "b.take.gz", 0.5, 1.5)
    assert all(map(same, moments(twice, 50), moments(takes[0], 50, 1.5, 2.5)))


def test_takes_that_are_joined_play_one_after_the_other(takes: list[Take], tmp_path: Path) -> None:
    one, other = takes
    both = joined(takes, tmp_path / "both.take.gz")
    assert both.is_whole and both.seconds == one.seconds + other.seconds
    assert set(both.models) == set(one.models) | set(other.models)
    found = moments(both, 50)
    times = [moment.tick.t for moment in found]
    assert times == [n / 50 for n in range(len(times))] and times[-1] > both.seconds - 0.021
    assert (np.diff([moment.frame.tick.t for moment in found]) >= 0).all()
    first = moments(one, 50)
    assert all(map(same, found[: len(first) - 1], first))
    # Between two ticks those of the other are elsewhere; at its own ticks they are the same.
    replay, alone = (Replay(t, declared_controls(), {}, checkpoint.MODELS) for t in (both, other))
    again = list(replay.ticks())[len(one.events) :]
    for frame, then in zip(again, alone.ticks(), strict=True):
        assert frame.tick == then.tick and frame.model.name == then.model.name
        assert frame.z is None or frame.z.tobytes() == then.z.tobytes()
    assert both.song_at(1.0) == one.song_at(1.0)
    assert both.song_at(one.seconds + 1.0) == pytest.approx(other.song_at(1.0))
    assert {m.frame.model.name for m in moments(both, 20, one.seconds + 0.1)} <= {"petals"}


def test_cut_in_two_and_joined_it_is_the_whole(takes: list[Take], tmp_path: Path) -> None:
    at = 2.0
    first = cut(takes[0], tmp_path / "a.take.gz", 0.0, at)
    second = cut(takes[0], tmp_path / "b.take.gz", at)
    both = joined([first, second], tmp_path / "c.take.gz")
    assert both.seconds == pytest.approx(takes[0].seconds)
    assert len(both.parts) == 2
    for found, expected in zip(moments(both, 50), moments(takes[0], 50), strict=False):
        if expected.frame.along is not None:
            assert found.frame.along == pytest.approx(expected.frame.along, abs=1e-4)
    part = cut(both, tmp_path / "d.take.gz", at + 0.5)
    assert len(part.parts) == 1 and part.seconds == pytest.approx(takes[0].seconds - at - 0.5)


def test_takes_put_together_by_other_programs_are_joined(takes: list[Take], tmp_path: Path) -> None:
    path = tmp_path / "cat.take.gz"
    path.write_bytes(b"".join(take.path.read_bytes() for take in takes))
    both = read(path)
    assert both.is_whole and both.seconds == takes[0].seconds + takes[1].seconds


def test_sound_beside_it_is_cut_and_joined_to_the_sample(takes: list[Take], tmp_path: Path,
                                                         capsys: Any) -> None:  # fmt: skip
    one = tmp_path / "one.take.gz"
    one.write_bytes(takes[0].path.read_bytes())
    seconds = takes[0].seconds
    write_song(tmp_path / "one.wav", seconds)
    with av.open(str(tmp_path / "one.wav")) as wav, av.open(str(flac_of(one)), "w") as flac:
        stream = flac.add_stream("flac", rate=48_000, layout="mono")
        for frame in wav.decode(audio=0):
            flac.mux(stream.encode(frame))
        flac.mux(stream.encode(None))
    whole = levels(flac_of(one))

    part = tmp_path / "part.take.gz"
    assert main(["take", str(one), "--from", "1.25", "--to", "2.5", "-o", str(part)]) == 0
    heard = levels(flac_of(part))
    assert (heard == whole[60_000:120_000]).all()

    silent = tmp_path / "silent.take.gz"
    silent.write_bytes(takes[1].path.read_bytes())
    both = tmp_path / "both.take.gz"
    assert main(["take", *map(str, (part, silent, part)), "-o", str(both)]) == 0
    assert "gone: there it is silent" in capsys.readouterr().err
    heard, gap = levels(flac_of(both)), round(takes[1].seconds * 48_000)
    assert (heard[:60_000] == whole[60_000:120_000]).all()
    assert not heard[60_000 : 60_000 + gap].any()
    assert (heard[60_000 + gap :] == whole[60_000:120_000]).all()

    film = tmp_path / "film.mp4"
    size = ["--size", "64x36", "--fps", "10"]
    assert main(["render", "--take", str(both), "-o", str(film), *size]) == 0
    assert read_video(film).length_s == pytest.approx(2.5 + takes[1].seconds, abs=0.2)
    assert np.abs(read_sound(film)[:50_000]).max() > 0.3


def test_songs_stay_where_they_were(tmp_path: Path) -> None:
    """Sets with different songs, and no sound beside them: joined, each is heard in its place."""
    for name in ("a", "b"):
        write_song(tmp_path / f"{name}.wav", 3.0, 0.0 if name == "a" else 1.0)
        evening(tmp_path / name, 60, "petals", song=str(tmp_path / f"{name}.wav"))
    one, other = (next((tmp_path / name).glob("*.take.gz")) for name in ("a", "b"))
    both = tmp_path / "both.take.gz"
    assert main(["take", str(one), str(other), "-o", str(both)]) == 0
    heard, ends = levels(flac_of(both)) / 32768, read(one).seconds
    for name, path, since in (("a", one, 0.5), ("b", other, ends + 0.3)):
        song, begins = read_sound(tmp_path / f"{name}.wav"), 0.0 if path is one else ends
        first = round(read(path).song_at(since - begins) * 48_000)
        start = round(since * 48_000)
        apart = heard[start : start + 4800] - song[first : first + 4800]
        assert np.abs(apart).max() < 1e-3


def test_what_cannot_be_done_is_said_in_a_line_and_nothing_is_lost(
    takes: list[Take], tmp_path: Path, capsys: Any
) -> None:
    one, out = tmp_path / "one.take.gz", tmp_path / "out.take.gz"
    data = takes[0].path.read_bytes()
    one.write_bytes(data)
    flac_of(out).write_bytes(b"someone else's")

    def refused(words: str, *arguments: object) -> None:
        assert main(["take", *map(str, arguments)]) == 2
        err = capsys.readouterr().err
        assert words in err and len(err.splitlines()) == 1, err
        assert one.read_bytes() == data
        assert not out.exists() and flac_of(out).read_bytes() == b"someone else's"

    refused("-o says where", one, "--from", 1)
    refused("-o says where", one, one)
    refused("ending must be .take.gz", one, "-o", tmp_path / "x.gz")
    refused("give the new take another name", one, "--from", 1, "-o", one, "--force")
    refused("long; allowed is a part", one, "--from", 99, "-o", tmp_path / "x.take.gz")
    refused("not 2 to 1 s", one, "--from", 2, "--to", 1, "-o", tmp_path / "x.take.gz")
    refused("for one take", one, one, "--to", 1, "-o", tmp_path / "x.take.gz")
    refused("would be its sound", one, "-o", out)
    refused("no folder", one, "-o", tmp_path / "none" / "x.take.gz")
    refused("cannot read", tmp_path, "-o", tmp_path / "x.take.gz")

    assert main(["take", str(one), "--to", "1", "-o", str(out), "--force"]) == 0
    assert not flac_of(out).exists(), "it would be heard with the sound of another"
    capsys.readouterr()
    refused_twice = main(["take", str(one), "-o", str(out)])
    assert refused_twice == 2 and "--force" in capsys.readouterr().err
    assert main(["take", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["seconds"] == pytest.approx(1.0) and told["whole"] and len(told["parts"]) == 1
