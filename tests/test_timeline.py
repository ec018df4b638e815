"""Timelines: times as people write them, files and what is wrong with them, and what is played."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualiser import timeline
from visualiser.conductor import Conductor
from visualiser.controls import Command, Controls
from visualiser.morph import EASINGS
from visualiser.run import declared_controls
from visualiser.times import LONGEST_S, Metre, length, moment
from visualiser.types import UserError

CONTROLS = Controls(declared_controls())


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        (32, 32), (32.5, 32.5), ("32", 32), ("0:32", 32), ("1:02.5", 62.5), ("1:02:03.5", 3723.5),
        ("4 s", 4), ("bar 1", 0.5), ("bar 17", 32.5), ("bar 17 beat 3", 33.5), ("beat 65", 32.5),
        ("bar 2 beat 4.5", 4.25),
    ],
)  # fmt: skip
def test_a_time(word: object, seconds: float) -> None:
    assert moment(word, Metre(120, 0.5)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        (8, 8),
        ("0:08", 8),
        ("8s", 8),
        ("4 bars", 8),
        ("1 bar", 2),
        ("3 beats", 1.5),
        ("0.5 bars", 1),
    ],
)
def test_a_length(word: object, seconds: float) -> None:
    assert length(word, Metre(120, 0.5)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "word",
    ["", "x", "1:60", "60:00:00:00", "-1", -1, True, None, [], "bar 0", "bar 1 beat 5", "beat 0",
     "bar", 1e9, float("nan"), float("inf"), 10**400, "1:2:3:4", "bar 17.5", "99:99", "\u0663"],
)  # fmt: skip
def test_what_is_no_time_is_told(word: object) -> None:
    with pytest.raises(ValueError, match=r"allowed|count from|less than"):
        moment(word, Metre(120))


def test_bars_want_a_tempo() -> None:
    for read, word in ((moment, "bar 3"), (moment, "beat 3"), (length, "4 bars")):
        with pytest.raises(ValueError, match="tempo"):
            read(word)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none()))
def test_whatever_is_written_is_a_time_or_is_told(word: object) -> None:
    for read in (moment, length):
        for metre in (None, Metre(97.3, 0.2, 3)):
            try:
                assert 0 <= read(word, metre) <= LONGEST_S
            except ValueError as error:
                assert str(error) and "\n" not in str(error)


@given(st.floats(0, LONGEST_S))
def test_a_time_on_the_clock_is_the_same_in_seconds(t: float) -> None:
    minutes, seconds = divmod(round(t, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    for word in (
        f"{hours}:{minutes:02}:{seconds:06.3f}",
        f"{hours * 3600 + minutes * 60 + seconds}",
    ):
        if "e" not in word:
            assert moment(word) == pytest.approx(min(t, LONGEST_S), abs=2e-3)


@given(st.floats(20, 400), st.integers(1, 999), st.integers(1, 7), st.floats(0, 10))
def test_bars_lie_where_their_beats_do(tempo: float, bar: int, beats: int, begin: float) -> None:
    metre = Metre(tempo, begin, beats)
    at = moment(f"bar {bar}", metre)
    assert at == pytest.approx(moment(f"beat {(bar - 1) * beats + 1}", metre))
    assert moment(f"bar {bar + 1}", metre) - at == pytest.approx(length("1 bar", metre))


# --- files


def read(folder: Path, text: str, **options: float) -> timeline.Timeline:
    path = folder / "set.toml"
    path.write_text(text)
    return timeline.read(path, CONTROLS, **options)


GOOD = """
tempo = 120
begin = 0.5

[[at]]
time = "bar 3"           # an entry may stand anywhere
look.look = "neon"

[[at]]
time = "0:01"
cue = 3
over = "2 bars"
easing = "late"

[[at]]
time = 7
show.speed = 3.0
over = "0:02"

[[at]]
time = 8
do = ["cues.next", "stage.panic"]
stage.hold_black = true
for = "1 beat"
"""


def test_a_file_is_read_in_the_order_of_its_times(tmp_path: Path) -> None:
    read_ = read(tmp_path, GOOD)
    first, second, third, last = read_.entries
    assert (first.t, first.cue, first.over, first.easing) == (1.0, 3, 4.0, "late")
    assert (second.t, dict(second.values)) == (4.5, {"look.look": "neon"})
    assert (third.over, third.end) == (2.0, 9.0)
    assert (last.do, last.hold) == (("cues.next", "stage.panic"), 0.5)
    assert read_.metre == Metre(120, 0.5) and read_.cues.keys() == {3} and read_.seconds == 9.0
    assert read(tmp_path, GOOD, tempo=60).entries[-1].t == 8.5
    assert read(tmp_path, "").entries == ()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("tempo = 1000", 1, "from 20 to 400"),
        ("temp = 100", 1, "did you mean 'tempo'"),
        ("beats = 3", 1, "there is none"),
        ("\n[[at]]\ncue = 1", 2, "time is missing"),
        ("[[at]]\ntime = 1\ncue = 65", 3, "from 1 to 64"),
        ("[[at]]\ntime = 1\n\ncue = true", 4, "from 1 to 64"),
        ("[[at]]\ntime = 1\nlook.loo = 'neon'", 3, "did you mean 'look.look'"),
        ("[[at]]\ntime = 1\nlook.look = 'pink'", 3, "'neon'"),
        ("[[at]]\ntime = 1\ncue = 1\n[[at]]\ntime = 2\nshow.speed = 99", 6, "0.05 to 20"),
        ("[[at]]\ntime = 1\nshow.speed = 2\neasing = 'quick'", 4, "'smooth'"),
        ("[[at]]\ntime = 1\nshow.speed = 2\neasing = [1]", 4, "'smooth'"),
        ("[[at]]\ntime = 1\nlook.look = 'neon'\nover = 2", 4, "over is of a cue"),
        ("[[at]]\ntime = 1\ncue = 1\nover = 200", 4, "up to 120 s"),
        ("[[at]]\ntime = 1\ncue = 1\nover = '4 bars'", 4, "need a tempo"),
        ("[[at]]\ntime = 1\ncue = 1\nfor = 2", 4, "stage.hold_black"),
        ("[[at]]\ntime = 1\ndo = 'cues.nxt'", 3, "did you mean 'cues.next'"),
        ("[[at]]\ntime = 1\ndo = 'cues.store'", 3, "unknown action"),
        ("[[at]]\ntime = 1\nwindow.quit = true", 3, "unknown key"),
        ("[[at]]\ntime = '1:xx'\ncue = 1", 2, "allowed are seconds"),
        ("[[at]]\ntime = 1", 1, "nothing is done"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(UserError) as told:
        read(tmp_path, text)
    assert str(told.value).startswith(f"{tmp_path / 'set.toml'}:{line}: "), told.value
    assert said in str(told.value) and "\n" not in str(told.value)


def test_each_mistake_has_a_line_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(UserError) as told:
        read(tmp_path, "tempo = 1\n[[at]]\ntime = 'x'\ncue = 0\n[[at]]\ncue = 2\n")
    assert [line.split(":")[1] for line in str(told.value).split("\n")] == ["1", "3", "4", "5"]


@settings(deadline=None)
@given(st.text(max_size=300))
def test_whatever_is_in_a_file_is_a_timeline_or_is_told(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    for written in (text, f"[[at]]\ntime = 1\n{text}", f"[[at]]\ntime = 1\nlook.look = {text}"):
        path = folder / "any.toml"
        path.write_bytes(written.encode("utf-8", "surrogatepass"))
        try:
            timeline.read(path, CONTROLS)
        except UserError as error:
            assert str(path) in str(error)


VALUES = st.one_of(
    st.text(max_size=5).map(repr), st.integers().map(str), st.floats(allow_nan=False).map(repr),
    st.sampled_from(["true", "[]", "{}", "{x = 1}", "[[]]", "1979-05-27", "'bar 3'"]),
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["time", "cue", "over", "easing", "do", "for", "look", "look.look",
                         "show.speed", "stage.hold_black", "x"]),
        VALUES,
    )
)  # fmt: skip
def test_whatever_an_entry_has_is_one_or_is_told(
    tmp_path_factory: pytest.TempPathFactory, entry: dict[str, str]
) -> None:
    lines = [f"{key} = {value}" for key, value in entry.items()]
    path = tmp_path_factory.getbasetemp() / "entry.toml"
    path.write_text("\n".join(["[[at]]", *lines]))
    try:
        timeline.read(path, CONTROLS)
    except UserError as error:
        assert str(path) in str(error)


def test_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        timeline.read(tmp_path / "none.toml", CONTROLS)


# --- playing


def play(folder: Path, text: str, fps: float, seconds: float) -> list[tuple[float, Command]]:
    """What is asked for when; the controls follow."""
    controls = Controls(declared_controls())
    conductor = Conductor(read(folder, text), controls)
    told: list[tuple[float, Command]] = []
    for n in range(round(seconds * fps) + 1):
        for command in conductor.commands(n / fps, (n + 0.5) / fps):
            controls.apply(command)
            told.append((n / fps, command))
    return told


def test_what_is_due_begins_with_the_nearest_frame(tmp_path: Path) -> None:
    text = "[[at]]\ntime = {}\nlook.look = 'neon'"
    for t, frame in ((0.0, 0), (0.99, 10), (1.04, 10), (1.06, 11)):
        told = play(tmp_path, text.format(t), 10, 3)
        assert told == [(frame / 10, ("look.look", "neon"))]


@pytest.mark.parametrize("easing", EASINGS)
def test_a_number_glides_there_at_every_rate(tmp_path: Path, easing: str) -> None:
    text = f"[[at]]\ntime = 1\nlook.brightness = 2.0\nover = 2\neasing = '{easing}'"
    for fps in (24, 60):
        told = play(tmp_path, text, fps, 4)
        assert all(id == "look.brightness" for _, (id, _) in told)
        for t, (_, value) in told:
            assert value == pytest.approx(1 + EASINGS[easing](min(max((t - 1) / 2, 0), 1)))
        assert told[-1] == (3.0, ("look.brightness", 2.0))


def test_a_cue_comes_over_its_own_time_and_the_setting_is_as_it_was(tmp_path: Path) -> None:
    text = "[[at]]\ntime = 1\ncue = 3\nover = 8\neasing = 'late'"
    assert play(tmp_path, text, 10, 3) == [
        (1.0, ("cues.time", 8.0)), (1.0, ("cues.easing", "late")), (1.0, ("cues.recall", 3)),
        (1.1, ("cues.time", 4.0)), (1.1, ("cues.easing", "smooth")),
    ]  # fmt: skip


def test_what_is_held_is_let_go(tmp_path: Path) -> None:
    text = "[[at]]\ntime = 1\nstage.hold_black = true\nfor = 0.5"
    told = play(tmp_path, text, 10, 3)
    assert told == [(1.0, ("stage.hold_black", True)), (1.5, ("stage.hold_black", False))]


def test_hands_take_over_what_glides(tmp_path: Path) -> None:
    text = "[[at]]\ntime = 0\nshow.speed = 2.0\nover = 2\nlook.brightness = 2.0"
    conductor = Conductor(read(tmp_path, text), Controls(declared_controls()))
    first = conductor.commands(0.0, 0.0)
    assert {id for id, _ in first} == {"show.speed", "look.brightness"}
    second = conductor.commands(0.1, 0.15, [("show.speed", 1.0)])
    assert {id for id, _ in second} == {"look.brightness"}


def test_the_examples_are_timelines(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    assert timeline.read(root / "assets" / "timeline.toml", CONTROLS).seconds > 30
    block = (root / "README.md").read_text().partition("```toml\n[[at]]")[2].partition("```")[0]
    path = tmp_path / "readme.toml"
    path.write_text(f"[[at]]{block}")
    assert timeline.read(path, CONTROLS).cues.keys() == {3}
