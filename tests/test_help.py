"""The help on screen, and the page of controls: every key and every control can be found there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pygame
import pytest
from virtual_screen import reads

from visualiser import cli
from visualiser.controls import Control, action
from visualiser.drivers import drivers
from visualiser.help import Help, Page, finish, lay_out
from visualiser.look.text import text
from visualiser.run import declared_controls

PAGE = Path(__file__).resolve().parents[1] / "docs" / "controls.md"
MORE = [
    action(f"{section}.{n}", words, f"f{10 * k + n}")
    for k, section in enumerate(("panel",), 3)
    for n, words in enumerate(
        ["store it on this slot", "blackout, and back", "the atlas: a map of all pictures",
         "to the next cue, on the next beat", "pick a control, then move a knob"]
    )
]  # fmt: skip


def many() -> list[Control]:
    """Five keys more than there are."""
    return [*declared_controls(), *MORE]


def boxes(page: Page) -> list[pygame.Rect]:
    return [
        text(word.words, page.size, (255, 255, 255)).get_rect(topleft=(word.x, word.y))
        for word in page.words
    ]


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (1000, 700), (800, 450), (450, 800)])
@pytest.mark.parametrize("controls", [declared_controls, many], ids=["as it is", "five more"])
def test_every_key_is_on_the_page_and_nothing_lies_over_anything(controls, size) -> None:
    controls = controls()
    page = finish(lay_out(controls, size, size[1] // 40 + 4))
    assert page.width <= size[0] and page.height <= size[1]
    assert page.size >= (9 if size[0] > size[1] else 7), "too small to read"
    if size == (1280, 720):
        assert page.size >= 14
    words = " ".join(word.words for word in page.words)
    keys = {key for word in page.words for key in (word.words, *word.words.split())}
    for control in controls:
        for key in control.keys:
            if key.name in [f"f{n}" for n in range(1, 9)]:
                assert "f1 - f8" in words and "cue 1 to 8" in words
            else:
                assert key.does in words and key.name in keys
            assert any(control.section in word.words.split(", ") for word in page.words)
    found = boxes(page)
    whole = pygame.Rect(0, 0, page.width, page.height)
    for n, box in enumerate(found):
        assert whole.contains(box), page.words[n]
        # Lines of a paragraph may touch with what hangs below and stands above their letters.
        close = box.inflate(0, -box.height // 3)
        others = [other.inflate(0, -other.height // 3) for other in found[:n]]
        assert close.collidelist(others) < 0, page.words[n]


def test_what_is_drawn_can_be_read() -> None:
    canvas = pygame.Surface((1280, 720), 0, 32)
    canvas.fill((90, 60, 40))
    controls = many()
    Help(controls).draw(canvas, 22)
    seen = pygame.surfarray.array3d(canvas).swapaxes(0, 1)
    words = ("pick a control, then", "move a knob", "screenshot", "panel", "f34", "quit")
    assert reads(seen, *words, sizes=[finish(lay_out(controls, (1280, 720), 22)).size])
    assert (seen[0, 0] == (90, 60, 40)).all() and np.median(seen[40:680, 40:1240]) < 60
    again = pygame.Surface((1280, 720), 0, 32)
    again.fill((90, 60, 40))
    Help(controls).draw(again, 22)
    assert np.array_equal(pygame.surfarray.array3d(again).swapaxes(0, 1), seen)


def test_what_was_prepared_in_steps_is_what_is_drawn_at_once() -> None:
    def drawn(steps: int) -> np.ndarray:
        shown, canvas = Help(many()), pygame.Surface((640, 400), 0, 32)
        for n in range(steps):  # of another size at first
            shown.prepare((640, 400) if n > 9 else (900, 500), 14)
        shown.draw(canvas, 14)
        return pygame.surfarray.array3d(canvas)

    assert (drawn(0) == drawn(60)).all() and (drawn(0) == drawn(500)).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (161, 90), (7680, 90)])
def test_a_window_of_any_size_gets_a_page(size: tuple[int, int]) -> None:
    canvas = pygame.Surface(size, 0, 32)
    Help(many()).draw(canvas, 12)
    Help([]).draw(canvas, 12)


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert cli.main(["controls", *options]) == 0
    return capsys.readouterr().out


def test_the_page_in_docs_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    made, page = printed(capsys, "--markdown"), PAGE.read_text(encoding="utf-8")
    again = "out of date: python main.py controls --markdown > docs/controls.md"
    # A newcomer's driver need not be in it.
    new = [name for name in drivers() if f"## {name}\n" not in page]
    kept = [part for part in made.split("## ") if part.split("\n")[0] not in new]
    if not new:
        assert made == page, again
    assert [part.split("\n")[0] for part in kept] == [p.split("\n")[0] for p in page.split("## ")]
    for control in declared_controls():
        if control.section in new or control.id in (f"latents.{n}" for n in range(2, 65)):
            continue  # they share the row of the first one
        assert f"`{control.id}" in page and f"| {control.label} |" in page, again
        assert f"`{control.address}" in page, again
    assert "| `latents.1 to 64` |" in page


def test_the_table_and_the_json_have_every_control(capsys: pytest.CaptureFixture[str]) -> None:
    table = printed(capsys)
    rows = json.loads(printed(capsys, "--json"))
    assert [row["id"] for row in rows] == [control.id for control in declared_controls()]
    for row in rows:
        if row["kind"] != "live":
            assert row["id"] in table and row["address"] in table
    speed = next(row for row in rows if row["id"] == "show.speed")
    assert (speed["lo"], speed["hi"], speed["unit"], speed["default"]) == (0.05, 20, "times", 1)
    assert [key["key"] for key in speed["keys"]] == ["up", "down"]
