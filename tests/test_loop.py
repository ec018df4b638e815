"""Loops: the last picture leads to the first, as any does to the next."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pygame
import pytest
from program import write_song

from visualiser import config
from visualiser.config import Settings
from visualiser.film.asked import length_of, order_of
from visualiser.film.drawing import Drawing
from visualiser.film.performance import Order, Played
from visualiser.run import declared_controls
from visualiser.types import UserError

SIZE = (128, 64)
MOVING = {"look__drift": 0.6, "contour__drift": 2.2, "kaleidoscope__on": True,
          "kaleidoscope__turn": 0.7, "trails__on": True, "trails__length": 1.0,
          "draw__noise": 0.2}  # fmt: skip


def settings(seed: int = 1, **values: Any) -> Settings:
    given = {key.replace("__", "."): value for key, value in values.items()}
    loaded = config.load(declared_controls(), given={"show.seed": seed, **given})
    return replace(loaded, given=frozenset())


def order(seconds: float, fps: float, song: Path | None = None, **values: Any) -> Order:
    return Order(settings(**values), SIZE, fps, seconds, song, is_loop=True)


def pictures(asked: Order) -> np.ndarray:
    """(n, H, W, 3) of the film."""
    played = Played(asked)
    drawing = Drawing(played.controls, SIZE)
    seen = []
    for moment in played.moments():
        canvas = drawing.draw(moment)
        if not moment.is_before:
            seen.append(pygame.surfarray.array3d(canvas).astype(np.int16))
    played.close()
    assert len(seen) == played.frames
    return np.array(seen)


@pytest.mark.parametrize("driver", ["perlin", "audio"])
def test_the_turn_before_is_the_same_picture_by_picture(driver: str) -> None:
    values = {"show__driver": driver, "look__look": "contour", **MOVING}
    played = Played(order(1.5, 10, **values))
    turn = played._turn
    played._turn = replace(turn, looks_back=turn.looks_back + turn.frames)
    drawing = Drawing(played.controls, SIZE)
    seen = [pygame.surfarray.array3d(drawing.draw(m)).astype(int) for m in played.moments()]
    played.close()
    film = np.array(seen[-2 * turn.frames :]).reshape(2, turn.frames, *seen[0].shape)
    moves, _ = steps(film[1])
    same = np.abs(film[0] - film[1]).mean(axis=(1, 2, 3))
    assert same.max() < 0.1 * np.median(moves)


def steps(film: np.ndarray) -> tuple[np.ndarray, float]:
    """How much each picture differs from the one before; and the first from the last."""
    moves = np.abs(np.diff(film, axis=0)).mean(axis=(1, 2, 3))
    return moves, float(np.abs(film[0] - film[-1]).mean())


@pytest.mark.parametrize("mode", ["latent", "pixel"])
@pytest.mark.parametrize(
    ("driver", "look"),
    [("perlin", "relief"), ("simplex", "contour"), ("random", "silk"), ("audio", "neon")],
)
def test_the_end_leads_to_the_beginning(driver: str, look: str, mode: str) -> None:
    values = {"show__driver": driver, "show__mode": mode, "look__look": look}
    moves, seam = steps(pictures(order(1.5, 10, **values)))
    assert moves.max() > 0.05, "nothing moves"
    assert seam <= moves.max()


@pytest.mark.parametrize("mode", ["latent", "pixel"])
def test_trails_colours_effects_and_grains_come_round_too(mode: str) -> None:
    asked = order(2.0, 10, show__mode=mode, look__look="contour", **MOVING)
    moves, seam = steps(pictures(asked))
    assert seam <= moves.max()
    told = Played(asked).notices
    assert [line.split()[0] for line in told] == [
        "look.drift",
        "contour.drift",
        "kaleidoscope.turn",
    ]
    assert "1 instead of 0.6" in told[0]


@pytest.mark.parametrize("driver", ["perlin", "simplex", "random", "audio"])
def test_its_way_is_the_same_turn_after_turn(driver: str) -> None:
    played = Played(order(2.0, 10, show__driver=driver, show__speed=1.7))
    turn = played._turn
    heard = turn.hear(played._listener)
    n = turn.ticks
    way = np.array(
        [played._turn_to(turn, at, heard).frame.z for at in range(-turn.settling, 2 * n)]
    )
    last = way[-4 * n :].reshape(4, n, -1)
    assert np.ptp(last[0], axis=0).max() > 0.1
    for other in last[1:]:
        np.testing.assert_allclose(other, last[0], atol=1e-5)
    played.close()


def test_a_loop_of_a_song_hears_its_first_bars(tmp_path: Path) -> None:
    write_song(tmp_path / "song.wav", 5.0)
    asked = order(1.5, 10, tmp_path / "song.wav", show__driver="audio", look__output_only=True)
    moves, seam = steps(pictures(asked))
    assert seam <= moves.max() and moves.mean() > 0.2
    played = Played(asked)
    assert played.soundtrack.between(0.0, 1.5).samples.shape == (72_000, 2)
    played.close()


def options(**values: Any) -> argparse.Namespace:
    none = dict.fromkeys(("timeline", "cue", "set_list", "loop", "tempo", "audio", "seconds"))
    return argparse.Namespace(**none | {"fps": 60.0, "size": SIZE} | values)


def test_how_long_it_is_and_what_it_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert order_of(options(loop="8s"), settings()).seconds == 8.0
    assert not capsys.readouterr().err
    bars = order_of(options(loop="4 bars", tempo=124.0), settings())
    assert bars.seconds == 465 / 60 and bars.is_loop
    assert "465 frames: 7.7500 s instead of 7.7419 s, 123.871" in capsys.readouterr().err
    for wrong in ({"loop": "4 bars"}, {"loop": "x"}, {"loop": "8", "seconds": 3.0},
                  {"loop": "8", "set_list": ""}):  # fmt: skip
        with pytest.raises(UserError):
            order_of(options(**wrong), settings())
    for seconds in (0.01, 1e4):
        with pytest.raises(UserError, match="allowed"):
            Played(order(seconds, 60))
    capsys.readouterr()
    for word in ("0 bars", "0.01", "11:00"):
        with pytest.raises(UserError, match=f"--loop {word}: allowed are two frames to 600 s"):
            order_of(options(loop=word, tempo=120.0), settings())
    assert not capsys.readouterr().err


def test_a_song_that_is_cut_short_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    song = tmp_path / "song.wav"
    write_song(song, 2.0)
    assert length_of(song) == pytest.approx(2.0) and not capsys.readouterr().err
    song.write_bytes(song.read_bytes()[: song.stat().st_size // 2])
    assert length_of(song) == pytest.approx(1.0, abs=0.01)
    told = capsys.readouterr().err
    assert told.startswith("song.wav: damaged or cut short, 1.0 s of 2.0 s are missing")
    assert told.count("\n") == 1
