"""A set in which everything is used, and its take: the same latents again, to the last bit."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pygame
import pytest
from conftest import make_model
from PIL import Image

from visualiser import config
from visualiser.audio.file import DEMO, AudioFile
from visualiser.controls import Command, Control, Controls, Nudge, Pulse, Stroke, Swap
from visualiser.cue_files import to_text
from visualiser.cues import Cues
from visualiser.decode import Network
from visualiser.frame import Frame
from visualiser.listener import Listener
from visualiser.look.panes import Panes
from visualiser.nets import checkpoint
from visualiser.run import declared_controls
from visualiser.show import Show
from visualiser.stage import Stage
from visualiser.takes.events import Head, rounded
from visualiser.takes.log import Log
from visualiser.takes.read import Take, read
from visualiser.takes.replay import Replay
from visualiser.types import Tick

TICKS = 500
TAUGHT = 300  # the tick in which a model is
# What ends the set, chooses another input for good, or opens windows.
LEFT_OUT = {"window.quit", "sound.choose", "stage.output", "teach.start"}
OFTEN = ["show.model", "show.mode", "show.driver", "show.drop", "draw.line", "cues.recall",
         "cues.store", "cues.undo", "cues.next", "cues.go", "latents.1", "latents.randomise",
         "latents.lock", "latents.release", "show.pause", "beat.clock", "beat.tap",
         "cues.time", "cues.advance", "stage.panic"]  # fmt: skip
RARE = {"stage.panic", "show.pause", "latents.lock", "latents.reset", "show.speed"}


class Slow:
    """A decoder that hands out what it has drawn now, or a while ago. asked: every frame."""

    def __init__(self, rng: random.Random) -> None:
        self.asked: list[Frame] = []
        self._rng, self._network, self._drawn = rng, Network(), None

    def submit(self, frame: Frame) -> None:
        self.asked.append(frame)
        if self._rng.random() < 0.4:
            self._drawn = self._network.draw(frame)

    def latest(self) -> Frame | None:
        return self._drawn

    def close(self) -> None:
        pass


@dataclass
class Evening:
    """What came out of it. values: of all controls, after each tick."""

    frames: list[Frame] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    take: Take | None = None
    folder: Path = Path()


def declared(folder: Path) -> list[Control]:
    names = tuple(checkpoint.names(folder))
    return [replace(c, choices=names, default="small") if c.id == "show.model" else c
            for c in declared_controls()]  # fmt: skip


def value_for(control: Control, rng: random.Random, pictures: list[Path]) -> Any:
    """Something that may be asked of it, sensible or not."""
    if control.id == "show.drop":
        return str(rng.choice(pictures))
    if control.id == "draw.line":
        return Stroke((rng.random(), rng.random()), (rng.uniform(-1, 2), rng.random()))
    if control.id == "beat.clock":
        return Pulse(rng.uniform(60, 180), rng.choice([None, rng.random()]))
    nudge = Nudge(rng.choice([1, -1, 2]))
    if control.is_number:
        far = control.hi - control.lo
        some = rng.uniform(control.lo - 0.2 * far, control.hi + 0.2 * far)
        return rng.choice([some, control.default, control.default, nudge, float("nan"), "7"])
    if control.kind == "choice":
        one, other = (rng.choice([*control.choices, "nothing"]) for _ in range(2))
        return rng.choice([one, other, nudge, Swap(one, other)])
    if control.kind in ("switch", "hold"):
        return rng.choice([True, False, nudge])
    slot = rng.choice([1, 2, 3.0, 4, 65])
    return rng.choice([slot, slot, True, False, nudge]) if control.takes else True


def play(folder: Path, seed: int) -> Evening:
    """Some seconds with a command in every second tick, and hands in the folders meanwhile."""
    rng = random.Random(seed)
    models, cues, takes = folder / "models", folder / "cues", folder / "takes"
    models.mkdir()
    cues.mkdir()
    for made in (make_model(), make_model("wide", 8, 16, (20, 10), 5, seed=2)):
        checkpoint.write(models / f"{made.name}.safetensors", made)
    (models / "broken.safetensors").write_bytes(b"no model")
    (folder / "broken.png").write_bytes(b"no picture")
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (9, 9), np.uint8)).save(
        folder / "some.png"
    )
    pictures = [folder / name for name in ("some.png", "broken.png", "not there.png")]

    controls = Controls(declared(models), {"show.model": "small"})
    slow = Slow(rng)
    show = Show(controls, slow, seed, models, Cues(controls, cues))
    settings = config.Sound.model_validate({})
    listener = Listener(AudioFile(DEMO, loop=True), settings, controls)
    stage = Stage(config.Stage(), controls, Panes(controls))
    values = {each.id: controls[each.id] for each in controls if each.is_setting}
    head = Head(seed, values, "", models=controls.get("show.model").choices)
    log, found = Log(head, folder=takes), Evening()
    ids = [each.id for each in controls if each.id not in LEFT_OUT]
    t = rng.uniform(0, 0.01)
    for index in range(TICKS):
        dt = min(rng.choice([1 / 60, 1 / 60, rng.uniform(0.004, 0.15)]), 0.1) if index else 0.0
        t += dt + (0.05 if dt == 0.1 else 0.0)
        tick = Tick(index, t, dt)
        features = rounded(listener.listen(tick))
        commands: list[Command] = []
        while rng.random() < 0.5:
            id = rng.choice(ids if rng.random() < 0.5 else OFTEN)
            if id not in RARE or rng.random() < 0.2:
                commands.append((id, value_for(controls.get(id), rng, pictures)))
        if index == TAUGHT:  # as it is after it was taught
            checkpoint.write(models / "taught.safetensors", make_model("taught", seed=5))
        if index == TAUGHT + 9:
            commands.append(("show.model", "taught"))
        for after, slot, name in ((1, 7, "small"), (20, 8, "wide")):
            if index == TAUGHT + after:  # of the next model, which is yet to play
                commands += [("show.model", name), ("show.model", Nudge(1)), ("cues.store", slot)]
            if index == TAUGHT + after + 60:
                commands.append(("cues.recall", slot))
        if index % 40 == 20:
            meddle(cues, show, rng)
            time.sleep(0.01)
        listener.obey(tick, commands)
        commands += stage.obey(commands, show.paused)
        show.update(tick, features, commands)
        log.write(tick, features, commands, show, None, listener.song_at(tick))
        if index == TAUGHT:
            controls.offer("show.model", "taught")
        found.used |= {id for id, _ in commands}
        found.values.append(dict(controls.values))
        show.notices.clear()
    found.frames = slow.asked
    for each in (show, stage, listener, log):
        each.close()
    assert not log.said() and not log.lost
    found.take = read(next(takes.glob("*.take.gz")))
    return found


def meddle(cues: Path, show: Show, rng: random.Random) -> None:
    """Someone changes what lies in the folder of cues."""
    path = cues / f"{rng.choice([1, 2, 3, 4, 9])}.toml"
    cue = show.cues.state("by hand")
    what = rng.choice(["new", "new", "gone", "broken", "order"])
    if what == "new" and cue is not None:
        path.write_text(to_text(replace(cue, model=rng.choice(["small", "wide"]))))
    elif what == "gone":
        path.unlink(missing_ok=True)
    elif what == "broken":
        path.write_text("model = 7")
    else:
        steps = [f"[[step]]\ncue = {rng.randint(1, 4)}\nbars = 0.5\n" for _ in range(3)]
        (cues / "set.toml").write_text("".join(steps))


@pytest.fixture(scope="module", params=[1, 2])
def evening(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    folder = tmp_path_factory.mktemp("everything")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SDL_VIDEODRIVER", "dummy")
        pygame.display.init()
        found = play(folder, request.param)
        pygame.display.quit()
    # What was there then is gone by now, and what was broken is not.
    shutil.rmtree(folder / "cues")
    (folder / "some.png").unlink()
    shutil.copy(folder / "models" / "wide.safetensors", folder / "models" / "broken.safetensors")
    checkpoint.write(folder / "models" / "another.safetensors", make_model("another"))
    found.folder = folder
    yield found


def test_everything_in_it_is_the_same_again_to_the_last_bit(evening: Evening) -> None:
    assert evening.take is not None and evening.take.is_whole
    assert len(evening.take.events) == TICKS
    folder = evening.folder / "models"
    replay = Replay(evening.take, declared(folder), {}, folder)
    for index, frame in enumerate(replay.ticks()):
        live = evening.frames[index]
        where = f"tick {index}, after {evening.take.events[index].commands}"
        assert frame.tick == live.tick and frame.model.name == live.model.name, where
        for name in ("z", "field", "along"):
            one, other = getattr(frame, name), getattr(live, name)
            assert (one is None) == (other is None), where
            assert one is None or one.tobytes() == other.tobytes(), f"{name}: {where}"
        assert frame.fade_s == live.fade_s, where
        now, then = replay.controls.values, evening.values[index]
        other = {id: (now[id], then[id]) for id in then if now[id] != then[id]}
        assert not other, f"{other}: {where}"
    replay.close()


def test_everything_is_used_in_it(evening: Evening) -> None:
    assert {frame.model.name for frame in evening.frames} >= {"small", "wide", "taught"}
    assert any(frame.field is not None for frame in evening.frames)
    assert any(event.departed is not None for event in evening.take.events)
    assert sum(event.found is not None for event in evening.take.events) > 3
    assert len(evening.used) > 120
