"""What pictures promise: crisp edges, every kind of shape, true reconstructions, speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.row import Row
from visualiser import loops
from visualiser.controls import Controls, Value
from visualiser.nets import checkpoint
from visualiser.nets.checkpoint import Checkpoint
from visualiser.nets.play import Player
from visualiser.types import Features, FloatArray, Tick

QUIET = Features(0.0, np.zeros(16, np.float32), -120.0)
SHAPE_MODEL = "shapes"  # the default


def shape_models() -> list[Checkpoint]:
    models = [checkpoint.read(checkpoint.find(name)) for name in checkpoint.names()]
    return [model for model in models if model.architecture.pictures == "distance"]


def reconstruct(quick: bool) -> Iterator[Row]:
    """Intersection over union of held-out shapes and what shape models make of them."""
    from visualiser.data.sketches import SketchSettings, make

    n = 300 if quick else 2000
    for model in shape_models():
        settings = SketchSettings(
            size=model.shape[0],
            kinds=tuple(model.card.data["kinds"]),
            size_min=12 / model.shape[0],
            rough=0.0,
            blended=0.0,
        )
        player = Player(model)
        found: list[float] = []
        for seed in (101, 102, 103):
            shapes = make(n // 3, np.random.default_rng(seed), settings)
            for picture, distance in zip(shapes.pictures, shapes.distance, strict=True):
                drawn = player.decode(player.encode(picture)) < 0
                wanted = distance < 0
                found.append((drawn & wanted).sum() / max((drawn | wanted).sum(), 1))
        note = f"worst tenth from {np.quantile(found, 0.1):.3f} down, {n} shapes from 12 px across"
        yield Row(
            f"reconstruct: {model.name}, mean IoU", float(np.mean(found)), "", 0.95, True, note
        )
    yield from _off_centre(n)


def _off_centre(n: int) -> Iterator[Row]:
    """Circles off the middle, 28x28, through the classic network and the shape model."""
    from visualiser.data.shapes import ShapeSettings, make
    from visualiser.look.upscale import resize
    from visualiser.pictures import seen

    settings = ShapeSettings(
        size=64, kinds=("circle",), styles=("fill",), size_min=0.2, size_max=0.5, offset=0.2
    )
    circles = make(n, 104, settings).images
    errors = {}
    for name in ("classic-28", SHAPE_MODEL):
        model = checkpoint.read(checkpoint.find(name))
        player = Player(model)
        off = []
        for circle in circles:
            given = np.clip(resize(circle, model.shape), 0, 1)
            drawn = seen(player.decode(player.encode(given)), model.architecture)
            off.append(float(((drawn - given) ** 2).mean()))
        errors[name] = statistics.mean(off)
    share = errors[SHAPE_MODEL] / errors["classic-28"]
    note = " ".join(f"{name} {error:.5f}" for name, error in errors.items())
    yield Row("reconstruct: circles off centre, MSE over the classic's", share, "x", 0.1, note=note)


def denoise(quick: bool) -> Iterator[Row]:
    """Shapes with 500 random grey dots, through classic-28."""
    from visualiser.data.shapes import ShapeSettings, make

    player = Player(checkpoint.read(checkpoint.find("classic-28")))
    errors: dict[str, list[float]] = {"anywhere": [], "each on another pixel": []}
    for seed in (201, 202) if quick else range(201, 209):
        rng = np.random.default_rng(seed)
        for picture in make(300, seed, ShapeSettings()).images:
            places = {
                "anywhere": rng.integers(0, picture.size, 500),
                "each on another pixel": rng.permutation(picture.size)[:500],
            }
            for how, dots in places.items():
                noisy = picture.ravel().copy()
                noisy[dots] = rng.random(500, np.float32)
                drawn = player.decode(player.encode(noisy.reshape(picture.shape)))
                errors[how].append(float(((drawn - picture) ** 2).mean()))
    for how, found in errors.items():
        yield Row(f"denoise: 500 grey dots, {how}", statistics.mean(found), "MSE", 0.0026)


def coverage(quick: bool) -> Iterator[Row]:
    """Kinds of shapes along ten minutes of every noise driver, each by its nearest neighbour among
    training shapes, over what would be fair."""
    from visualiser.controls import Controls
    from visualiser.data.sketches import Known, SketchSettings, make
    from visualiser.drivers import drivers

    for model in shape_models():
        kinds = tuple(model.card.data["kinds"])
        settings = SketchSettings(
            size=model.shape[0], kinds=kinds, rough=0.0, blended=0.0,
            size_min=model.card.data["size_min"], size_max=model.card.data["size_max"],
            offset=model.card.data["offset"],
        )  # fmt: skip
        known = make(4000 if quick else 12_000, np.random.default_rng(301), settings)
        compare = Known(known, len(kinds))
        player = Player(model)
        for name in ("perlin", "simplex", "random"):
            controls = Controls(drivers()[name].controls)
            driver = drivers()[name](model.latents.n_directions, 302)
            walked = []
            for i in range(600 * 2):  # every half second of ten minutes
                for _ in range(30):
                    driver.advance(Tick(i, i / 2, 1 / 60), QUIET, controls.section(name))
                drawn = player.decode(model.latents.to_latent(driver.point()))
                walked.append(drawn)
            share = compare.shares(np.array(walked))
            note = " ".join(f"{kind} {s:.2f}" for kind, s in zip(kinds, share, strict=True))
            what = f"coverage: {model.name}, {name}: rarest kind over its fair share"
            yield Row(what, float(share.min()), "x", 1 / 3, True, note)


def crisp(quick: bool) -> Iterator[Row]:
    """Edges of random morphs at 2160 px, against true shapes rasterised there."""
    import pygame

    from visualiser.data.shapes import KINDS, distances
    from visualiser.frame import Frame
    from visualiser.look.eye import Eye

    n, side = (40, 2160) if quick else (500, 2160)
    rng = np.random.default_rng(401)
    model = checkpoint.read(checkpoint.find(SHAPE_MODEL))
    player = Player(model)
    canvas = pygame.Surface((side, side), 0, 32)
    eye = Eye(_controls(look="fill", palette="silver"))

    def shown(z: FloatArray) -> FloatArray:
        frame = Frame(Tick(0, 0, 0), model, z, image=player.decode(z))
        eye.advance(frame, Tick(0, 0, 0), QUIET)
        eye.draw(frame, canvas, canvas.get_rect())
        return pygame.surfarray.array_green(canvas).astype(np.float32)

    morphs, true = [], []
    for _ in range(n):
        a, b = rng.standard_normal((2, model.latents.n_directions)).astype(np.float32)
        turn = rng.uniform(0, np.pi / 2)
        green = shown(model.latents.to_latent(np.cos(turn) * a + np.sin(turn) * b))
        low, high = green.min(), green.max()
        if high - low > 32:
            morphs.append(_edges((green - low) / (high - low)))
        shape = distances(
            KINDS[str(rng.choice(model.card.data["kinds"]))],
            side,
            rng.uniform(0.4, 0.9, 1),
            rng.uniform(-0.1, 0.1, (1, 2)),
            rng.uniform(0, 2 * np.pi, 1),
        )[0]
        true.append(_edges(np.clip(0.5 - shape, 0, 1)))
    (mid, length, widths), (true_mid, true_length, _) = (np.array(e).T for e in (morphs, true))
    note = (
        f"{len(morphs)} morphs: {mid.mean():.5f} of all pixels, true shapes {true_mid.mean():.5f}"
    )
    yield Row(
        "crisp: mid-grey pixels over true shapes'",
        mid.mean() / true_mid.mean(),
        "x",
        1.2,
        note=note,
    )
    per_length = float((mid.sum() / length.sum()) / (true_mid.sum() / true_length.sum()))
    yield Row("crisp: the same for as long an outline", per_length, "x", 1.2)
    note = f"99 % of morphs up to {np.quantile(widths, 0.99):.2f}"
    yield Row("crisp: 10-90 % edge width", float(widths.mean()), "px", 2.0, note=note)


def _edges(picture: FloatArray) -> tuple[float, float, float]:
    """Share of mid-grey pixels, length of the outline (its total variation) and width of edges from
    10 to 90 %, in pixels, of a picture (H, W) 0..1."""
    middle = float(((picture > 0.1) & (picture < 0.9)).sum())
    down, across = np.diff(picture, axis=0)[:, :-1], np.diff(picture, axis=1)[:-1]
    length = float(np.hypot(down, across).sum())
    return middle / picture.size, length, middle / max(length, 1.0)


def look(quick: bool) -> Iterator[Row]:
    """Decode, look and upscaling of a whole canvas, against a plain copy of it."""
    import pygame

    from visualiser.frame import Frame
    from visualiser.look.looks import looks
    from visualiser.look.panes import Panes

    loops.load()  # as a show has them a second after its start
    model = checkpoint.read(checkpoint.find(SHAPE_MODEL))
    player = Player(model)
    rng = np.random.default_rng(501)
    points = np.cumsum(rng.standard_normal((400, model.latents.n_directions)) * 0.05, axis=0)
    frames = 20 if quick else 60
    for name, size, limit in (
        ("1080p", (1920, 1080), 1000 / 60),
        ("2160p", (3840, 2160), 1000 / 30),
    ):
        canvas, other = (pygame.Surface(size, 0, 32) for _ in range(2))
        found: dict[str, list[float]] = {}
        copied = []
        chosen = list(looks())
        panes = {each: Panes(_controls(look=each, output_only=True)) for each in chosen}
        for i in range(frames):
            for each in chosen:
                began = time.perf_counter()
                z = model.latents.to_latent(points[i].astype(np.float32))
                frame = Frame(Tick(i, i / 60, 1 / 60), model, z, image=player.decode(z))
                panes[each].draw(frame, canvas, frame.tick, QUIET)
                found.setdefault(each, []).append(time.perf_counter() - began)
            began = time.perf_counter()
            other.blit(canvas, (0, 0))
            copied.append(time.perf_counter() - began)
        copy_ms = statistics.median(copied) * 1e3
        ms = {each: statistics.median(times[2:]) * 1e3 for each, times in found.items()}
        slowest = max(ms, key=lambda each: ms[each])
        default = str(_controls()["look.look"])
        for what, each in (("default", default), ("slowest", slowest)):
            note = f"{ms[each] / copy_ms:.1f} times a plain copy of {copy_ms:.2f} ms"
            yield Row(f"look: {name}, the {what} look, {each}", ms[each], "ms", limit, note=note)


def learn(quick: bool) -> Iterator[Row]:
    """Training from nothing, on all cores: the classic to an MSE of 0.0016, the default shape model
    as its recipe has it (a twentieth of it, times twenty, where it must be quick)."""
    import os
    from dataclasses import replace

    import torch

    from visualiser.train import classic, shape
    from visualiser.train.result import Progress

    torch.set_num_threads(os.cpu_count() or 1)
    began = time.perf_counter()
    reached: list[float] = []

    def told(progress: Progress) -> None:
        if progress.figures["mse"] <= 0.0016 and not reached:
            reached.append(time.perf_counter() - began)

    options = replace(classic.TrainSettings(), epochs=18)
    classic.train("classic", options, told, lambda: bool(reached))
    took = reached[0] if reached else float("inf")
    yield Row("learn: classic 28x28, from nothing to MSE 0.0016", took, "s", 15)

    recipe = shape.ShapeTraining()
    part = 20 if quick else 1
    began = time.perf_counter()
    trained = shape.train("shapes", replace(recipe, steps=recipe.steps // part))
    minutes = (time.perf_counter() - began) * part / 60
    figures = trained.checkpoint.card.figures
    note = "a part of it, scaled" if quick else f"IoU {figures['iou']:.3f}"
    yield Row("learn: the default shape model, from nothing", minutes, "min", 10, note=note)


def _controls(**values: Value) -> Controls:
    from visualiser.run import declared_controls

    return Controls(declared_controls(), {f"look.{name}": v for name, v in values.items()})
