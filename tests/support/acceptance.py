"""Random acceptance fuzzing: what the verifier accepts is run under the monitor and must never escape.

One session shares what is slow: proofs, and theorems known to have none. `python -m support.acceptance` is `make fuzz`.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from ringfence.verify.kernel.check import Report, check, load
from ringfence.verify.kernel.lrat import Step
from ringfence.verify.kernel.proof import Certificate
from ringfence.verify.kernel.theorem import Theorem
from ringfence.verify.prover.invariants import find_invariants
from ringfence.verify.prover.refutation import find_proof
from ringfence.verify.prover.theorems import ProofStore
from ringfence.verify.symbols import function_starts
from support.compose import Composer, Program
from support.idioms import Library, assemble_idioms
from support.monitor import Monitor

FUNCTIONS, LIMIT, ROUNDS = 16, 300, 8


class Verifier:
    """`verify` with one memory of proofs, and of failures to find one, for many images. Use as a context manager."""

    def __init__(self) -> None:
        self._hopeless: set[str] = set()
        self._store = ProofStore(self._search, None, seconds=float("inf"))

    def __enter__(self) -> Verifier:
        self._store.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._store.__exit__(*_)

    def _search(self, theorem: Theorem) -> Sequence[Step] | None:
        digest = theorem.digest()
        if digest in self._hopeless:
            return None
        found = find_proof(theorem)
        if found is None:
            self._hopeless.add(digest)
        return found

    def __call__(self, elf: bytes, policy: bytes) -> tuple[Report, Certificate]:
        """Raises Rejected like `verify`."""
        image, parsed = load(elf, policy)
        starts = function_starts(elf)
        invariants = {s.name: find_invariants(s, image, starts) for s in parsed.sandboxes}
        claims = Certificate(image.sha256(), hashlib.sha256(policy).hexdigest(), invariants)
        return check(elf, policy, claims, self._store), claims


@dataclass
class Tally:
    """`accepted` functions ran `runs` times; `damaged` of them had been mutated. `caught`: of `tried`
    rejected ones, those that escape. `given_up`: programs of which no part was accepted."""

    made: int = 0
    accepted: int = 0
    damaged: int = 0
    runs: int = 0
    instructions: int = 0
    tried: int = 0
    caught: int = 0
    given_up: int = 0
    escaped: list[str] = field(default_factory=list)
    rules: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    idioms: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def text(self) -> str:
        return (
            f"{self.made} functions made, {self.accepted} accepted ({self.damaged} of them mutated), {self.runs} runs, "
            f"{self.instructions} instructions, {len(self.escaped)} escaped; of {self.tried} rejected ones run, "
            f"{self.caught} escaped\nrejected for: {_counts(self.rules)}\nruns ended: {_counts(self.ended)}\n"
            f"accepted with: {_counts(self.idioms)}"
        )


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counter.most_common())


def accepted_part(program: Program, verifier: Verifier, tally: Tally) -> tuple[Program, Certificate, set[int]] | None:
    """The program with what is rejected replaced by stubs, its certificate, and the numbers of the stubs."""
    stubs: set[int] = set()
    for _ in range(ROUNDS):
        report, claims = verifier((part := program.without(stubs)).elf(), part.policy())
        if report.accepted:
            return part, claims, stubs
        bad = {n for f in report.failures if f.address is not None and (n := program.at(f.address)) is not None}
        tally.rules.update({f.rule for f in report.failures})
        if bad <= stubs:  # something jumps into what is a stub now
            bad = {n for n, f in enumerate(program.functions) if f.changes}
        stubs |= bad
    tally.given_up += 1
    return None


def run_program(program: Program, verifier: Verifier, runs: int, seed: int, tally: Tally) -> None:
    """Verify, run what is accepted, and run some of what is not: the monitor must be able to see escapes."""
    tally.made += len(program.functions)
    found = accepted_part(program, verifier, tally)
    if found is None:
        return
    part, claims, stubs = found
    monitor = Monitor(part.elf(), part.policy(), functions=set(claims.sandboxes["box"].functions))
    for i, function in enumerate(part.functions):
        if i in stubs:
            continue
        tally.accepted += 1
        tally.damaged += bool(function.changes)
        tally.idioms.update(set(function.idioms))
        for n in range(runs):
            result = monitor.run(function.start, seed + n, limit=LIMIT)
            tally.runs += 1
            tally.instructions += result.instructions
            tally.ended[result.ended.split(":")[0] or "escape"] += 1
            if result.escapes:
                tally.escaped.append(
                    f"{result.escapes[0]}; seed {seed + n}, entry {function.start:#x}, {function.code.hex()}"
                )
    if stubs and seed % 4 == 0:
        _run_rejected(program, min(stubs), runs, seed, tally)


def _run_rejected(program: Program, number: int, runs: int, seed: int, tally: Tally) -> None:
    tally.tried += 1
    monitor = Monitor(program.elf(), program.policy(), functions={f.start for f in program.functions})
    start = program.functions[number].start
    tally.caught += any(monitor.run(start, seed + n, limit=LIMIT).escapes for n in range(runs))


def session(library: Library, seed: int, programs: int, runs: int, words: bool = False) -> Tally:
    """`programs` programs, the same for the same seed."""
    tally = Tally()
    with Verifier() as verifier:
        for number in range(programs):
            composer = Composer(library, random.Random(f"{seed}/{number}"), words=words)
            run_program(composer.program(FUNCTIONS), verifier, runs, number, tally)
    return tally


def _share(arguments: tuple[int, int, int, bool]) -> Tally:
    with tempfile.TemporaryDirectory() as folder:
        return session(assemble_idioms(Path(folder), words=arguments[3]), *arguments)


def main() -> int:
    """Fuzz until enough functions were accepted; exit 1 if one escapes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--accepted", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    total, began, block = Tally(), time.monotonic(), 0
    print(f"seed {options.seed}", flush=True)
    # A fresh process for each share: hash-consed terms are never forgotten.
    while total.accepted < options.accepted and time.monotonic() - began < options.minutes * 60 and not total.escaped:
        with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
            shares = [(options.seed * 1_000_000 + n, 100, options.runs, n % 4 == 3) for n in range(block, block + options.jobs)]
            block += options.jobs
            for tally in pool.map(_share, shares):
                total.add(tally)
        print(f"{time.monotonic() - began:.0f} s: {total.text().splitlines()[0]}", flush=True)
    print(total.text())
    for text in total.escaped:
        print("ESCAPED", text)
    return 1 if total.escaped or not total.caught else 0


if __name__ == "__main__":
    sys.exit(main())
