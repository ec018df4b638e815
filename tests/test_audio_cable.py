"""Devices that come and go, through the real PortAudio."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from script import Script, run
from virtual_microphone import VirtualDevices, sine, virtual_devices

from benchmarks.cable import listening, pull_and_plug


@pytest.fixture
def devices() -> Iterator[VirtualDevices]:
    with virtual_devices() as devices:
        yield devices


def unplugged(devices: VirtualDevices, times: int) -> None:
    """Pull a microphone's plug and put it back, so many times, and say how long it took."""
    devices.plug("line_in").play(sine(1000))
    with listening("line_in", devices.env) as listener:
        listener.until("hearing", True)
        found = list(pull_and_plug(devices, listener, "line_in", times))
        assert listener.lines == times * [
            "microphone line_in has gone: hearing silence",
            "microphone line_in is back",
        ]
    lost, back = np.array(found[::2]), np.array(found[1::2])
    print(
        f"{times} unplugs: lost within {lost.max():.3f} s (median {np.median(lost):.3f}), ", end=""
    )
    print(f"back within {back.max():.3f} s (median {np.median(back):.3f})")
    assert lost.max() <= 0.2
    assert back.max() <= 1.0


def test_a_pulled_plug_is_marked_at_once_and_the_device_is_soon_back(
    devices: VirtualDevices,
) -> None:
    unplugged(devices, 3)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_plug_may_be_pulled_a_hundred_times(devices: VirtualDevices) -> None:
    unplugged(devices, 100)


def test_a_sound_server_that_is_gone_and_back(devices: VirtualDevices) -> None:
    """The default device, by no name: everything goes at once."""
    devices.plug("line_in").play(sine(500))
    with listening("", devices.env) as listener:
        listener.until("hearing", True)
        devices.control("exit")
        listener.until("lost", False)
        assert listener.lines == ["microphone default has gone: hearing silence"]


def test_an_input_that_comes_later_takes_the_place_of_the_demo(devices: VirtualDevices) -> None:
    script = """
microphone = Microphone("line_in")
wait(lambda: microphone.label == "demo loop")
first = microphone.window(now(), 480)
report(notices=microphone.notices())
sys.stdin.readline()
wait(lambda: microphone.window(now(), 480) and microphone.state == "hearing")
sound = microphone.window(now(), 480)
report(label=microphone.label, grows=sound.end >= first.end)
microphone.close()
"""
    with Script(script, devices.env) as listener:
        assert "playing the demo loop" in listener.facts()["notices"][0]
        devices.plug("line_in").play(sine(500))
        listener.go_on()
        assert listener.facts() == {"label": "microphone line_in", "grows": True}


def test_the_default_input_follows_the_systems(devices: VirtualDevices) -> None:
    devices.plug("line_in").play(sine(500))
    devices.plug("desk").play(sine(3000))
    devices.control("set-default-source", "line_in")
    script = """
microphone = Microphone()
def hz():
    sound = microphone.window(now(), 8192)
    return round(abs(np.fft.rfft(sound.samples)).argmax() * sound.samplerate / 8192)
wait(lambda: abs(hz() - 500) < 10)
report(ready=True)
wait(lambda: abs(hz() - 3000) < 10)
report(done=True)
microphone.close()
"""
    with Script(script, devices.env) as listener:
        listener.facts()
        devices.control("set-default-source", "desk")
        assert listener.facts() == {"done": True}


def test_a_device_that_stalls_is_lost_and_comes_back(devices: VirtualDevices) -> None:
    feed = devices.plug("line_in")
    feed.play(sine(500))
    with listening("line_in", devices.env) as listener:
        listener.until("hearing", True)
        feed.is_stalled = True
        listener.until("lost", False)
        listener.until("silent", False)  # opened again, and nothing comes
        feed.is_stalled = False
        listener.until("hearing", True)
        assert listener.lines[0] == "microphone line_in has gone: hearing silence"
        assert listener.lines[-1] == "microphone line_in is back"


def test_a_signal_on_one_of_two_channels_keeps_its_level(devices: VirtualDevices) -> None:
    feed = devices.plug("line_in", channels=2)
    one_side = np.stack([np.zeros(48_000), sine(500, 0.5)], axis=1)
    feed.play(one_side)
    script = """
peaks = {}
for channels in ((), (2,), (1,)):
    microphone = Microphone("line_in", channels=channels)
    before = ""
    while before != "hearing" or microphone.state != "hearing":  # a busy machine's device stalls
        before = microphone.state
        sound, lines = watch(microphone, 0.5)
    peaks[str(channels)] = float(abs(sound.samples).max())
    microphone.close()
report(**peaks)
"""
    peaks = run(script, devices.env)
    assert peaks == pytest.approx({"()": 0.5, "(2,)": 0.5, "(1,)": 0.0}, abs=0.03)


def test_a_list_shows_the_level_of_every_input_and_what_comes_and_goes(
    devices: VirtualDevices,
) -> None:
    devices.plug("line_in").play(sine(500, 0.5))
    devices.plug("desk").play(sine(500, 0.05))
    script = """
microphone = Microphone("line_in")
inputs = InputList(microphone)
def level(name):
    microphone.window(now(), 480)
    for row in inputs.rows():
        if row.name == name:
            return row
def loud(name, floor):
    row = level(name)
    return row is not None and row.level_dbfs is not None and row.level_dbfs > floor
wait(lambda: loud("line_in", -20) and loud("desk", -40))
report(line_in=level("line_in").level_dbfs, desk=level("desk").level_dbfs,
       chosen=[row.name for row in inputs.rows() if row.is_chosen],
       default=[row.name for row in inputs.rows() if row.is_default])
sys.stdin.readline()
wait(lambda: loud("late", -40))
wait(lambda: microphone.window(now(), 480) and microphone.state == "hearing")
microphone.choose(next(row.full_name for row in inputs.rows() if row.name == "desk"))
wait(lambda: microphone.label == "microphone desk" and loud("desk", -40) and loud("line_in", -20))
report(chosen=[row.name for row in inputs.rows() if row.is_chosen])
before = now()
inputs.close()
microphone.close()
report(close_s=now() - before)
"""
    with Script(script, devices.env) as listener:
        facts = listener.facts()
        assert facts["line_in"] == pytest.approx(-6, abs=1)
        assert facts["desk"] == pytest.approx(-26, abs=1)
        assert facts["chosen"] == ["line_in"] and facts["default"] == ["default"]
        devices.plug("late").play(sine(500, 0.1))
        listener.go_on()
        assert listener.facts()["chosen"] == ["desk"]
        assert listener.facts()["close_s"] < 2.5
