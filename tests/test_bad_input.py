"""What is wrong is told in a line each, before anything starts, and nothing is lost by it."""

from __future__ import annotations

import io
import json
import pickle
import resource
import shutil
import signal
import struct
import wave
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from program import Program, assert_refused, has_traceback, read_sound, read_video, write_song
from safetensors import safe_open
from safetensors.numpy import save

from visualiser.nets import checkpoint
from visualiser.nets.checkpoint import names
from visualiser.run import Messages

SHIPPED = names()

DUMMY = {"SDL_VIDEODRIVER": "dummy"}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")).hurry() as program:
        yield program


class Hostile:
    """Makes a file called `harmed` where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, ("harmed", "w")


def altered(good: Path, name: str, values: np.ndarray | None) -> bytes:
    """A model with one of its tensors replaced, or taken out."""
    with safe_open(good, framework="np") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    tensors.pop(name)
    if values is not None:
        tensors[name] = values.astype(np.float32)
    return save(tensors, metadata=metadata)


def broken_models(folder: Path) -> dict[str, bytes]:
    """By what is wrong with them."""
    good = folder / "classic-28.safetensors"
    data = good.read_bytes()
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Hostile()))
    nan = np.zeros(4)
    nan[2] = np.nan
    header = struct.pack("<Q", 1 << 60)
    return {
        "empty": b"",
        "short": data[:3],
        "truncated": data[: len(data) // 2],
        "headless": data[100:],
        "pickle": pickle.dumps(Hostile()),
        "torch-zip": zipped.getvalue(),
        "foreign": save({"w": np.zeros(4, np.float32)}),
        "text": b"this is not a model" * 50,
        "endless-header": header + b"{" + data[9:],
        "nan": altered(good, "latents.mean", nan),
        "infinite": altered(good, "weights.decoder.0.bias", np.full(16, np.inf)),
        "missing-tensor": altered(good, "weights.decoder.0.bias", None),
        "wrong-size": altered(good, "weights.decoder.0.bias", np.zeros(17)),
    }


BROKEN = (
    "empty", "short", "truncated", "headless", "pickle", "torch-zip", "foreign", "text",
    "endless-header", "nan", "infinite", "missing-tensor", "wrong-size",
)  # fmt: skip


@pytest.fixture(scope="module")
def broken(program: Program) -> Path:
    """A folder with one model for everything that can be wrong with one."""
    folder = program.root / "broken"
    folder.mkdir()
    for name, data in broken_models(program.models).items():
        (folder / f"{name}.safetensors").write_bytes(data)
    assert sorted(path.stem for path in folder.iterdir()) == sorted(BROKEN)
    return folder


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_given_by_its_path_is_refused(
    program: Program, broken: Path, name: str
) -> None:
    path = broken / f"{name}.safetensors"
    for command in (
        ["decode", path, "--latent", "1,2,3,4", "-o", "no.png"],
        ["render", "--model", path, "-o", "no.mp4", "--seconds", "1"],
        ["--model", path, "--seconds", "1"],
    ):
        done = program.do(*command)
        assert done.code == 2, done
        assert not has_traceback(done.err)
        said = [line for line in done.lines if line.startswith("squircle: ")]
        assert len(said) == 1 and path.name in said[0], done.err
    assert not (program.root / "no.png").exists()
    assert not (program.root / "no.mp4").exists()
    assert not (program.root / "harmed").exists()


def test_what_comes_before_a_refusal_is_one_line(program: Program, broken: Path) -> None:
    path = broken / "truncated.safetensors"
    assert_refused(program.run("render", "--model", path, "-o", "no.mp4"), path.name)
    assert_refused(program.run("--model", path, env=DUMMY), path.name)


def test_models_that_are_missing_are_refused(program: Program) -> None:
    for model, words in (("nobody", "classic-28"), ("gone/nobody.safetensors", "nobody")):
        assert_refused(program.do("decode", model, "--latent", "1", "-o", "no.png"), words)
        done = program.do("render", "--model", model, "-o", "no.mp4")
        assert done.code == 2 and words in done.err and not has_traceback(done.err)
    assert_refused(program.do("encode", "models", "x.png"), "models")
    assert_refused(program.do("encode", program.models, "x.png"), str(program.models))


def test_a_good_model_given_by_its_path_plays(program: Program) -> None:
    elsewhere = program.root / "elsewhere" / "mine.safetensors"
    elsewhere.parent.mkdir()
    shutil.copy(program.models / "classic-28.safetensors", elsewhere)
    words = ("--size", "64x48", "--seconds", "0.2")
    done = program.do("render", "--model", elsewhere, "-o", "mine.mp4", *words)
    assert done.code == 0, done.err
    played = program.run("--model", elsewhere, "--seconds", "0.5", env=DUMMY)
    assert played.code == 0, played.err


def test_a_good_model_may_begin_with_any_byte(program: Program) -> None:
    """The length of its header comes first; 0x80 is what pickles begin with as well."""
    good = program.models / "classic-28.safetensors"
    with safe_open(good, framework="np") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for n in range(0, 256, 8):
        data = save(tensors, metadata=metadata | {"padding": "x" * n})
        if data[0] == 0x80:
            break
    assert data[0] == 0x80
    path = program.root / "begins-as-a-pickle.safetensors"
    path.write_bytes(data)
    done = program.do("decode", path, "--latent", "1,2,3,4", "-o", "begins.npy")
    assert done.code == 0, done.err


def test_a_broken_model_in_the_folder_does_not_stop_the_others(
    program: Program, broken: Path
) -> None:
    added = program.models / "classic-30.safetensors"
    shutil.copy(broken / "pickle.safetensors", added)
    try:
        listed = program.do("models", "--json")
        done = program.do("render", "-o", "a.mp4", "--seconds", "0.1", "--size", "64x64")
        played = program.run("--model", "classic-30", env=DUMMY)
    finally:
        added.unlink()
    assert [row["name"] for row in json.loads(listed.out)] == SHIPPED
    assert_refused(listed, "classic-30")
    assert done.code == 0, done.err
    assert_refused(played, "classic-30")
    assert not (program.root / "harmed").exists()


@pytest.fixture
def no_models(program: Program) -> Iterator[None]:
    program.models.rename(program.root / "taken-away")
    yield
    shutil.rmtree(program.models, ignore_errors=True)
    (program.root / "taken-away").rename(program.models)


def test_without_any_model_it_says_how_to_make_one(program: Program, no_models: None) -> None:
    listed = program.do("models")
    assert (listed.code, listed.err) == (0, "")
    assert "python main.py train" in listed.out
    assert_refused(program.do("render", "-o", "no.mp4"), "python main.py train")
    assert_refused(program.run("--seconds", "1", env=DUMMY), "python main.py train")
    trained = program.do(
        "train", "--epochs", 1, "--pictures", 100, "--size", 8, "--widths", 8, "--latents", 2
    )
    assert trained.code == 0, trained.err
    assert (program.models / "shapes.safetensors").exists()


@pytest.fixture(scope="module")
def sounds(program: Program) -> Path:
    """Files that are no sound, or not much of one."""
    folder = program.root / "sounds"
    folder.mkdir()
    (folder / "text.wav").write_text("these are not samples\n" * 100)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "folder.wav").mkdir()
    shutil.copy(program.models / "classic-28.png", folder / "picture.png")
    with wave.open(str(folder / "no-samples.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
    return folder


@pytest.mark.parametrize(
    "name", ["text.wav", "empty.wav", "folder.wav", "picture.png", "no-samples.wav", "missing.wav"]
)
def test_what_is_no_sound_is_refused(program: Program, sounds: Path, name: str) -> None:
    for command in (["render", "-o", "no.mp4"], ["--seconds", "1"]):
        done = program.do(*command, "--audio", sounds / name)
        assert done.code == 2, done
        said = [line for line in done.lines if line.startswith("squircle: ")]
        assert len(said) == 1 and name in said[0], done.err
        assert not has_traceback(done.err)
    assert not (program.root / "no.mp4").exists()


def test_what_is_no_sound_is_refused_live(program: Program, sounds: Path) -> None:
    assert_refused(program.run("--audio", sounds / "text.wav", env=DUMMY), "text.wav")
    assert_refused(program.run("--audio", sounds / "missing.wav", env=DUMMY), "missing.wav")


def test_a_song_that_is_damaged_in_the_middle_still_renders(program: Program) -> None:
    samples = write_song(program.root / "song.wav", 3.0)
    damaged = program.root / "damaged.mp3"
    with av.open(str(damaged), "w") as file:
        stream = file.add_stream("libmp3lame", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.rate = 48_000
        resampler = av.AudioResampler("fltp", "mono", 48_000, frame_size=1152)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    data = bytearray(damaged.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    damaged.write_bytes(data)
    with pytest.raises(av.FFmpegError):
        read_sound(damaged)

    words = ("--size", "64x48", "--fps", 10)
    done = program.do("render", "-o", "damaged.mp4", "--audio", damaged, *words)
    assert done.code == 0, done.err
    video = read_video(program.root / "damaged.mp4")
    sound_s = len(read_sound(program.root / "damaged.mp4")) / 48_000
    assert 2.0 < sound_s < 3.0
    assert sound_s == pytest.approx(len(video.times_s) / 10, abs=0.15)


CONFIG_MISTAKES = """
[show]
driver = "pearl"
spede = 2
speed = "fast"
[window]
fps = -1
width = 10.5
[sound]
input = 1.5
[train]
widths = [64, 0]
[shwo]
x = 1
"""


def test_all_mistakes_in_the_settings_are_told_at_once_with_their_lines(program: Program) -> None:
    path = program.root / "mistakes.toml"
    path.write_text(CONFIG_MISTAKES)
    expected = {
        3: ("show.driver", "'perlin'", "'audio'"),
        4: ("show.spede", "did you mean 'speed'"),
        5: ("show.speed", "0.05", "20"),
        7: ("window.fps", "0", "1000"),
        8: ("window.width", "whole number", "160", "7680"),
        10: ("sound.input", "text", "whole number"),
        12: ("train.widths",),
        13: ("shwo", "did you mean 'show'"),
    }
    for command in (["--seconds", "1"], ["render", "-o", "no.mp4"], ["train"], ["devices"]):
        done = program.do(*command, "--config", path)
        assert done.code == 2
        assert len(done.lines) == len(expected), done.err
        for line, words in expected.items():
            [told] = [text for text in done.lines if f"{path}:{line}:" in text]
            assert told.startswith("squircle: ")
            for word in words:
                assert word in told, told
    assert not (program.root / "no.mp4").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[show\n", "line 1"),
        ("[show]\nspeed = \n", "line 2"),
        ("speed = 1\n", "speed"),
        ("show = 5\n", "[show]"),
        ("[show]\nspeed = nan\n", "show.speed"),
        ("[show]\nmodel = 'classic-29'\n", "classic-28"),
        ("[window]\nwidth = 1_000_000\n", "window.width"),
        ("[train]\nkinds = ['hexagon']\n", "hexagon"),
        ("[train]\nsize_min = 0.9\nsize_max = 0.2\n", "0.9"),
    ],
)
def test_a_mistake_in_the_settings_is_one_line(program: Program, text: str, words: str) -> None:
    path = program.root / "mistake.toml"
    path.write_text(text)
    done = program.do("train", "--epochs", 1, "--name", "no", "--config", path)
    assert_refused(done, words)
    assert not (program.models / "no.safetensors").exists()


def test_settings_that_cannot_be_read_are_refused(program: Program) -> None:
    path = program.root / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00[show]")
    assert_refused(program.do("devices", "--config", path), "binary.toml")
    assert_refused(program.do("devices", "--config", "nowhere.toml"), "nowhere.toml")
    assert_refused(program.do("devices", "--config", program.models), str(program.models))
    assert_refused(program.do("devices", "--config", "/dev/zero"), "/dev/zero", "larger than")


def test_the_projects_own_config_is_read_and_told_by_name(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        config = program.root / "config.toml"
        config.write_text(config.read_text().replace("bands = 16", "bands = 1600"))
        assert_refused(program.run("--seconds", "1"), "config.toml:", "sound.bands", "64")


@pytest.mark.parametrize(
    "command",
    [
        "--size 0x0",
        "--size 99999x99999",
        "--size -5x5",
        "--size 20",
        "--size 16x720",
        "--seconds 0",
        "--seconds -3",
        "--seconds nan",
        "--seconds soon",
        "--fps -1",
        "--fps 0.5",
        "--seed -1",
        "--seed x",
        "--driver pearl",
        "--mode both",
        "--model",
        "--wat",
        "wat",
        "render",
        "render --size 0x0 -o no.mp4",
        "render --size 99999x99999 -o no.mp4",
        "render --fps 0 -o no.mp4",
        "render --fps 9999 -o no.mp4",
        "render --seconds 1e9 -o no.mp4",
        "render --driver pearl -o no.mp4",
        "render -o no.avi",
        "render -o no",
        "train --name no --size 0",
        "train --name no --size 100000",
        "train --name no --size 512 --pictures 1000000",
        "train --name no --latents 0",
        "train --name no --widths 0",
        "train --name no --widths a,b",
        "train --name no --kinds hexagon",
        "train --name no --kinds ,",
        "train --name no --epochs 0",
        "train --name no --loss l1",
        "train --name no --rate 0",
        "train --name no/no",
        "train --name .no",
        "decode",
        "decode classic-28 --latent 1,2,3,4",
        "decode classic-28 --latent",
        "decode classic-28 --latent 1,2,3,4 -o no.jpg",
        "decode classic-28 --latent 1,2,3,4 -o no",
        "encode classic-28",
        "encode classic-28 missing.png",
        "encode classic-28 config.toml",
        "encode classic-28 models",
        "reconstruct classic-28 config.toml -o no.png",
    ],
)
def test_a_command_that_makes_no_sense_is_refused_in_one_line(
    program: Program, command: str
) -> None:
    done = program.do(*command.split())
    assert done.code == 2, done
    said = [line for line in done.lines if line.startswith("squircle: ")]
    assert len(said) == 1, done.err
    assert not has_traceback(done.err)
    assert done.out == ""
    assert not list(program.root.glob("no*"))
    assert not list(program.models.glob("no*"))


def test_refusing_a_render_shows_no_bar(program: Program) -> None:
    for arguments in ([], ["--audio", "missing.wav"], ["--size", "0x0"]):
        done = program.do("render", "-o", "no.avi", *arguments)
        assert_refused(done)


@pytest.mark.parametrize("end", ["png", "npy", "mp4"])
def test_an_output_that_cannot_be_written_is_refused(program: Program, end: str) -> None:
    verb = {"mp4": ["render", "--seconds", "0.1", "--size", "64x64"]}.get(
        end, ["decode", "classic-28", "--latent", "1,2,3,4"]
    )
    folder = program.root / f"folder.{end}"
    folder.mkdir()
    (program.root / "file").touch()
    for out in (
        folder,
        program.root / "nowhere" / f"a.{end}",
        program.root / "file" / f"a.{end}",
        program.root / f"{'long' * 80}.{end}",
        Path(f"/proc/a.{end}"),
    ):
        done = program.do(*verb, "--force", "-o", out)
        assert done.code == 2, done
        said = [line for line in done.lines if line.startswith("squircle: ")]
        assert len(said) == 1 and out.name in said[0], done.err
        assert not has_traceback(done.err)
    assert folder.is_dir() and not list(folder.iterdir())
    assert not (program.root / "nowhere").exists()


def test_pictures_that_are_none_are_refused(program: Program) -> None:
    good = (program.models / "classic-28.png").read_bytes()
    files = {
        "cut.png": good[: len(good) // 2],
        "flipped.png": good[:40] + bytes(200) + good[240:],
        "nothing.png": b"",
        "wide.png": _png_header(9_000, 9_000),
        "bomb.png": _png_header(50_000, 50_000),
        "text.npy": b"text",
        "cut.npy": _npy(np.zeros((28, 28), np.float32))[:-9],
        "flat.npy": _npy(np.zeros(784, np.float32)),
        "empty.npy": _npy(np.zeros((0, 28), np.float32)),
        "whole.npy": _npy(np.zeros((28, 28), np.int64)),
        "nan.npy": _npy(np.full((28, 28), np.nan, np.float32)),
        "objects.npy": _npy(np.array([Hostile()], object)),
    }
    for name, data in files.items():
        (program.root / name).write_bytes(data)
        done = program.do("encode", "classic-28", name)
        assert_refused(done, name)
        size = {"wide.png": "9000x9000", "bomb.png": "2500 million"}.get(name, "")
        assert (f"it has {size} pixels; allowed are 64 million" in done.err) == bool(size)
    assert not (program.root / "harmed").exists()


ORDERS = "\x1b[2Jspoof\x1b]0;title\x07\nsquircle: all is well\r\u202e"


def test_a_models_words_give_the_terminal_no_orders(program: Program) -> None:
    """All that a card may say freely, in the list, on the sheet and in what is told."""
    good = program.models / "classic-28.safetensors"
    model = checkpoint.read(good)
    card = model.card.model_copy(
        update={
            "created": ORDERS,
            "recipe": f"{ORDERS} été\u202fà Zürich",
            "figures": {ORDERS: 0.5},
            "data": {"source": ORDERS, "folder": ORDERS},
            "training": {ORDERS: ORDERS},
        }
    )
    path = program.models / "od\x1b[2Jd.safetensors"
    checkpoint.write(path, replace(model, card=card))
    out = program.root / "c\x1b[2J.png"
    try:
        listed = program.do("models")
        shown = program.do("models", path, "-o", out)
        told = program.do("encode", path, "gone\x1b[2J.png")
    finally:
        path.unlink()
    assert (listed.code, shown.code, told.code) == (0, 0, 2)
    assert_refused(told, "gone\\x1b[2J.png")
    assert "été\u202fà Zürich" in shown.out, "letters of all kinds and spaces stay"
    for text in (listed.out, listed.err, shown.out, shown.err, told.err):
        lines = text.split("\n")
        assert all(c.isprintable() or c == "\u202f" for line in lines for c in line), text
        assert not any(line.startswith("squircle: all is well") for line in lines)
    assert r"\x1b[2Jspoof" in shown.out


def test_what_the_show_tells_of_a_dropped_file_is_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Messages().say(f"cannot read {ORDERS} \udcff.png: it is a folder")
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and told[:-1].isprintable()
    assert r"\x1b[2Jspoof" in told and r"\x0asquircle: all is well\x0d\u202e \udcff.png" in told


def test_a_full_disk_leaves_the_old_file_as_it_was(program: Program) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    old = program.root / "old.npy"
    old.write_bytes(b"old")
    decode = ["decode", "classic-28", "--latent", "1,2,3,4", "--force", "-o", old]
    done = program.run(*decode, preexec_fn=full)
    assert_refused(done, "old.npy")
    assert old.read_bytes() == b"old"
    assert not list(program.root.glob(".old*")), "a part is left lying about"


def test_the_song_is_not_written_over_by_its_own_video(program: Program) -> None:
    song = program.root / "own.mp4"
    data = write_song(program.root / "own.wav", 0.5).tobytes()
    (program.root / "own.wav").rename(song)
    before = song.read_bytes()
    assert data
    done = program.do("render", "--audio", song, "-o", song, "--force", "--size", "64x64")
    assert_refused(done, "own.mp4")
    assert song.read_bytes() == before


def _npy(array: np.ndarray) -> bytes:
    data = io.BytesIO()
    np.save(data, array, allow_pickle=True)
    return data.getvalue()


def _png_header(width: int, height: int) -> bytes:
    import zlib

    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    end = b"IEND"
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 0) + end + struct.pack(">I", zlib.crc32(end))
    )  # fmt: skip
