"""Screenshots at any size, while the show goes on."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pygame
import pytest
from conftest import hear, ticks
from PIL import Image
from program import only

from visualiser import config
from visualiser.controls import Controls
from visualiser.decode import Network
from visualiser.frame import Frame
from visualiser.look.panes import Panes
from visualiser.nets import checkpoint
from visualiser.run import declared_controls
from visualiser.screenshot import Screenshots

SIZE = (160, 90)
LARGE = (480, 270)


class Playing:
    """Panes in the middle of a show, with all that they remember."""

    def __init__(self, size: tuple[int, int] = SIZE, n: int = 20, **values: object) -> None:
        given = {name.replace("__", "."): value for name, value in values.items()}
        self.controls = Controls(declared_controls(), given)
        self.panes, self.canvas = Panes(self.controls), pygame.Surface(size, 0, 32)
        self.model, self.network = checkpoint.read(checkpoint.find("shapes")), Network()
        for tick in ticks(n, 30):
            self.draw(tick)

    def draw(self, tick: object) -> None:
        along = np.sin(np.arange(self.model.latents.n_directions) + 3 * tick.t).astype(np.float32)
        z = self.model.latents.bend(along @ self.model.latents.directions)
        frame = Frame(tick, self.model, z, along=along)
        self.now = self.network.draw(frame), tick, hear(0.5)
        self.panes.draw(self.now[0], self.canvas, *self.now[1:])

    @property
    def seen(self) -> np.ndarray:
        return pygame.surfarray.array3d(self.canvas).swapaxes(0, 1)

    def shoot(self, folder: Path, is_as_drawn: bool = True, alone: bool = False, **how: object):
        shots = Screenshots(config.Record(yields=False, **how), folder)
        shots.take(self.panes, self.canvas, *self.now, is_as_drawn, alone)
        return shots


def read(folder: Path) -> np.ndarray:
    return np.asarray(Image.open(only(folder, "squircle-*.png")))


def test_a_screenshot_is_what_is_seen(tmp_path: Path) -> None:
    playing = Playing()
    shots = playing.shoot(tmp_path)
    shots.close()
    assert np.array_equal(read(tmp_path), playing.seen)
    assert shots.said() == [f"saved {only(tmp_path, '*.png')}"] and shots.said() == []


@pytest.mark.parametrize("alone", [False, True])
def test_at_another_size_it_is_the_same_picture_drawn_finely(tmp_path: Path, alone: bool) -> None:
    values = {"trails__on": True, "look__drift": 0.3, "look__output_only": alone}
    playing = Playing(**values)
    shots = playing.shoot(tmp_path, screenshot_size="x".join(map(str, LARGE)))
    for tick in ticks(5, 30, first=20):  # meanwhile the show goes on
        playing.controls.apply(("look.look", "neon"))
        playing.draw(tick)
    shots.close()
    shot = read(tmp_path)
    assert shot.shape == (LARGE[1], LARGE[0], 3)
    # What a show of that size has drawn by then.
    wanted = Playing(LARGE, **values).seen
    off = np.abs(shot.astype(int) - wanted)
    assert (off.max(axis=2) > 2).mean() < 0.02, "another picture"


def test_taking_one_changes_nothing_in_the_show(tmp_path: Path) -> None:
    values = {"trails__on": True, "mirror__on": True, "look__look": "aura"}
    plain, shot_at = Playing(**values), Playing(**values)
    shots = shot_at.shoot(tmp_path, screenshot_size="333x444", screenshot_alpha=True)
    for tick in ticks(6, 30, first=20):
        plain.draw(tick)
        shot_at.draw(tick)
        assert np.array_equal(plain.seen, shot_at.seen)
    shots.close()
    shot = read(tmp_path)
    assert shot.shape == (444, 333, 4) and (shot[..., 3] == 0).any()
    assert (shot[..., 3] == 255).any()


def test_what_comes_between_is_in_it(tmp_path: Path) -> None:
    playing = Playing()
    playing.canvas.fill((0, 0, 0))  # by the curtain
    playing.shoot(tmp_path, is_as_drawn=False, screenshot_size="640x360").close()
    assert read(tmp_path).shape == (90, 160, 3) and not read(tmp_path).any()


def test_of_an_output_of_its_own_the_output_alone(tmp_path: Path) -> None:
    playing = Playing()
    playing.shoot(tmp_path, alone=True, screenshot_size="160x90").close()
    assert np.abs(read(tmp_path).astype(int) - Playing(look__output_only=True).seen).max() <= 2


def test_where_nothing_can_be_written_a_line_tells(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    shots = Playing(n=1).shoot(tmp_path / "file")
    shots.close()
    lines = shots.said()
    assert len(lines) == 1 and "no screenshot" in lines[0] and "file" in lines[0]


def test_one_key_after_the_other_each_has_its_file_and_they_are_not_too_many(
    tmp_path: Path,
) -> None:
    playing = Playing(n=1)
    shots = Screenshots(config.Record(yields=False, screenshot_size="1280x720"), tmp_path)
    for _ in range(12):
        shots.take(playing.panes, playing.canvas, *playing.now, True, False)
        assert sum(each.name == "screenshot" for each in threading.enumerate()) <= 4
    shots.close()
    lines = shots.said()
    saved = [line for line in lines if line.startswith("saved")]
    assert len(saved) == len(list(tmp_path.iterdir())) == len(set(saved)) >= 4
    assert len(lines) == 12
