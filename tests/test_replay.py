"""A take played again: the same latents to the last bit, the same path at any rate, and a video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evening import evening
from program import Program, has_traceback, only, read_sound, read_video

from visualiser.audio.file import DEMO
from visualiser.frame import Frame
from visualiser.nets import checkpoint
from visualiser.run import declared_controls
from visualiser.takes.read import Take, read
from visualiser.takes.replay import Replay
from visualiser.types import UserError


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Frame], Take]:
    return evening(tmp_path_factory.mktemp("takes"))


def again(take: Take, fps: float, **instead: Any) -> list[Frame]:
    given = {key.replace("__", "."): value for key, value in instead.items()}
    replay = Replay(take, declared_controls(), given, checkpoint.MODELS)
    try:
        return [moment.frame for moment in replay.moments(fps)]
    finally:
        replay.close()


def test_its_latents_are_those_of_the_evening_to_the_last_bit(played) -> None:
    frames, take = played
    replay = Replay(take, declared_controls(), {}, checkpoint.MODELS)
    for frame, same in zip(frames, replay.ticks(), strict=True):
        assert same.model.name == frame.model.name and same.tick == frame.tick
        if frame.field is None:
            assert (same.z == frame.z).all()
        else:
            assert (same.field == frame.field).all()
    replay.close()


@pytest.mark.parametrize("fps", [24.0, 60.0, 100.0])
def test_at_another_rate_it_is_the_same_path(played, fps: float) -> None:
    frames, take = played
    began = frames[0].tick.t
    # Before the drawing, and before the driver that jumps.
    walk = [frame for frame in frames[:130] if frame.along is not None]
    times = np.array([event.tick.t for event in take.events[: len(walk)]]) - began
    along = np.array([frame.along for frame in walk])
    span = np.ptp(along, axis=0).max()
    for n, frame in enumerate(again(take, fps)):
        t = n / fps
        if t > times[-1] - 0.05:
            break
        straight = [np.interp(t, times, direction) for direction in along.T]
        assert np.abs(frame.along - straight).max() < 1e-3 * span


def test_another_model_and_look_are_taken_if_asked_for(played) -> None:
    _, take = played
    frames = again(take, 30, show__model="petals", look__look="neon")
    assert {frame.model.name for frame in frames} == {"petals"}


def test_what_was_cut_short_plays_as_far_as_it_goes(played, tmp_path: Path) -> None:
    _, take = played
    path = tmp_path / "cut.take.gz"
    path.write_bytes(take.path.read_bytes()[:-200])
    short = read(path)
    assert not short.is_whole and 0 < len(short.events) < len(take.events)
    assert len(again(short, 60)) == pytest.approx(short.seconds * 60, abs=2)


def test_a_set_becomes_a_video_with_its_sound_and_says_what_is_missing(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        play = ("--audio", DEMO, "--mute", "--driver", "audio", "--size", "320x180", "--fps", 30,
                "--model", "classic-28")  # fmt: skip
        done = program.run(*play, "--seconds", 2.5, env={"SDL_VIDEODRIVER": "dummy"})
        assert done.code == 0 and not has_traceback(done.err), done.err
        take = only(program.root / "takes", "*.take.gz")
        told = program.do("take", take)
        assert told.code == 0 and "0 min 2" in told.out and "missing" not in told.out

        def film(name: str, *options: object) -> Path:
            out = program.root / name
            done = program.do("render", "--take", take, "--size", "160x90", "-o", out, *options)
            assert done.code == 0, done.err
            return out

        one, two = film("one.mp4", "--fps", 20), film("two.mp4", "--fps", 20)
        video = read_video(one)
        assert video.length_s == pytest.approx(2.5, abs=0.2)
        other = np.flatnonzero((video.pictures != read_video(two).pictures).any(axis=(1, 2, 3)))
        assert not other.size, f"frames {other} are others the second time"
        sound = read_sound(one)
        assert sound.size / 48_000 == pytest.approx(2.5, abs=0.3) and np.abs(sound).max() > 0.1
        part = read_video(film("part.mp4", "--from", 1, "--seconds", 1, "--fps", 60))
        assert len(part.times_s) == 60
        begun = read_video(film("begun.mp4", "--from", 0, "--seconds", 0.5, "--fps", 20))
        assert len(begun.times_s) == 10

        model = program.root / "models" / "classic-28.safetensors"
        model.write_bytes((program.root / "models" / "petals.safetensors").read_bytes())
        out = program.root / "no.mp4"
        changed = program.do("render", "--take", take, "-o", out)
        assert changed.code == 2 and "another now" in changed.err and not out.exists()
        assert "another now" in program.do("take", take).out
        model.unlink()
        gone = program.do("render", "--take", take, "-o", out)
        assert gone.code == 2 and "is gone" in gone.err and "petals" in gone.err
        film("other.mp4", "--model", "petals", "--fps", 10)
        assert program.do("render", "--take", take, "-o", one).code == 2, "it writes over a video"
        assert program.do("render", "--take", tmp_path / "x", "-o", out).code == 2


def test_a_part_that_is_not_there_is_refused(played) -> None:
    from visualiser.film.replayed import Replayed, Wish

    _, take = played
    with pytest.raises(UserError, match="long"):
        Replayed(take, Wish(start_s=100.0), 30, declared_controls())
