"""Where proofs come from: memory, then the cache on disk, then the solvers.

The cache file is not trusted: the kernel checks a proof from it like any other. One that it would refuse is found out
here first and searched for again; a file that cannot be read is not used.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..kernel.bitblast import clauses_of
from ..kernel.lrat import Step, refutes
from ..kernel.theorem import Theorem
from .parallel import SECONDS, forked_map

_SCHEMA = "create table if not exists proofs (theorem text primary key, proof text not null) without rowid"


def default_cache() -> Path:
    """$RINGFENCE_CACHE, else $XDG_CACHE_HOME/ringfence, else ~/.cache/ringfence."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("RINGFENCE_CACHE") or Path(base) / "ringfence") / "theorems.sqlite"


class ProofStore:
    """Gives proofs of theorems, by `search` where it has none. Use as a context manager.

    `path`: the cache file, None for memory only. `jobs`: processes that search. `seconds`: of processor time, that each
    of them may spend on all theorems together; `untried` counts the theorems that were left then, and have no proof.
    `used` has every proof given out, by the theorem's digest.
    """

    def __init__(
        self,
        search: Callable[[Theorem], Sequence[Step] | None],
        path: Path | None,
        jobs: int = 1,
        seconds: float = SECONDS,
    ) -> None:
        self.search = search
        self.path = path
        self.jobs = jobs
        self.used: dict[str, Sequence[Step]] = {}
        self.solved = 0
        self.cached = 0
        self.untried = 0
        self._seconds = seconds
        self._stored: dict[str, str] = {}
        self._new: dict[str, Sequence[Step]] = {}

    def __enter__(self) -> ProofStore:
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

    def __call__(self, theorems: Sequence[Theorem]) -> Iterator[Sequence[Step] | None]:
        """For each theorem its proof, None where none was found."""
        self._read([t.digest() for t in theorems])
        known = self.used.keys() | self._stored.keys()
        missing = [t for t in theorems if t.digest() not in known]
        found = forked_map(self._search, missing, self.jobs)
        for theorem in theorems:
            yield self._known(theorem) if theorem.digest() in known else self._keep(theorem, next(found))

    def proof(self, theorem: Theorem) -> Sequence[Step] | None:
        """One theorem's proof, or None."""
        return next(iter(self([theorem])))

    def _known(self, theorem: Theorem) -> Sequence[Step] | None:
        digest = theorem.digest()
        proof = self.used.get(digest) or self._from_disk(digest, theorem)
        if proof is None:
            return self._keep(theorem, self._search(theorem))
        self.cached += 1
        self.used[digest] = proof
        return proof

    def _search(self, theorem: Theorem) -> tuple[Sequence[Step] | None, bool]:
        """The proof, and whether there was time to look for it."""
        if self._seconds <= 0:
            return None, False
        start = time.process_time()
        proof = self.search(theorem)
        self._seconds -= time.process_time() - start
        return proof, True

    def _keep(self, theorem: Theorem, result: tuple[Sequence[Step] | None, bool]) -> Sequence[Step] | None:
        proof, tried = result
        self.solved += tried
        self.untried += not tried
        if proof is not None:
            self.used[theorem.digest()] = self._new[theorem.digest()] = proof
        return proof

    def _read(self, digests: Sequence[str]) -> None:
        """Look these theorems up in the file."""
        if self.path is None or not self.path.exists():
            return
        try:
            connection = sqlite3.connect(self.path)
            for digest in digests:
                self._stored.update(
                    connection.execute("select theorem, proof from proofs where theorem = ?", (digest,))
                )
            connection.close()
        except sqlite3.Error:
            self._stored = {}

    def _from_disk(self, digest: str, theorem: Theorem) -> Sequence[Step] | None:
        try:
            proof: Sequence[Step] = json.loads(self._stored[digest])
            return proof if refutes(clauses_of(theorem), proof) else None
        except (KeyError, ValueError, TypeError, RecursionError):
            return None
