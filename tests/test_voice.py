"""The sound of recordings: beside its pictures at the beginning and at the end, whatever the clocks
do, and silence where nothing came."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from program import Program, has_traceback, only

from visualiser.audio.file import DEMO, AudioFile
from visualiser.types import Sound
from visualiser.video.formats import Quality
from visualiser.video.writer import open_writer
from visualiser.voice import RATE, Fresh, Heard

FPS = 30
SIZE = (32, 32)


def record(path: Path, seconds: float, hear, flashes: list[float]) -> None:
    """A dark film with a white frame at each flash. hear: the sound between two times."""
    writer = open_writer(path, SIZE, FPS, Quality(preset="ultrafast"), channels=1)
    lit = {round(t * FPS) for t in flashes}
    for n in range(round(seconds * FPS)):
        for heard in hear(n / FPS, (n + 1) / FPS):
            writer.hear(heard)
        writer.write(np.full((*SIZE, 4), 255 if n in lit else 0, np.uint8), n / FPS)
    writer.close()


def read(path: Path) -> tuple[np.ndarray, np.ndarray, float]:
    """When it flashes, s; the sound from its time 0 on, at RATE; how long its pictures go on."""
    flashes, sound, last = [], np.zeros(0, np.float32), 0.0
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            last = frame.time
            if frame.to_ndarray(format="gray").mean() > 128:
                flashes.append(frame.time)
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            at = round(frame.time * RATE)
            part = frame.to_ndarray().mean(axis=0)
            if at + part.size > sound.size:
                sound = np.concatenate([sound, np.zeros(at + part.size - sound.size, np.float32)])
            part = part[max(-at, 0) :]
            sound[max(at, 0) : max(at, 0) + part.size] = part
    return np.array(flashes), sound, last


def clicks(sound: np.ndarray) -> np.ndarray:
    """When something loud begins, s."""
    loud = np.flatnonzero(np.abs(sound) > 0.2)
    return loud[np.diff(loud, prepend=-RATE) > RATE // 2] / RATE


@pytest.mark.parametrize(("rate", "ppm"), [(48_000, 0), (48_000, 500), (44_100, -500)])
def test_a_clap_and_its_flash_stay_together_though_the_card_has_a_clock_of_its_own(
    tmp_path: Path, rate: int, ppm: float
) -> None:
    seconds, claps = 20, [1.0, 10.0, 19.0]
    true_rate, rng = rate * (1 + ppm / 1e6), np.random.default_rng(1)
    sound = np.zeros(int(seconds * true_rate) + rate, np.float32)
    for t in claps:
        at = round(t * true_rate)
        sound[at : at + rate // 100] = 0.8 * rng.uniform(-1, 1, rate // 100)

    def hear(start: float, end: float):
        a, b = int(start * true_rate), int(end * true_rate)
        yield Heard(sound[a:b], rate, a / true_rate + rng.uniform(-0.003, 0.003))

    record(tmp_path / "clap.mp4", seconds, hear, claps)
    flashes, heard, _ = read(tmp_path / "clap.mp4")
    assert flashes == pytest.approx(claps, abs=1e-3)
    found = clicks(heard)
    assert len(found) == len(claps)
    assert np.abs(found - flashes).max() < 0.005, "uncorrected it is 9 ms off at the end"


def test_where_no_sound_comes_there_is_silence_and_then_it_is_in_step_again(tmp_path: Path) -> None:
    def hear(start: float, end: float):
        if not 3.0 <= start < 7.0:  # the cable was out
            n = round((end - start) * RATE)
            yield Heard(np.full(n, 0.5 if 8 <= start < 8.1 else 0.01, np.float32), RATE, start)

    record(tmp_path / "gap.mp4", 10, hear, [8.0])
    flashes, heard, last = read(tmp_path / "gap.mp4")
    assert clicks(heard) == pytest.approx(flashes, abs=0.02)
    assert np.abs(heard[int(3.3 * RATE) : int(6.9 * RATE)]).max() < 0.005
    assert heard.size / RATE == pytest.approx(last, abs=0.1)


def test_a_recording_in_silence_has_as_much_sound_as_pictures(tmp_path: Path) -> None:
    record(tmp_path / "none.mp4", 4, lambda start, end: (), [])
    _, heard, last = read(tmp_path / "none.mp4")
    assert not np.abs(heard).max() > 1e-3
    assert heard.size / RATE == pytest.approx(last, abs=0.1)


def test_what_is_new_is_taken_once_and_what_was_lost_is_silence() -> None:
    fresh, all_of_it = Fresh(), np.arange(1, 5001, dtype=np.float32)

    def window(end: int, n: int = 100) -> Sound:
        return Sound(all_of_it[end - n : end], 1000, end, end / 1000)

    assert fresh.of(window(200)) is None
    first = fresh.of(window(260))
    assert first.samples.tolist() == all_of_it[200:260].tolist() and first.t == pytest.approx(0.2)
    assert fresh.of(window(260)) is None
    late = fresh.of(window(500))
    assert late.samples.size == 240 and not late.samples[:140].any()
    assert late.samples[140:].tolist() == all_of_it[400:500].tolist()
    assert fresh.of(window(100)) is None, "another source"


def test_the_show_is_recorded_with_what_it_hears(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        done = program.run(
            "--audio", DEMO, "--mute", "--size", "320x180", "--fps", 30, "--model", "classic-28",
            "--record", "--seconds", 5, env={"SDL_VIDEODRIVER": "dummy"},
        )  # fmt: skip
        assert done.code == 0 and not has_traceback(done.err), done.err
        _, heard, last = read(only(program.recordings, "squircle-*.mp4"))
    assert heard.size / RATE == pytest.approx(last, abs=0.2)
    # The demo, from where it was when the first frame was recorded.
    song = AudioFile(DEMO, loop=True)
    demo = np.concatenate([song.window(t, RATE).samples for t in range(1, 9)])
    part = heard[RATE : 3 * RATE]
    size = 1 << 20
    match = np.fft.irfft(np.fft.rfft(demo, size) * np.conj(np.fft.rfft(part, size)), size)
    at = int(match[: demo.size - part.size].argmax())
    same = demo[at : at + part.size]
    assert np.corrcoef(same, part)[0, 1] > 0.9
    assert 0 <= at / RATE - 1 < 2.0


def test_the_last_picture_is_seen_wherever_the_file_is_cut_into_parts(tmp_path: Path) -> None:
    for n in (15, 16, 30, 31):  # parts are half a second long
        record(tmp_path / f"{n}.mp4", n / FPS, lambda start, end: (), [(n - 1) / FPS])
        flashes, _, last = read(tmp_path / f"{n}.mp4")
        assert flashes == pytest.approx([(n - 1) / FPS], abs=1e-3) and last == flashes[0]
