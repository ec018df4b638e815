"""A song that is played aloud: what the ear gets, and what comes out of the loudspeaker."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from script import Script, run
from test_audio_source import sine, video, write
from virtual_microphone import virtual_devices

from benchmarks.cable import in_step
from visualiser import config
from visualiser.audio.file import AudioFile, audio_samples
from visualiser.audio.song import Song
from visualiser.listener import source_of
from visualiser.types import UserError


def test_what_the_ear_gets_and_what_comes_out_agree() -> None:
    off = in_step(6.0)
    print(f"{len(off)} clicks: off by {np.abs(off).max() * 1e3:.1f} ms at most")
    assert len(off) >= 6
    assert np.abs(off).max() < 0.03


def test_without_an_output_it_goes_on_unheard_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", sine(500, 2.0))
    script = """
song = Song(sys.argv[1])
one, lines = watch(song, 1.0)
two, more = watch(song, 1.0)
song.close()
report(lines=lines + more, rate=(two.end - one.end) / (two.t - one.t), end=one.end,
       peak=float(abs(two.samples).max()),
       threads=[thread.name for thread in threading.enumerate()])
"""
    with virtual_devices() as devices:
        facts = run(script, devices.env, path)
    (line,) = facts["lines"]
    assert "the song goes on unheard" in line and "\n" not in line
    assert facts["rate"] == pytest.approx(48_000, rel=0.001)
    assert facts["end"] > 0
    assert facts["peak"] == pytest.approx(0.5, abs=0.02)
    assert facts["threads"] == ["MainThread"]


def test_an_output_that_goes_and_comes_back(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", sine(500, 2.0))
    script = """
song = Song(sys.argv[1])
while not song.is_audible:
    watch(song, 0.1)
report(ready=True)
lines = []
while not lines:
    sound, lines = watch(song, 0.1)
before = sound
sound, more = watch(song, 1.0)
report(lines=lines + more, rate=(sound.end - before.end) / (sound.t - before.t))
while not song.is_audible:
    watch(song, 0.1)
again, _ = watch(song, 0.5)
song.close()
report(grows=again.end > sound.end)
"""
    with virtual_devices() as devices:
        devices.plug_speaker("speaker")
        with Script(script, devices.env, path) as playing:
            assert playing.facts()["ready"]
            devices.unplug("speaker")
            facts = playing.facts()
            assert facts["lines"] == ["the sound output has gone: the song goes on unheard"]
            assert facts["rate"] == pytest.approx(48_000, rel=0.05)
            devices.plug_speaker("speaker")
            assert playing.facts() == {"grows": True}


@pytest.fixture
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """No PortAudio on this machine."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)


def watched(song: Song, seconds: float) -> np.ndarray:
    """All that it gives in the first seconds of the show, at its own pace."""
    until = time.perf_counter() + 5
    while song.state != "hearing":
        assert time.perf_counter() < until
        time.sleep(0.01)
    heard, last = [], song.window(0.0, 1).end
    for tick in range(1, round(seconds * 60)):
        wanted = last + 800
        while song._ring.written < wanted:  # as long as decoding takes
            assert time.perf_counter() < until
            time.sleep(0.005)
        sound = song.window(tick / 60, 4800)
        heard.append(sound.samples[len(sound.samples) - (sound.end - last) :])
        last = sound.end
    return np.concatenate(heard)


def test_a_loop_goes_round_and_a_song_that_is_played_once_ends(
    tmp_path: Path, unheard: None
) -> None:
    path = write(tmp_path / "song.wav", np.vstack([sine(100, 0.5), sine(100, 0.5)]))
    for loop in (True, False):
        song = Song(path, loop)
        heard = watched(song, 1.5)
        song.close()
        expected = np.tile(sine(100, 0.5)[0], 4)[: len(heard)]
        if not loop:
            expected[24_000:] = 0
        np.testing.assert_allclose(heard, expected, atol=2e-3)
    assert not [thread for thread in threading.enumerate() if thread.name in ("song", "portaudio")]


def test_a_song_is_played_aloud_unless_it_is_muted(tmp_path: Path, unheard: None) -> None:
    path = write(tmp_path / "song.wav", sine(500, 0.2))
    for audible, kind in ((True, Song), (False, AudioFile)):
        source = source_of(config.Sound(audible=audible), path)
        assert type(source) is kind
        source.close()


@pytest.mark.parametrize("make", ["truncated", "cover"])
def test_odd_songs_are_played(tmp_path: Path, unheard: None, make: str) -> None:
    path = write(tmp_path / "song.mp3", np.tile(sine(500, 4.0), (2, 1)))
    data = path.read_bytes()
    if make == "truncated":
        path.write_bytes(data[: len(data) // 2 + 77])
    else:
        path.write_bytes(cover_art() + data[data.index(b"\xff\xfb") :])
    song = Song(path)
    heard = watched(song, 1.5)
    song.close()
    assert np.abs(heard[4800:]).max() == pytest.approx(0.5, abs=0.05)
    file = AudioFile(path)
    assert np.abs(file.window(1.0, 24_000).samples).max() == pytest.approx(0.5, abs=0.05)
    file.close()


def cover_art() -> bytes:
    """An ID3 tag with a picture in it."""
    import io

    from PIL import Image

    png = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(png, "png")
    body = b"\x00image/png\x00\x03\x00" + png.getvalue()
    frame = b"APIC" + len(body).to_bytes(4, "big") + b"\x00\x00" + body
    size = len(frame)
    synchsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + synchsafe + frame


def test_a_song_with_a_video_beside_it_is_counted_as_its_sound(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    video(path)
    with pytest.raises(UserError, match="has no sound in it"):
        Song(path)
    with pytest.raises(UserError, match="no such file"):
        Song(tmp_path / "gone.wav")


@pytest.mark.parametrize("rate", [8_000, 192_000])
def test_a_file_of_any_samplerate_keeps_its_length_and_its_level(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "song.wav", sine(500, 1.0, rate), rate=rate)
    assert audio_samples(path) == pytest.approx(48_000, abs=20)
    file = AudioFile(path)
    assert np.abs(file.window(0.9, 24_000).samples).max() == pytest.approx(0.5, abs=0.01)
    file.close()
