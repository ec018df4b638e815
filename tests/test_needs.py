"""What a take needs and is not there any more: told exactly, and never replaced unasked."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from evening import evening

from visualiser.cue_files import Cue
from visualiser.cue_folder import Found
from visualiser.nets import checkpoint
from visualiser.run import declared_controls
from visualiser.takes.needs import lacking, missing
from visualiser.takes.read import Take


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Take:
    return evening(tmp_path_factory.mktemp("takes"), 30, "petals", song="/nowhere/song.mp3")[1]


@pytest.fixture
def models(tmp_path: Path, played: Take, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with its models; where they were when it was played there is nothing any more."""
    monkeypatch.chdir(tmp_path)
    for name in ("petals", "shapes"):
        shutil.copy(checkpoint.find(name), tmp_path)
    return tmp_path


def moved(take: Take, **more: Any) -> Take:
    """As it was played on another machine; more: of its first event."""
    [part] = take.parts
    first, *rest = part.events
    models = {f"/elsewhere/{Path(name).name}": was for name, was in first.models.items()}
    first = replace(first, **({"models": models} | more))
    return replace(take, parts=(replace(part, events=[first, *rest]),))


def test_a_model_is_found_by_its_name_wherever_it_is(played: Take, models: Path) -> None:
    assert missing(moved(played), folder=models) == []


def test_of_a_model_that_is_gone_the_nearest_is_offered(played: Take, models: Path) -> None:
    (models / "petals.safetensors").rename(models / "roses.safetensors")
    [line] = missing(moved(played), folder=models)
    assert "petals is gone" in line and "called roses now: --model roses" in line
    shutil.copy(models / "shapes.safetensors", models / "petal-2.safetensors")
    (models / "roses.safetensors").unlink()
    [line] = missing(moved(played), folder=models)
    assert "nearest by name is petal-2: --model petal-2" in line and "shapes" in line
    for path in models.iterdir():
        path.unlink()
    [line] = missing(moved(played), folder=models)
    assert "there is no other" in line
    assert missing(moved(played), {"show.model": "x"}, models) == []


def test_a_model_that_has_changed_is_told(played: Take, models: Path) -> None:
    shutil.copy(models / "shapes.safetensors", models / "petals.safetensors")
    [line] = missing(moved(played), folder=models)
    assert "petals is another now" in line and "--model petals takes it so" in line
    both = moved(played)
    again = replace(both.events[-1], models={"/elsewhere/petals.safetensors": "0" * 64})
    part = replace(both.parts[0], events=[*both.events[:-1], again])
    [line] = missing(replace(both, parts=(part,)), folder=models)
    assert "changed while it played" in line


def test_songs_cues_and_choices_that_are_gone_are_told(played: Take, models: Path) -> None:
    cue = Cue("x", "roses", played.events[0].features.bands, {})
    take = moved(played, found=Found({5: cue, 6: None}))
    head = replace(take.head, controls=take.head.controls | {"look.palette": "gone"})
    take = replace(take, parts=(replace(take.parts[0], head=head),))
    lines = lacking(take, declared_controls(), models)
    assert len(lines) == 3
    assert "cue 5" in lines[0] and "roses" in lines[0] and "petals" in lines[0]
    assert "/nowhere/song.mp3 is gone" in lines[1]
    assert "look.palette = 'gone'" in lines[2]
