"""Every format that films and pictures are written in: opened again, with what was put in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from program import Program, assert_refused

from visualiser.video.formats import FORMATS, Quality, format_of
from visualiser.video.pictures import nth
from visualiser.video.writer import open_writer
from visualiser.voice import Heard

SIZE = (64, 48)
FPS, N = 25, 15
PLAY = ("--size", "96x54", "--fps", FPS, "--look", "gradient")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")) as program:
        yield program


def drawn(n: int) -> np.ndarray:
    """(H, W, 4) blue, green, red, alpha: a soft disc that wanders over a slope."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    disc = np.clip(12 - np.hypot(x - 15 - 2 * n, y - 24) / 1.5, 0, 1)
    pixels = np.stack([200 - 2 * x, 60 + 0 * x, 40 + 3 * y, 255 * disc], axis=2)
    pixels[..., :3] += (disc * 50)[..., None]
    return pixels.astype(np.uint8)


def write(path: Path, alpha: bool = False) -> Path:
    channels = 2
    writer = open_writer(path, SIZE, FPS, channels=channels, alpha=alpha)
    beep = 0.5 * np.sin(np.arange(48_000 // FPS) * 0.06).astype(np.float32)
    for n in range(N):
        writer.hear(Heard(beep, 48_000, n / FPS))
        writer.write(drawn(n), n / FPS)
    writer.close()
    return path


def read(path: Path, alpha: bool) -> tuple[list[np.ndarray], list[float]]:
    """The pictures, (H, W, 4) blue, green, red, alpha, and when each is seen, s."""
    if path.suffix == ".png":
        files = [nth(path, n) for n in range(N)]
        return [_of(Image.open(file)) for file in files], [n / FPS for n in range(N)]
    if path.suffix in (".webp", ".gif"):  # ffmpeg reads no WebP that moves
        pictures, times, t = [], [], 0.0
        with Image.open(path) as file:
            for n in range(file.n_frames):
                file.seek(n)
                pictures.append(_of(file))
                times.append(t)
                t += file.info["duration"] / 1000
        assert t == pytest.approx(N / FPS, abs=0.045)
        return pictures, times
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert stream.average_rate == FPS
        assert file.duration / 1e6 == pytest.approx(N / FPS, abs=0.02)
        if path.suffix == ".webm" and alpha:  # ffmpeg's own VP9 leaves alpha out
            decoder = av.CodecContext.create("libvpx-vp9", "r")
            frames = [each for packet in file.demux(stream) for each in decoder.decode(packet)]
        else:
            frames = list(file.decode(stream))
        times = [float(each.pts * stream.time_base) for each in frames]
        into = {"format": "bgra", "src_colorspace": 1, "src_color_range": 1}
        return [each.reformat(**into).to_ndarray() for each in frames], times


def _of(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGBA"))[..., [2, 1, 0, 3]]


def name_of(suffix: str) -> str:
    return "film-%03d.png" if suffix == ".png" else f"film{suffix}"


NEAR = {".mp4": 4.0, ".webm": 4.0, ".webp": 4.0, ".gif": 6.0, ".mov": 0.6, ".png": 0.0}


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / name_of(suffix))
    pictures, times = read(path, alpha=False)
    assert len(pictures) == N
    np.testing.assert_allclose(times, np.arange(N) / FPS, atol=1e-3)
    for n, picture in enumerate(pictures):
        off = np.abs(picture[..., :3].astype(int) - drawn(n)[..., :3])
        assert off.mean() <= NEAR[suffix], (n, off.mean())
        assert (picture[..., 3] == 255).all()


@pytest.mark.parametrize("suffix", [each.suffix for each in FORMATS.values() if each.alpha])
def test_alpha_and_the_colours_under_it_come_back(tmp_path: Path, suffix: str) -> None:
    pictures, _ = read(write(tmp_path / name_of(suffix), alpha=True), alpha=True)
    assert len(pictures) == N
    for n, picture in enumerate(pictures):
        wanted = drawn(n).astype(int)
        off = np.abs(picture - wanted)
        assert off[..., 3].mean() <= NEAR[suffix] / 2 and off[..., 3].max() <= 24
        seen = wanted[..., 3] > 128
        assert off[..., :3][seen].mean() <= NEAR[suffix]


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mov", "pcm_s16le"),
                                               (".webm", "opus")])  # fmt: skip
def test_the_sound_is_in_it(tmp_path: Path, suffix: str, codec: str) -> None:
    with av.open(str(write(tmp_path / f"film{suffix}"))) as file:
        sound = file.streams.audio[0]
        assert sound.codec_context.name.removeprefix("lib") == codec
        heard = np.concatenate([each.to_ndarray().ravel() for each in file.decode(sound)])
    assert 0.3 < np.abs(heard / (32768 if codec == "pcm_s16le" else 1)).max() < 0.7
    assert len(heard) / 2 / 48_000 == pytest.approx(N / FPS, abs=0.06) or codec == "aac"


def test_a_gif_goes_on_for_ever_in_one_palette(tmp_path: Path) -> None:
    with Image.open(write(tmp_path / "film.gif")) as file:
        assert file.info["loop"] == 0
        file.seek(3)
        first, whole = file.convert("RGB"), file.getpalette()
        file.seek(9)
        assert file.getpalette() == whole and first.size == SIZE
    assert [each.name for each in tmp_path.iterdir()] == ["film.gif"]


@pytest.mark.parametrize("n", [13, 14, 15, 16, 26])
@pytest.mark.parametrize("live", [False, True])
def test_the_last_picture_is_there_in_whatever_order_they_are_written(
    tmp_path: Path, n: int, live: bool
) -> None:
    writer = open_writer(tmp_path / "a.mp4", SIZE, FPS, Quality(live=live))
    for each in range(n):
        writer.write(drawn(each), each / FPS)
    writer.close()
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert sum(1 for _ in file.decode(video=0)) == n


def test_rates_that_a_gif_can_have() -> None:
    rate = format_of(Path("a.gif")).rate
    assert [rate(fps) for fps in (240, 60, 50, 30, 25, 24, 12, 10, 1)] == [
        50, 50, 50, pytest.approx(100 / 3), 25, 25, 12.5, 10, 1,
    ]  # fmt: skip
    assert format_of(Path("a.mp4")).rate(59.94) == 59.94


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("size", [(16, 16), (17, 33)])
def test_tiny_and_odd_sizes(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    cut = FORMATS[suffix].size(size)
    assert all(0 <= a - b <= 1 for a, b in zip(size, cut, strict=True))
    writer = open_writer(tmp_path / name_of(suffix), cut, FPS)
    for n in range(2):
        writer.write(np.full((cut[1], cut[0], 4), 90, np.uint8), n / FPS)
    writer.close()
    assert any(each.stat().st_size > 30 for each in tmp_path.iterdir())


def test_a_render_of_each_format_is_of_the_same_pictures(program: Program) -> None:
    seen = {}
    for suffix in (".png", ".mov"):
        for alpha in ((), ("--alpha",)):
            name = f"{len(alpha)}-{name_of(suffix)}"
            only = () if alpha else ("--output-only",)
            done = program.do("render", "-o", name, *PLAY, "--seconds", 0.2, *alpha, *only)
            assert (done.code, done.err) == (0, ""), done.err
            frames, _ = read_render(program.root / name, bool(alpha))
            seen[suffix, bool(alpha)] = np.array(frames).astype(int)
    assert np.abs(seen[".png", False] - seen[".mov", False]).mean() < 1
    clear, whole = seen[".png", True], seen[".png", False]
    assert (clear[..., 3] < 40).any() and (clear[..., 3] == 255).any()
    solid = clear[..., 3] == 255
    assert np.array_equal(clear[solid], whole[solid])


def read_render(path: Path, alpha: bool) -> tuple[list[np.ndarray], list[float]]:
    if path.suffix == ".png":
        files = sorted(path.parent.glob(path.name.replace("%03d", "*")))
        return [_of(Image.open(file)) for file in files], []
    with av.open(str(path)) as file:
        into = {"format": "bgra", "src_colorspace": 1, "src_color_range": 1}
        return [each.reformat(**into).to_ndarray() for each in file.decode(video=0)], []


def test_a_single_picture_is_the_one_that_the_film_has_there(program: Program) -> None:
    trails = program.root / "trails.toml"
    trails.write_text("[trails]\non = true\n")
    words = (*PLAY, "--config", trails)
    assert program.do("render", "-o", "f/%d.png", *words, "--seconds", 1).code == 0
    done = program.do("render", "-o", "at.png", *words, "--from", 0.8)
    assert (done.code, done.out) == (0, "at.png: a picture of 96x54\n"), done.err
    at, film = _of(Image.open(program.root / "at.png")), program.root / "f"
    assert np.array_equal(at, _of(Image.open(film / "20.png")))
    assert not np.array_equal(at, _of(Image.open(film / "24.png")))
    assert program.do("render", "-o", "first.png", *words).code == 0
    first = _of(Image.open(program.root / "first.png"))
    assert np.array_equal(first, _of(Image.open(film / "0.png")))


def test_nothing_is_written_over_unasked(program: Program) -> None:
    words = (*PLAY, "--seconds", 0.2)
    assert program.do("render", "-o", "kept/a%02d.png", *words).code == 0
    before = (program.root / "kept" / "a00.png").read_bytes()
    assert_refused(program.do("render", "-o", "kept/a%02d.png", *words), "a00.png exists", "force")
    assert (program.root / "kept" / "a00.png").read_bytes() == before
    refused = program.do("render", "-o", "kept/a%02d.png", *words, "--force", "--model", "none")
    assert_refused(refused, "show.model")
    assert (program.root / "kept" / "a00.png").read_bytes() == before, "nothing took its place"
    short = (*PLAY, "--seconds", 0.1, "--seed", 2)
    assert program.do("render", "-o", "kept/a%02d.png", *short, "--force").code == 0
    assert len(list((program.root / "kept").iterdir())) == 2, "some of the longer one is left"


def test_what_a_format_cannot_do_is_told_in_a_line(program: Program) -> None:
    def render(name: str, *words: object) -> object:
        return program.do("render", "-o", name, *PLAY, *words)

    assert_refused(render("a.avi"), "a.avi", ".mp4, .mov, .webm, .webp, .gif or .png")
    assert_refused(render("a.mp4", "--alpha"), "transparent", ".mov, .webm, .webp or .png")
    assert_refused(render("a%s.png"), "%05d.png")
    assert_refused(render("a%d%d.png"), "%05d.png")
    assert_refused(render("one.png", "--seconds", 1), "--from")
    assert_refused(render("nowhere/one.png"), "nowhere")
    done = render("b.gif", "--seconds", 0.1, "--fps", 60)
    assert done.code == 0 and len(done.lines) == 1 and "50 frames" in done.err
    done = render("b.mp4", "--seconds", 0.1, "--size", "97x55")
    assert done.code == 0 and len(done.lines) == 1 and "96x54" in done.err
    done = render("b.png", "--alpha", "--model", "landscapes")
    assert done.code == 0 and len(done.lines) == 1 and "opaque" in done.err
