"""What is seen of a take where something stands between the picture and the audience: as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import hear
from program import write_song

from visualiser.calm import calm
from visualiser.controls import Command, Controls
from visualiser.curtain import Curtain
from visualiser.decode import Inline
from visualiser.film.drawing import Drawing
from visualiser.film.performance import Performance
from visualiser.film.replayed import Replayed, Wish
from visualiser.film.segments import Form, cut, drawn
from visualiser.run import declared_controls
from visualiser.show import Show
from visualiser.takes.events import Head, rounded
from visualiser.takes.log import Log, flac_of
from visualiser.takes.read import Take, read
from visualiser.takes.splice import pieces, write
from visualiser.types import Tick
from visualiser.video.formats import Quality

FPS = 20.0
SIZE = (64, 36)
FORM = Form(SIZE, FPS, ".mp4", Quality(18, "ultrafast"))
Play = Callable[..., tuple[Take, list[float]]]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """A take of somebody who does that at those frames, and how dark it was live at each."""

    def play(frames: int, script: dict[int, list[Command]], song: str = "", **begin: object):
        controls = Controls(
            declared_controls(), {k.replace("__", "."): v for k, v in begin.items()}
        )
        show = Show(controls, Inline(lambda frame: frame), 1)
        curtain, dark = Curtain(controls), []
        values = {each.id: controls[each.id] for each in controls if each.is_setting}
        folder = tmp_path / f"take-{len(list(tmp_path.iterdir()))}"
        log = Log(Head(1, values, "2026-11-24T20:00:00", song), folder=folder)
        for i in range(frames):
            commands = list(script.get(i, []))
            if ("stage.panic", True) in commands:  # as Stage.obey does
                commands += calm(controls, show.paused, has_failed=False)
                curtain.open()
            tick = Tick(i, i / FPS, 1 / FPS if i else 0.0)
            features = rounded(hear(0.5, i % 7 / 7))
            show.update(tick, features, commands)
            log.write(tick, features, commands, show)
            curtain.advance(tick)
            dark.append(curtain.dark)
        log.close()
        show.close()
        return read(next(folder.glob("*.take.gz"))), dark

    return play


def film(take: Take, start_s: float = 0.0, fps: float = FPS) -> Performance:
    return Replayed(take, Wish(start_s=start_s), fps, declared_controls())


def pictures(film: Performance) -> np.ndarray:
    """(n, H, W, 4) of a film, in segments of a second."""
    found = []
    for segment in cut(film, FORM, 1.0):
        for canvas in drawn(segment):
            raw = canvas.get_buffer().raw
            found.append(np.frombuffer(raw, np.uint8).reshape(SIZE[1], SIZE[0], 4))
    film.close()
    assert len(found) == film.frames
    return np.array(found)


DARK: dict[int, list[Command]] = {5: [("stage.fade", True)], 40: [("stage.panic", True)]}


@pytest.mark.parametrize("fps", [FPS, 7.0])
def test_after_a_panic_the_picture_is_there_at_once_as_it_was(play: Play, fps: float) -> None:
    take, live = play(80, DARK, stage__fade_s=1.0)
    assert live[38] == 1 and live[40] == 0
    performance = film(take, fps=fps)
    drawing, dark = Drawing(performance.controls, SIZE), []
    for moment in performance.moments():
        drawing.skip(moment)
        dark.append((moment.tick.t, drawing.state[1].dark))
    for t, found in dark:
        if abs(t - 2.0) > 1 / FPS:  # which of the two frames is shown there is a matter of taste
            assert found == pytest.approx(np.interp(t, np.arange(80) / FPS, live), abs=0.2), t
        if 1.5 < t < 1.9:
            assert found == 1
        if t > 2.05:
            assert found == 0


SCRIPTS: dict[str, dict[int, list[Command]]] = {
    "frozen": {11: [("stage.freeze", True)], 55: [("stage.freeze", False)]},
    "on its way to black": {34: [("stage.fade", True)]},
    "colours that turn": {3: [("look.look", "silk")]},
    "another model": {36: [("show.model", "petals")]},
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_part_of_a_take_looks_as_in_the_whole(play: Play, tmp_path: Path, name: str) -> None:
    """Also what began before it: cut off for good, or left out of one film."""
    begin = {"look__drift": 0.2, "stage__fade_s": 4.0, "look__model_fade": 2.0}
    take = play(60, SCRIPTS[name], **begin)[0]
    whole = pictures(film(take))
    assert (whole[40] != whole[0]).any()
    np.testing.assert_array_equal(pictures(film(take, 2.0)), whole[40:])
    write([piece.part for piece in pieces(take, 2.0)], tmp_path / "part.take.gz")
    np.testing.assert_array_equal(pictures(film(read(tmp_path / "part.take.gz"))), whole[40:])


def test_a_song_that_is_gone_or_another_is_told_and_one_that_was_kept_is_not(
    play: Play, tmp_path: Path
) -> None:
    song = tmp_path / "song.wav"
    write_song(song, 1.0)
    take = play(20, {}, song=str(song))[0]

    def told() -> list[str]:
        made = Replayed(take, Wish(), FPS, declared_controls())
        made.close()
        return made.notices

    assert told() == []
    write_song(song, 1.5)
    assert told() == [
        f"{take.path}: its song {song} is another now, which is what it is played with"
    ]
    song.unlink()
    assert told() == [f"{take.path}: its song {song} is gone; --audio plays it with another"]
    write_song(flac_of(take.path), 1.0)
    assert told() == []


def test_a_song_that_is_not_as_long_as_the_take_is_told(play: Play, tmp_path: Path) -> None:
    take = play(60, {})[0]  # 3 s, but for the last frame

    def told(song_s: float, **wish: object) -> list[str]:
        song = tmp_path / f"{song_s}.wav"
        write_song(song, song_s)
        made = Replayed(take, Wish(song, **wish), FPS, declared_controls())
        made.close()
        return [line.removeprefix(f"{song}: ") for line in made.notices]

    is_long = "it is {} long, and the take is shown to 0 min {}"
    assert told(2.0) == [is_long.format("0 min 2.0 s", "3.0 s: after its end it is silent")]
    assert told(4.0) == [is_long.format("0 min 4.0 s", "3.0 s: the rest is cut off")]
    assert told(2.95) == []
    assert told(4.0, seconds=1.0) == [], "that is what was asked for"
    assert told(2.0, start_s=0.5, seconds=1.0) == []
