"""Ring, AudioFile and Silence."""

from __future__ import annotations

import threading
import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser.audio.file import AudioFile, audio_duration_s, audio_samples
from visualiser.audio.ring import Ring
from visualiser.audio.source import Silence, Source
from visualiser.types import UserError


def write(path: Path, samples: np.ndarray, rate: int = 48_000, codec: str = "") -> Path:
    """Write (channels, n) float samples in the format that the path's ending names."""
    codecs = {".wav": "pcm_s16le", ".flac": "flac", ".mp3": "mp3", ".ogg": "libopus"}
    codec = codec or codecs.get(path.suffix, "aac")
    layout = "mono" if len(samples) == 1 else "stereo"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        for start in range(0, samples.shape[1], 1024):
            part = np.ascontiguousarray(samples[:, start : start + 1024], np.float32)
            frame = av.AudioFrame.from_ndarray(part, "fltp", layout)
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def sine(hz: float, seconds: float, rate: int = 48_000, peak: float = 0.5) -> np.ndarray:
    return peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)[None, :]


def read(sound: Source, seconds: float, fps: int, n: int) -> np.ndarray:
    """The windows of a show at fps, (ticks, n)."""
    return np.array([sound.window(k / fps, n).samples for k in range(1, round(seconds * fps) + 1)])


# --- Ring


@settings(max_examples=60)
@given(sizes=st.lists(st.integers(0, 40), max_size=20), n=st.integers(0, 16))
def test_a_ring_gives_the_newest_samples(sizes: list[int], n: int) -> None:
    ring, everything = Ring(16), np.zeros(16, np.float32)
    for size in sizes:
        block = np.arange(size, dtype=np.float32) + everything.size
        everything = np.concatenate([everything, block])
        ring.append(block[:, None])
    assert ring.written == sum(sizes)
    np.testing.assert_array_equal(ring.read(n)[:, 0], everything[everything.size - n :])


def test_a_ring_does_not_give_what_it_no_longer_holds() -> None:
    ring = Ring(16)
    ring.append(np.arange(20, dtype=np.float32)[:, None])
    np.testing.assert_array_equal(ring.read(4, end=10)[:, 0], [6, 7, 8, 9])
    with pytest.raises(ValueError, match="no longer holds"):
        ring.read(8, end=10)
    with pytest.raises(ValueError, match="no longer holds"):
        ring.read(17)


def test_a_ring_is_not_torn_by_a_writer_that_never_rests() -> None:
    ring, stop = Ring(4096), threading.Event()

    def write_on() -> None:
        count = 0
        while not stop.is_set():
            ring.append((np.arange(count, count + 700) % 65536).astype(np.float32)[:, None])
            count += 700

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        deadline, reads = time.monotonic() + 1.0, 0
        while time.monotonic() < deadline:
            samples = ring.read(2000)[:, 0]
            if ring.written > 4096:
                assert (np.diff(samples) % 65536 == 1).all()
                reads += 1
    finally:
        stop.set()
        writer.join()
    assert reads > 20


def test_a_ring_keeps_the_channels_it_is_told_to() -> None:
    ring = Ring(8, channels=2)
    ring.append(np.arange(36, dtype=np.float32).reshape(12, 3), columns=(2, 0))
    assert ring.read(3).tolist() == [[29, 27], [32, 30], [35, 33]]


# --- AudioFile


@pytest.mark.parametrize("ending", [".wav", ".flac", ".mp3", ".ogg", ".m4a"])
def test_every_format_is_heard_in_time_and_in_tune(tmp_path: Path, ending: str) -> None:
    # A second of silence, then a tone: its start says whether the format's own delay is known.
    samples = np.concatenate([np.zeros((1, 48_000)), sine(1000, 1.0)], axis=1)
    path = write(tmp_path / f"song{ending}", np.vstack([samples, samples]))
    sound = AudioFile(path)
    assert (sound.window(0.0, 1).samplerate, sound.label) == (48_000, f"song{ending}")
    assert np.abs(sound.window(0.95, 40_000).samples).max() < 0.01
    tone = sound.window(1.9, 38_400).samples
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(tone.size)))
    assert spectrum.argmax() == 800  # 1000 Hz in bins of 1.25 Hz
    assert np.abs(tone).max() == pytest.approx(0.5, abs=0.03)
    start = np.flatnonzero(np.abs(sound.window(1.95, 48_000).samples) > 0.1)[0] / 48_000 + 0.95
    assert start == pytest.approx(1.0, abs=0.003)
    assert tone.dtype == np.float32
    assert sound.notices() == []
    sound.close()
    sound.close()
    assert audio_duration_s(path) == pytest.approx(2.0, abs=0.03)
    if ending in (".wav", ".flac"):
        assert audio_samples(path) == 96_000


@pytest.mark.parametrize("ending", [".wav", ".mp3"])
@pytest.mark.parametrize("loop", [False, True])
def test_samples_do_not_depend_on_the_tick_rate(tmp_path: Path, ending: str, loop: bool) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 44_100))
    path = write(tmp_path / f"song{ending}", noise, rate=44_100)
    slow = read(AudioFile(path, loop), 2.5, 30, 2048)
    fast = read(AudioFile(path, loop), 2.5, 120, 2048)
    np.testing.assert_array_equal(slow, fast[3::4])
    assert slow[60:].any() == loop


@pytest.fixture(scope="module")
def noise_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (1, 30_011))
    return write(tmp_path_factory.mktemp("noise") / "noise.wav", noise)


@settings(max_examples=8, deadline=None)
@given(times=st.lists(st.floats(0, 100), min_size=1, max_size=5))
def test_any_jump_of_time_lands_on_the_same_samples(noise_file: Path, times: list[float]) -> None:
    once = AudioFile(noise_file)
    whole = once.window(30_011 / 48_000, 30_011).samples
    once.close()
    sound = AudioFile(noise_file, loop=True)
    for t in times:  # also backwards
        end = round(t * 48_000)
        index = np.arange(end - 2048, end)
        expected = np.where(index < 0, 0, whole[index % whole.size])
        np.testing.assert_array_equal(sound.window(t, 2048).samples, expected)
    sound.close()


def test_a_loop_has_no_seam_and_no_drift(tmp_path: Path) -> None:
    path = write(tmp_path / "tone.wav", sine(100, 0.5))  # 50 whole periods
    sound = AudioFile(path, loop=True)
    heard = np.concatenate([sound.window(t / 10, 4800).samples for t in range(1, 101)])
    np.testing.assert_allclose(heard, np.tile(sine(100, 0.5)[0], 20), atol=1e-3)
    # A day later, at once: whole turns are not decoded.
    started = time.monotonic()
    np.testing.assert_array_equal(
        sound.window(86_400.25, 2048).samples, sound.window(86_400.75, 2048).samples
    )
    assert time.monotonic() - started < 1.0


def test_a_file_without_loop_ends_in_silence(tmp_path: Path) -> None:
    sound = AudioFile(write(tmp_path / "tone.wav", sine(100, 0.5)))
    window = sound.window(0.75, 24_000).samples
    assert window[:12_000].any() and not window[12_000:].any()
    assert not sound.window(5.0, 4800).samples.any()
    assert not sound.window(86_400.0, 4800).samples.any()
    assert sound.notices() == []


def test_before_the_start_there_is_silence(tmp_path: Path) -> None:
    sound = AudioFile(write(tmp_path / "tone.wav", sine(100, 0.5)))
    assert not sound.window(0.0, 100).samples.any()
    window = sound.window(0.01, 960).samples
    assert not window[:480].any() and window[480:].any()


def test_a_long_file_starts_at_once_and_is_not_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "long.mp3", sine(440, 60.0, 16_000), rate=16_000)
    started = time.monotonic()
    sound = AudioFile(path)
    sound.window(1 / 60, 2048)
    assert time.monotonic() - started < 0.3
    sound.window(50.0, 2048)
    assert sound._pending.size + sound._ring.capacity < 300_000


def test_opposite_and_hot_channels_stay_in_range(tmp_path: Path) -> None:
    tone = sine(100, 0.3, peak=1.0)
    same = (
        AudioFile(write(tmp_path / "same.wav", np.vstack([tone, tone]))).window(0.2, 4800).samples
    )
    assert np.abs(same).max() == pytest.approx(1.0, abs=0.001)
    hot = np.vstack([tone * 4, tone * 4])
    hot[:, 5000:5010] = np.nan
    heard = AudioFile(write(tmp_path / "hot.wav", hot, codec="pcm_f32le")).window(0.2, 9600).samples
    assert np.isfinite(heard).all() and np.abs(heard).max() == 1.0
    assert not heard[5000:5010].any()


def no_samples(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)


def video(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("gone.wav", lambda path: None, "there is no such file"),
        ("folder.wav", Path.mkdir, "is a folder"),
        ("empty.mp3", Path.touch, "is empty"),
        ("text.wav", lambda path: path.write_text("la la la\n" * 50), "is not a sound file"),
        ("noise.mp3", lambda path: path.write_bytes(bytes(range(1, 256)) * 9), "sound"),
        ("short.wav", no_samples, "its length is zero"),
        ("silent.mp4", video, "has no sound"),
    ],
)
def test_what_cannot_be_played_is_said_in_one_line(tmp_path: Path, name, make, says) -> None:
    path = tmp_path / name
    make(path)
    for read_it in (AudioFile, audio_samples):
        with pytest.raises(UserError) as caught:
            read_it(path)
        line = str(caught.value)
        assert line.startswith(str(path)) and says in line and "\n" not in line


@pytest.mark.parametrize("ending", [".flac", ".mp3", ".ogg"])
def test_damage_in_the_middle_is_played_over_and_said(tmp_path: Path, ending: str) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (1, 8 * 48_000))
    path = write(tmp_path / f"song{ending}", noise)
    data = bytearray(path.read_bytes())
    middle, size = len(data) // 2, len(data) // 20
    data[middle : middle + size] = bytes(k % 251 for k in range(size))
    path.write_bytes(data)
    looped = AudioFile(path, loop=True)
    assert looped.window(30.0, 1600).samples.any() and len(looped.notices()) == 1
    sound = AudioFile(path)
    ticks = read(sound, 8.5, 30, 1600)
    assert np.isfinite(ticks).all()
    assert 150 < ticks.any(axis=1).sum() < 240  # most of it, and not all
    (line,) = sound.notices()
    assert line.startswith(f"song{ending}: ")
    assert sound.notices() == []


def test_a_file_that_was_cut_short_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "song.flac", np.random.default_rng(1).uniform(-0.5, 0.5, (1, 96_000)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 4])
    sound = AudioFile(path)
    assert sound.window(0.3, 4800).samples.any()
    assert not sound.window(2.5, 4800).samples.any()
    assert len(sound.notices()) == 1


def test_a_loop_whose_file_is_deleted_goes_silent(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", sine(100, 0.5))
    sound = AudioFile(path, loop=True)
    assert sound.window(0.4, 4800).samples.any()
    path.unlink()
    assert not sound.window(5.0, 4800).samples.any()
    (line,) = sound.notices()
    assert "no such file" in line and "silence" in line


def test_silence() -> None:
    sound = Silence()
    assert sound.window(3.0, 5).samples.tolist() == [0.0] * 5
    assert sound.label == "silence" and sound.notices() == []
    sound.close()
