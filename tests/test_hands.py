"""The real program, with a real MIDI cable (JACK's dummy driver) and a real OSC socket: what hands
do on stage, from the first key to the mapping in config.toml."""

from __future__ import annotations

import socket
import time
import tomllib
from pathlib import Path

from program import Program, has_traceback, wait_until
from virtual_controller import NAME, virtual_controller
from virtual_screen import virtual_screen

from visualiser.inputs.osc_wire import pack, unpack


class Desk:
    """A sound desk, say, that follows the show by OSC."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self._to = ("127.0.0.1", port)
        self.values: dict[str, object] = {}

    def send(self, *message: object) -> None:
        self.socket.sendto(pack(*message), self._to)

    def hears(self, address: str) -> object:
        """The newest value of it that was told, asking again."""
        self.send("/get", address)
        try:
            while True:
                for said, values in unpack(self.socket.recv(9999)):
                    self.values[said] = values[0]
        except TimeoutError:
            return self.values.get(address)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_key_then_z_then_a_knob_and_osc_sees_all_of_it(tmp_path: Path) -> None:
    with (
        virtual_screen(640, 400) as screen,
        virtual_controller() as knobs,
        Program(tmp_path) as program,
    ):
        config = program.root / "config.toml"
        desk = Desk(port := free_port())
        text = config.read_text().replace("[osc]\non = false", "[osc]\non = true")
        config.write_text(text.replace("port = 9000", f"port = {port}"))
        listed = program.run("devices", env=knobs.env)
        assert f"{NAME}  [MIDI]  in" in listed.out, listed

        env = screen.env | knobs.env
        with program.start("--size", "480x270", "--audio", program.root / "assets" / "demo.flac",
                           "--mute", env=env) as playing:  # fmt: skip
            wait_until(lambda: desk.hears("/show/speed") == 1.0, "it answers")
            wait_until(lambda: NAME in playing.err, "the knobs are plugged in")
            screen.key("Up")
            wait_until(lambda: desk.hears("/show/speed") == 1.25, "a key is told")
            screen.key("z")
            wait_until(lambda: turn(knobs, 3) and "is show.speed" in playing.err, "it is learned")
            kept = wait_until(lambda: tomllib.loads(config.read_text())["midi"]["map"], "kept")
            assert kept == {"cc 1:21": "show.speed"}
            assert desk.hears("/show/speed") == 1.25, "learning moved it"
            # Past where it is: it leads.
            wait_until(lambda: turn(knobs, 127) and desk.hears("/show/speed") == 20.0, "a knob")
            desk.send("/show/speed", 3.5)
            wait_until(lambda: desk.hears("/show/speed") == 3.5, "OSC")
            assert "config.toml" not in playing.err, "what it wrote itself is no news"
            text = config.read_text()
            config.write_text(text.replace('"cc 1:21" = "show.speed"', '"cc 1:21" = "look.fade"'))
            wait_until(lambda: "midi.map.cc 1:21 = look.fade" in playing.err, "edited by hand")

            def fade() -> object:
                turn(knobs, 127)
                time.sleep(0.1)  # of two in one frame the newer is the one that counts
                turn(knobs, 0)
                time.sleep(0.1)
                return desk.hears("/look/fade")

            wait_until(lambda: fade() == 0.0, "it moves another control")
            knobs.pull()
            wait_until(lambda: f"{NAME} has gone" in playing.err, "pulled")
            knobs.plug()
            wait_until(lambda: f"{NAME} is back" in playing.err, "plugged in again")
            desk.send("/window/quit")
            assert playing.wait() == 0 and not has_traceback(playing.err), playing.err
        desk.socket.close()


def turn(knobs: object, value: int) -> bool:
    knobs.send(0xB0, 21, value)
    return True
