"""Mutation of certified code, as `make mutation` and the tests run it: kill counts, and any escape of an accepted mutant."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.verifier import verify
from support.monitor import Monitor
from support.mutate import Mutant, mutants


@dataclass
class Tally:
    """What became of the mutants: `killed` were rejected; of the accepted ones `harmless` never escaped."""

    made: int = 0
    killed: int = 0
    harmless: int = 0
    escaped: list[str] = field(default_factory=list)
    rules: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.made += other.made
        self.killed += other.killed
        self.harmless += other.harmless
        self.escaped += other.escaped
        self.rules += other.rules


def escapes(elf: bytes, policy: bytes, entries: Iterable[int], runs: int, limit: int = 4000) -> list[str]:
    """What goes wrong in `runs` executions of each entry from random states."""
    monitor = Monitor(elf, policy)
    return [e for entry in entries for seed in range(runs) for e in monitor.run(entry, seed, limit=limit).escapes]


def judge(mutant: Mutant, policy: bytes, entries: list[int], runs: int, cache: Path | None, tally: Tally) -> None:
    """Verify one mutant; run it if it is still accepted."""
    tally.made += 1
    try:
        report = verify(mutant.elf, policy, cache).report
    except Rejected as rejected:
        tally.killed += 1
        tally.rules[rejected.rule] += 1
        return
    if not report.accepted:
        tally.killed += 1
        tally.rules.update({f.rule for f in report.failures})
        return
    found = escapes(mutant.elf, policy, entries, runs)
    if found:
        tally.escaped.append(f"{mutant.what}: {found[0]}")
    else:
        tally.harmless += 1


def mutate_image(
    elf: bytes, policy: bytes, seed: int, count: int, runs: int, cache: Path | None = None, end: int | None = None
) -> Tally:
    """`count` mutants of the first sandbox's code, up to `end` (default: all but the pointer table)."""
    box = json.loads(policy)["sandboxes"][0]
    entries = [int(e["address"], 16) & ~1 for e in box["entries"]]
    start, stop = int(box["code"]["start"], 16), end or int(box["slots"]["start"], 16)
    tally = Tally()
    for mutant in mutants(elf, start, stop, seed, count):
        judge(mutant, policy, entries, runs, cache, tally)
    return tally


def _share(arguments: tuple[str, str, int, int, int, str, int]) -> Tally:
    elf, policy, seed, count, runs, cache, end = arguments
    return mutate_image(Path(elf).read_bytes(), Path(policy).read_bytes(), seed, count, runs, Path(cache), end)


def main() -> int:
    """Mutate a certified image on all cores; exit 1 if an accepted mutant escapes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("elf")
    parser.add_argument("--policy", required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--map", help="address map: where the rewritten code ends")
    parser.add_argument("--cache", default="build/mutation.sqlite")
    options = parser.parse_args()
    end = 0
    if options.map:
        end = max(new for new, _ in json.loads(Path(options.map).read_text())) + 2
    cores = os.cpu_count() or 1
    jobs = 8 * cores
    shares = [
        (
            options.elf,
            options.policy,
            options.seed * 1000 + i,
            -(-options.count // jobs),
            options.runs,
            options.cache,
            end,
        )
        for i in range(jobs)
    ]
    total = Tally()
    with ProcessPoolExecutor(cores) as pool:
        for tally in pool.map(_share, shares):
            total.add(tally)
    for escaped in total.escaped:
        print("ESCAPED", escaped)
    print("killed by rule:", ", ".join(f"{rule} {n}" for rule, n in total.rules.most_common()))
    print(f"mutants: {total.made} made, {total.killed} killed, {total.harmless} accepted and harmless, ", end="")
    print(f"{len(total.escaped)} escaped")
    return 1 if total.escaped or not total.killed else 0


if __name__ == "__main__":
    sys.exit(main())
