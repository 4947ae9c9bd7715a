"""Random code that the verifier accepts is run from random states, and the monitor sees no escape.

Two generators: functions composed of proved idioms and then damaged (support.compose; `make fuzz` runs 100,000 accepted
ones), and functions of random instructions (support.random_code). The seeds are fixed here.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.verify.kernel.check import Report
from ringfence.verify.kernel.image import read_image
from ringfence.verify.kernel.isa.decode import Refused, decode
from ringfence.verify.kernel.proof import Certificate
from support.acceptance import Tally, Verifier, run_program, session
from support.compose import Composer
from support.corpus import CODE
from support.idioms import Library, assemble_idioms
from support.monitor import Monitor
from support.random_code import Generator, vocabulary

PROGRAMS, SEQUENCES, RUNS = 25, 250, 6


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier() as found:
        yield found


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return assemble_idioms(tmp_path_factory.mktemp("idioms"))


def test_no_accepted_composed_function_escapes(library: Library) -> None:
    tally = session(library, 1, PROGRAMS, 3)
    assert not tally.escaped, tally.escaped
    assert tally.accepted > tally.made // 3, tally.text()
    assert tally.damaged > tally.accepted // 10, tally.text()
    assert tally.ended["returned"] > tally.runs // 3, tally.text()
    assert tally.given_up == 0, tally.text()
    assert tally.caught > 0, tally.text()  # of the rejected ones, some do escape: the monitor is not blind
    assert set(library.idioms) <= set(tally.idioms), tally.text()


def test_no_accepted_composed_function_with_words_escapes(tmp_path: Path) -> None:
    """Each rank has a word for return addresses, instead of a shadow stack."""
    tally = session(assemble_idioms(tmp_path, words=True), 2, PROGRAMS // 2, 3, words=True)
    assert not tally.escaped, tally.escaped
    assert tally.accepted > tally.made // 3, tally.text()
    assert tally.damaged > tally.accepted // 10, tally.text()
    assert tally.idioms["frame"] > tally.accepted // 5 and tally.idioms["dynamic"] > 0, tally.text()
    assert {"store", "return", "tail-call"} <= set(tally.rules), tally.text()


@given(st.randoms(use_true_random=False), st.floats(0, 1))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_accepted_function_that_hypothesis_composes_escapes(
    library: Library, verifier: Verifier, rng: random.Random, damage: float
) -> None:
    tally = Tally()
    run_program(Composer(library, rng, damage).program(3), verifier, 3, 1, tally)
    assert not tally.escaped, tally.escaped


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


def escapes(elf: bytes, policy: bytes, claims: Certificate) -> tuple[list[str], Counter[str]]:
    """What goes wrong in RUNS executions, and how they ended."""
    monitor = Monitor(elf, policy, functions=set(claims.sandboxes["box"].functions))
    ended: Counter[str] = Counter()
    for seed in range(RUNS):
        result = monitor.run(CODE, seed, limit=400)
        ended[result.ended.split(":")[0]] += 1
        if result.escapes:
            return result.escapes, ended
    return [], ended


def test_no_accepted_random_code_escapes(tmp_path: Path, verifier: Verifier) -> None:
    counts: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for elf, policy in Generator(vocabulary(tmp_path), 1).programs(SEQUENCES):
        report, claims = verifier(elf, policy)
        if not report.accepted:
            counts["rejected"] += 1
            continue
        counts["accepted"] += 1
        found, ended = escapes(elf, policy, claims)
        ends += ended
        assert not found, f"{found}\n{listing(elf)}"
    assert counts["accepted"] > SEQUENCES // 20, counts
    assert counts["rejected"] > SEQUENCES // 10, counts
    assert ends["returned"] > sum(ends.values()) // 10, ends


def test_fuzzing_finds_an_unsound_verifier(library: Library) -> None:
    """A verifier that does not mind stores is caught within a few programs: the whole chain can fail."""

    class Careless(Verifier):
        def __call__(self, elf: bytes, policy: bytes) -> tuple[Report, Certificate]:
            report, claims = super().__call__(elf, policy)
            report.failures = [f for f in report.failures if f.rule != "store"]
            report.accepted = not report.failures
            return report, claims

    tally = Tally()
    with Careless() as careless:
        for number in range(40):
            composer = Composer(library, random.Random(f"careless {number}"))
            run_program(composer.program(8), careless, 4, number, tally)
            if tally.escaped:
                return
    raise AssertionError("no escape was seen")
