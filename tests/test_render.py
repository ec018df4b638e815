"""Videos from the command line: what is in them, and that it is the same every time."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from program import (
    SAMPLERATE,
    Program,
    has_traceback,
    read_sound,
    read_video,
    wait_until,
    write_song,
)

SMALL = ("--size", "160x96", "--fps", 24, "--seconds", 1)
SONG_S = 1.7


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program(tmp_path_factory.mktemp("project")) as program:
        yield program


def render(program: Program, name: str, *arguments: object) -> Path:
    done = program.do("render", "-o", name, *arguments)
    assert done.code == 0, done.err
    assert name in done.out
    return program.root / name


def test_the_same_command_gives_the_same_pictures(program: Program) -> None:
    first = read_video(render(program, "first.mp4", *SMALL))
    # The second time in a process of its own, which hashes and starts differently.
    done = program.run("render", "-o", "second.mp4", *SMALL, env={"PYTHONHASHSEED": "99"})
    assert done.code == 0, done.err
    second = read_video(program.root / "second.mp4")
    assert first.codec == "h264"
    assert first.pictures.shape == (24, 96, 160, 3)
    np.testing.assert_allclose(first.times_s, np.arange(24) / 24, atol=1e-3)
    assert first.length_s == pytest.approx(1.0, abs=0.01)
    np.testing.assert_array_equal(first.pictures, second.pictures)
    np.testing.assert_array_equal(first.times_s, second.times_s)

    moves = np.abs(np.diff(first.pictures.astype(int), axis=0)).mean(axis=(1, 2, 3))
    assert (moves > 0).all(), "a picture that does not move"
    for half in (first.pictures[-1][:, :80], first.pictures[-1][:, 80:]):
        assert len(np.unique(half.reshape(-1, 3), axis=0)) > 20, "an empty pane"


def test_seed_driver_mode_and_model_each_give_another_video(program: Program) -> None:
    few = ("--size", "160x96", "--fps", 6, "--seconds", 0.5)
    variations = (
        [], ["--seed", 2], ["--driver", "simplex"], ["--driver", "random"],
        ["--mode", "pixel"], ["--model", "classic-28"],
    )  # fmt: skip
    seen = []
    for index, arguments in enumerate(variations):
        pictures = read_video(render(program, f"v{index}.mp4", *few, *arguments)).pictures
        assert len(pictures) == 3
        for other in seen:
            assert np.abs(pictures[-1].astype(int) - other).mean() > 0.5, arguments
        seen.append(pictures[-1].astype(int))


def test_the_song_is_in_the_file_and_gives_its_length(program: Program) -> None:
    song = write_song(program.root / "song.wav", SONG_S)
    words = ("--audio", "song.wav", "--driver", "audio", "--size", "160x96", "--fps", 30)
    out = render(program, "song.mp4", *words)
    video, sound = read_video(out), read_sound(out)
    assert len(video.times_s) == round(SONG_S * 30)
    assert video.times_s[0] == pytest.approx(0.0, abs=1e-3), "the pictures are late"
    assert len(sound) / SAMPLERATE == pytest.approx(SONG_S, abs=1 / 30)
    assert video.length_s == pytest.approx(SONG_S, abs=1 / 30)

    n = min(len(sound), len(song))
    # Where the two fit best: players take the encoder's delay off, and so does the decoder.
    spectrum = np.fft.rfft(sound[:n], 2 * n) * np.conj(np.fft.rfft(song[:n], 2 * n))
    fit = np.fft.irfft(spectrum)
    late = int(np.argmax(fit))
    late = late - 2 * n if late > n else late
    assert abs(late) / SAMPLERATE < 0.005, "the sound is late"
    assert np.corrcoef(sound[:n], song[:n])[0, 1] > 0.95


def test_the_pictures_follow_the_song(program: Program) -> None:
    """A second of silence, then beeps: still, then not."""
    write_song(program.root / "late.wav", 1.0, silence_s=1.0)
    words = ("--audio", "late.wav", "--driver", "audio", "--size", "160x96", "--fps", 30)
    pictures = read_video(render(program, "late.mp4", *words)).pictures.astype(int)
    moves = np.abs(np.diff(pictures[:, :, 80:], axis=0)).mean(axis=(1, 2, 3))
    assert moves[32:].mean() > 5 * moves[:28].mean() + 0.1


def test_the_audio_driver_without_a_song_hears_the_demo(program: Program) -> None:
    out = render(program, "demo.mp4", "--driver", "audio", *SMALL)
    pictures = read_video(out).pictures.astype(int)
    assert np.abs(np.diff(pictures[:, :, 80:], axis=0)).mean() > 0.1


def test_a_last_segment_of_one_frame_is_as_even_as_the_others(program: Program) -> None:
    out = render(program, "even.mp4", "--size", "64x36", "--fps", 10, "--seconds", 10.1)
    with av.open(str(out)) as file:
        video = file.streams.video[0]
        dts = [packet.dts for packet in file.demux(video) if packet.dts is not None]
        assert video.average_rate == 10 and video.frames == len(dts) == 101
    assert len(set(np.diff(dts))) == 1


def test_odd_sizes_are_cut_by_a_pixel(program: Program) -> None:
    out = render(program, "odd.mp4", "--size", "161x97", "--fps", 10, "--seconds", 0.3)
    assert read_video(out).pictures.shape == (3, 96, 160, 3)


def test_an_animated_webp(program: Program) -> None:
    from PIL import Image

    out = render(program, "loop.webp", "--size", "160x96", "--fps", 10, "--seconds", 0.5)
    with Image.open(out) as picture:
        assert picture.format == "WEBP"
        assert picture.size == (160, 96)
        assert picture.n_frames == 5
        assert picture.info["loop"] == 0
        lengths, pixels = [], []
        for index in range(picture.n_frames):
            picture.seek(index)
            pixels.append(np.asarray(picture.convert("RGB"), int))
            lengths.append(picture.info["duration"])
    assert sum(lengths) == pytest.approx(500, abs=110)
    assert np.abs(pixels[0] - pixels[-1]).mean() > 0.1


def test_ctrl_c_leaves_a_file_that_plays(program: Program) -> None:
    out = program.root / "stopped.mp4"
    render = ["render", "-o", out, "--size", "160x96", "--fps", 30, "--seconds", 3600]
    with program.start(*render) as rendering:
        parts = out.with_name("stopped.mp4.parts")
        size = lambda: sum(path.stat().st_size for path in parts.glob("*"))  # noqa: E731
        wait_until(lambda: size() > 30_000, "some seconds of video")
        rendering.signal(signal.SIGINT)
        assert rendering.wait() == 130
        assert not has_traceback(rendering.err)
    video = read_video(out, every=30)
    assert 30 < len(video.times_s) < 3600 * 30
    assert video.length_s == pytest.approx(len(video.times_s) / 30, abs=0.05)
    np.testing.assert_allclose(np.diff(video.times_s), 1 / 30, atol=1e-3)


def test_the_bar_tells_how_far_it_is(program: Program) -> None:
    render = ["render", "-o", "bar.mp4", "--size", "64x64", "--fps", 5, "--seconds", 0.4]
    with program.on_terminal(*render) as terminal:
        assert terminal.wait() == 0
        assert "2/2 frames" in terminal.seen()
    done = program.do(*render, "--force")
    assert (done.code, done.out) == (0, "bar.mp4: 2 frames of 64x64\n")
