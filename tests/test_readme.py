"""What the README shows is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from visualiser import cli
from visualiser.drivers import drivers
from visualiser.run import declared_controls

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "docs/speed.md")]


def commands(text: str) -> list[list[str]]:
    """The words behind every `python main.py`, of code blocks and of code in the text."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.S)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    found = []
    for line in lines:
        if match := re.search(r"python3?(?:\.exe)? main\.py\b(.*)", line):
            found.append(shlex.split(match[1], comments=True))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_commands_are_known(page: Path) -> None:
    found = commands(page.read_text())
    for words in found:
        words = [word for word in words if word not in ("...", "…")]
        cli.parser().parse_args(cli._joined(words))  # raises where a verb or option is unknown


def test_every_verb_is_shown() -> None:
    shown = {words[0] for words in commands(PAGES[0].read_text()) if words}
    verbs = ("render", "train", "models", "devices", "decode", "encode", "reconstruct", "bench")
    verbs += ("listen", "latency", "controls", "flashes")
    assert shown >= set(verbs)


def test_its_settings_and_targets_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        for target in re.findall(r"(?:`|^)make ([\w-]+)", page.read_text(), re.M):
            assert target in targets, f"make {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_it_shows_and_links_to_exists(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    assert links or page.name != "README.md"
    for link in links:
        if not re.match(r"[a-z]+:", link):
            path, _, heading = link.partition("#")
            assert (page.parent / path).exists(), link
            if heading:
                headings = re.findall(
                    r"^#+ (.+)$", (page.parent / (path or page)).read_text(), re.M
                )
                anchors = [re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings]
                assert heading in anchors, link


def test_its_pictures_are_pictures() -> None:
    from PIL import Image

    shown = re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", PAGES[0].read_text())
    assert len(shown) >= 2
    longest_ms = 0
    for words, link in shown:
        assert len(words) > 10, f"{link} is not described for those who do not see it"
        with Image.open(ROOT / link) as picture:
            frames = getattr(picture, "n_frames", 1)
            assert picture.width >= 200
            if frames > 1:
                length_ms = 0
                for index in range(frames):
                    picture.seek(index)
                    picture.load()
                    length_ms += picture.info["duration"]
                assert 5_000 <= length_ms <= 25_000
                longest_ms = max(longest_ms, length_ms)
    assert longest_ms >= 15_000


def test_its_table_lists_every_key_as_it_is_declared() -> None:
    table = re.search(r"<!-- keys -->(.*?)<!-- /keys -->", PAGES[0].read_text(), re.S)
    assert table, "there is no table of keys"
    rows = re.findall(r"^\| *`([^`]+)` *\| *(.*?) *\|$", table[1], re.M)
    declared = [(key.name, key.does) for control in declared_controls() for key in control.keys]
    assert [row for row in declared if row in rows] == rows, "a row that is no longer so"
    # A newcomer's driver has its key, and need not be in here.
    own = {(driver.key, f"{name}: {driver.blurb}") for name, driver in drivers().items()}
    assert set(declared) - set(rows) <= own - set(rows[:4])
