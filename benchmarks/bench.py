"""`python main.py bench`: what the project promises, measured as ratios in one run.

Each benchmark is a function that yields rows; the reference it is compared with runs in turn with
what is measured, so that a machine that slows down slows both.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import pairwise

from benchmarks import ear, eye, follow
from benchmarks.cable import cable
from benchmarks.clap import clap
from benchmarks.flash import flash
from benchmarks.hands import hands
from benchmarks.latency import latency
from benchmarks.loop import loop
from benchmarks.memory import kill, memory
from benchmarks.panel import panel
from benchmarks.program import play, virtual_screen
from benchmarks.record import record
from benchmarks.reload import reload
from benchmarks.render import render
from benchmarks.row import Row
from benchmarks.stage import stage
from benchmarks.teach import teach
from visualiser.types import UserError


def decode(quick: bool) -> Iterator[Row]:
    """Pictures through the decode worker against a bare torch loop over the same decoder."""
    import numpy as np
    import torch

    from visualiser import latents
    from visualiser.decode import Network, Worker
    from visualiser.frame import Frame
    from visualiser.nets import checkpoint
    from visualiser.nets.autoencoder import build
    from visualiser.nets.checkpoint import Card, Checkpoint
    from visualiser.nets.dense import architecture
    from visualiser.types import Tick

    torch.set_num_threads(1)

    def heavy() -> Checkpoint:
        """A dense decoder that takes a few milliseconds a picture."""
        layers = architecture(128, 128, (1024, 512), 16)
        rng = np.random.default_rng(1)
        weights = {
            name: rng.standard_normal(shape).astype(np.float32) * 0.02
            for name, shape in layers.weights().items()
        }
        z = rng.standard_normal((500, 16)).astype(np.float32)
        card = Card(architecture=layers)
        return Checkpoint("heavy", card, weights, latents.fit(z, 1))

    models = [checkpoint.read(checkpoint.find(name)) for name in checkpoint.names()]
    for model in [*models, heavy()]:
        net = build(model)
        rng = np.random.default_rng(2)
        points = rng.standard_normal((200, model.latent_dim)).astype(np.float32)
        z = [model.latents.to_latent(point) for point in points]
        worker = Worker(Network().draw)
        bare, through = [], []
        index = 0
        for turn in range(3 if quick else 12):
            with torch.inference_mode():
                began = time.perf_counter()
                for one in z:
                    net.decode(torch.from_numpy(one)[None])[0].numpy()
                bare.append((time.perf_counter() - began) / len(z))
            began = time.perf_counter()
            for one in z:
                worker.submit(Frame(Tick(index, 0, 0), model, one))
                worker.wait(index, 10)
                index += 1
            if turn:  # the first builds the network
                through.append((time.perf_counter() - began) / len(z))
        worker.close()
        fast, slow = statistics.median(bare), statistics.median(through)
        yield Row(f"decode {model.name}: over a bare loop", (slow - fast) * 1e3, "ms", 0.2)
        limit = 0.9 if fast > 0.002 else None
        note = f"{fast * 1e3:.2f} ms a picture"
        yield Row(f"decode {model.name}: rate of a bare loop", fast / slow, "x", limit, True, note)


def page(quick: bool) -> Iterator[Row]:
    """The original's page against the same work in the real program, both unthrottled.

    As the original does it: predict(), and a square() for every pixel, on its canvas of 560x280.
    What a page can reach that is tuned for speed is measured beside it.
    """
    from benchmarks.browser import measure

    seconds = 4 if quick else 8
    size = (560, 280)
    found: dict[str, list[float]] = {"original": [], "tuned": [], "ours": []}
    for _ in range(1 if quick else 5):
        found["original"].append(measure(seconds, *size, style="original")["fps"])
        found["tuned"].append(measure(seconds, *size, style="tuned")["fps"])
        with virtual_screen() as display:
            _, pictures = play(
                display, seconds + 3, "--mode", "pixel", "--model", "classic-28",
                "--size", "{}x{}".format(*size), "--fps", "0",
            )  # fmt: skip
        shown = [t for t in pictures if t > pictures[0] + 2]
        found["ours"].append((len(shown) - 1) / (shown[-1] - shown[0]))
    rates = {name: statistics.median(values) for name, values in found.items()}
    for name, what in (
        ("original", "page: p5.js and TensorFlow.js, as the original"),
        ("tuned", "page: the same, tuned"),
        ("ours", "page: Squircle"),
    ):
        note = " ".join(f"{value:.0f}" for value in found[name])
        yield Row(what, rates[name], "pictures/s", note=note)
    ratios = [ours / theirs for ours, theirs in zip(found["ours"], found["original"], strict=True)]
    note = " ".join(f"{ratio:.1f}" for ratio in ratios)
    yield Row("page: times the original", statistics.median(ratios), "x", 4.0, True, note)
    yield Row("page: times the tuned one", rates["ours"] / rates["tuned"], "x")


def train(quick: bool) -> Iterator[Row]:
    """An epoch of training against its matrix products and fused Adam alone."""
    import torch

    from visualiser.data.shapes import ShapeSettings, make
    from visualiser.nets.autoencoder import Autoencoder
    from visualiser.nets.dense import architecture
    from visualiser.nets.layers import Dense
    from visualiser.train.classic import LOSSES, run_epoch

    torch.set_num_threads(os.cpu_count() or 1)  # as `train` does; playing holds it to one
    torch.manual_seed(1)
    images = torch.from_numpy(make(1000, 1, ShapeSettings()).images)
    net = Autoencoder(architecture(28, 28, (256, 128), 16))
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 1e-3, total_steps=100_000)

    steps = [
        step for step in net.encoder.steps + net.decoder.steps if isinstance(step.layer, Dense)
    ]
    weights = [step.kernel.detach().t().contiguous() for step in steps]
    parameters = [p.detach().clone().requires_grad_() for p in net.parameters()]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter) * 1e-4
    floor_adam = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    flat = images.flatten(1)

    def floor() -> None:
        with torch.no_grad():
            for x in flat.split(32):
                inputs = [x]
                for weight in weights:
                    inputs.append(inputs[-1] @ weight.T)
                slope = inputs[-1]
                for i in range(len(weights) - 1, -1, -1):
                    slope.T @ inputs[i]
                    if i:
                        slope = slope @ weights[i]
                floor_adam.step()

    def epoch() -> None:
        run_epoch(net, adam, images, 32, LOSSES["bce"], schedule.step)

    floors: list[float] = []
    epochs: list[float] = []
    for turn in range(6 if quick else 30):
        for times, job in ((floors, floor), (epochs, epoch)):
            began = time.perf_counter()
            job()
            if turn:
                times.append(time.perf_counter() - began)
    floor_s, epoch_s = statistics.median(floors), statistics.median(epochs)
    note = f"{epoch_s * 1e3:.0f} ms against {floor_s * 1e3:.0f} ms"
    yield Row("train: an epoch over its floor", epoch_s / floor_s, "x", 2.5, note=note)


def frames(quick: bool) -> Iterator[Row]:
    """Late frames of the real program at 60 fps and 1280x720, with each driver."""
    from visualiser.drivers import drivers

    seconds = 15 if quick else 60
    with virtual_screen() as display:
        for mode in ("latent", "pixel"):
            for driver in drivers():
                flips, pictures = play(display, seconds + 6, "--driver", driver, "--mode", mode)
                began = pictures[0] + 1  # after torch is in and the first picture is there
                times = [t for t in flips if began <= t <= began + seconds]
                gaps = [b - a for a, b in pairwise(times)]
                late = sum(gap > 1.5 / 60 for gap in gaps) / len(gaps)
                rate = len(gaps) / (times[-1] - times[0])
                new = sum(began <= t <= began + seconds for t in pictures) / len(times)
                note = f"{rate:.1f} fps, {new:.0%} new pictures"
                yield Row(f"frames: late with {driver}, {mode}", late * 100, "%", 1.0, note=note)


def start(quick: bool) -> Iterator[Row]:
    """From typing the command to a moving picture, and to the first decoded one; a warm disk."""
    firsts, pictured = [], []
    with virtual_screen() as display:
        play(display, 4)
        for _ in range(3 if quick else 7):
            began = time.time()
            flips, pictures = play(display, 6)
            firsts.append(flips[1] - began)  # the second picture: it moves
            pictured.append(pictures[0] - began)
    note = f"worst {max(firsts):.2f} s"
    yield Row("start: moving picture", statistics.median(firsts), "s", 1.0, note=note)
    note = f"worst {max(pictured):.2f} s"
    yield Row("start: decoded picture", statistics.median(pictured), "s", 3.5, note=note)


def mse(quick: bool) -> Iterator[Row]:
    """Reconstruction of shapes of each shipped model's own kind, from seeds it never saw."""
    import torch

    from visualiser.data.shapes import ShapeSettings, make
    from visualiser.nets import checkpoint
    from visualiser.nets.autoencoder import build

    for name in checkpoint.names():
        model = checkpoint.read(checkpoint.find(name))
        fields = ShapeSettings.__dataclass_fields__
        known = {k: v for k, v in model.card.data.items() if k in fields}
        known = {k: tuple(v) if isinstance(v, list) else v for k, v in known.items()}
        net = build(model)
        errors = []
        for seed in range(1000, 1003 if quick else 1010):
            images = torch.from_numpy(make(1000, seed, ShapeSettings(**known)).images)
            with torch.inference_mode():
                errors.append(float(((net(images) - images) ** 2).mean()))
        limit = 0.0016 if model.shape == (28, 28) else None
        note = f"worst of {len(errors)} seeds {max(errors):.5f}"
        yield Row(f"mse: {name} on unseen shapes", statistics.mean(errors), "", limit, note=note)


LOOKING = (eye.reconstruct, eye.denoise, eye.coverage, eye.crisp, eye.look, eye.learn)
HEARING = (ear.onsets, ear.beat, ear.no_beat, ear.level, ear.cost, follow.still, follow.follow)
PLAYING = (cable, latency, panel, reload, hands, teach, stage, flash)
FILMING = (record, kill, memory, render, clap, loop)
BENCHMARKS: dict[str, Callable[[bool], Iterator[Row]]] = {
    f.__name__: f
    for f in (mse, decode, train, start, page, frames, *LOOKING, *HEARING, *PLAYING, *FILMING)
}


def main(only: list[str], quick: bool, as_json: bool) -> int:
    """Run benchmarks and print their rows; 0 if all that was promised is kept, else 1."""
    if unknown := [name for name in only if name not in BENCHMARKS]:
        raise UserError(f"no benchmark {unknown[0]!r}: there are {', '.join(BENCHMARKS)}")
    rows: list[Row] = []
    for name in only or BENCHMARKS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        for row in BENCHMARKS[name](quick):
            rows.append(row)
            print(f"  {row.what}: {row.figure:.4g} {row.unit}", file=sys.stderr, flush=True)
    if as_json:
        machine = {"python": platform.python_version(), "cores": os.cpu_count()}
        print(
            json.dumps(
                {"machine": machine, "rows": [asdict(r) | {"kept": r.kept} for r in rows]}, indent=2
            )
        )
    else:
        print_table(rows)
    return 0 if all(row.kept is not False for row in rows) else 1


def print_table(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("what", "figure", "promised", "kept", "note"):
        table.add_column(column)
    for row in rows:
        side = "at least" if row.at_least else "at most"
        table.add_row(
            row.what,
            f"{row.figure:.4g} {row.unit}",
            "" if row.limit is None else f"{side} {row.limit:g} {row.unit}",
            {True: "yes", False: "NO", None: ""}[row.kept],
            row.note,
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
