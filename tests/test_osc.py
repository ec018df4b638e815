"""OSC as a sender meets it, over real sockets: addresses, /list, what comes back, and floods."""

from __future__ import annotations

import math
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from program import wait_until

from visualiser.config import Osc as Settings
from visualiser.controls import Controls, action, choice, hold, live, number, switch
from visualiser.inputs.osc import SUBSCRIBERS, Osc
from visualiser.inputs.osc_wire import DEEPEST, Malformed, pack, unpack

BUNDLE = b"#bundle\0" + struct.pack(">Q", 1)


def controls() -> Controls:
    return Controls(
        [
            number("show.speed", "pace", 1.0, 0.05, 20.0, "times", 1.25),
            number("look.tone", "of it", 0.5, 0.0, 1.0),
            choice("show.mode", "what it is given", "latent", ("latent", "pixel")),
            switch("window.hud", "the line", True),
            action("show.pause", "pause", "space"),
            action("show.drop", "start from a picture", takes="a path"),
            action("latents.free", "let it go", takes="its number"),
            live("latents.1", "the first", -3.0, 3.0),
            hold("stage.black", "black while held", "b"),
        ]
    )


class Sender:
    """Somebody with a socket of its own."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(3.0)
        self._to = ("127.0.0.1", port)

    @property
    def port(self) -> int:
        return self._socket.getsockname()[1]

    def send(self, *message: object) -> None:
        self.raw(pack(*message))

    def raw(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, self._to)

    def read(self) -> tuple:
        """The next message that comes back: (address, arguments)."""
        [message] = unpack(self._socket.recv(65_536))
        return message

    def close(self) -> None:
        self._socket.close()


class Played:
    """An input, and what a show would do with it."""

    def __init__(self, osc: Osc, table: Controls) -> None:
        self.osc, self.table = osc, table
        self.did: list[str] = []

    def frame(self) -> list:
        commands = list(self.osc.commands())
        self.did += [c[0] for c in commands if self.table.apply(c)]
        self.osc.tell(self.table.values)
        return commands

    def until(self, ready: Callable[[], object], what: str) -> None:
        def look() -> object:
            self.frame()
            return ready()

        wait_until(look, what, 5.0)


@contextmanager
def playing(**given: object) -> Iterator[tuple[Played, Sender]]:
    table = controls()
    # Port 0, which config.toml does not allow, is any that is free.
    osc = Osc(Settings.model_construct(**{"port": 0, "feedback": "", **given}), table)
    sender = Sender(osc.port)
    try:
        yield Played(osc, table), sender
    finally:
        sender.close()
        osc.close()


@pytest.fixture
def both() -> Iterator[tuple[Played, Sender]]:
    with playing() as both:
        yield both


# --- what is asked for


def test_every_kind_of_control_is_set_in_its_own_unit(both: tuple[Played, Sender]) -> None:
    show, sender = both
    sender.send("/show/speed", 2.5)
    sender.send("/look.tone", 1)  # the other spelling, and a whole number
    sender.send("/show/mode", "pixel")
    sender.send("/window/hud", False)
    sender.send("/show/pause")
    sender.send("/show/pause", 1)
    sender.send("/show/pause", 0)  # a button that is let go
    sender.send("/stage/black", 1)
    show.until(lambda: show.table["stage.black"], "the last of them")
    assert show.table["show.speed"] == 2.5 and show.table["look.tone"] == 1.0
    assert show.table["show.mode"] == "pixel" and show.table["window.hud"] is False
    assert show.did == ["show.pause", "show.pause"]
    sender.send("/latents/1", -9.0)
    sender.send("/latents/free", 7)
    time.sleep(0.1)
    assert show.frame() == [("latents.1", -9.0), ("latents.free", 7.0)]
    assert show.table["latents.1"] == -3.0
    sender.send("/stage/black", 0)
    show.until(lambda: not show.table["stage.black"], "black has ended")
    assert show.osc.ignored == 0


def test_what_is_out_of_range_is_clamped_and_what_does_not_fit_is_counted_and_changes_nothing(
    both: tuple[Played, Sender],
) -> None:
    show, sender = both
    sender.send("/show/speed", 1e9)
    show.until(lambda: show.table["show.speed"] == 20.0, "clamped")
    before = dict(show.table.values)
    bad: list[tuple] = [
        ("/show/speed", math.nan),
        ("/show/speed", math.inf),
        ("/show/speed", "fast"),
        ("/show/speed",),
        ("/show/mode", "pixels"),
        ("/window/hud", "yes"),
        ("/window/hud", math.nan),
        ("/no/such", 1.0),
        ("/latents/free",),
        ("/show/drop", "/etc/passwd"),  # takes what no message can give
        ("/show/undo", 99),
        ("/show/undo", -3.0),
        ("/get", "/no/such"),
    ]
    for message in bad:
        sender.send(*message)
    show.until(lambda: show.osc.ignored == len(bad), "all of them are counted")
    assert dict(show.table.values) == before
    lines = show.osc.notices()
    assert len(lines) == 1 and "ignored" in lines[0] and "messages" in lines[0]
    sender.send("/no/such", 1.0)
    show.until(lambda: show.osc.ignored == len(bad) + 1, "one more")
    assert show.osc.notices() == [], "lines about bad messages come one every few seconds"


def test_a_press_and_a_release_between_two_frames_are_both_seen(
    both: tuple[Played, Sender],
) -> None:
    show, sender = both
    sender.send("/stage/black", 1)
    sender.send("/stage/black", 0)
    sender.send("/show/speed", 3.0)
    time.sleep(0.1)
    seen = show.frame()
    assert [c for c in seen if c[0] == "stage.black"] == [
        ("stage.black", True),
        ("stage.black", False),
    ]


def test_of_a_flood_the_newest_value_of_each_control_is_left_and_presses_are_bounded(
    both: tuple[Played, Sender],
) -> None:
    show, sender = both
    for n in range(2000):
        sender.send("/show/speed", 1.0 + n / 1000)
        sender.send("/look/tone", n / 2000)
        sender.send("/show/pause")
        if n % 50 == 49:
            time.sleep(0.002)  # or the system itself throws some away
    sender.send("/look/tone", 0.125)
    sender.send("/show/speed", 7.0)
    time.sleep(0.2)
    commands = list(show.osc.commands())
    assert commands[:2] == [("look.tone", 0.125), ("show.speed", 7.0)], "in the order they came"
    assert 1 <= len(commands) - 2 <= 64
    assert list(show.osc.commands()) == []


# --- what comes back


def test_the_list_tells_all_there_is_and_a_prefix_some_of_it(both: tuple[Played, Sender]) -> None:
    show, sender = both
    show.table.apply(("show.speed", 2.0))
    show.frame()
    sender.send("/list")
    rows = {}
    while (message := sender.read())[0] == "/list":
        rows[message[1][0]] = message[1][1:]
    assert message == ("/list/end", (len(rows),))
    assert set(rows) == {c.address for c in show.table if c.id != "show.drop"}
    assert rows["/show/speed"] == ("number", "0.05 to 20", "times", "pace", 2.0)
    assert rows["/show/mode"] == ("choice", "latent, pixel", "", "what it is given", "latent")
    assert rows["/window/hud"][4] is True and len(rows["/show/pause"]) == 4
    sender.send("/list", "/look")
    assert sender.read()[1][0] == "/look/tone" and sender.read()[0] == "/list/end"
    sender.send("/get", "/show/speed")
    assert sender.read() == ("/show/speed", (2.0,))


def test_changes_alone_are_told_to_whoever_subscribed_and_to_the_place_in_config() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as desk:
        desk.bind(("127.0.0.1", 0))
        desk.settimeout(3.0)
        feedback = f"localhost:{desk.getsockname()[1]}"
        with playing(feedback=feedback) as (show, sender):
            sender.send("/subscribe")
            sender.send("/get", "/show/speed")  # once it is answered the other is done
            assert sender.read()[0] == "/show/speed"
            show.frame()
            show.table.apply(("window.hud", False))
            show.frame()
            show.frame()  # nothing has changed: nothing is said
            show.table.apply(("show.speed", 4.0))
            show.frame()
            for read in (sender.read, lambda: next(unpack(desk.recv(999)))):
                assert read() == ("/window/hud", (False,))
                assert read() == ("/show/speed", (4.0,))
            sender.send("/unsubscribe")
            sender.send("/get", "/show/speed")
            assert sender.read()[0] == "/show/speed"
            show.table.apply(("show.speed", 5.0))
            show.frame()
            assert next(unpack(desk.recv(999))) == ("/show/speed", (5.0,))
            sender.send("/get", "/look/tone")
            assert sender.read()[0] == "/look/tone", "it was told after it had gone"


def test_who_subscribes_late_is_not_told_what_changed_before(both: tuple[Played, Sender]) -> None:
    show, sender = both
    show.table.apply(("window.hud", False))
    show.frame()
    sender.send("/subscribe")
    sender.send("/get", "/window/hud")
    assert sender.read() == ("/window/hud", (False,)), "it can be asked for all the same"
    show.table.apply(("show.speed", 4.0))
    show.frame()
    assert sender.read() == ("/show/speed", (4.0,))


def test_only_so_many_may_subscribe(both: tuple[Played, Sender]) -> None:
    show, sender = both
    for port in range(20_000, 20_000 + SUBSCRIBERS + 3):
        sender.send("/subscribe", port)
    show.until(lambda: show.osc.ignored == 3, "three too many")


# --- a port that cannot be had


def test_a_port_that_is_taken_is_one_line_and_the_show_goes_on() -> None:
    with playing() as (show, _), playing(port=show.osc.port) as (second, _):
        (line,) = second.osc.notices()
        assert f"127.0.0.1:{show.osc.port}" in line and "no OSC" in line
        assert second.frame() == []


def test_off_is_off() -> None:
    with playing(on=False) as (show, _):
        assert show.osc.port == 0 and show.frame() == [] and show.osc.notices() == []


def test_it_listens_to_this_machine_alone_unless_config_says_otherwise() -> None:
    assert Settings().address == "127.0.0.1"


# --- bytes


VALUES = (
    st.booleans()
    | st.none()
    | st.integers(-(2**31), 2**31 - 1)
    | st.floats(width=32, allow_nan=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
    | st.binary(max_size=9)
)
ADDRESSES = st.text("abc/.é", min_size=1, max_size=9).map("/".__add__)


@given(ADDRESSES, st.lists(VALUES, max_size=6))
def test_any_message_comes_back_as_it_was(address: str, values: list) -> None:
    datagram = pack(address, *values)
    assert len(datagram) % 4 == 0
    assert list(unpack(datagram)) == [(address, tuple(values))]


@given(st.lists(st.tuples(ADDRESSES, st.lists(VALUES, max_size=3)), max_size=4), st.integers(0, 4))
def test_bundles_in_bundles_are_taken_apart_in_order(messages: list, depth: int) -> None:
    datagram = bundle(*[pack(address, *values) for address, values in messages])
    for _ in range(depth):
        datagram = bundle(datagram)
    assert list(unpack(datagram)) == [(address, tuple(values)) for address, values in messages]


def test_what_another_library_writes_is_read_and_it_reads_what_we_write() -> None:
    from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
    from pythonosc.osc_message import OscMessage
    from pythonosc.osc_message_builder import OscMessageBuilder

    theirs = OscMessageBuilder("/show/speed")
    for value in (2.5, 3, "three", True, None, b"\1\2"):
        theirs.add_arg(value)
    theirs.add_arg(1e-300, "d")
    theirs.add_arg([1, "a"])
    outer = OscBundleBuilder(IMMEDIATELY)
    outer.add_content(theirs.build())
    expected = ("/show/speed", (2.5, 3, "three", True, None, b"\1\2", 1e-300, 1, "a"))
    assert list(unpack(theirs.build().dgram)) == [expected]
    assert list(unpack(outer.build().dgram)) == [expected]
    ours = OscMessage(pack("/look/tone", 0.25, "x", False, 7, b"abc"))
    assert ours.address == "/look/tone" and ours.params == [0.25, "x", False, 7, b"abc"]


def bundle(*parts: bytes) -> bytes:
    return BUNDLE + b"".join(struct.pack(">i", len(part)) + part for part in parts)


def nested(times: int) -> bytes:
    datagram = pack("/show/speed", 9.0)
    for _ in range(times):
        datagram = bundle(datagram)
    return datagram


HOSTILE = [
    b"",
    b"\0",
    b"/",
    b"/show/speed",  # without its end
    b"/show/speed\0,f\0\0",  # without its argument
    b"/show/speed\0,ffff\0\0\0" + b"\1" * 8,
    b"/show/speed\0,b\0\0" + struct.pack(">i", -1),
    b"/show/speed\0,b\0\0" + struct.pack(">i", 2**31 - 1),
    b"/show/speed\0\xff\xfe\0\0",
    b"/\xff\xfe\0,f\0\0" + b"\0" * 4,
    b"/show/speed\0,?\0\0",
    BUNDLE[:12],
    BUNDLE + struct.pack(">i", -4),  # keeps python-osc busy for ever
    BUNDLE + struct.pack(">i", 0),
    BUNDLE + struct.pack(">i", 2**31 - 1),
    BUNDLE + b"\0\0",
    nested(DEEPEST + 1),
    nested(3000),
]


def test_hostile_datagrams_are_counted_and_the_next_good_one_is_heard(
    both: tuple[Played, Sender],
) -> None:
    show, sender = both
    for datagram in HOSTILE:
        sender.raw(datagram)
    sender.send("/show/speed", 3.0)
    show.until(lambda: show.table["show.speed"] == 3.0, "the good one")
    assert show.osc.ignored == len(HOSTILE)
    sender.raw(nested(DEEPEST))
    show.until(lambda: show.table["show.speed"] == 9.0, "as deep as it may be")


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.builds(lambda b: BUNDLE + b, st.binary(max_size=60)))
def test_any_bytes_are_messages_or_malformed(datagram: bytes) -> None:
    check(datagram)


@settings(max_examples=200)
@given(st.data())
def test_a_good_datagram_with_any_byte_changed_or_cut_is_messages_or_malformed(
    data: st.DataObject,
) -> None:
    good = bundle(pack("/show/speed", 2.5, "x", b"abc"), bundle(pack("/show/pause")))
    at = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.binary(min_size=1, max_size=4))
    check(good[:at] + byte + good[at + len(byte) :])
    check(good[:at])


def check(datagram: bytes) -> None:
    try:
        for address, arguments in unpack(datagram):
            assert address.startswith("/") and isinstance(arguments, tuple)
    except Malformed as error:
        assert str(error)
