"""The theorem cache: what has been proved once is not proved again, in this run or (from disk) in the next.

Only proved theorems are kept. The file is this user's own; one that cannot be read is not used.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from ..kernel.theorem import Theorem

_SCHEMA = "create table if not exists proved (theorem text primary key) without rowid"
_FORMAT = 1  # part of every key: a change of the theorems' text form makes old entries useless


def default_cache() -> Path:
    """$RINGFENCE_CACHE, else $XDG_CACHE_HOME/ringfence, else ~/.cache/ringfence."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("RINGFENCE_CACHE") or Path(base) / "ringfence") / "theorems.sqlite"


class TheoremCache:
    """An oracle that asks `prove` only for theorems that are in neither cache. Use as a context manager."""

    def __init__(self, prove: Callable[[Theorem], bool], path: Path | None) -> None:
        self.prove = prove
        self.known: set[str] = set()
        self.new: list[str] = []
        self.hits = 0
        self.misses = 0
        self.path = path

    def __enter__(self) -> TheoremCache:
        if self.path is not None and self.path.exists():
            try:
                with sqlite3.connect(self.path) as connection:
                    self.known = {row[0] for row in connection.execute("select theorem from proved")}
                connection.close()
            except sqlite3.Error:
                self.known = set()
        return self

    def __exit__(self, *_: object) -> None:
        if self.path is None or not self.new:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with sqlite3.connect(self.path, timeout=10) as connection:
                connection.execute(_SCHEMA)
                connection.executemany("insert or ignore into proved values (?)", [(key,) for key in self.new])
            connection.close()
        except (sqlite3.Error, OSError):
            pass  # a cache that cannot be written costs time, nothing else

    def __call__(self, theorem: Theorem) -> bool:
        key = hashlib.sha256(f"{_FORMAT}\n{theorem.text()}".encode()).hexdigest()
        if key in self.known:
            self.hits += 1
            return True
        self.misses += 1
        if not self.prove(theorem):
            return False
        self.known.add(key)
        self.new.append(key)
        return True
