"""The microphone through the real PortAudio, each time in a process of its own."""

from __future__ import annotations

import os
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from script import Script, run
from virtual_microphone import VirtualMicrophone, virtual_microphone

from visualiser.audio import owner, tap
from visualiser.audio.file import DEMO, AudioFile
from visualiser.audio.inputs import Input, match_input
from visualiser.audio.microphone import Microphone
from visualiser.types import UserError


@pytest.fixture(scope="module")
def room() -> Iterator[VirtualMicrophone]:
    with virtual_microphone() as microphone:
        yield microphone


def test_a_tone_arrives_with_its_frequency_and_level(room: VirtualMicrophone) -> None:
    room.tone(1000.0, peak=0.5)
    heard = run(
        """
before = now()
microphone = Microphone()
instant_s = now() - before
first = microphone.window(0.0, 512).samples
wait(lambda: abs(microphone.window(now(), 24000).samples[:100]).max() > 0.1)
samples = microphone.window(now(), 16384).samples
spectrum = abs(np.fft.rfft(samples * np.hanning(16384)))
hz = float(spectrum.argmax() * microphone.samplerate / 16384)
label, notices = microphone.label, microphone.notices()
before = now()
microphone.close()
report(hz=hz, peak=float(abs(samples).max()), label=label, notices=notices,
       instant_s=instant_s, first=float(abs(first).max()), dtype=str(samples.dtype),
       samplerate=microphone.samplerate, close_s=now() - before)
""",
        room.env,
    )
    assert heard["hz"] == pytest.approx(1000.0, abs=4.0)
    assert heard["peak"] == pytest.approx(0.5, abs=0.05)
    assert heard["label"] == "microphone default"
    assert heard["notices"] == []
    assert heard["instant_s"] < 0.1
    assert heard["first"] == 0.0
    assert heard["dtype"] == "float32"
    assert heard["samplerate"] in (44_100, 48_000)
    assert heard["close_s"] < 2.0


def test_a_wished_samplerate_and_a_name_in_any_case(room: VirtualMicrophone) -> None:
    heard = run(
        """
microphone = Microphone("PULS", samplerate=16000)
wait(lambda: microphone.label != "microphone")
report(label=microphone.label, samplerate=microphone.samplerate, notices=microphone.notices())
microphone.close()
""",
        room.env,
    )
    assert heard == {"label": "microphone pulse", "samplerate": 16_000, "notices": []}


def test_the_inputs_are_listed(room: VirtualMicrophone) -> None:
    script = "report(rows=[[r.name, r.hostapi, r.is_default] for r in list_inputs()])"
    rows = run(script, room.env)["rows"]
    assert ["default", "ALSA", True] in rows
    assert ["pulse", "ALSA", False] in rows


UNHEARD = """
microphone = Microphone({device!r})
wait(lambda: microphone.label == "demo loop")
notices = microphone.notices()
level = float(abs(microphone.window(2.0, 4096).samples).max())
report(notices=notices, again=microphone.notices(), level=level, rate=microphone.samplerate)
microphone.close()
"""


def test_an_unknown_name_says_what_there_is_and_plays_the_demo(room: VirtualMicrophone) -> None:
    heard = run(UNHEARD.format(device="Scarlett"), room.env)
    (line,) = heard["notices"]
    assert 'no sound input matches "Scarlett"' in line
    assert '"pulse"' in line and '"default"' in line and "demo loop" in line
    assert "\n" not in line
    assert heard["again"] == []
    assert heard["level"] > 0.05
    assert heard["rate"] == 48_000


def test_without_portaudio_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    heard = run(UNHEARD.format(device=None), env)
    (line,) = heard["notices"]
    assert "PortAudio" in line and "apt install libportaudio2" in line and "demo loop" in line
    assert "\n" not in line
    assert heard["level"] > 0.05
    script = """
try:
    list_inputs()
except UserError as error:
    report(error=str(error))
"""
    assert "libportaudio2" in run(script, env)["error"]


def test_a_pulled_plug_is_said_once_and_gives_silence() -> None:
    with virtual_microphone() as microphone:
        microphone.tone(500.0)
        script = """
microphone = Microphone()
wait(lambda: abs(microphone.window(now(), 256).samples).max() > 0.1)
report(ready=True)
sys.stdin.readline()
wait(lambda: abs(microphone.window(now(), 256).samples).max() == 0)
time.sleep(0.6)
notices = microphone.notices()
before = now()
microphone.close()
microphone.close()
report(notices=notices, again=microphone.notices(), close_s=now() - before)
"""
        with Script(script, microphone.env) as listener:
            assert listener.facts() == {"ready": True}
            microphone.unplug()
            listener.go_on()
            heard = listener.end()
    assert heard["notices"] == ["microphone default has gone: hearing silence"]
    assert heard["again"] == []
    assert heard["close_s"] < 2.5


class StubStream:
    """A stream of the stub below: runs, but only hears what a test gives to its callback."""

    active = True

    def __init__(self, **options: object) -> None:
        self.options = options
        self.closed = threading.Event()

    def start(self) -> None:
        pass

    def close(self, ignore_errors: bool = True) -> None:
        self.closed.set()


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """sounddevice with one input of eight channels; `streams` are those that were opened."""
    monkeypatch.setattr(owner.OWNER, "_rows", None)
    module = types.ModuleType("sounddevice")
    device = {
        "index": 0,
        "name": "USB Audio",
        "hostapi": 0,
        "max_input_channels": 8,
        "default_samplerate": 44100.0,
    }
    streams: list[StubStream] = []

    def open_stream(**options: object) -> StubStream:
        streams.append(StubStream(**options))
        return streams[-1]

    module.__dict__.update(
        _initialize=lambda: None,
        _terminate=lambda: None,
        PortAudioError=type("PortAudioError", (Exception,), {}),
        query_hostapis=lambda: [{"name": "ALSA"}],
        query_devices=lambda devices=[device]: devices,
        default=types.SimpleNamespace(device=[0, 0]),
        InputStream=open_stream,
        streams=streams,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def until(ready) -> None:
    deadline = time.monotonic() + 5.0
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Times:
    """As PortAudio tells them: now, and when the first sample of the block was captured."""

    def __init__(self, age_s: float) -> None:
        self.currentTime = 1000.0
        self.inputBufferAdcTime = 1000.0 - age_s


def test_broken_samples_become_zero(stub: types.ModuleType) -> None:
    microphone = Microphone()
    until(lambda: microphone.label == "microphone USB Audio")
    (stream,) = stub.streams
    assert stream.options["channels"] == 2
    assert stream.options["blocksize"] == 0, "what comes is not kept back until a block is full"
    block = np.array([[0.5, 0.1], [np.nan, 0.5], [np.inf, 0.0], [2.0, 1.0]], np.float32)
    stream.options["callback"](block, 4, None, None)
    sound = microphone.window(0.1, 6)
    assert sound.samplerate == 44_100
    np.testing.assert_allclose(sound.samples, [0, 0, 0.3, 0.25, 0, 1], atol=1e-6)
    microphone.close()
    assert stream.closed.is_set()


def test_samples_are_counted_and_have_the_time_they_were_captured_at(
    stub: types.ModuleType,
) -> None:
    microphone = Microphone()
    began = time.perf_counter()
    assert microphone.window(2.0, 4).end == 96_000  # silence, as long as nothing is there
    until(lambda: microphone.label == "microphone USB Audio")
    hear = stub.streams[0].options["callback"]
    block = np.ones((441, 2), np.float32)
    for age, expected in ((0.03, 0.02), (0.0, 0.0), (-5.0, 0.0)):  # the last two are no times
        before = time.perf_counter() - began
        hear(block, 441, Times(age), None)
        sound = microphone.window(2.0 + time.perf_counter() - began, 4)
        assert sound.t == pytest.approx(2.0 + before - expected, abs=0.005)
    again = microphone.window(2.0 + time.perf_counter() - began, 4)
    assert (again.end, again.t) == (sound.end, pytest.approx(sound.t, abs=0.001))
    microphone.close()


def test_chosen_channels_are_heard_and_no_others(stub: types.ModuleType) -> None:
    microphone = Microphone(channels=(3, 8))
    until(lambda: microphone.label == "microphone USB Audio")
    assert stub.streams[0].options["channels"] == 8
    block = np.tile(np.arange(1, 9, dtype=np.float32) / 10, (100, 1))
    block *= np.sin(np.arange(100))[:, None]
    stub.streams[0].options["callback"](block, 100, None, None)
    heard = microphone.window(0.1, 100).samples
    np.testing.assert_allclose(heard, 0.55 * np.sin(np.arange(100)), atol=1e-5)
    microphone.close()


def test_channels_that_are_not_there_are_said(stub: types.ModuleType) -> None:
    microphone = Microphone(channels=(9,))
    until(lambda: microphone.label == "microphone USB Audio")
    assert microphone.notices() == ["USB Audio has no channel 9, only 8: hearing the first"]
    microphone.close()


def test_a_stream_that_stops_calling_is_lost_and_opened_again(stub: types.ModuleType) -> None:
    microphone = Microphone()
    assert not microphone.window(60.0, 4).samples.any()  # a slow first block is not a loss
    until(lambda: microphone.label == "microphone USB Audio")
    stub.streams[0].options["callback"](np.ones((4, 2), np.float32), 4, None, None)
    heard = microphone.window(61.0, 4)
    assert heard.samples.all() and microphone.state == "hearing"
    time.sleep(0.2)
    lost = microphone.window(61.2, 4)
    assert not lost.samples.any() and microphone.state == "lost"
    assert lost.end - heard.end == pytest.approx(0.2 * 44_100, abs=2)
    assert microphone.notices() == ["microphone USB Audio has gone: hearing silence"]
    until(lambda: len(stub.streams) > 1)
    assert stub.streams[0].closed.is_set()
    assert not microphone.window(62.0, 4).samples.any()
    assert microphone.notices() == []
    stub.streams[1].options["callback"](np.ones((4, 2), np.float32), 4, None, None)
    back = microphone.window(62.1, 8)
    assert back.samples.tolist() == [0, 0, 0, 0, 1, 1, 1, 1] and back.end > lost.end
    assert microphone.notices() == ["microphone USB Audio is back"]
    microphone.close()


def test_a_stream_that_only_hiccups_goes_on(
    stub: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visualiser.audio.microphone._HICCUP_S", 5.0)
    microphone = Microphone()
    until(lambda: microphone.label == "microphone USB Audio")
    hear = stub.streams[0].options["callback"]
    hear(np.ones((4000, 2), np.float32), 4000, None, None)
    heard = microphone.window(1.0, 4)
    time.sleep(0.2)
    lost = microphone.window(1.2, 4)
    assert microphone.state == "lost" and lost.end - heard.end == pytest.approx(8820, abs=1)
    hear(np.ones((100, 2), np.float32), 100, None, None)
    back = microphone.window(1.21, 4)
    assert microphone.state == "hearing" and back.end - lost.end == 100
    assert len(stub.streams) == 1 and len(microphone.notices()) == 2
    microphone.close()


def test_a_device_that_delivers_nothing_is_said_and_tried_again(
    stub: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap, "GRACE_S", 0.1)
    microphone = Microphone()
    until(lambda: len(stub.streams) > 2)
    microphone.window(1.0, 4)
    assert microphone.state == "silent"
    line = "microphone USB Audio is open and delivers nothing: hearing silence"
    assert microphone.notices() == [line]
    microphone.close()


def test_a_device_that_changes_its_rate_is_opened_again(
    stub: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap, "_MEASURE_S", 0.5)
    microphone = Microphone()
    until(lambda: microphone.label == "microphone USB Audio")
    block, began = np.ones((480, 2), np.float32), time.perf_counter()
    while len(stub.streams) == 1:  # 48 kHz, from a stream that was opened at 44.1
        assert time.perf_counter() - began < 5
        stub.streams[0].options["callback"](block, 480, None, None)
        time.sleep(max(0.0, began + stub_time(stub.streams[0], 480) - time.perf_counter()))
        stub.query_devices()[0]["default_samplerate"] = 48_000.0
    assert stub.streams[1].options["samplerate"] == 48_000
    microphone.close()


def stub_time(stream: StubStream, frames: int) -> float:
    """When the next block is due, of a device that runs at 48 kHz."""
    stream.given = getattr(stream, "given", 0) + frames
    return stream.given / 48_000


@pytest.mark.parametrize("rate", [8_000, 192_000])
def test_any_samplerate_that_a_device_has(stub: types.ModuleType, rate: int) -> None:
    stub.query_devices()[0]["default_samplerate"] = float(rate)
    microphone = Microphone()
    until(lambda: microphone.label == "microphone USB Audio")
    square = np.repeat(np.sign(np.sin(np.arange(1000.0)))[:, None], 2, axis=1).astype(np.float32)
    stub.streams[0].options["callback"](square, 1000, None, None)
    sound = microphone.window(0.1, 1000)
    assert sound.samplerate == rate and sound.end >= 1000
    np.testing.assert_array_equal(sound.samples, square[:, 0])
    microphone.close()


def test_where_no_server_moves_streams_a_new_default_is_opened(
    stub: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visualiser.audio.microphone._MOVES", False)
    monkeypatch.setattr(owner.OWNER, "has_changed", lambda: stub.default.device[0] == 1)
    stub.query_devices().append(stub.query_devices()[0] | {"index": 1, "name": "Desk"})
    microphone = Microphone()
    until(lambda: microphone.label == "microphone USB Audio")
    block = np.ones((4, 2), np.float32)
    stub.streams[0].options["callback"](block, 4, None, None)
    stub.default.device = [1, 1]
    until(
        lambda: stub.streams[0].options["callback"](block, 4, None, None) or len(stub.streams) > 1
    )
    assert stub.streams[1].options["device"] == 1
    until(lambda: microphone.label == "microphone Desk")
    microphone.close()


def test_a_driver_that_fails_oddly_is_said_and_left_alone_for_a_while(
    stub: types.ModuleType,
) -> None:
    def odd(**options: object) -> None:
        raise RuntimeError("the moon is full")

    stub.InputStream = odd
    microphone = Microphone()
    lines: list[str] = []
    until(lambda: lines.extend(microphone.notices()) or lines)
    assert lines == ["sound: the moon is full"]
    assert not microphone.window(1.0, 4).samples.any()
    microphone.close()


def test_another_input_is_chosen_while_it_plays(stub: types.ModuleType) -> None:
    desk = stub.query_devices()[0] | {"index": 1, "name": "Desk"}
    stub.query_devices().append(desk)
    microphone = Microphone("usb")
    until(lambda: microphone.label == "microphone USB Audio")
    microphone.choose("desk")
    until(lambda: microphone.label == "microphone Desk")
    assert stub.streams[0].closed.is_set() and stub.streams[1].options["device"] == 1
    microphone.choose("attic")
    until(lambda: stub.streams[1].closed.is_set())
    until(lambda: any("attic" in line for line in microphone.notices()))
    assert not microphone.window(1.0, 4).samples.any()
    assert microphone.state == "lost"
    microphone.close()


def test_a_driver_that_hangs_does_not_hang_close(
    stub: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "CLOSE_S", 0.2)
    hangs, go_on = threading.Event(), threading.Event()
    open_now = stub.InputStream

    def hang(**options: object) -> StubStream:
        hangs.set()
        go_on.wait(10)
        return open_now(**options)

    stub.InputStream = hang
    microphone = Microphone()
    assert hangs.wait(5)
    started = time.monotonic()
    microphone.close()
    assert time.monotonic() - started < 1.0
    go_on.set()  # and when the driver wakes up, nothing stays open
    until(lambda: stub.streams and stub.streams[0].closed.is_set())
    assert microphone.notices() == []


def test_a_refused_samplerate_falls_back_to_the_devices_own(stub: types.ModuleType) -> None:
    open_now = stub.InputStream

    def picky(**options: object) -> StubStream:
        if options["samplerate"] != 44_100:
            raise stub.PortAudioError("Invalid sample rate")
        return open_now(**options)

    stub.InputStream = picky
    microphone = Microphone(samplerate=192_000)
    until(lambda: microphone.label == "microphone USB Audio")
    assert microphone.samplerate == 44_100
    microphone.close()


def test_without_any_input_the_demo_plays_as_a_file_would(stub: types.ModuleType) -> None:
    stub.query_devices = lambda: []
    microphone = Microphone()
    until(lambda: microphone.label == "demo loop")
    (line,) = microphone.notices()
    assert "no sound input" in line and "demo loop" in line
    demo = AudioFile(DEMO, loop=True)
    np.testing.assert_array_equal(
        microphone.window(33.0, 999).samples, demo.window(33.0, 999).samples
    )
    microphone.close()
    demo.close()


def test_without_input_and_demo_there_is_silence(stub: types.ModuleType, tmp_path: Path) -> None:
    stub.query_devices = lambda: []
    microphone = Microphone(demo=tmp_path / "gone.flac")
    until(lambda: microphone.label == "silence")
    (line,) = microphone.notices()
    assert "gone.flac" in line and "playing silence" in line
    assert not microphone.window(1.0, 10).samples.any()
    microphone.close()


ROWS = [
    Input(0, "HDA Intel (hw:0,0)", "ALSA", 2, 48_000, False),
    Input(2, "USB Audio (hw:2,0)", "ALSA", 1, 44_100, True),
    Input(5, "USB", "JACK Audio", 2, 48_000, False),
]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (None, 2),
        ("", 2),
        (5, 5),
        ("5", 5),
        ("usb", 5),
        ("usb a", 2),
        ("usb [jack audio]", 5),
        ("intel", 0),
        (0, 0),
    ],
)
def test_an_input_is_matched_by_number_and_name(wanted: str | int | None, index: int) -> None:
    assert match_input(ROWS, wanted).index == index


@pytest.mark.parametrize("wanted", ["webcam", 1, "1", -1])
def test_an_input_that_is_not_there_lists_those_that_are(wanted: str | int) -> None:
    with pytest.raises(UserError) as caught:
        match_input(ROWS, wanted)
    assert f'"{wanted}"' in str(caught.value)
    assert all(f'{row.index} "{row.name}"' in str(caught.value) for row in ROWS)


def test_the_first_input_stands_in_for_a_missing_default() -> None:
    assert match_input(ROWS[:1], None).index == 0
    with pytest.raises(UserError, match="no sound input"):
        match_input([], None)
