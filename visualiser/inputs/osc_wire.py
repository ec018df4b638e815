"""Open Sound Control as bytes: messages and bundles, read and written.

Our own, because a show must survive whatever is sent to its port: a bundle whose element has the
size -4 keeps python-osc 1.10 busy for ever, and one nested a thousand deep exhausts Python's stack.
Format: https://opensoundcontrol.stanford.edu/spec-1_0.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

Argument = float | bool | str | bytes | None
Message = tuple[str, tuple[Argument, ...]]

DEEPEST = 8  # bundles in bundles
LONGEST = 65_507  # bytes of a UDP datagram
_BUNDLE = b"#bundle\0"
_NUMBERS = {"i": struct.Struct(">i"), "f": struct.Struct(">f"), "h": struct.Struct(">q"),
            "d": struct.Struct(">d"), "t": struct.Struct(">Q"), "r": struct.Struct(">I"),
            "m": struct.Struct(">I"), "c": struct.Struct(">I")}  # fmt: skip
_PLAIN: dict[str, Argument] = {"T": True, "F": False, "N": None, "I": True}


class Malformed(ValueError):
    """Bytes that are no OSC."""


def unpack(datagram: bytes, depth: int = 0) -> Iterator[Message]:
    """The messages of a datagram, in order; timetags of bundles are taken as now.

    Raises Malformed where it goes wrong, after the messages before that.
    """
    if not datagram.startswith(_BUNDLE):
        yield _message(datagram)
        return
    if depth >= DEEPEST:
        raise Malformed("bundles are nested too deeply")
    if len(datagram) < 16:
        raise Malformed("a bundle without its time")
    at = 16
    while at < len(datagram):
        if at + 4 > len(datagram):
            raise Malformed("an element without its size")
        (size,) = _NUMBERS["i"].unpack_from(datagram, at)
        at += 4
        if size <= 0 or size % 4 or at + size > len(datagram):
            raise Malformed("an element with an impossible size")
        yield from unpack(datagram[at : at + size], depth + 1)
        at += size


def pack(address: str, *arguments: Argument) -> bytes:
    """One message. Floats go as 32 bits, the only kind that every receiver knows."""
    tags, data = ",", b""
    for value in arguments:
        if value is None or isinstance(value, bool):
            tags += "N" if value is None else "T" if value else "F"
        elif isinstance(value, int) and -(2**31) <= value < 2**31:
            tags, data = tags + "i", data + struct.pack(">i", value)
        elif isinstance(value, int | float):
            tags, data = tags + "f", data + struct.pack(">f", float(value))
        elif isinstance(value, str):
            tags, data = tags + "s", data + _padded(value.encode())
        else:
            filled = value + b"\0" * (-len(value) % 4)
            tags, data = tags + "b", data + struct.pack(">i", len(value)) + filled
    return _padded(address.encode()) + _padded(tags.encode()) + data


def _padded(text: bytes) -> bytes:
    return text + b"\0" * (4 - len(text) % 4)


def _message(datagram: bytes) -> Message:
    if not datagram.startswith(b"/"):
        raise Malformed("it is neither a message nor a bundle")
    address, at = _text(datagram, 0)
    if at >= len(datagram):
        return address, ()  # some senders leave out the tags where there is no argument
    tags, at = _text(datagram, at)
    if not tags.startswith(","):
        raise Malformed("a message without type tags")
    arguments: list[Argument] = []
    for tag in tags[1:]:
        if tag in _PLAIN:
            arguments.append(_PLAIN[tag])
        elif tag in _NUMBERS:
            kind = _NUMBERS[tag]
            if at + kind.size > len(datagram):
                raise Malformed("an argument is cut off")
            arguments.append(kind.unpack_from(datagram, at)[0])
            at += kind.size
        elif tag in "sS":
            text, at = _text(datagram, at)
            arguments.append(text)
        elif tag == "b":
            if at + 4 > len(datagram):
                raise Malformed("a blob without its size")
            (size,) = _NUMBERS["i"].unpack_from(datagram, at)
            at += 4
            if size < 0 or at + size > len(datagram):
                raise Malformed("a blob with an impossible size")
            arguments.append(datagram[at : at + size])
            at += size + -size % 4
        elif tag not in "[]":  # a list's items are taken one by one
            raise Malformed(f"an argument of the unknown type {tag!r}")
    return address, tuple(arguments)


def _text(datagram: bytes, at: int) -> tuple[str, int]:
    """A text that begins there, and where the next thing does."""
    end = datagram.find(b"\0", at)
    if end < 0:
        raise Malformed("a text without an end")
    try:
        return datagram[at:end].decode(), end + 4 - (end - at) % 4
    except UnicodeDecodeError:
        raise Malformed("a text that is not UTF-8") from None
