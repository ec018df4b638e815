"""The verb `models`: the list of them, and the sheet of one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from visualiser.files import free_path, write_bytes
from visualiser.nets import checkpoint
from visualiser.nets.checkpoint import MODELS, Checkpoint
from visualiser.types import UserError
from visualiser.words import printable


def models(as_json: bool) -> int:
    """List the models; one that cannot be read is named on stderr. Returns the exit code."""
    rows: list[dict[str, Any]] = []
    broken = 0
    for name in checkpoint.names():
        path = checkpoint.find(name)
        try:
            rows.append(describe(checkpoint.read(path), path))
        except UserError as error:
            print(f"squircle: {printable(error)}", file=sys.stderr)
            broken += 1
    if as_json:
        print(json.dumps(rows, indent=2))
    elif rows:
        _print_table(rows)
    else:
        print(f"no models in {MODELS} yet: 'python main.py train' makes one")
    return 2 if broken else 0


def card(name: str, out: Path | None, force: bool, as_json: bool) -> None:
    """Tell all about a model, and draw its sheet into `out`, or a new NAME-card.png here; as JSON,
    which is for programs, only into `out`."""
    from visualiser.files import refuse_existing
    from visualiser.pictures import png
    from visualiser.train.sheets import model_sheet

    path = checkpoint.find(name)
    model = checkpoint.read(path)
    if out is None and not as_json:
        out = free_path(Path(), f"{model.name}-card", ".png")
    if out is not None:
        if out.suffix.lower() != ".png":
            raise UserError(f"{out}: the ending must be .png")
        refuse_existing(out, force)
    row = describe(model, path)
    if as_json:
        print(json.dumps(row, indent=2))
    else:
        for key in ("name", "kind", "network", "latents", "directions", "figures", "data",
                    "training", "recipe", "created"):  # fmt: skip
            print(f"{key:>10}  {printable(_short(row[key]))}")
    if out is None:
        return
    write_bytes(out, png(model_sheet(model)))
    print(
        f"{printable(out)}:"
        " the two directions seen most, a row for each direction, samples of the prior",
        file=sys.stderr if as_json else sys.stdout,
    )


def describe(model: Checkpoint, path: Path) -> dict[str, Any]:
    """All that is known of a model, as JSON has it."""
    card = model.card
    return {
        "name": model.name,
        "kind": model.architecture.kind,
        "pictures": model.architecture.pictures,
        "layers": model.architecture.sizes(),
        "network": str(model.architecture),
        "latents": model.latent_dim,
        "directions": [round(float(seen), 5) for seen in model.latents.visibility],
        "width": model.shape[1],
        "height": model.shape[0],
        "bytes": path.stat().st_size,
        "figures": card.figures,
        "test_mse": card.figures.get("mse"),
        "train_loss": card.train_losses[-1] if card.train_losses else None,
        "test_loss": card.test_losses[-1] if card.test_losses else None,
        "data": card.data,
        "training": card.training,
        "recipe": card.recipe,
        "seed": card.seed,
        "created": card.created,
        "path": str(path),
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in ("name", "kind", "pictures", "latents", "loss", "figures", "data", "MB", "made"):
        table.add_column(column)
    for row in rows:
        figures = [f"{key} {value:.3g}" for key, value in row["figures"].items()]
        cells = (
            str(row["name"]),
            str(row["kind"]),
            f"{row['width']}x{row['height']}",
            str(row["latents"]),
            _losses(row),
            ", ".join(figures),
            _data(row["data"]),
            f"{row['bytes'] / 1e6:.1f}",
            str(row["created"]),
        )
        # A file's words are neither markup nor orders to the terminal.
        table.add_row(*(Text(printable(cell)) for cell in cells))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _losses(row: dict[str, Any]) -> str:
    """Of training and test, in the end."""
    losses = (row["train_loss"], row["test_loss"])
    return " / ".join(f"{loss:.3g}" for loss in losses if loss is not None)


def _data(data: dict[str, Any]) -> str:
    kinds = data.get("kinds", [])
    if isinstance(kinds, list) and kinds:
        return ", ".join(map(str, kinds)) if len(kinds) < 5 else f"{len(kinds)} kinds of shapes"
    words = [str(data[key]) for key in ("source", "folder", "file") if data.get(key)]
    return " ".join(words)


def _short(value: object) -> str:
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= 400 else f"{text[:400]}..."
