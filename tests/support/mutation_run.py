"""Mutation of certified code, as `make mutation` and the tests run it: what was killed, and any escape of an accepted mutant.

Each mutant is verified anew (the prover may find new invariants). What is accepted again runs from random states under
the monitor of support.monitor: an accepted mutant that escapes is a bug of the verifier.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ringfence.verify.kernel.proof import Certificate
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.recheck import recheck, write_certificate
from support.acceptance import Verifier
from support.monitor import Monitor
from support.mutate import Line, Patch, entries_changed, file_offset, lines, patches, retargeted
from support.mutate_policy import PolicyMutant, policy_mutants
from support.mutation_programs import SOURCES, Certified, certify, program

LIMIT = 1500


@dataclass
class Tally:
    """What became of the mutants, by kind: killed (rejected), or accepted and run; `escaped` must stay empty."""

    made: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    escaped: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def text(self) -> str:
        width = max(map(len, self.made), default=0)
        table = [f"{'kind':{width}}    made  killed accepted and harmless"]
        for kind, made in sorted(self.made.items()):
            table.append(f"{kind:{width}} {made:7} {self.killed[kind]:7} {made - self.killed[kind]:8}")
        made, killed = self.made.total(), self.killed.total()
        rules = ", ".join(f"{rule} {n}" for rule, n in self.rules.most_common())
        return "\n".join([
            *table, f"killed by rule: {rules}",
            f"mutants: {made} made, {killed} killed, {made - killed - len(self.escaped)} accepted and harmless "
            f"({self.runs} runs), {len(self.escaped)} escaped",
        ])  # fmt: skip


class Campaign:
    """Mutants of one certified image; `runs` executions of each entry for what is accepted."""

    def __init__(self, target: Certified, verifier: Verifier, runs: int, tally: Tally) -> None:
        self.target = target
        self.verifier = verifier
        self.runs = runs
        self.tally = tally

    def patch(self, patch: Patch) -> None:
        self._judge(patch.kind, str(patch), patch.apply(self.target.elf), self.target.policy)

    def policy(self, mutant: PolicyMutant) -> None:
        """A changed policy: never with the old certificate, never if it contradicts itself."""
        kind = mutant.kind
        try:
            recheck(self.target.elf, mutant.policy, write_certificate(self.target.certificate))
            self.tally.escaped.append(
                f"{self.target.name}: {mutant.what}: accepted with the certificate of another policy"
            )
        except Rejected as rejected:
            if mutant.contradicts and rejected.rule not in ("policy", "placement"):
                self.tally.escaped.append(f"{self.target.name}: {mutant.what}: only refused for {rejected}")
        self._judge(kind, mutant.what, self.target.elf, mutant.policy)

    def _judge(self, kind: str, what: str, elf: bytes, policy: bytes) -> None:
        self.tally.made[kind] += 1
        try:
            report, claims = self.verifier(elf, policy)
        except Rejected as rejected:
            self.tally.killed[kind] += 1
            self.tally.rules[rejected.rule] += 1
            return
        if not report.accepted:
            self.tally.killed[kind] += 1
            self.tally.rules.update({f.rule for f in report.failures})
            return
        for escape in self._escapes(elf, policy, claims):
            self.tally.escaped.append(f"{self.target.name}: {what}: {escape}")
            return

    def _escapes(self, elf: bytes, policy: bytes, claims: Certificate) -> Iterator[str]:
        functions = {f for proof in claims.sandboxes.values() for f in proof.functions}
        monitor = Monitor(elf, policy, functions=functions)
        for entry in json.loads(policy)["sandboxes"][0]["entries"]:
            for seed in range(self.runs):
                self.tally.runs += 1
                yield from monitor.run(int(entry["address"], 16) & ~1, seed, limit=LIMIT).escapes


class Anatomy:
    """Where the parts of a certified image are that mutation aims at."""

    def __init__(self, target: Certified, end: int | None = None) -> None:
        """`end`: where the code ends; by default where only padding follows."""
        box = json.loads(target.policy)["sandboxes"][0]
        self.elf = target.elf
        self.start = int(box["code"]["start"], 16)
        self.slots = range(int(box["slots"]["start"], 16), int(box["slots"]["end"], 16), 4)
        code = self.read(self.start, self.slots.start - self.start)
        if end is None:
            end = self.start + len(code.rstrip(code[-1:]) if code[-2:-1] == code[-1:] else _without_tail(code))
        self.end = end
        self.code: list[Line] = lines(code[: end - self.start], self.start)
        self.functions = [f for p in target.certificate.sandboxes.values() for f in p.functions.values()]
        self.tables = {at: t for f in self.functions for at, n in f.tables.items() if (t := self._table(at, n))}

    def read(self, address: int, size: int) -> bytes:
        at = file_offset(self.elf, address)
        return self.elf[at : at + size]

    def _table(self, at: int, count: int) -> tuple[int, int, int] | None:
        """(base, entry size, entries) of a TBB or TBH with PC as base; LDR PC has its base elsewhere."""
        first, second = (int.from_bytes(self.read(at + i, 2), "little") for i in (0, 2))
        return (at + 4, 1 + (second >> 4 & 1), count) if first == 0xE8DF else None

    def entries(self) -> Iterator[Patch]:
        """Slots and table entries changed; slots to every function, and into the middle of some."""
        targets = sorted({f.entry for f in self.functions} | {f.entry + 2 for f in self.functions} | {0, 0x100, 0x400})
        return entries_changed(self.read, self.slots, self.tables, targets)

    def every_branch(self) -> Iterator[Patch]:
        """Each branch to every halfword of the code, and of the pointer table."""
        yield from retargeted(
            self.code, [*range(self.start, self.end, 2), *range(self.slots.start, self.slots.stop, 2)]
        )


def _without_tail(code: bytes) -> bytes:
    """Without the halfword that fills the end."""
    while len(code) > 2 and code[-2:] == code[-4:-2]:
        code = code[:-2]
    return code


def sample(items: Iterable[Patch], rng: random.Random, count: int | None) -> list[Patch]:
    """`count` of the items, or all."""
    found = list(items)
    return found if count is None or count >= len(found) else rng.sample(found, count)


def mutate(
    target: Certified, seed: int, count: int, runs: int, exhaustive: int | None, tally: Tally, verifier: Verifier,
    end: int | None = None, tick: Callable[[], None] = lambda: None,
) -> None:  # fmt: skip
    """`count` random mutants, at most `exhaustive` (None: all) of the enumerated ones each, and all changed policies."""
    rng, anatomy = random.Random(seed), Anatomy(target, end)
    campaign = Campaign(target, verifier, runs, tally)
    enumerated = (sample(anatomy.every_branch(), rng, exhaustive), sample(anatomy.entries(), rng, exhaustive))
    for patch in itertools.chain(patches(anatomy.code, rng, count), *enumerated):
        campaign.patch(patch)
        tick()
    for mutant in policy_mutants(target.policy):
        campaign.policy(mutant)


def main() -> int:
    """Mutate small certified programs and, if given, a whole firmware; exit 1 if an accepted mutant escapes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("elf", nargs="?")
    parser.add_argument("--policy")
    parser.add_argument("--map", help="address map: where the rewritten code ends")
    parser.add_argument("--count", type=int, default=1000, help="random mutants of each program")
    parser.add_argument("--firmware-count", type=int, default=200, help="random mutants of the firmware")
    parser.add_argument("--exhaustive", type=int, help="at most so many retargeted branches of each (default: all)")
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    total = Tally()
    for name, level in itertools.product(SOURCES, ("-O2", "-O0")):
        began, tally = time.monotonic(), Tally()
        with Verifier() as verifier:
            mutate(program(name, level), options.seed, options.count, options.runs, options.exhaustive, tally, verifier)
        total.add(tally)
        print(f"{name} {level}: {tally.made.total()} mutants in {time.monotonic() - began:.0f} s", flush=True)
        print(total.text(), flush=True)
    if options.elf:
        firmware = certify(options.elf, Path(options.elf).read_bytes(), Path(options.policy).read_bytes())
        end = max(new for new, _ in json.loads(Path(options.map).read_text())) + 2 if options.map else None
        with Verifier() as verifier:
            mutate(firmware, options.seed, options.firmware_count, options.runs, 50, total, verifier, end)
    for escaped in total.escaped:
        print("ESCAPED", escaped)
    print(total.text())
    return 1 if total.escaped or not total.killed else 0


if __name__ == "__main__":
    sys.exit(main())
