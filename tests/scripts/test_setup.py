"""scripts/setup.sh installs what is missing, once. Run on a copy, with stand-ins for apt-get, dpkg-query and python3."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Every stand-in appends its command line to $CALLS. `python3 -m venv DIR` makes a DIR whose python is the stand-in again.
STAND_INS = {
    "python3": """\
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip install "*) [ ! -e "$STATE/no-network" ] || { echo "no route to host"; exit 1; } ;;
esac
""",
    "dpkg-query": """\
for package in "$@"; do :; done
[ -e "$STATE/$package-missing" ] || printf installed
""",
    "apt-get": """\
case "$*" in install*) rm -f "$STATE"/*-missing ;; esac
""",
    "sudo": 'exec "$@"\n',
    **dict.fromkeys(["arm-none-eabi-gcc", "arm-none-eabi-g++", "qemu-system-arm", "gcc"], ""),
}


class Machine:
    """A directory with a copy of the set-up files, and a PATH on which the stand-ins come first."""

    def __init__(self, folder: Path) -> None:
        self.root, self.tools, self.state = folder / "repo", folder / "bin", folder / "state"
        for path in (self.root / "scripts", self.tools, self.state):
            path.mkdir(parents=True)
        for name in ("requirements.txt", "pyproject.toml", "scripts/setup.sh"):
            shutil.copy(ROOT / name, self.root / name)
        for name, body in STAND_INS.items():
            tool = self.tools / name
            tool.write_text(f'#!/bin/sh\necho "{name} $*" >>"$CALLS"\n{body}exit 0\n')
            tool.chmod(0o755)

    def set_up(self) -> subprocess.CompletedProcess[str]:
        log = self.state / "log"
        log.write_text("")
        return subprocess.run(
            [self.root / "scripts" / "setup.sh"], text=True, check=False, capture_output=True,
            env={"PATH": f"{self.tools}:{os.environ['PATH']}", "CALLS": str(log), "STATE": str(self.state)})

    def installed(self) -> list[str]:
        """The commands of the last run that installed something."""
        lines = (self.state / "log").read_text().splitlines()
        return [line for line in lines if " install " in line or "-m venv" in line or "update" in line]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_first_run_makes_the_environment_and_installs_the_pinned_packages(machine: Machine) -> None:
    done = machine.set_up()
    assert done.returncode == 0, done.stderr
    commands = machine.installed()
    assert commands[0].endswith("-m venv .venv")
    assert any("-r requirements.txt" in c for c in commands)
    assert any("--no-deps --no-build-isolation -e ." in c for c in commands)


def test_a_second_run_installs_nothing_and_says_nothing(machine: Machine) -> None:
    machine.set_up()
    done = machine.set_up()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.installed() == []


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "scripts/setup.sh"])
def test_a_change_of_what_the_environment_depends_on_installs_again(machine: Machine, name: str) -> None:
    machine.set_up()
    with (machine.root / name).open("a") as file:
        file.write("\n# changed\n")
    assert machine.set_up().returncode == 0
    assert any("-r requirements.txt" in c for c in machine.installed())


def test_a_failed_installation_ends_with_one_message_and_is_tried_again(machine: Machine) -> None:
    (machine.state / "no-network").touch()
    failed = machine.set_up()
    assert failed.returncode == 1
    assert "no route to host" in failed.stderr
    assert failed.stderr.count("setup:") == 1
    (machine.state / "no-network").unlink()
    assert machine.set_up().returncode == 0
    assert any("-r requirements.txt" in c for c in machine.installed())


def test_missing_debian_packages_are_installed_by_name_and_only_those(machine: Machine) -> None:
    for package in ("libstb-dev", "qemu-system-arm"):
        (machine.state / f"{package}-missing").touch()
    done = machine.set_up()
    assert done.returncode == 0, done.stderr
    apt = [c for c in machine.installed() if c.startswith("apt-get install")]
    assert apt == ["apt-get install -y --no-install-recommends qemu-system-arm libstb-dev"]


def test_every_requirement_is_pinned() -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    assert [line for line in lines if line and "==" not in line] == []
