"""The microphone through the real PortAudio, each time in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from virtual_microphone import VirtualMicrophone, virtual_microphone

from visualiser.audio import source
from visualiser.audio.source import DEMO, AudioFile, Input, Microphone, match_input
from visualiser.types import UserError

ROOT = Path(__file__).resolve().parents[1]

PREAMBLE = """
import json, sys, time
import numpy as np
from visualiser.audio.source import Microphone, list_inputs
from visualiser.types import UserError

started = time.monotonic()
def now():
    return time.monotonic() - started
def wait(ready, limit_s=8.0):
    deadline = now() + limit_s
    while not ready():
        assert now() < deadline, "nothing happened"
        time.sleep(0.02)
def report(**facts):
    print(json.dumps(facts), flush=True)
"""


def listen(script: str, env: dict[str, str]) -> dict:
    """Run the script with the names above; the facts it reported last."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + script],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def room() -> Iterator[VirtualMicrophone]:
    with virtual_microphone() as microphone:
        yield microphone


def test_a_tone_arrives_with_its_frequency_and_level(room: VirtualMicrophone) -> None:
    room.tone(1000.0, peak=0.5)
    heard = listen(
        """
before = now()
microphone = Microphone()
instant_s = now() - before
first = microphone.window(0.0, 512)
wait(lambda: abs(microphone.window(now(), 24000)[:100]).max() > 0.1)
samples = microphone.window(now(), 16384)
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
    heard = listen(
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
    rows = listen(script, room.env)["rows"]
    assert ["default", "ALSA", True] in rows
    assert ["pulse", "ALSA", False] in rows


UNHEARD = """
microphone = Microphone({device!r})
wait(lambda: microphone.label == "demo loop")
notices = microphone.notices()
level = float(abs(microphone.window(2.0, 4096)).max())
report(notices=notices, again=microphone.notices(), level=level, rate=microphone.samplerate)
microphone.close()
"""


def test_an_unknown_name_says_what_there_is_and_plays_the_demo(room: VirtualMicrophone) -> None:
    heard = listen(UNHEARD.format(device="Scarlett"), room.env)
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
    heard = listen(UNHEARD.format(device=None), env)
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
    assert "libportaudio2" in listen(script, env)["error"]


def test_a_pulled_plug_is_said_once_and_gives_silence() -> None:
    with virtual_microphone() as microphone:
        microphone.tone(500.0)
        script = """
microphone = Microphone()
wait(lambda: abs(microphone.window(now(), 256)).max() > 0.1)
report(ready=True)
sys.stdin.readline()
wait(lambda: abs(microphone.window(now(), 256)).max() == 0)
time.sleep(0.6)
notices = microphone.notices()
before = now()
microphone.close()
microphone.close()
report(notices=notices, again=microphone.notices(), close_s=now() - before)
"""
        with subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + script],
            env=microphone.env,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as listener:
            assert listener.stdout is not None
            ready = listener.stdout.readline()
            microphone.unplug()
            out, err = listener.communicate("\n", timeout=20)
    assert ready and listener.returncode == 0, err
    heard = json.loads(out)
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

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """sounddevice with one input of eight channels; `streams` are those that were opened."""
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
        PortAudioError=type("PortAudioError", (Exception,), {}),
        query_hostapis=lambda: [{"name": "ALSA"}],
        query_devices=lambda: [device],
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


def test_stereo_is_averaged_and_broken_samples_become_zero(stub: types.ModuleType) -> None:
    microphone = Microphone()
    until(lambda: microphone.label == "microphone USB Audio")
    (stream,) = stub.streams
    assert stream.options["channels"] == 2
    assert microphone.samplerate == 44_100
    block = np.array([[0.5, 0.1], [np.nan, 0.5], [np.inf, 0.0], [2.0, 1.0]], np.float32)
    stream.options["callback"](block, 4, None, None)
    np.testing.assert_allclose(microphone.window(0.1, 6), [0, 0, 0.3, 0, 0, 1], atol=1e-6)
    microphone.close()
    assert stream.closed.is_set()


def test_a_stream_that_stops_calling_is_lost_too(stub: types.ModuleType) -> None:
    microphone = Microphone()
    assert not microphone.window(60.0, 4).any()  # a slow first block is not a loss
    until(lambda: microphone.label == "microphone USB Audio")
    stub.streams[0].options["callback"](np.ones((4, 2), np.float32), 4, None, None)
    assert microphone.window(61.0, 4).all()
    assert microphone.window(62.0, 4).all()
    assert microphone.notices() == []
    assert not microphone.window(63.0, 4).any()
    assert microphone.notices() == ["microphone USB Audio has gone: hearing silence"]
    assert not microphone.window(64.0, 4).any()
    assert microphone.notices() == []
    microphone.close()


def test_a_driver_that_hangs_does_not_hang_close(
    stub: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_CLOSE_S", 0.2)
    go_on = threading.Event()
    open_now = stub.InputStream
    stub.InputStream = lambda **options: go_on.wait(10) and open_now(**options)
    microphone = Microphone()
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
    np.testing.assert_array_equal(microphone.window(33.0, 999), demo.window(33.0, 999))
    microphone.close()
    demo.close()


def test_without_input_and_demo_there_is_silence(stub: types.ModuleType, tmp_path: Path) -> None:
    stub.query_devices = lambda: []
    microphone = Microphone(demo=tmp_path / "gone.flac")
    until(lambda: microphone.label == "silence")
    (line,) = microphone.notices()
    assert "gone.flac" in line and "playing silence" in line
    assert not microphone.window(1.0, 10).any()
    microphone.close()


ROWS = [
    Input(0, "HDA Intel (hw:0,0)", "ALSA", 2, 48_000, False),
    Input(2, "USB Audio (hw:2,0)", "ALSA", 1, 44_100, True),
    Input(5, "USB", "JACK Audio", 2, 48_000, False),
]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [(None, 2), ("", 2), (5, 5), ("5", 5), ("usb", 5), ("usb a", 2), ("intel", 0), (0, 0)],
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
