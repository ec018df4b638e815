"""The verb `train`: from settings to a model file with its pictures beside it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from visualiser import config
from visualiser.files import free_path, make_folder, refuse_existing, write_bytes
from visualiser.nets import checkpoint
from visualiser.nets.checkpoint import MODELS, SUFFIX
from visualiser.pictures import png
from visualiser.progress import bar
from visualiser.types import UserError

if TYPE_CHECKING:
    from visualiser.train.result import Progress, Trained

Report = Callable[["Progress"], None]


def classic(settings: config.Train, name: str | None, force: bool, recipe: str) -> None:
    """Train and write models/NAME.safetensors and its contact sheet, models/NAME.png."""
    name = check_name(name, "shapes", force)

    from visualiser.data.shapes import ShapeSettings
    from visualiser.train.classic import TrainSettings, train

    options = TrainSettings(
        shapes=ShapeSettings(
            size=settings.size,
            kinds=tuple(settings.kinds),
            styles=tuple(settings.styles),
            size_min=settings.size_min,
            size_max=settings.size_max,
            stroke=settings.stroke,
            offset=settings.offset,
            rotate=settings.rotate,
        ),
        widths=tuple(settings.widths),
        latent_dim=settings.latents,
        n_train=settings.pictures,
        n_test=settings.test_pictures,
        noise=settings.noise,
        epochs=settings.epochs,
        batch=settings.batch,
        rate=settings.rate,
        loss=settings.loss,
        seed=settings.seed,
        threads=settings.threads,
    )
    with _watched("epochs", options.epochs, "a few seconds") as (report, stopped):
        trained = train(name, options, report, stopped)
    _finish(trained, recipe, with_strip=False)


def shape(
    settings: config.TrainShape, name: str | None, force: bool, resume: bool, recipe: str
) -> None:
    """Train a shape model; also writes models/NAME-strip.png."""
    name = check_name(name, "shape", force, resume, with_strip=True)

    from visualiser.data.sketches import SketchSettings
    from visualiser.train.shape import ShapeTraining, train

    options = ShapeTraining(
        sketches=SketchSettings(
            size=settings.size,
            kinds=tuple(settings.kinds),
            size_min=settings.size_min,
            size_max=settings.size_max,
            offset=settings.offset,
            blended=settings.blended,
            rough=settings.rough,
        ),
        latent_dim=settings.latents,
        steps=settings.steps,
        batch=settings.batch,
        rate=settings.rate,
        beta=settings.beta,
        seed=settings.seed,
        threads=settings.threads,
    )
    keep = _resumable(name, resume)
    with _watched("steps", options.steps, "about a minute") as (report, stopped):
        trained = train(name, options, report, stopped, keep)
    _finish(trained, recipe, with_strip=True)


def colour(
    settings: config.TrainColour,
    images: Path | None,
    name: str | None,
    force: bool,
    resume: bool,
    recipe: str,
) -> None:
    """Train a colour model on a folder of images or an IDX file, or on landscapes."""
    otherwise = images.stem if images and images.stem else "landscapes"
    name = check_name(name, otherwise, force, resume, with_strip=True)

    from visualiser.data.idx import open_idx
    from visualiser.data.landscapes import split
    from visualiser.data.pictures import Pictures, open_folder
    from visualiser.train.colour import ColourTraining, train

    size, seed = settings.size, settings.seed
    if size & (size - 1):
        raise UserError(f"size {size} px of a colour model: allowed are 16, 32, 64, 128 and 256")
    pictures: tuple[Pictures, Pictures]
    if images is None:
        pictures = split(settings.landscapes, 256, seed, size)
        data: dict[str, object] = {"source": "landscapes", "size": size, "seed": seed}
    elif images.is_file():
        pictures = open_idx(images, size, seed)
        data = {"source": "idx", "file": images.name, "size": size}
    else:
        pictures = open_folder(images, size, seed, mirror=settings.mirror)
        data = {"source": "images", "folder": images.resolve().name, "size": size}
    data["pictures"] = len(pictures[0])
    for note in pictures[0].notes:
        print(note)
    known = len(pictures[0].skipped)
    options = ColourTraining(
        latent_dim=settings.latents,
        width=settings.width,
        steps=settings.steps,
        batch=settings.batch,
        rate=settings.rate,
        beta=settings.beta,
        seed=seed,
        threads=settings.threads,
    )
    keep = _resumable(name, resume)
    with _watched("steps", options.steps, "up to a minute") as (report, stopped):
        trained = train(name, options, pictures, data, report, stopped, keep)
    for path, why in pictures[0].skipped[known:]:
        print(f"left out {path}: {why}")
    _finish(trained, recipe, with_strip=True)


def check_name(
    name: str | None, otherwise: str, force: bool, resume: bool = False, with_strip: bool = False
) -> str:
    """The name of a model to be written; without one, the next free of `otherwise`.

    It is free, unless `force`, or `resume`: who goes on with a training has its first part already.
    Makes the folder. Raises UserError.
    """
    if name is None:
        name = otherwise if resume else free_path(MODELS, otherwise, SUFFIX, ".png").stem
    if not name or name.startswith(".") or Path(name).name != name or len(name) > 100:
        raise UserError(f"a model cannot be called {name!r}: give a plain file name")
    make_folder(MODELS)
    path = _path(name)
    if with_strip and not resume:
        _refuse_unfinished(name)
    for written in (path, path.with_suffix(".png"), *([_strip(path)] if with_strip else [])):
        refuse_existing(written, force or resume)
    return name


def _path(name: str) -> Path:
    return MODELS / f"{name}{SUFFIX}"


def _strip(path: Path) -> Path:
    return path.with_name(f"{path.stem}-strip.png")


def _unfinished(name: str) -> Path:
    return MODELS / f".{name}.training"


def _refuse_unfinished(name: str) -> None:
    path = _unfinished(name)
    if path.exists():
        raise UserError(
            f"{path} holds a training that was not finished: go on with --resume, or remove it"
        )


def _resumable(name: str, resume: bool) -> Path:
    """Where an interrupted training of that name is kept; begun anew unless `resume`."""
    path = _unfinished(name)
    if resume and not path.exists():
        raise UserError(f"there is nothing to resume: no {path}")
    return path


@contextmanager
def _watched(unit: str, total: int, rest: str) -> Iterator[tuple[Report, Callable[[], bool]]]:
    """A progress bar, and a Ctrl-C that ends training and keeps what was learned; rest: how long
    what comes after the last step takes, which is told once, as nothing moves meanwhile."""
    interrupted: list[int] = []
    said: list[str] = []

    def interrupt(number: int, frame: object) -> None:
        if interrupted:
            raise KeyboardInterrupt  # the second Ctrl-C means it
        interrupted.append(number)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with bar("training", unit) as report:

            def finishing() -> None:
                if not said:
                    said.append(f"finishing: finding where its pictures lie, {rest}")
                    report.say(said[0])

            def stopped() -> bool:
                if interrupted:
                    finishing()
                return bool(interrupted)

            def told(p: Progress) -> None:
                figures = "  ".join(f"{key} {value:.4g}" for key, value in p.figures.items())
                report(
                    p.epoch, total, f"loss {p.train_loss:.4f}  test {p.test_loss:.4f}  {figures}"
                )
                if p.epoch == total:
                    finishing()

            report(0, total, "")
            yield told, stopped
    except MemoryError:
        raise UserError(
            "the pictures, and the network for them, do not fit into memory: ask for fewer or"
            " smaller ones"
        ) from None
    finally:
        signal.signal(signal.SIGINT, before)


def _finish(trained: Trained, recipe: str, with_strip: bool) -> None:
    from visualiser.train.sheets import contact_sheet, strip

    model = trained.checkpoint
    model = replace(model, card=model.card.model_copy(update={"recipe": recipe}))
    path = _path(model.name)
    checkpoint.write(path, model)
    figures = ", ".join(f"{key} {value:.4g}" for key, value in model.card.figures.items())
    print(f"{path}: {model.architecture.kind}, {figures}")
    sheet = path.with_suffix(".png")
    write_bytes(sheet, png(contact_sheet(trained)))
    print(f"{sheet}: pictures it never saw, above what it makes of them")
    if with_strip:
        walk = _strip(path)
        write_bytes(walk, png(strip(model)))
        print(f"{walk}: from one thing to another, a row a step")
