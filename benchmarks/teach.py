"""Teaching on stage: three shapes are drawn in the real program, and learned while it plays."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.program import ROOT, command, virtual_screen
from benchmarks.row import Row
from visualiser.data import sketches, taught
from visualiser.data.sketches import Known, Sketches, SketchSettings
from visualiser.look.panes import layout
from visualiser.look.upscale import resize
from visualiser.nets import checkpoint
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.types import UserError

SIZE = (1280, 720)
FOOT = 36  # pixels of the window that the line at its foot takes
LONGEST_S = 240.0
CAT = [
    [(0.25, 0.75), (0.2, 0.4), (0.25, 0.15), (0.4, 0.3), (0.6, 0.3), (0.75, 0.15), (0.8, 0.4),
     (0.75, 0.75), (0.5, 0.85), (0.25, 0.75)],
    [(0.37, 0.5), (0.41, 0.53), (0.43, 0.49), (0.39, 0.48)],
    [(0.6, 0.5), (0.64, 0.53), (0.66, 0.49), (0.62, 0.48)],
]  # fmt: skip
FISH = [
    [(0.15, 0.35), (0.3, 0.5), (0.15, 0.68)],
    [(0.3, 0.56), (0.45, 0.7), (0.65, 0.68), (0.85, 0.5), (0.65, 0.34), (0.45, 0.32), (0.3, 0.47),
     (0.15, 0.35)],
]  # fmt: skip
BOLT = [[(0.55, 0.12), (0.3, 0.55), (0.48, 0.55), (0.4, 0.9), (0.7, 0.42), (0.52, 0.42),
         (0.62, 0.12), (0.55, 0.12)]]  # fmt: skip
DRAWINGS = (CAT, FISH, BOLT)


def teach(quick: bool) -> Iterator[Row]:
    """From the key to the model, late frames meanwhile, and what the model has learned."""
    took, late, worst, made = [], [], [], []
    for _ in range(1 if quick else 3):
        seconds, gaps, path = _lesson()
        try:
            made.append(checkpoint.read(path))
        finally:
            path.unlink()
        took.append(seconds)
        late.append(100 * float((gaps > 1.5 / 60).mean()))
        worst.append(1000 * float(gaps.max()))
    load = f"load {os.getloadavg()[0]:.1f}"
    note = f"{' '.join(f'{s:.1f}' for s in took)}; {load}"
    yield Row("teach: from the key to the model", float(np.median(took)), "s", 30, note=note)
    note = f"{' '.join(f'{share:.1f}' for share in late)}; worst {max(worst):.0f} ms"
    yield Row("teach: late frames meanwhile", float(np.median(late)), "%", 2, note=note)
    drawn = [_redrawn(model) for model in made]
    note = f"worst drawing {min(map(min, drawn)):.3f}"
    yield Row("teach: drawings drawn again", float(np.mean(drawn)), "IoU", 0.85, True, note)
    rarest = []
    for model in made:
        shares, n_kinds = _walked(model)
        rarest.append(float(shares.min()) * n_kinds)
    what = "teach: rarest taught shape in a walk, over its fair share"
    yield Row(what, float(np.median(rarest)), "x", 0.5, True)
    own = float(np.mean([model.card.figures["own_iou"] for model in made]))
    yield Row("teach: the model's own kinds, still", own, "IoU")


def _lesson() -> tuple[float, np.ndarray, Path]:
    """How long it took; the times between frames meanwhile, s; and the model's file."""
    left, _ = layout(SIZE, FOOT, False)
    with virtual_screen() as display, tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "DISPLAY": display}
        timing, log = Path(folder) / "timing.json", Path(folder) / "log"

        def do(*words: object) -> None:
            subprocess.run(["xdotool", *map(str, words)], env=env, check=True, timeout=60)

        with log.open("wb") as said:
            program = subprocess.Popen(
                command("--size", "{}x{}".format(*SIZE), "--timing", str(timing),
                        "--model", "shapes"),
                env=env, stdout=subprocess.DEVNULL, stderr=said,
            )  # fmt: skip
        try:
            time.sleep(5)  # until it plays
            for strokes in DRAWINGS:
                do("key", "d")
                for stroke in strokes:
                    places = [(left.x + x * left.width, left.y + y * left.height)
                              for x, y in stroke]  # fmt: skip
                    words: list[object] = ["mousemove", *places[0], "mousedown", 1]
                    for one, other in pairwise(places):
                        for share in (0.33, 0.67, 1.0):
                            at = [round(a + share * (b - a)) for a, b in zip(one, other)]  # noqa: B905
                            words += ["mousemove", *at, "sleep", 0.01]
                    do(*words, "mouseup", 1)
                do("key", "apostrophe")
            do("key", "g", "key", "j")
            began = time.time()
            while not (found := re.search(r"learned .* in (\d+) s: (.*)", log.read_text())):
                failed = "nothing is learned" in log.read_text() or program.poll() is not None
                if failed or time.time() - began > LONGEST_S:
                    raise UserError(f"bench teach: it did not learn: {log.read_text()[-300:]}")
                time.sleep(0.05)
            took = time.time() - began
            time.sleep(1)
            do("key", "q")
            program.wait(20)
        finally:
            program.kill()
            program.wait(20)
        flips = np.array(json.loads(timing.read_text())["flips"])
    times = flips[(flips >= began) & (flips <= began + took)]
    return took, np.diff(times), ROOT / found[2]


def _redrawn(model: Checkpoint) -> list[float]:
    """Intersection over union of each shape that was meant and what the whole network makes of
    the drawing."""
    player, found = Player(model), []
    for packed in model.card.data["taught"]:
        example = taught.unpack(packed)
        ink = example.picture >= 0.5
        meant = taught.fill(ink) if example.is_drawn else ink
        wanted = resize(meant.astype(np.float32), model.shape) >= 0.5
        given = np.clip(resize(example.picture, model.shape), 0, 1)
        drawn = player.decode(player.encode(given)) < 0
        found.append(float((drawn & wanted).sum() / max((drawn | wanted).sum(), 1)))
    return found


def _walked(model: Checkpoint) -> tuple[np.ndarray, int]:
    """How often each taught shape is the nearest to a picture of a random walk, as shares of all;
    and how many kinds there are."""
    data, rng = model.card.data, np.random.default_rng(601)
    settings = SketchSettings(
        model.shape[0], tuple(data["kinds"]), data["size_min"], data["size_max"], data["offset"],
        blended=0.0, rough=0.0,
    )  # fmt: skip
    shapes = taught.take([taught.unpack(packed) for packed in data["taught"]])
    new = taught.make(1500, rng, shapes, settings, rough=False)
    own = sketches.make(1500, rng, settings)
    own = replace(own, kind=own.kind + len(shapes))
    both = (np.concatenate(pair) for pair in zip(vars(new).values(), vars(own).values()))  # noqa: B905
    n_kinds = len(shapes) + len(settings.kinds)
    player, walked = Player(model), []
    for point in rng.standard_normal((600, model.latents.n_directions)).astype(np.float32):
        walked.append(player.decode(model.latents.to_latent(point)))
    shares = Known(Sketches(*both), n_kinds).shares(np.array(walked)) / n_kinds
    return shares[: len(shapes)], n_kinds
