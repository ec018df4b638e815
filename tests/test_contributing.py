"""A newcomer who follows CONTRIBUTING.md has a driver."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from program import ROOT, Program


def driver_of_the_guide() -> tuple[str, str]:
    """The file's path and its code, as CONTRIBUTING.md gives them."""
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    path = re.search(r"Save this as `([\w/.]+)`", guide)
    code = re.search(r"```python\n(.*?)```", guide, re.DOTALL)
    assert path and code
    return path[1], code[1]


def test_the_driver_in_the_guide_plays_and_passes_the_tests_of_every_driver(tmp_path: Path) -> None:
    path, code = driver_of_the_guide()
    with Program(tmp_path) as program:
        (program.root / path).write_text(code)
        with (program.root / "config.toml").open("a") as config:
            config.write("\n[spiral]\nspeed = 0.4\n")
        out = program.root / "spiral.mp4"
        done = program.run("render", "--driver", "spiral", "--seconds", "0.2", "-o", str(out))
        assert done.code == 0, done.err
        assert out.stat().st_size > 1000

        shutil.copytree(ROOT / "tests", program.root / "tests")
        shutil.copy2(ROOT / "pyproject.toml", program.root)
        tested = subprocess.run(
            [sys.executable, "-m", "pytest", "tests/test_drivers.py", "-k", "spiral"],
            cwd=program.root,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert tested.returncode == 0, tested.stdout[-3000:]
        assert re.search(r"\d+ passed", tested.stdout)
