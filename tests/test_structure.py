"""How the program is put together: imports run one way, and files stay short."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGE = ROOT / "visualiser"
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imports(path: Path, later: bool = True) -> set[str]:
    """What a module imports when it runs, as full names; later: also inside of functions.

    What stands under `if TYPE_CHECKING:` is for the type checker and never runs.
    """
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for child in node.orelse:
                visit(child)
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not later:
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else str(node.module))
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


@cache  # when it is asked for: files are collected in every process
def imported(name: str) -> set[str]:
    """What the module of that name imports."""
    return imports(MODULES[name])


@cache
def ours(name: str) -> set[str]:
    """What of it is ours."""
    return imported(name) & MODULES.keys()


def reach(name: str) -> set[str]:
    """All of ours that a module pulls in, directly or through others."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        for module in ours(todo.pop()) - seen:
            seen.add(module)
            todo.append(module)
    return seen


def test_imports_never_run_in_a_circle() -> None:
    for name in MODULES:
        assert name not in reach(name), f"{name} imports itself through others"


def test_types_imports_nothing_of_ours_and_only_the_standard_library_and_numpy() -> None:
    assert not ours("visualiser.types")
    packages = {name.partition(".")[0] for name in imported("visualiser.types")}
    assert packages - set(sys.stdlib_module_names) == {"numpy"}


BELOW = ["nets", "data", "train", "exchange", "latents", "noise", "walk", "drivers", "types"]
BELOW += ["controls", "pictures", "sketchpad", "files"]
ABOVE = ["window", "run", "cli", "verbs", "record", "show", "decode", "progress", "config"]


@pytest.mark.parametrize("low", BELOW)
def test_what_is_below_never_imports_the_window_or_what_is_above(low: str) -> None:
    for name in MODULES:
        if name == f"visualiser.{low}" or name.startswith(f"visualiser.{low}."):
            for high in ABOVE:
                above = f"visualiser.{high}"
                found = [m for m in reach(name) if m == above or m.startswith(f"{above}.")]
                assert not found, f"{name} imports {found}"
            for module in {name} | reach(name):
                packages = {found.partition(".")[0] for found in imported(module)}
                assert not packages & {"pygame", "sounddevice", "av", "rich"}, module


def test_drivers_do_not_know_each_other_nor_the_network() -> None:
    drivers = {name for name in MODULES if name.startswith("visualiser.drivers.")}
    for name in drivers - {"visualiser.drivers.base"}:
        assert ours(name) & drivers <= {"visualiser.drivers.base"}, name
    for name in drivers:
        assert not any(m.startswith("visualiser.nets") for m in reach(name)), name


def test_leaves_do_not_know_each_other() -> None:
    """Sound, pictures, drivers and training can each be read, and used, alone."""
    leaves = ["audio", "drivers", "data", "look", "nets", "exchange"]
    for name in MODULES:
        own = [leaf for leaf in leaves if name.startswith(f"visualiser.{leaf}")]
        for other in leaves:
            if (own, other) == (["exchange"], "nets"):
                continue  # what it brings in and sends out are networks
            if own and other not in own:
                found = [m for m in reach(name) if m.startswith(f"visualiser.{other}")]
                assert not found, f"{name} imports {found}"


def test_training_is_below_what_plays_it() -> None:
    """It may use data, networks and the picture files, and nobody but its verb uses it."""
    for name in MODULES:
        if name.startswith("visualiser.train"):
            assert not any(
                m.startswith(("visualiser.audio", "visualiser.drivers")) for m in reach(name)
            )
        elif not name.startswith("visualiser.verbs"):
            assert not any(m.startswith("visualiser.train") for m in ours(name)), name


def test_only_main_imports_the_command_line() -> None:
    for name in MODULES:
        assert "visualiser.cli" not in ours(name), name
    assert "visualiser.cli" in (ROOT / "main.py").read_text()
    assert ours("visualiser.run") and "visualiser.run" not in reach("visualiser.window")
    assert not reach("visualiser.show") & {"visualiser.window", "visualiser.run"}


def test_only_training_and_the_network_need_torch() -> None:
    allowed = ("visualiser.nets.stack", "visualiser.nets.autoencoder")
    for name, path in MODULES.items():
        if "torch" in {m.partition(".")[0] for m in imports(path, later=False)}:
            assert name.startswith("visualiser.train.") or name in allowed, name


def test_what_plays_never_reaches_torch() -> None:
    for name in ("visualiser.run", "visualiser.show", "visualiser.decode", "visualiser.window"):
        for module in reach(name):
            packages = {found.partition(".")[0] for found in imported(module)}
            assert "torch" not in packages, f"{name} reaches torch through {module}"


def test_playing_does_not_load_what_is_slow_to_load() -> None:
    """torch takes two seconds, and would keep the window waiting."""
    code = (
        "import sys; import visualiser.run; "
        "print(*sorted({'torch', 'av', 'rich', 'PIL', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == []


def test_numpy_is_told_to_use_one_thread_before_it_is_imported() -> None:
    code = (
        "import os, sys; import visualiser; assert 'numpy' not in sys.modules; "
        "print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    env = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=env, timeout=60
    )
    assert done.stdout.strip() == "1", done.stderr


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_short_enough_to_read_and_says_what_it_is_for(name: str) -> None:
    text = MODULES[name].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), f"{name} does not begin with a docstring"


def test_main_only_hands_over() -> None:
    assert len((ROOT / "main.py").read_text().splitlines()) <= 20
