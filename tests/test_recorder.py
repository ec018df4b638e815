"""Recording while the show plays, and what can go wrong: the show goes on, and one line tells."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pygame
import pytest
from conftest import ticks
from PIL import Image
from program import Program, has_traceback, only, read_video, wait_until

from visualiser import record
from visualiser.config import Record
from visualiser.record import Recording
from visualiser.types import UserError
from visualiser.video import encoders
from visualiser.video.encoders import HARDWARE, Hardware, chosen
from visualiser.video.formats import FORMATS, Quality
from visualiser.video.writer import Writer, open_writer

SIZE = (96, 54)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(record, "RECORDINGS", tmp_path / "recordings")
    return tmp_path / "recordings"


def canvas(n: int, size: tuple[int, int] = SIZE) -> pygame.Surface:
    """A white bar that wanders from left to right over blue."""
    made = pygame.Surface(size, 0, 32)
    made.fill((20, 40, 160))
    made.fill((255, 255, 255), (n % size[0], 0, 12, size[1]))
    return made


def play(recording: Recording, n: int, fps: float = 60.0, first: int = 0, **how: object) -> None:
    """n frames of a window that is never in such a hurry that one is left out."""
    for tick in ticks(n, fps, first):
        recording.write(canvas(tick.index, **how), tick)
        recorder = recording._recorder
        deadline = time.monotonic() + 10
        while recorder and recorder.waiting and not recorder.error:
            assert time.monotonic() < deadline
            time.sleep(0.002)


def recorded(folder: Path, n: int = 61, **settings: object) -> Path:
    """What is there after n frames of a window at 60 frames a second."""
    recording = Recording(Record(yields=False, sound=False, **settings))
    recording.start(SIZE)
    play(recording, n)
    recording.close()
    assert len(recording.notices) == 1 and recording.notices[0].startswith("recorded ")
    return only(folder, "squircle-*")


def bar(picture: np.ndarray) -> float:
    """Where the bar is, px."""
    return float(np.flatnonzero(picture[20, :, 0] > 140).mean()) - 5.5


@pytest.mark.parametrize(("fps", "n"), [(60, 61), (30, 31), (25, 25), (20, 21)])
def test_the_rate_is_what_is_recorded_at_true_times(folder: Path, fps: int, n: int) -> None:
    video = read_video(recorded(folder, fps=fps))
    assert len(video.times_s) == pytest.approx(n, abs=1)
    np.testing.assert_allclose(np.diff(video.times_s).mean(), 1 / fps, rtol=0.05)
    for t, picture in zip(video.times_s, video.pictures, strict=True):
        if 60 * t < SIZE[0] - 12:
            assert bar(picture) == pytest.approx(60 * t, abs=1.5), "not what was seen then"


def test_a_constant_rate_repeats_what_is_missing(folder: Path) -> None:
    recording = Recording(Record(yields=False, sound=False, fps=30, constant=True))
    recording.start(SIZE)
    play(recording, 11)
    play(recording, 11, first=30)  # a third of a second was too much for the machine
    assert recording.marker(0.7).startswith("REC 0:00")
    recording.close()
    assert recording.notices[0].endswith("(12 frames, 9 repeated)")
    video = read_video(only(folder, "*.mp4"))
    np.testing.assert_allclose(video.times_s, np.arange(21) / 30, atol=1e-4)


@pytest.mark.parametrize("ending", ["mov", "webm", "webp", "gif"])
def test_every_format_can_be_recorded(folder: Path, ending: str) -> None:
    path = recorded(folder, 31, format=ending, fps=30)
    assert path.suffix == f".{ending}"
    with Image.open(path) if ending in ("gif", "webp") else av.open(str(path)) as file:
        if isinstance(file, Image.Image):
            assert file.n_frames >= 12
        else:
            assert sum(1 for _ in file.decode(video=0)) == 16


def test_pictures_go_into_a_folder_of_their_own(folder: Path) -> None:
    pictures = sorted(recorded(folder, 31, format="png", fps=10).iterdir())
    assert [each.name for each in pictures] == [f"{n:05}.png" for n in range(6)]
    assert bar(np.asarray(Image.open(pictures[3]))) == 18


def test_another_size_keeps_its_proportions(folder: Path) -> None:
    video = read_video(recorded(folder, 11, size="200x200"))
    assert video.pictures.shape[1:3] == (200, 200)
    assert video.pictures[0][100, 5, 0] > 200 and not video.pictures[0][:40].max() > 30


def test_a_window_that_changes_its_size_is_recorded_at_the_first(folder: Path) -> None:
    recording = Recording(Record(yields=False, sound=False))
    recording.start((97, 55))  # odd: cut by a pixel
    for n, size in enumerate([(97, 55), (301, 77), (16, 90), (97, 55)]):
        play(recording, 5, first=5 * n, size=size)
    recording.close()
    video = read_video(only(folder, "*.mp4"))
    assert video.pictures.shape == (20, 54, 96, 3)
    np.testing.assert_allclose(video.times_s, np.arange(20) / 60, atol=1e-4)


def test_r_again_and_again_makes_a_file_each_time(folder: Path) -> None:
    recording = Recording(Record(yields=False, sound=False))
    for n in range(4):
        recording.toggle(SIZE)
        play(recording, 2, first=4 * n)
        recording.toggle(SIZE)
        recording.write(canvas(0), ticks(1, 60, 4 * n + 3)[0])
    recording.toggle(SIZE)
    recording.toggle(SIZE)  # nothing was seen in between
    recording.close()
    files = sorted(folder.iterdir())
    assert len(files) == 4 and all(len(read_video(file).times_s) == 2 for file in files)
    told = [line for line in recording.notices if line.startswith("recorded ")]
    assert len(told) == len(recording.notices) == 4
    assert all(any(str(file) in line for line in told) for file in files)


def test_an_encoder_that_is_too_slow_costs_frames_and_no_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(*args: object, **how: object) -> object:
        writer = open_writer(*args, **how)
        write = writer.write
        writer.write = lambda pixels, t: (go_on.wait(10), write(pixels, t))
        return writer

    monkeypatch.setattr(record, "open_writer", slow)
    recording = Recording(Record(yields=False, sound=False))
    recording.start(SIZE)
    for tick in ticks(40, 60):
        recording.write(canvas(tick.index), tick)
    assert recording.marker(42.5).startswith("REC 0:42, ")
    recording.stop()  # which waits for nothing, either
    assert recording.marker(42.5) == "saving the recording" and not recording.notices
    go_on.set()
    recording.close()
    assert "left out" in recording.notices[0] and recording.marker(50.0) == ""
    assert 20 <= len(read_video(only(folder, "*.mp4")).times_s) <= 28


def ends_with(recording: Recording, word: str) -> None:
    """It goes on until the recording has ended, with one line."""
    n, deadline = 0, time.monotonic() + 10
    while not recording.notices:
        play(recording, 1, first=n)
        n += 1
        time.sleep(0.005)
        assert time.monotonic() < deadline, "nobody is told"
    play(recording, 3, first=n)
    recording.close()
    assert len(recording.notices) == 1, recording.notices
    assert "recording stopped" in recording.notices[0] and word in recording.notices[0]
    assert recording.marker(1.0) == ""


@pytest.mark.parametrize("ending", ["mp4", "png", "gif"])
def test_a_folder_that_vanishes_ends_it_with_a_line(
    folder: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "LOOK_S", 0.05)
    recording = Recording(Record(yields=False, sound=False, format=ending))
    recording.start(SIZE)
    play(recording, 5)
    wait_until(lambda: folder.exists() and list(folder.iterdir()), "a file")
    folder.rename(folder.with_name("elsewhere"))
    ends_with(recording, "recordings")


@pytest.mark.parametrize("ending", ["mp4", "webm", "png"])
def test_what_is_recorded_is_put_on_the_disk_while_it_goes_on(
    folder: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And by no thread that anyone waits for."""
    by: list[tuple[str, str]] = []
    monkeypatch.setattr(record, "LOOK_S", 0.0)
    monkeypatch.setattr(
        record, "onto_disk", lambda path: by.append((path.suffix, threading.current_thread().name))
    )
    recorded(folder, 20, format=ending)
    assert set(by) == ({(f".{ending}", "record")} if ending != "png" else set())
    assert ending == "png" or len(by) > 5


@pytest.mark.parametrize("ending", ["mp4", "webm", "png", "gif"])
def test_a_full_disk_ends_it_with_a_line(
    folder: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "none", folder], check=False)
    if made.returncode:
        pytest.skip("only root can make a small disk")
    try:
        recording = Recording(Record(yields=False, sound=False, format=ending, crf=0))
        recording.start((320, 240))
        rng = np.random.default_rng(1)
        noise = pygame.Surface((320, 240), 0, 32)
        for tick in ticks(400, 60):
            pygame.surfarray.blit_array(noise, rng.integers(0, 256, (320, 240, 3)))
            recording.write(noise, tick)
            time.sleep(0.002)
            if recording.notices:
                break
        recording.close()
        assert len(recording.notices) == 1, recording.notices
        assert "recording stopped" in recording.notices[0] and "space" in recording.notices[0]
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_name_that_is_no_folder_is_told(folder: Path) -> None:
    folder.write_text("a file")
    recording = Recording(Record(yields=False))
    recording.start(SIZE)
    ends_with(recording, str(folder))
    assert folder.read_text() == "a file"


def test_the_encoder_is_the_first_that_works_at_that_size() -> None:
    tried = []
    kind = FORMATS[".mp4"]

    def works(large: int) -> Callable[[Hardware, tuple[int, int]], bool]:
        def work(hardware: Hardware, size: tuple[int, int]) -> bool:
            tried.append(hardware.codec)
            return hardware.codec == "h264_qsv" and size[0] <= large

        return work

    found, line = chosen(kind, "auto", (1280, 720), 60, works=works(4096))
    assert (found.codec, line) == ("h264_qsv", "")
    assert tried == ["h264_nvenc", "h264_videotoolbox", "h264_qsv"]
    assert int(found.options(Quality(18))["b"]) == 2 * int(found.options(Quality(24))["b"])
    found, line = chosen(kind, "auto", (7680, 4320), 60, works=works(4096))
    assert (found, line) == (kind, "")
    found, line = chosen(kind, "nvenc", (1280, 720), 60, works=works(4096))
    assert found is kind and "no nvenc here" in line and "x264" in line
    tried.clear()
    for other, wanted in ((kind, "x264"), (FORMATS[".webm"], "auto")):
        assert chosen(other, wanted, (1280, 720), 60, works=works(4096)) == (other, "")
    assert not tried


def test_an_encoder_that_is_not_there_fails_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    assert not encoders._works(Hardware("h264_of_nobody"), (320, 240))
    assert not encoders._works(Hardware("libx264", "cuda"), (320, 240))
    for hardware in HARDWARE.values():
        assert encoders._works(hardware, (320, 240)) in (True, False)
    assert encoders._works(Hardware("libx264", "yuv420p"), (320, 240))
    assert capfd.readouterr() == ("", "")


def test_hardware_that_works_is_what_is_recorded_with(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = {"nvenc": Hardware("libx264", "yuv444p")}  # stands for it, and can be told apart
    monkeypatch.setattr(record, "chosen", lambda *how: chosen(*how, table=fake))
    with av.open(str(recorded(folder, encoder="nvenc"))) as file:
        assert file.streams.video[0].codec_context.pix_fmt == "yuv444p"


def test_encoders_and_sizes_in_the_settings() -> None:
    for wrong in ({"size": "12"}, {"size": "9x9"}, {"encoder": "fast"}, {"format": "avi"}):
        with pytest.raises(ValueError):
            Record(**wrong)


def test_the_program_records_what_its_settings_say(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        own = program.root / "own.toml"
        own.write_text(
            '[record]\nformat = "webm"\nsize = "128x72"\nfps = 10\nencoder = "nvenc"\n'
            "yields = false\n"
        )
        play = ("--model", "classic-28", "--size", "320x180", "--fps", 30, "--config", own)
        env = {"SDL_VIDEODRIVER": "dummy"}
        done = program.run(*play, "--record", "--seconds", 2, env=env)
        assert done.code == 0 and not has_traceback(done.err), done.err
        video = read_video(only(program.recordings, "*.webm"))
        assert video.pictures.shape[1:3] == (72, 128) and 5 <= len(video.times_s) <= 22
        own.write_text('[record]\nsize = "huge"\n')
        done = program.run("--config", own, env=env)
        assert done.code == 2 and "16x16 to 7680x4320" in done.err and len(done.lines) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has threads with their own policy")
@pytest.mark.parametrize("yields", [True, False])
def test_a_recording_leaves_the_processor_to_the_window_if_it_is_to(
    yields: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = []

    def open_writer(*_: object, **__: object) -> Writer:
        found.append(os.sched_getscheduler(threading.get_native_id()))
        raise UserError("it never begins")

    monkeypatch.setattr(record, "RECORDINGS", tmp_path)
    monkeypatch.setattr(record, "open_writer", open_writer)
    recording = Recording(Record(yields=yields, sound=False))
    recording.start((64, 36))
    recording.close()
    assert found == [os.SCHED_IDLE if yields else os.SCHED_OTHER]


def test_a_recording_that_does_not_get_on_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """As where other programs want all of the processor."""
    may_go_on = threading.Event()
    write = record.Recorder._write
    monkeypatch.setattr(
        record.Recorder, "_write", lambda *words: (may_go_on.wait(10), write(*words))[1]
    )
    recording = Recording(Record(yields=False, sound=False))
    recording.start(SIZE)
    for tick in ticks(200):
        recording.write(canvas(tick.index), tick)
    assert recording.notices == ["nothing recorded for 2 s: this machine is too slow for it"]
    may_go_on.set()
    recording.close()
    only(folder, "*.mp4")
