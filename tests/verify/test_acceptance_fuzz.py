"""Random code that the verifier accepts is run from random states, and the monitor sees no escape.

RINGFENCE_FUZZ_SEQUENCES, RINGFENCE_FUZZ_RUNS and RINGFENCE_FUZZ_SEED (`make fuzz`) make it longer or different.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from ringfence.verify.kernel.image import read_image
from ringfence.verify.kernel.isa.decode import Refused, decode
from ringfence.verify.recheck import Outcome
from ringfence.verify.verifier import verify
from support.corpus import CODE
from support.monitor import Monitor
from support.random_code import Generator, vocabulary

SEQUENCES = int(os.environ.get("RINGFENCE_FUZZ_SEQUENCES", "400"))
RUNS = int(os.environ.get("RINGFENCE_FUZZ_RUNS", "12"))
SEED = int(os.environ.get("RINGFENCE_FUZZ_SEED", "1"))


def listing(elf: bytes) -> str:
    """The code of the program, for the message of a failure."""
    image, at, lines = read_image(elf), CODE, []
    while (code := image.read(at, 4)) is not None and code[:2] != b"\xf0\xde" and at < CODE + 0x400:
        try:
            size, name = decode(code, 0).size, decode(code, 0).name
        except Refused:
            size, name = 2, "?"
        lines.append(f"{at:#x} {code[:size].hex()} {name}")
        at += size
    return "\n".join(lines)


def escapes(elf: bytes, policy: bytes, outcome: Outcome, runs: int) -> tuple[list[str], Counter[str]]:
    """What goes wrong in `runs` executions, and how they ended."""
    assert outcome.certificate is not None
    monitor = Monitor(elf, policy, functions=set(outcome.certificate.sandboxes["box"].functions))
    ended: Counter[str] = Counter()
    for seed in range(runs):
        result = monitor.run(CODE, seed, limit=400)
        ended[result.ended.split(":")[0]] += 1
        if result.escapes:
            return result.escapes, ended
    return [], ended


def test_no_accepted_random_code_escapes(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for elf, policy in Generator(vocabulary(tmp_path), SEED).programs(SEQUENCES):
        outcome = verify(elf, policy)
        if not outcome.report.accepted:
            counts["rejected"] += 1
            counts.update("rejected for " + f.rule for f in outcome.report.failures[:1])
            continue
        counts["accepted"] += 1
        found, ended = escapes(elf, policy, outcome, RUNS)
        ends += ended
        assert not found, f"{found}\n{listing(elf)}"
    print(dict(counts), dict(ends))
    assert counts["accepted"] > SEQUENCES // 10, counts
    assert counts["rejected"] > SEQUENCES // 10, counts
    assert ends["returned"] > sum(ends.values()) // 10, ends
