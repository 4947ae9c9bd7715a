"""The whole repository is clean for ruff and mypy (mypy is strict on verify/: pyproject.toml)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ["examples/demo.py", "examples/emulator.py", "examples/attack_suite.py",
            "examples/car/messages/make_messages.py"]

CHECKS = {
    "ruff": ["ruff", "check", "."],
    "mypy on the packages": ["mypy", "-p", "ringfence"],
    "mypy on the examples": ["mypy", *EXAMPLES],
}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_no_complaint_from(check: list[str]) -> None:
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("src", "examples"))
    done = subprocess.run([sys.executable, "-m", *check], cwd=ROOT, env={**os.environ, "MYPYPATH": paths}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
