"""The verbs without a show: train, list models and sound inputs, decode and encode."""

from __future__ import annotations

import io
import json
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from visualiser import config
from visualiser.files import free_path, make_folder, refuse_existing, write_bytes
from visualiser.look.upscale import resize
from visualiser.nets import checkpoint
from visualiser.nets.checkpoint import MODELS, SUFFIX, Checkpoint
from visualiser.nets.play import Dense
from visualiser.types import FloatArray, UserError

LARGEST_IMAGE = 64_000_000  # pixels of a picture that is read


def train(settings: config.Train, name: str | None, force: bool) -> None:
    """Train and write models/NAME.safetensors and its contact sheet, models/NAME.png."""
    if name is None:
        name = free_path(MODELS, "shapes", SUFFIX, ".png").stem
    if not name or name.startswith(".") or Path(name).name != name or len(name) > 100:
        raise UserError(f"a model cannot be called {name!r}: give a plain file name")
    make_folder(MODELS)
    path = MODELS / f"{name}{SUFFIX}"
    sheet = path.with_suffix(".png")
    refuse_existing(path, force)
    refuse_existing(sheet, force)

    from visualiser.data.shapes import ShapeSettings
    from visualiser.progress import bar
    from visualiser.train import Progress, TrainSettings, contact_sheet
    from visualiser.train import train as run

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
        epochs=settings.epochs,
        batch=settings.batch,
        rate=settings.rate,
        loss=settings.loss,
        seed=settings.seed,
        threads=settings.threads,
    )
    interrupted = False

    def interrupt(number: int, frame: object) -> None:
        nonlocal interrupted
        if interrupted:
            raise KeyboardInterrupt  # the second Ctrl-C means it
        interrupted = True

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with bar("training", "epochs") as report:

            def told(p: Progress) -> None:
                losses = f"loss {p.train_loss:.4f}  test {p.test_loss:.4f}  mse {p.test_mse:.5f}"
                report(p.epoch, options.epochs, losses)

            report(0, options.epochs, "")
            trained = run(name, options, told, lambda: interrupted)
    except MemoryError:
        raise UserError(
            f"{options.n_train + options.n_test} pictures of {settings.size}x{settings.size} px,"
            " and the network for them, do not fit into memory: ask for fewer or smaller ones"
        ) from None
    finally:
        signal.signal(signal.SIGINT, before)

    card = trained.checkpoint.card
    checkpoint.write(path, trained.checkpoint)
    write_bytes(sheet, _png(contact_sheet(trained)))
    early = f", stopped after {len(card.test_losses)} epochs" if interrupted else ""
    print(f"{path}: {card.architecture}, test MSE {card.test_mse:.5f}{early}")
    print(f"{sheet}: test pictures above their reconstructions")


def models(as_json: bool) -> int:
    """List the models; one that cannot be read is named on stderr. Returns the exit code."""
    rows: list[dict[str, Any]] = []
    broken = 0
    for name in checkpoint.names():
        path = checkpoint.find(name)
        try:
            model = checkpoint.read(path)
        except UserError as error:
            print(f"squircle: {error}", file=sys.stderr)
            broken += 1
            continue
        card = model.card
        rows.append(
            {
                "name": name,
                "kind": card.architecture.kind,
                "layers": card.architecture.layers(),
                "latents": model.latent_dim,
                "width": model.shape[1],
                "height": model.shape[0],
                "bytes": path.stat().st_size,
                "test_mse": card.test_mse,
                "data": card.data,
                "training": card.training,
                "seed": card.seed,
                "created": card.created,
                "path": str(path),
            }
        )
    if as_json:
        print(json.dumps(rows, indent=2))
    elif rows:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        for column in ("name", "size", "latents", "layers", "test MSE", "shapes", "MB", "made"):
            table.add_column(column)
        for row in rows:
            kinds = row["data"].get("kinds", [])
            cells = (
                str(row["name"]),
                f"{row['width']}x{row['height']}",
                str(row["latents"]),
                "-".join(map(str, row["layers"])),
                f"{row['test_mse']:.5f}",
                ", ".join(map(str, kinds)) if isinstance(kinds, list) else str(kinds),
                f"{row['bytes'] / 1e6:.1f}",
                str(row["created"]),
            )
            table.add_row(*map(Text, cells))  # as they are: a file's words are not markup
        Console(width=None if sys.stdout.isatty() else 160).print(table)
    else:
        print(f"no models in {MODELS} yet: 'python main.py train' makes one")
    return 2 if broken else 0


def devices(wanted: str | int) -> None:
    """List the sound inputs; the one that config.toml selects is marked with *."""
    from visualiser.audio.source import list_inputs, match_input

    rows = list_inputs()
    chosen = None
    try:
        chosen = match_input(rows, wanted)
    except UserError as error:
        print(f"squircle: {error}", file=sys.stderr)
    for row in rows:
        mark = "*" if chosen is not None and row.index == chosen.index else " "
        default = "  (default)" if row.is_default else ""
        print(
            f"{mark} {row.index:3}  {row.name}  [{row.hostapi}]"
            f"  {row.channels} ch  {row.samplerate:.0f} Hz{default}"
        )


def decode(model: str, latent: str, out: Path, force: bool) -> None:
    """Draw one latent, "z1,z2,...", into a .png or a .npy."""
    _refuse_output(out, force)
    loaded = checkpoint.read(checkpoint.find(model))
    z = _latent(latent, loaded)
    with np.errstate(over="ignore", invalid="ignore"):  # told below, in words
        image = Dense(loaded).decode(z)
    if not np.isfinite(image).all():
        raise UserError(f"--latent {latent}: so far out that {loaded.name} cannot draw it")
    _write_image(out, image)


def encode(model: str, image: Path) -> None:
    """Print the latents of a picture as a JSON list."""
    z, _ = _through(checkpoint.read(checkpoint.find(model)), image)
    print(json.dumps([float(value) for value in z]))


def reconstruct(model: str, image: Path, out: Path, force: bool) -> None:
    """Put a picture through the whole autoencoder."""
    _refuse_output(out, force)
    _, drawn = _through(checkpoint.read(checkpoint.find(model)), image)
    _write_image(out, drawn)


def _through(model: Checkpoint, image: Path) -> tuple[FloatArray, FloatArray]:
    net = Dense(model)
    z = net.encode(_read_image(image, model.shape))
    return z, net.decode(z)


def _latent(text: str, model: Checkpoint) -> FloatArray:
    try:
        values = [float(part) for part in text.strip("[] ").split(",")]
    except ValueError:
        raise UserError(f"--latent {text}: wanted are numbers with commas between them") from None
    if len(values) != model.latent_dim:
        raise UserError(
            f"--latent {text}: {model.name} takes {model.latent_dim} numbers,"
            f" these are {len(values)}"
        )
    largest = float(np.finfo(np.float32).max)
    if not all(abs(value) <= largest for value in values):  # nor is NaN
        raise UserError(f"--latent {text}: not all of them are finite float32 numbers")
    return np.array(values, np.float32)


def _read_image(path: Path, shape: tuple[int, int]) -> FloatArray:
    """A picture as (H, W) float32 0..1 grey: a .npy of that kind, or whatever Pillow reads."""
    if path.suffix.lower() == ".npy":
        try:
            image = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError, MemoryError) as error:
            why = getattr(error, "strerror", None) or "it is not a whole .npy file of numbers"
            raise UserError(f"cannot read {path}: {why}") from None
        is_grey = isinstance(image, np.ndarray) and image.ndim == 2 and image.dtype.kind == "f"
        if not is_grey or not np.isfinite(image).all():
            raise UserError(f"{path}: wanted is a (H, W) array of finite floats, 0..1")
        grey = np.clip(image, 0, 1).astype(np.float32)
    else:
        grey = _read_picture(path)
    if grey.size == 0:
        raise UserError(f"{path}: the picture is empty")
    # What is not of the network's proportions gets black beside it, so that a circle stays one.
    height, width = grey.shape
    aspect = shape[1] / shape[0]
    wide, high = max(width, round(height * aspect)), max(height, round(width / aspect))
    left, top = (wide - width) // 2, (high - height) // 2
    grey = np.pad(grey, ((top, high - height - top), (left, wide - width - left)))
    return np.ascontiguousarray(np.clip(resize(grey, shape), 0, 1))


def _read_picture(path: Path) -> FloatArray:
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures; the limit is ours
            with Image.open(path) as picture:
                if picture.width * picture.height > LARGEST_IMAGE:
                    raise UserError(
                        f"{path} has {picture.width}x{picture.height} pixels;"
                        f" allowed are {LARGEST_IMAGE // 10**6} million"
                    )
                upright = ImageOps.exif_transpose(picture)
                if upright.mode.startswith("I;16"):  # Pillow would cut it off at 255
                    return np.asarray(upright, np.float32) / np.float32(65535)
                grey = upright.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or "it is not a picture that can be read"
        raise UserError(f"cannot read {path}: {why}") from None
    return np.asarray(grey, np.float32) / np.float32(255)


def _refuse_output(out: Path, force: bool) -> None:
    if out.suffix.lower() not in (".png", ".npy"):
        raise UserError(f"{out}: the ending must be .png or .npy")
    refuse_existing(out, force)


def _write_image(out: Path, image: FloatArray) -> None:
    if out.suffix.lower() == ".png":
        write_bytes(out, _png(image))
        return
    data = io.BytesIO()
    np.save(data, image.astype(np.float32))
    write_bytes(out, data.getvalue())


def _png(image: FloatArray) -> bytes:
    """(H, W) or (H, W, 3) float 0..1 as a PNG."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)).save(data, "png")
    return data.getvalue()
