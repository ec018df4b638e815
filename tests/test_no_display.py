"""Where there is no display: a short video instead, or SDL draws where it was told to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from program import Program, has_traceback, read_video

SMALL = ("--size", "160x96", "--fps", 20)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")) as program:
        yield program


def test_it_says_so_in_a_line_and_makes_a_preview_of_ten_seconds(program: Program) -> None:
    done = program.run(*SMALL[:2], "--fps", 10)
    preview = program.recordings / "preview.mp4"
    assert done.code == 0, done.err
    assert len(done.lines) == 1 and "no display" in done.err
    assert done.out.splitlines() == [str(preview)]
    video = read_video(preview)
    assert video.codec == "h264"
    assert len(video.times_s) == 100
    assert video.length_s == pytest.approx(10.0, abs=0.1)
    assert video.pictures.shape[1:] == (96, 160, 3)
    assert np.abs(np.diff(video.pictures[:, :, 80:].astype(int), axis=0)).mean() > 0.1


def test_an_older_preview_is_kept(program: Program) -> None:
    program.recordings.mkdir(exist_ok=True)
    preview = program.recordings / "preview.mp4"
    preview.write_bytes(b"older")
    done = program.run(*SMALL, "--seconds", 1, "--seed", 7)
    assert done.code == 0, done.err
    assert len(read_video(preview).times_s) == 20
    kept = [path.read_bytes() for path in program.recordings.glob("*.mp4") if path != preview]
    assert b"older" in kept


def test_the_preview_is_the_show_that_was_asked_for(program: Program) -> None:
    done = program.run(*SMALL, "--seconds", 0.5, "--driver", "random", "--model", "classic-28")
    assert done.code == 0, done.err
    shown = read_video(program.recordings / "preview.mp4").pictures
    words = ("--driver", "random", "--model", "classic-28", "--seconds", 0.5, "-o", "same.mp4")
    rendered = program.do("render", *SMALL, *words)
    assert rendered.code == 0, rendered.err
    again = read_video(program.root / "same.mp4").pictures
    assert shown.shape == again.shape
    # Not to the last bit, for a preview may be encoded faster.
    assert np.abs(shown.astype(int) - again).mean() < 4  # other pictures are ten apart and more


def test_a_display_that_is_not_there_is_none(program: Program) -> None:
    done = program.run(*SMALL, "--seconds", 0.2, env={"DISPLAY": ":9999"})
    assert done.code == 0, done.err
    assert "no display" in done.err
    assert done.out.splitlines() == [str(program.recordings / "preview.mp4")]


@pytest.mark.parametrize("driver", ["dummy", "offscreen"])
def test_sdl_draws_where_it_was_told_to(program: Program, driver: str) -> None:
    timing = program.root / f"{driver}.json"
    before = _previews(program)
    arguments = (*SMALL, "--seconds", 1.5, "--timing", timing)
    done = program.run(*arguments, env={"SDL_VIDEODRIVER": driver})
    assert done.code == 0, done.err
    assert done.out == ""
    assert "no display" not in done.err
    assert not has_traceback(done.err)
    shown = json.loads(timing.read_text())
    assert shown["flips"][-1] - shown["flips"][0] > 1.0
    assert len(shown["pictures"]) > 5, "the network drew nothing"
    assert _previews(program) == before


def test_a_driver_that_sdl_does_not_have_is_told_in_a_line(program: Program) -> None:
    done = program.run("--seconds", 1, env={"SDL_VIDEODRIVER": "nonsense"})
    assert done.code == 2
    assert len(done.lines) == 1, done.err
    assert done.err.startswith("squircle: ")
    assert "nonsense" in done.err


def _previews(program: Program) -> set[Path]:
    return set(program.recordings.glob("preview*")) if program.recordings.is_dir() else set()
