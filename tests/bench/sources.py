"""Third-party libraries for the benchmarks, fetched as Debian source packages when they are needed; none is vendored.

`apt-get source` runs with lists and caches of its own below build/bench, so neither root nor deb-src lines in the
machine's configuration are needed; apt checks the signatures as always. The upstream tarball is used as it is,
without Debian's patches.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TARGETS = "$(REPO_URI) $(RELEASE) $(COMPONENT)"


class SourceError(Exception):
    """A library's source could not be had; the message says why."""


@dataclass(frozen=True)
class SourceTree:
    """An unpacked source package: its folder and Debian's version of it."""

    folder: Path
    version: str


class Sources:
    """The source packages below one folder; what is there already needs no network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def get(self, package: str) -> SourceTree:
        """The package's tree, fetched if it is not there yet. SourceError when it cannot be fetched."""
        place = self._folder / package
        version = place / "VERSION"
        if not version.exists():
            self._fetch(package, place)
        return SourceTree(place / "tree", version.read_text().strip())

    def _fetch(self, package: str, place: Path) -> None:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        if not any((self._apt / "lists").glob("*_Sources*")):
            self._update()
        self._run(["apt-get", *self._options(), "-qq", "source", "--download-only", package], place, f"fetching {package}")
        descriptions = list(place.glob("*.dsc"))
        archives = [f for f in place.glob("*.orig.tar.*") if f.suffix != ".asc"]
        if len(descriptions) != 1 or len(archives) != 1:
            raise SourceError(f"the source package {package} has no single upstream archive")
        with tarfile.open(archives[0]) as archive:
            archive.extractall(place / "unpacked", filter="data")
        inside = list((place / "unpacked").iterdir())
        tree = inside[0] if len(inside) == 1 and inside[0].is_dir() else place / "unpacked"
        tree.rename(place / "tree")
        (place / "VERSION").write_text(_field(descriptions[0], "Version") + "\n")

    @property
    def _apt(self) -> Path:
        return self._folder / "apt"

    def _update(self) -> None:
        """Fetch the list of source packages of this Debian release from the mirrors that the machine is set up for."""
        for name in ("lists/partial", "cache/archives/partial"):
            (self._apt / name).mkdir(parents=True, exist_ok=True)
        codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
        text = self._run(["apt-get", "indextargets", "--format", _TARGETS, "Identifier: Packages"], self._apt, "apt-get")
        targets = {tuple(line.split()) for line in text.splitlines() if len(line.split()) == 3}
        lines = [f"deb-src {uri} {suite} {part}" for uri, suite, part in sorted(targets)
                 if part == "main" and suite == codename]
        if not lines:
            raise SourceError("apt-get on this machine has no Debian mirror to fetch source packages from")
        (self._apt / "sources.list").write_text("".join(line + "\n" for line in lines))
        self._run(["apt-get", *self._options(), "-qq", "update"], self._apt, "fetching the list of source packages")

    def _options(self) -> list[str]:
        settings = {
            "Dir::Etc::sourcelist": self._apt / "sources.list", "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State::lists": self._apt / "lists", "Dir::Cache": self._apt / "cache", "APT::Sandbox::User": "",
        }  # fmt: skip
        return [f"-o{name}={value}" for name, value in settings.items()]

    def _run(self, command: Sequence[str], folder: Path, doing: str) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(command, cwd=folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=300, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SourceError(f"{doing}: {error}") from error
        if done.returncode:
            raise SourceError(f"{doing} failed:\n{done.stdout[-2000:]}")
        return done.stdout


def _field(description: Path, name: str) -> str:
    """A field of a .dsc file."""
    for line in description.read_text(errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return line.split(":", 1)[1].strip()
    raise SourceError(f"{description.name} has no {name}")
