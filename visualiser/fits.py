"""What settings have to be beyond their kind and range: every ValueError says what is allowed."""

from __future__ import annotations

import ipaddress
import re

from pydantic import ValidationInfo


def from_smallest(largest: float, info: ValidationInfo) -> float:
    """Of a section that has `size_min` above it."""
    smallest = info.data.get("size_min", largest)
    if largest < smallest:
        raise ValueError(f"a number from size_min, {smallest:g}, to 1")
    return largest


def display(which: str | int) -> str | int:
    if isinstance(which, int) and which < 0:
        raise ValueError("0 for none, the number of a display, or a part of its name")
    return which


def host(text: str) -> str:
    """Of a machine: an address, or a name, which is not looked up."""
    try:
        if ":" in text or re.fullmatch(r"[\d.]*", text):
            ipaddress.ip_address(text)
        elif not re.fullmatch(r"\w[\w.-]*", text):
            raise ValueError
    except ValueError:
        raise ValueError(
            "an address of this machine, '127.0.0.1', '0.0.0.0' for all, or a name"
        ) from None
    return text


def place(text: str) -> str:
    """host:port, or "" for none."""
    at, _, port = text.rpartition(":")
    allowed = re.fullmatch(r"[1-9]\d{0,4}", port) and int(port) < 65536
    try:
        if text and not (allowed and host(at)):
            raise ValueError
    except ValueError:
        raise ValueError("host:port, as '127.0.0.1:9001', or ''") from None
    return text
