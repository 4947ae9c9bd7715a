"""Where proofs come from: memory, then the cache on disk, then the solvers.

The cache file is not trusted: the kernel checks a proof from it like any other. One that it would refuse is found out
here first and searched for again; a file that cannot be read is not used.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from ..kernel.bitblast import clauses_of
from ..kernel.lrat import Step, refutes
from ..kernel.theorem import Theorem

_SCHEMA = "create table if not exists proofs (theorem text primary key, proof text not null) without rowid"


def default_cache() -> Path:
    """$RINGFENCE_CACHE, else $XDG_CACHE_HOME/ringfence, else ~/.cache/ringfence."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("RINGFENCE_CACHE") or Path(base) / "ringfence") / "theorems.sqlite"


class ProofStore:
    """Gives proofs of theorems, by `search` where it has none. Use as a context manager.

    `path`: the cache file, None for memory only. `used` has every proof given out, by the theorem's digest.
    """

    def __init__(self, search: Callable[[Theorem], Sequence[Step] | None], path: Path | None) -> None:
        self.search = search
        self.path = path
        self.used: dict[str, Sequence[Step]] = {}
        self.solved = 0
        self.cached = 0
        self._stored: dict[str, str] = {}
        self._new: dict[str, Sequence[Step]] = {}

    def __enter__(self) -> ProofStore:
        if self.path is not None and self.path.exists():
            try:
                connection = sqlite3.connect(self.path)
                self._stored = dict(connection.execute("select theorem, proof from proofs"))
                connection.close()
            except sqlite3.Error:
                self._stored = {}
        return self

    def __exit__(self, *_: object) -> None:
        if self.path is None or not self._new:
            return
        rows = [(digest, json.dumps(proof, separators=(",", ":"))) for digest, proof in self._new.items()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with sqlite3.connect(self.path, timeout=10) as connection:
                connection.execute(_SCHEMA)
                connection.executemany("insert or replace into proofs values (?, ?)", rows)
            connection.close()
        except (sqlite3.Error, OSError):
            pass  # a cache that cannot be written costs time, nothing else

    def __call__(self, theorem: Theorem) -> Sequence[Step] | None:
        digest = theorem.digest()
        proof = self.used.get(digest) or self._from_disk(digest, theorem)
        if proof is not None:
            self.cached += 1
        else:
            self.solved += 1
            proof = self.search(theorem)
            if proof is None:
                return None
            self._new[digest] = proof
        self.used[digest] = proof
        return proof

    def _from_disk(self, digest: str, theorem: Theorem) -> Sequence[Step] | None:
        try:
            proof: Sequence[Step] = json.loads(self._stored[digest])
            return proof if refutes(clauses_of(theorem), proof) else None
        except (KeyError, ValueError, TypeError, RecursionError):
            return None
