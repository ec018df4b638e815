"""The verbs, as scripts and people call them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from program import Program, assert_refused, environment, has_traceback, wait_until
from virtual_microphone import virtual_microphone

from visualiser.nets import checkpoint

VERBS = ("play", "render", "train", "models", "devices", "decode", "encode", "reconstruct", "bench",
         "listen", "latency", "controls")  # fmt: skip
TINY = ("--size", 12, "--widths", "16", "--latents", 2, "--pictures", 150)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")).hurry() as program:
        yield program


@pytest.fixture(scope="module")
def drawing(program: Program) -> Path:
    """A ring, drawn by hand and of no model's size."""
    y, x = np.mgrid[-1:1:90j, -1:1:70j]
    ring = np.abs(np.hypot(x, y) - 0.6) < 0.12
    path = program.root / "drawing.png"
    Image.fromarray((ring * 255).astype(np.uint8)).save(path)
    return path


def test_help_lists_the_verbs_and_every_verb_has_its_own(program: Program) -> None:
    whole = program.run("--help")
    assert whole.code == 0
    for verb in VERBS:
        assert f"\n    {verb}" in whole.out
        own = program.do(verb, "--help")
        assert (own.code, own.err) == (0, "")
        assert f"main.py {verb}" in own.out
        assert "--config" in own.out


def test_numbers_and_words_that_are_none_are_told_with_what_is_allowed(program: Program) -> None:
    out = ("-o", "never.mp4")
    seeds = "show.seed = 'x'; allowed is a whole number from 0 to 4294967295"
    assert_refused(program.do("render", *out, "--seed", "x"), seeds)
    rates = "train.rate = 'fast'; allowed is a number above 0 and up to 1"
    assert_refused(program.do("train", "--rate", "fast"), rates)
    done = program.do("render", *out, "--set-list", "foo")
    assert_refused(done, "--set-list: 'foo': allowed are time or beats")


def test_decode_writes_the_same_picture_as_array_and_as_png(program: Program) -> None:
    for out in ("a.png", "a.npy"):
        done = program.do("decode", "classic-28", "--latent", "-1,0.5,3,2", "-o", out)
        assert (done.code, done.err) == (0, "")
    array = np.load(program.root / "a.npy")
    assert array.dtype == np.float32
    assert array.shape == (28, 28)
    assert array.min() >= 0 and array.max() <= 1
    assert array.std() > 0.01, "an empty picture"
    with Image.open(program.root / "a.png") as picture:
        assert picture.mode == "L"
        assert np.abs(np.asarray(picture) / 255 - array).max() <= 0.5 / 255 + 1e-6


def test_latents_that_cannot_be_drawn_are_refused(program: Program) -> None:
    cases = {
        "1,2,3": "takes 4 numbers",
        "1,2,3,4,5": "takes 4 numbers",
        "1,2,x,4": "wanted are numbers",
        "": "wanted are numbers",
        "1,,2,3": "wanted are numbers",
        "nan,1,2,3": "finite",
        "1,2,inf,3": "finite",
        "1e39,1,2,3": "finite",
        "-3e38,3e38,-3e38,3e38": "so far out",
    }
    for latent, words in cases.items():
        done = program.do("decode", "classic-28", "--latent", latent, "-o", "no.npy")
        assert_refused(done, words)
    assert not (program.root / "no.npy").exists()


@pytest.mark.parametrize(("model", "latents"), [("classic-28", 4), ("classic-56", 8)])
def test_decoding_what_was_encoded_is_the_reconstruction(
    program: Program, drawing: Path, model: str, latents: int
) -> None:
    encoded = program.do("encode", model, drawing)
    whole = program.do("reconstruct", model, drawing, "-o", f"{model}-seen.npy")
    assert (encoded.code, encoded.err, whole.code) == (0, "", 0)
    z = json.loads(encoded.out)
    assert isinstance(z, list) and len(z) == latents
    assert all(isinstance(value, float) for value in z)
    latent = ",".join(map(repr, z))
    decoded = program.do("decode", model, "--latent", latent, "-o", f"{model}-again.npy")
    assert decoded.code == 0, decoded.err
    seen = np.load(program.root / f"{model}-seen.npy")
    again = np.load(program.root / f"{model}-again.npy")
    np.testing.assert_allclose(again, seen, atol=1e-5)
    assert seen.max() > 0.5, "the ring is lost"


def test_one_picture_in_several_kinds_of_file_has_the_same_latents(program: Program) -> None:
    grey = np.zeros((28, 28), np.float32)
    grey[8:20, 8:20] = 0.6
    eight = np.round(grey * 255).astype(np.uint8)
    Image.fromarray(eight).save(program.root / "eight.png")
    Image.fromarray(eight.astype(np.uint16) * 257).save(program.root / "sixteen.png")
    Image.fromarray(np.stack([eight] * 3, axis=2)).save(program.root / "colour.png")
    np.save(program.root / "array.npy", eight.astype(np.float32) / 255)
    names = ("eight.png", "sixteen.png", "colour.png", "array.npy")
    latents = []
    for name in names:
        done = program.do("encode", "classic-28", name)
        assert done.code == 0, done.err
        latents.append(json.loads(done.out))
    for z in latents[1:]:
        assert z == pytest.approx(latents[0], abs=0.02)


def test_nothing_is_written_over_unasked(program: Program, drawing: Path) -> None:
    out = program.root / "precious.png"
    out.write_bytes(b"precious")
    video = program.root / "precious.mp4"
    video.write_bytes(b"precious")
    decode = ["decode", "classic-28", "--latent", "1,2,3,4", "-o", out]
    for command in (
        decode,
        ["reconstruct", "classic-28", drawing, "-o", out],
        ["render", "-o", video, "--seconds", "1"],
        ["train", "--name", "classic-28", *TINY],
    ):
        assert_refused(program.do(*command), "exists already", "--force")
    assert out.read_bytes() == video.read_bytes() == b"precious"
    assert program.do(*decode, "--force").code == 0
    with Image.open(out) as picture:
        assert picture.size == (28, 28)


def test_models_are_listed(program: Program) -> None:
    listed, as_json = program.do("models"), program.do("models", "--json")
    assert (listed.code, listed.err, as_json.code, as_json.err) == (0, "", 0, "")
    rows = {row["name"]: row for row in json.loads(as_json.out)}
    for name in ("classic-28", "classic-56"):
        assert name in listed.out
        assert Path(rows[name]["path"]).stat().st_size == rows[name]["bytes"]
    assert rows["classic-28"]["layers"] == [784, 256, 128, 64, 16, 4]
    assert (rows["classic-56"]["width"], rows["classic-56"]["height"]) == (56, 56)
    assert rows["classic-28"]["latents"] == 4
    assert rows["classic-28"]["test_mse"] <= 0.0016
    assert sum(row["bytes"] for row in rows.values() if "classic" in row["name"]) < 8e6


def test_a_reader_that_goes_away_is_no_error(program: Program) -> None:
    process = subprocess.Popen(
        [sys.executable, "main.py", "models", "--json"],
        cwd=program.root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 0


def test_devices_are_listed_and_the_chosen_one_is_marked(program: Program) -> None:
    config = program.root / "by-name.toml"
    config.write_text('[sound]\ninput = "PULS"\n')
    with virtual_microphone() as room:
        default = program.run("devices", env=room.env)
        by_name = program.run("devices", "--config", config, env=room.env)
        room.plug_speaker("speaker", "Monitor of speaker")
        monitor = program.run("devices", env=room.env)
    assert "PULSE_SOURCE=@DEFAULT_MONITOR@" in default.err
    [row] = [row for row in monitor.out.splitlines() if "(monitor: " in row]
    assert "Monitor of speaker" in row and "no monitor" not in monitor.err
    for done, name in ((default, "default"), (by_name, "pulse")):
        assert done.code == 0, done.err
        rows = done.out.splitlines()
        [marked] = [row for row in rows if row.startswith("*")]
        assert name in marked.split()
        assert any("pulse" in row for row in rows)
        assert all(" ch " in row or "[MIDI]" in row for row in rows), done.out


def test_devices_without_any_says_so_in_one_line(program: Program) -> None:
    # A stand-in, for the machine that runs this may well have a sound input.
    stand_in = program.root / "deaf"
    stand_in.mkdir()
    (stand_in / "sounddevice.py").write_text(
        "class PortAudioError(Exception): ...\n"
        "class default: device = [-1, -1]\n"
        "def query_hostapis(): return ()\n"
        "def query_devices(): return ()\n"
    )
    done = program.run("devices", env={"PYTHONPATH": str(stand_in)})
    assert done.code in (0, 2)
    assert done.out == ""
    [line] = [line for line in done.lines if not line.startswith("no MIDI")]
    assert line.startswith("squircle: this machine has no sound input")


def test_devices_without_portaudio_says_what_to_install(program: Program) -> None:
    # A module in the way of sounddevice that fails as it does where the library is missing.
    stand_in = program.root / "without"
    stand_in.mkdir()
    (stand_in / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    done = program.run("devices", env={"PYTHONPATH": str(stand_in)})
    assert_refused(done, "PortAudio", "apt install libportaudio2")


def test_training_writes_a_model_and_its_contact_sheet(program: Program) -> None:
    done = program.do("train", *TINY, "--epochs", 2, "--name", "tiny", "--seed", 5)
    assert done.code == 0, done.err
    assert not has_traceback(done.err)
    assert "tiny.safetensors" in done.out and "tiny.png" in done.out
    model = checkpoint.read(program.models / "tiny.safetensors")
    assert model.shape == (12, 12)
    assert model.latent_dim == 2
    assert model.card.seed == 5
    assert len(model.card.test_losses) == len(model.card.train_losses) == 2
    with Image.open(program.models / "tiny.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels.max() > 200, "no test pictures on it"
    decoded = program.do("decode", "tiny", "--latent", "0,0", "-o", "tiny.npy")
    assert decoded.code == 0, decoded.err
    assert "tiny" in [row["name"] for row in json.loads(program.do("models", "--json").out)]


def test_a_name_is_found_that_is_free_and_force_replaces(program: Program) -> None:
    train = ["train", *TINY, "--epochs", 1]
    note = program.models / "shapes.png"
    note.write_bytes(b"somebody's picture")
    before = {path: path.read_bytes() for path in program.models.iterdir()}
    for more in ([], [], ["--name", "again"], ["--name", "again", "--seed", 9, "--force"]):
        done = program.do(*train, *more)
        assert done.code == 0, done.err
    for path, data in before.items():
        assert path.read_bytes() == data, f"{path} was written over"
    assert len(list(program.models.glob("shapes-*.safetensors"))) == 2
    assert checkpoint.read(program.models / "again.safetensors").card.seed == 9
    assert_refused(program.do(*train, "--name", "../outside"), "../outside")


def test_ctrl_c_in_training_keeps_what_was_learned(program: Program) -> None:
    train = ["train", *TINY, "--epochs", 100_000, "--name", "stopped"]
    with program.on_terminal(*train) as terminal:

        def epochs() -> int:
            return max(map(int, re.findall(r"(\d+)/100000", terminal.seen())), default=0)

        wait_until(lambda: epochs() > 2, "two epochs", limit_s=40)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() in (0, 130)
        seen = terminal.seen()
    assert not has_traceback(seen)
    for word in ("loss", "test", "left"):
        assert word in seen
    model = checkpoint.read(program.models / "stopped.safetensors")
    learned = len(model.card.test_losses)
    assert 1 < learned < 100_000
    assert model.card.training["epochs"] == learned
    assert (program.models / "stopped.png").exists()
