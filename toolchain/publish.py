"""The files that a build leaves behind: all of them on success, none of them, not even old ones, on failure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ringfence.toolchain.errors import RingfenceError
from ringfence.verify.files import write_beside


@dataclass(frozen=True)
class Outputs:
    """Where a firmware's files go. `elf` decides the names of the others."""

    elf: Path

    @property
    def bin(self) -> Path:
        return self.elf.with_suffix(".bin")

    @property
    def hex(self) -> Path:
        return self.elf.with_suffix(".hex")

    @property
    def policy(self) -> Path:
        return self.elf.with_suffix(".policy.json")

    @property
    def certificate(self) -> Path:
        return self.elf.with_suffix(".cert.json.gz")

    @property
    def address_map(self) -> Path:
        return self.elf.with_suffix(".map.json")

    @property
    def report(self) -> Path:
        return self.elf.with_suffix(".report.json")

    def all(self) -> tuple[Path, ...]:
        return (self.elf, self.bin, self.hex, self.policy, self.certificate, self.address_map, self.report)


def remove_files(paths: tuple[Path, ...]) -> None:
    """Delete those that exist. RingfenceError when one cannot be deleted: it must not outlive a failed build."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise RingfenceError(f"cannot remove the old output {path}: {error.strerror}") from error


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files or none: each is complete under a temporary name before the first gets its own.

    RingfenceError when one cannot be written; then none of the names exists.
    """
    waiting: dict[Path, Path] = {}
    try:
        for path, data in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            waiting[path] = write_beside(path, data)
        for path, temporary in waiting.items():
            os.replace(temporary, path)
    except BaseException as error:
        for path in (*waiting.values(), *contents):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise RingfenceError(f"cannot write {error.filename}: {error.strerror}") from error
        raise
