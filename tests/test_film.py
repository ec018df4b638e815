"""What happens in films: cues, the set list, timelines and what comes before the picture."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pygame
import pytest
from conftest import hear
from program import Program, assert_refused, read_video, write_song

from visualiser import config, timeline
from visualiser.audio.file import DEMO
from visualiser.config import Settings
from visualiser.controls import Controls
from visualiser.decode import Inline
from visualiser.film import asked, performance
from visualiser.film.asked import order_of
from visualiser.film.drawing import Drawing
from visualiser.film.performance import Order, Played
from visualiser.frame import Moment
from visualiser.run import declared_controls
from visualiser.show import Show
from visualiser.types import UserError

SIZE = (96, 64)
FPS = 10
CUE = """model = "shapes"
point = [{point}, 0.5]
[show]
driver = "{driver}"
[look]
look = "{look}"
palette = "ember"
"""


@pytest.fixture
def cues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cues"
    folder.mkdir()
    for slot, point, driver, look in (
        (1, 1.5, "simplex", "neon"), (2, -1.5, "random", "silk"), (5, 0.5, "perlin", "fill"),
    ):  # fmt: skip
        point = ", ".join([str(point)] * 9)
        (folder / f"{slot}.toml").write_text(CUE.format(point=point, driver=driver, look=look))
    for module in (performance, asked):
        monkeypatch.setattr(module, "CUES", folder)
    return folder


def settings(**values: Any) -> Settings:
    given = {key.replace("__", "."): value for key, value in values.items()}
    return config.load(declared_controls(), given=given)


def moments(order: Order) -> Iterator[tuple[Played, Moment]]:
    played = Played(order)
    for moment in played.moments():
        yield played, moment
    played.close()


def order(seconds: float, written: str = "", folder: Path | None = None, **options: Any) -> Order:
    values = options.pop("values", {})
    if written:
        path = folder / "timeline.toml"
        path.write_text(written)
        options["timeline"] = timeline.read(path, Controls(declared_controls()))
    return Order(settings(**values), SIZE, FPS, seconds, **options)


def where(moment: Moment) -> np.ndarray:
    return moment.frame.along / moment.frame.model.latents.stretch


def test_a_film_begins_at_a_cue_and_not_on_the_way_to_it(cues: Path) -> None:
    played, first = next(moments(order(1, cue=1)))
    assert where(first)[0] == pytest.approx(1.5)
    assert played.controls["show.driver"] == "simplex" and played.controls["look.look"] == "neon"
    given = {"look__look": "relief", "show__driver": "perlin"}
    for played, _ in moments(order(0.5, cue=1, values=given)):
        assert played.controls["look.look"] == "relief", "what is typed goes"
        assert played.controls["show.driver"] == "perlin"
    with pytest.raises(UserError, match="no cue 3; stored are 1, 2, 5"):
        Played(order(1, cue=3))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[step]]\ncue = 'x'\n", "set.toml"),
        ("[[step]]\ncue = 1\n[[step]]\ncue = 9\n", "asks for cue 9"),
        ("[[step]]\ncue = 9\n", "no cue of it is stored"),
    ],
)
def test_a_set_list_with_a_mistake_is_refused(cues: Path, text: str, says: str) -> None:
    (cues / "set.toml").write_text(text)
    with pytest.raises(UserError, match=says):
        Played(order(3, set_list=True))


def test_the_set_list_runs_through(cues: Path) -> None:
    (cues / "set.toml").write_text("[[step]]\ncue = 2\nhold_s = 1\n[[step]]\ncue = 1\ntime = 0.5\n")
    words = {"cues__advance": "time", "cues__hold_s": 2.0}
    looks = [played.controls["look.look"] for played, _ in
             moments(order(3, set_list=True, values=words))]  # fmt: skip
    assert looks[:9] == ["silk"] * 9 and looks[12:] == ["neon"] * 18

    none = dict.fromkeys(("timeline", "cue", "set_list", "loop", "tempo", "audio", "seconds"))
    typed = argparse.Namespace(**none | {"fps": 60.0, "size": SIZE, "set_list": ""})
    assert order_of(typed, settings(**words)).seconds == 3.0
    typed.cue = 1
    assert order_of(typed, settings(**words)).seconds == 2.0
    typed.cue = None
    with pytest.raises(UserError, match="by key"):
        order_of(typed, settings())
    with pytest.raises(UserError, match="tempo"):
        order_of(typed, settings(cues__advance="beats"))
    typed.tempo = 120.0
    on_beats = order_of(typed, settings(cues__advance="beats", cues__bars=2.0))
    assert on_beats.seconds == 8.0
    looks = [played.controls["look.look"] for played, _ in moments(on_beats)]
    assert looks.index("neon") / 60 == pytest.approx(4.0, abs=1 / 60)


def test_a_render_writes_no_cues(cues: Path) -> None:
    before = sorted(path.name for path in cues.iterdir())
    played = Played(order(1))
    played._show.cues.store(9)
    list(played.moments())
    played._show.cues.store(9)
    played.close()
    assert sorted(path.name for path in cues.iterdir()) == before


TIMELINE = """
tempo = 120
[[at]]
time = 0.5
cue = 5
over = "1 bar"
easing = "linear"
[[at]]
time = "bar 2 beat 3"
do = "stage.panic"
"""


def test_a_timeline_plays_in_a_film(cues: Path) -> None:
    asked_for = order(4, TIMELINE, cues, cue=1)
    seen = [(moment, played.controls["look.look"]) for played, moment in moments(asked_for)]
    assert [look for _, look in seen] == ["neon"] * 5 + ["fill"] * 25 + ["relief"] * 10
    at = np.array([where(moment)[0] for moment, _ in seen])
    assert at[25] == pytest.approx(0.5, abs=0.02), "it is there after a bar"
    assert 0.7 < at[15] < 1.5, "and half-way before"


def test_a_tempo_is_the_beat_that_is_heard(cues: Path) -> None:
    asked_for = order(2, "tempo = 90\nbegin = 1\n[[at]]\ntime = 1\ncue = 1\n", cues)
    heard = [moment.features for _, moment in moments(asked_for)]
    assert {features.bpm for features in heard} == {90}
    assert heard[10].beats == pytest.approx(0) and heard[15].beats == pytest.approx(0.75)


@pytest.mark.parametrize("fps", [10.0, 24.0, 60.0, 100.0, 240.0])
def test_what_a_timeline_asks_for_is_seen_in_the_nearest_frame(cues: Path, fps: float) -> None:
    asks = "stage.black = true\nshow.mode = 'pixel'\nstage.hold_freeze = true\nfor = 0.002"
    for t in (0.0021, 0.5, 0.503, 0.5101, 0.5166):
        (cues / "at.toml").write_text(f"[[at]]\ntime = {t}\n{asks}\n")
        written = timeline.read(cues / "at.toml", Controls(declared_controls()))
        asked_for = Order(settings(), SIZE, fps, 0.8, timeline=written)
        dark, held, painted = [], [], []
        for played, moment in moments(asked_for):
            dark.append(played.controls["stage.black"])
            held.append(played.controls["stage.hold_freeze"])
            painted.append(moment.frame.field is not None)
        first = dark.index(True)
        assert abs(first / fps - t) <= 0.5 / fps + 1e-9
        assert all(dark[first:]) and painted == dark
        assert [n for n, each in enumerate(held) if each] == [first], "and let go afterwards"


def ways(fps: float, song: Path, **options: Any) -> tuple[np.ndarray, list[float], list[Moment]]:
    """Along the directions, at their times, of 3 s."""
    asked_for = Order(settings(show__driver="audio"), SIZE, fps, 3.0, song, **options)
    seen = [moment for _, moment in moments(asked_for) if not moment.is_before]
    return np.array([m.frame.along for m in seen]), [m.tick.t for m in seen], seen


@pytest.mark.parametrize("fps", [24.0, 30000 / 1001, 60.0, 100.0])
@pytest.mark.parametrize("is_loop", [False, True])
def test_a_song_is_the_same_way_at_every_rate(fps: float, is_loop: bool) -> None:
    same, times, seen = ways(60.0, DEMO, is_loop=is_loop)
    way, at, others = ways(fps, DEMO, is_loop=is_loop)
    straight = np.array([np.interp(at, times, direction) for direction in same.T]).T
    inside = np.array(at) <= times[-1]
    # A loop is as long as its whole frames are: at 29.97 a part in 3,000 shorter.
    allowed = 1e-3 if not is_loop or fps != 30000 / 1001 else 0.05
    assert np.abs(way - straight)[inside].max() < allowed * np.ptp(same, axis=0).max()
    begun = [sum(m.features.onset > 0 for m in film) for film in (seen, others)]
    assert begun[0] > 5 and abs(begun[1] - begun[0]) <= 2, "what begins is told once"


def test_black_frozen_and_faded_are_drawn_as_they_are_set(cues: Path) -> None:
    def film(**values: Any) -> np.ndarray:
        played = Played(order(1.0, values={"look__output_only": True, **values}))
        drawing = Drawing(played.controls, SIZE)
        seen = [pygame.surfarray.array3d(drawing.draw(m)).astype(int) for m in played.moments()]
        played.close()
        return np.array(seen)

    assert film().max() > 100
    assert film(stage__black=True).max() == 0 and film(stage__fade=True).max() == 0
    frozen = film(stage__freeze=True)
    assert frozen.max() > 100 and (frozen == frozen[0]).all()


def test_from_the_command_line(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        film = program.root / "film.toml"
        words = ("render", "-o", "out.mp4", "--size", "96x64", "--fps", "29.97")
        refused = program.do(*words, "--timeline", "none.toml")
        assert_refused(refused, "none.toml")
        film.write_text("[[at]]\ntime = 1\ncue = 3\n")
        assert_refused(program.do(*words, "--timeline", film), "film.toml:3: there is no cue 3")
        film.write_text("[[at]]\ntime = 1\nlook.look = 'pink'\n")
        assert_refused(program.do(*words, "--timeline", film), "film.toml:3: look.look", "'neon'")
        (cues := program.root / "cues").mkdir(exist_ok=True)
        (cues / "2.toml").write_text("model = 'shapes'\n")
        (cues / "opening.toml").write_text("")
        broken = program.do(*words, "--cue", 2)
        assert_refused(broken, "cue 2 cannot be used, because ", "2.toml: point is missing")
        assert_refused(program.do(*words, "--loop", "4 bars"), "tempo")
        assert_refused(program.do(*words, "--take", "x", "--cue", 1), "--cue")
        assert not (program.root / "out.mp4").exists()

        film.write_text("end = 1\n[[at]]\ntime = 0.5\nstage.black = true\n")
        done = program.do(*words, "--timeline", film, "--output-only")
        assert done.code == 0, done.err
        video = read_video(program.root / "out.mp4")
        dark = video.pictures.max(axis=(1, 2, 3)) < 20
        assert len(dark) == 30 and dark.argmax() == 15 and dark[15:].all()
        np.testing.assert_allclose(video.times_s, np.arange(30) * 1001 / 30000, atol=1e-6)

        done = program.do("render", "-o", "loop.mp4", "--size", "96x64", "--fps", 10,
                          "--loop", "2 beats", "--tempo", 100)  # fmt: skip
        assert done.code == 0 and "12 frames" in done.out, done.err


def test_a_timeline_plays_live_in_the_songs_time(tmp_path: Path) -> None:
    from visualiser.takes.read import read

    with Program(tmp_path) as program:
        film = program.root / "film.toml"
        film.write_text("tempo = 100\n[[at]]\ntime = 0.5\nlook.look = 'neon'\n"
                        "[[at]]\ntime = 1\nshow.speed = 3.0\nover = 0.5\n")  # fmt: skip
        play = ("--timeline", film, "--audio", "assets/demo.flac", "--mute", "--model",
                "classic-28", "--size", "320x180", "--seconds", 2.5)  # fmt: skip
        done = program.run(*play, env={"SDL_VIDEODRIVER": "dummy"})
        assert done.code == 0, done.err
        take = read(next((program.root / "takes").iterdir()))
        asked_for = [(event.song_at, *command) for event in take.events
                     for command in event.commands]  # fmt: skip
        assert asked_for[0][1:] == ("look.look", "neon")
        assert asked_for[0][0] == pytest.approx(0.5, abs=0.1)
        assert asked_for[-1][1:] == ("show.speed", 3.0)
        assert {event.features.bpm for event in take.events} == {100}
        film.write_text("[[at]]\ntime = 0.5\ncue = 8\n")
        done = program.run(*play, env={"SDL_VIDEODRIVER": "dummy"})
        assert_refused(done, "film.toml:3: there is no cue 8")


def test_what_was_done_in_a_take_is_done_over_another_song(tmp_path: Path) -> None:
    from visualiser.film.automation import automated
    from visualiser.film.replayed import Wish
    from visualiser.takes.events import Head, rounded
    from visualiser.takes.log import Log
    from visualiser.takes.read import read
    from visualiser.types import Tick

    declared = declared_controls()
    start = {**settings().controls, "show.driver": "audio", "look.look": "silk"}
    log = Log(Head(3, start, "2026-11-24T20:00:00"), folder=tmp_path)
    played = Show(Controls(declared, start), Inline(lambda frame: frame), 1)
    for n in range(60):
        asked_for = [("look.look", "neon")] if n == 30 else []
        log.write(Tick(n, 5 + n / 30, 1 / 30), rounded(hear()), asked_for, played)
    log.close()
    played.close()
    write_song(tmp_path / "song.wav", 3.0)
    wish = Wish(tmp_path / "song.wav")
    film = automated(read(next(tmp_path.glob("*.take.gz"))), wish, settings(), 20, declared)
    looks, loud = [], []
    for moment in film.moments():
        looks.append(film.controls["look.look"])
        loud.append(moment.features.rms)
    assert film.frames == len(looks) == 60, "it is as long as the song"
    assert looks == ["silk"] * 20 + ["neon"] * 40
    assert max(loud[5:]) > 0.5, "it hears the song, and not the silence of the take"
    assert np.abs(film.soundtrack.between(0.0, 2.0).samples).max() > 0.3
    film.close()


@pytest.mark.parametrize("mode", ["latent", "pixel"])
def test_the_demo_song_moves_the_picture_and_needs_no_flash_guard(mode: str) -> None:
    asked = settings(show__driver="audio", show__mode=mode)
    film = Played(Order(asked, (160, 90), 60, 8.0, DEMO))
    drawing, change, before = Drawing(film.controls, (160, 90)), [], np.zeros(())
    for moment in film.moments():
        seen = pygame.surfarray.array3d(drawing.draw(moment)).astype(int)
        change.append(np.abs(seen - before).mean())
        before = seen
        assert drawing.guard.share == 1, f"limited at {moment.tick.t:.2f} s"
    film.close()
    assert np.quantile(change[60:], 0.95) > 0.5, "levels of 255"
