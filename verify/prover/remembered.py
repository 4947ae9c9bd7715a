"""Invariants of sandboxes that have been certified before, kept on disk beside the proofs.

They are hints like any other: the kernel checks them. A sandbox is recognised by everything that its invariants can
depend on: its place in memory, its code and constants, and where functions are said to begin.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..kernel.image import Image
from ..kernel.policy import Sandbox
from ..kernel.proof import Certificate, SandboxProof
from ..kernel.rejected import Rejected
from ..recheck import read_certificate, write_certificate

_SCHEMA = "create table if not exists invariants (sandbox text primary key, claims blob not null)"
_KEPT = 200  # sandboxes; older ones are forgotten


class Remembered:
    """`path`: the cache file, None for none. A file that cannot be read or written costs time, nothing else."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def get(self, key: str) -> SandboxProof | None:
        """What was stored under this key, if it can be read."""
        if self.path is None or not self.path.exists():
            return None
        try:
            connection = sqlite3.connect(self.path)
            row = connection.execute("select claims from invariants where sandbox = ?", (key,)).fetchone()
            connection.close()
            return None if row is None else read_certificate(row[0]).sandboxes.get(key)
        except (sqlite3.Error, Rejected, TypeError):
            return None

    def put(self, key: str, proof: SandboxProof) -> None:
        if self.path is None:
            return
        claims = write_certificate(Certificate("", "", {key: proof}))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with sqlite3.connect(self.path, timeout=10) as connection:
                connection.execute(_SCHEMA)
                connection.execute("insert or replace into invariants values (?, ?)", (key, claims))
                newest = "select rowid from invariants order by rowid desc limit ?"
                connection.execute(f"delete from invariants where rowid not in ({newest})", (_KEPT,))
            connection.close()
        except (sqlite3.Error, OSError):
            return


def key_of(sandbox: Sandbox, image: Image, functions: Iterable[int]) -> str:
    """A digest of all that the search for the sandbox's invariants reads."""
    place = replace(sandbox, extensions=frozenset())  # whose order differs from process to process
    inside = sorted({f for f in functions if sandbox.code.covers(f, f + 2)})
    digest = hashlib.sha256(repr((place, sorted(sandbox.extensions), inside)).encode())
    for r in (sandbox.code, *sandbox.constants):
        digest.update(image.read(r.start, r.end - r.start) or b"")
    return digest.hexdigest()
