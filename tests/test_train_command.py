"""The verbs train, models, import and export, as people type them."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from program import Program, assert_refused, has_traceback, wait_until

from visualiser.nets import checkpoint

SHAPE = ("--kind", "shape", "--size", 16, "--latents", 4, "--kinds", "circle,cross", "--batch", 4)
COLOUR = ("--size", 16, "--latents", 3, "--batch", 4)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")).hurry() as program:
        yield program


@pytest.fixture(scope="module")
def images(program: Program) -> Path:
    """A folder of twelve pictures, one that is none, and a note."""
    folder = program.root / "beach"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for i in range(12):
        picture = np.empty((20, 26, 3), np.uint8)
        picture[:] = rng.integers(60, 255, 3)
        picture[12:] = rng.integers(0, 200, 3)
        Image.fromarray(picture).save(folder / f"{i}.jpg")
    (folder / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (folder / "note.txt").write_text("taken in May")
    return folder


def is_a_picture(path: Path) -> bool:
    with Image.open(path) as picture:
        return picture.mode == "RGB" and np.asarray(picture).std() > 5


def test_a_shape_model_with_its_sheets(program: Program) -> None:
    done = program.do("train", *SHAPE, "--steps", 20, "--name", "tiny", "--seed", 7)
    assert done.code == 0, done.err
    assert done.err == "finishing: finding where its pictures lie, about a minute\n"
    for name in ("tiny.safetensors", "tiny.png", "tiny-strip.png"):
        assert str(program.models / name) in done.out
    assert is_a_picture(program.models / "tiny.png")
    assert is_a_picture(program.models / "tiny-strip.png")
    model = checkpoint.read(program.models / "tiny.safetensors")
    assert model.architecture.kind == "shape VAE" and model.shape == (16, 16)
    assert model.card.data["kinds"] == ["circle", "cross"] and model.card.seed == 7
    assert model.card.training["steps"] == 20 and model.card.recipe.startswith("python main.py")
    assert not list(program.models.glob(".*")), "a training that was finished is left lying about"
    # And it can be used, in every way that a classic one can.
    encoded = program.do("encode", "tiny", program.models / "tiny.png")
    assert encoded.code == 0 and len(json.loads(encoded.out)) == 4
    decoded = program.do("decode", "tiny", "--latent", "0,0,0,0", "-o", "tiny.png")
    assert decoded.code == 0, decoded.err
    words = ("--model", "tiny", "--size", "64x48", "--fps", 5, "--seconds", 0.4)
    rendered = program.do("render", *words, "-o", "tiny.mp4")
    assert rendered.code == 0, rendered.err


def test_a_colour_model_of_a_folder_is_called_like_the_folder(
    program: Program, images: Path
) -> None:
    done = program.do("train", "--images", images, *COLOUR, "--steps", 20)
    assert done.code == 0, done.err
    assert not has_traceback(done.err)
    assert "skipped 2 of 14 files" in done.out and "note.txt" in done.out
    model = checkpoint.read(program.models / "beach.safetensors")
    assert model.architecture.kind == "colour VAE" and model.shape == (16, 16)
    assert model.card.data["source"] == "images" and model.card.data["folder"] == "beach"
    assert 9 <= model.card.data["pictures"] <= 12
    assert is_a_picture(program.models / "beach.png")
    assert is_a_picture(program.models / "beach-strip.png")
    assert str(program.root) not in json.dumps(model.card.data), "nobody's business"
    again = program.do("train", "--images", images, *COLOUR, "--steps", 1)
    assert again.code == 0, again.err
    assert (program.models / "beach-2.safetensors").exists()


def test_a_colour_model_of_landscapes(program: Program) -> None:
    done = program.do("train", "--kind", "colour", *COLOUR, "--steps", 2, "--name", "hills")
    assert done.code == 0, done.err
    card = checkpoint.read(program.models / "hills.safetensors").card
    assert card.data["source"] == "landscapes" and card.data["pictures"] == 40_000


def test_one_picture_is_enough_and_none_is_not(program: Program) -> None:
    folder = program.root / "one"
    folder.mkdir()
    refused = program.do("train", "--images", folder, *COLOUR, "--steps", 2)
    assert_refused(refused, str(folder))
    (folder / "note.txt").write_text("no picture")
    assert_refused(program.do("train", "--images", folder, *COLOUR, "--steps", 2), str(folder))
    Image.fromarray(np.full((9, 9, 3), 80, np.uint8)).save(folder / "only.png")
    done = program.do("train", "--images", folder, *COLOUR, "--steps", 2)
    assert done.code == 0, done.err
    assert "only one picture" in done.out
    missing = program.do("train", "--images", "nowhere", *COLOUR, "--steps", 2)
    assert_refused(missing, "nowhere")
    assert not list(program.models.glob("nowhere*"))


def test_ctrl_c_keeps_what_was_learned_and_resume_goes_on(program: Program, images: Path) -> None:
    train = ("train", "--images", images, *COLOUR, "--name", "stopped")
    kept = program.models / ".stopped.training"
    with program.on_terminal(*train, "--steps", 100_000) as terminal:

        def steps() -> int:
            return max(map(int, re.findall(r"(\d+)/100000", terminal.seen())), default=0)

        wait_until(lambda: steps() >= 10, "the first ten steps", limit_s=60)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() in (0, 130)
        seen = terminal.seen()
    assert not has_traceback(seen)
    for word in ("loss", "mse", "left"):
        assert word in seen
    assert seen.count("finishing: finding where its pictures lie, up to a minute") == 1
    model = checkpoint.read(program.models / "stopped.safetensors")
    learned = model.card.training["steps"]
    assert 10 <= learned < 100_000 and kept.exists()
    names = [row["name"] for row in json.loads(program.do("models", "--json").out)]
    assert "stopped" in names and not any("training" in name for name in names)

    before = {path: path.read_bytes() for path in program.models.glob("*stopped*")}
    for words in ((), ("--force",)):
        again = program.do(*train, "--steps", 100_000, *words)
        assert_refused(again, ".stopped.training", "--resume")
    for other in (("--steps", 90_000), ("--steps", 100_000, "--seed", 2)):
        assert_refused(program.do(*train, *other, "--resume"), "of another training")
    assert {path: path.read_bytes() for path in before} == before

    with program.on_terminal(*train, "--steps", 100_000, "--resume") as terminal:
        wait_until(lambda: steps() > learned, "steps after those", limit_s=60)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() in (0, 130)
    again = checkpoint.read(program.models / "stopped.safetensors")
    assert again.card.training["steps"] > learned
    kept.unlink()
    assert_refused(program.do(*train, "--resume"), "nothing to resume", ".stopped.training")


def test_no_file_of_anybodys_is_written_over_unasked(program: Program, images: Path) -> None:
    for ending in (".safetensors", ".png", "-strip.png"):
        path = program.models / f"mine{ending}"
        path.write_bytes(b"mine")
        for train in (("--images", images, *COLOUR), SHAPE):
            done = program.do("train", *train, "--steps", 1, "--name", "mine")
            assert_refused(done, path.name, "--force")
        assert path.read_bytes() == b"mine"
        path.unlink()


WRONG = {
    "--kind shape --epochs 3": "--epochs is not an option of shape models",
    "--kind shape --styles fill": "--styles is not an option of shape models",
    "--kind shape --noise 0.5": "--noise is not",
    "--kind colour --kinds circle": "--kinds is not an option of colour models",
    "--kind colour --rotate": "--rotate is not",
    "--kind classic --steps 3": "--steps is not an option of classic models",
    "--beta 2": "--beta is not an option of classic models",
    "--kind shape --images .": "--images is for colour models",
    "--kind classic --images .": "--images is for colour models",
    "--resume": "--resume is for shape and colour models",
    "--kind shape --resume --name never": "nothing to resume",
    "--kind oval": "oval",
    "--kind shape --size 8": "train_shape.size",
    "--kind shape --latents 3": "train_shape.latents",
    "--kind shape --steps 0": "train_shape.steps",
    "--kind shape --kinds hexagon": "hexagon",
    "--kind colour --size 8": "train_colour.size",
    "--kind colour --size 48": "16, 32, 64, 128 and 256",
    "--kind colour --batch 1": "train_colour.batch",
    "--kind colour --rate 0": "train_colour.rate",
    "--noise 1.5": "train.noise",
    "--images main.py": "main.py",
}


@pytest.mark.parametrize("options", WRONG)
def test_options_that_make_no_sense_are_refused_in_a_line(program: Program, options: str) -> None:
    named = [] if "--name" in options else ["--name", "no"]
    done = program.do("train", *options.split(), *named)
    assert_refused(done, WRONG[options])
    assert not list(program.models.glob("no.*"))


# --- the card of a model


def test_the_card_of_a_model_is_told_and_drawn(program: Program) -> None:
    for name in ("classic-28", "shapes"):
        done = program.do("models", name, "-o", f"{name}.png")
        assert (done.code, done.err) == (0, "")
        assert is_a_picture(program.root / f"{name}.png")
        model = checkpoint.read(program.models / f"{name}.safetensors")
        for words in (name, model.architecture.kind, str(model.architecture), model.card.recipe):
            assert words in done.out
        assert f"{name}.png" in done.out
    again = program.do("models", "shapes", "-o", "shapes.png")
    assert_refused(again, "shapes.png", "--force")
    assert program.do("models", "shapes", "-o", "shapes.png", "--force").code == 0


def test_without_a_name_for_it_the_card_gets_one_that_is_free(program: Program) -> None:
    for expected in ("classic-28-card.png", "classic-28-card-2.png"):
        done = program.do("models", "classic-28")
        assert done.code == 0 and expected in done.out
        assert is_a_picture(program.root / expected)


def test_the_card_as_json_is_nothing_but_json(program: Program) -> None:
    done = program.do("models", "classic-28", "--json", "-o", "json.png")
    row = json.loads(done.out)
    assert row["name"] == "classic-28" and row["latents"] == 4
    assert row["layers"] == [784, 256, 128, 64, 16, 4] and row["figures"]["mse"] < 0.0016
    assert (program.root / "json.png").exists() and "json.png" in done.err
    listed = json.loads(program.do("models", "--json").out)
    assert row in listed
    before = set(program.root.iterdir())
    only = program.do("models", "classic-28", "--json")
    assert json.loads(only.out) == row and only.err == ""
    assert set(program.root.iterdir()) == before, "a picture nobody asked for"


def test_a_card_that_cannot_be_is_refused(program: Program) -> None:
    assert_refused(program.do("models", "nobody"), "nobody", "classic-28")
    assert_refused(program.do("models", "classic-28", "-o", "no/card.png"), "no")
    (program.root / "bad.safetensors").write_bytes(b"no model")
    assert_refused(program.do("models", "bad.safetensors"), "bad.safetensors")
    assert_refused(program.do("models", "classic-28", "-o", "card.txt"), "card.txt", ".png")
    assert not list(program.root.glob("nobody*")) + list(program.root.glob("card*"))


# --- in and out


@pytest.mark.parametrize("name", ["model.h5", "model.pt", "model.safetensors", "model", "a.png"])
def test_what_cannot_be_brought_in_is_told_with_what_can(program: Program, name: str) -> None:
    (program.root / name).write_bytes(b"something")
    assert_refused(program.do("import", name, "--name", "theirs"), name, "model.json", ".onnx")
    assert not list(program.models.glob("theirs*"))


@pytest.mark.parametrize("name", ["gone.json", "gone.onnx", "gone/model.json"])
def test_what_is_not_there_cannot_be_brought_in(program: Program, name: str) -> None:
    assert_refused(program.do("import", name, "--name", "theirs"), Path(name).name)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"format": 3}', b"\xff\xfe"])
def test_a_json_file_that_is_no_model_is_refused(program: Program, data: bytes) -> None:
    (program.root / "model.json").write_bytes(data)
    assert_refused(program.do("import", "model.json", "--name", "theirs"), "model.json")
    assert not list(program.models.glob("theirs*"))


def test_a_name_that_is_taken_is_not_brought_in_over(program: Program) -> None:
    (program.root / "model.json").write_text("{}")
    done = program.do("import", "model.json", "--name", "classic-28")
    assert_refused(done, "classic-28.safetensors", "--force")


def test_what_cannot_be_sent_out_is_refused(program: Program) -> None:
    assert_refused(program.do("export", "nobody", "--to", "tfjs", "out"), "nobody")
    assert_refused(program.do("export", "classic-28", "--to", "keras", "out"), "keras")
    assert_refused(program.do("export", "classic-28", "out"), "--to")
    (program.root / "taken").write_bytes(b"mine")
    for form in ("tfjs", "onnx"):
        done = program.do("export", "classic-28", "--to", form, "taken")
        assert done.code == 2 and len(done.lines) == 1 and "taken" in done.err, done
        assert (program.root / "taken").read_bytes() == b"mine"
    assert not (program.root / "out").exists()
