"""What is claimed of a pointer that is forced before a loop and called in it: too much, too little, and nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ringfence.verify.kernel.proof import Fact, Function
from ringfence.verify.verifier import verify
from support.corpus import CODE, SLOTS, read_corpus
from support.judge import judge

CASES = {case.name: case for case in read_corpus(Path(__file__).parents[1] / "corpus")}
LOOP, CALL, BACK = CODE + 26, CODE + 28, CODE + 32
TRUE = Fact(6, "0", SLOTS + 1, 60, 4)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Mapping[int, Function]]:
    case = CASES["pointers/forced_before_a_loop"]
    elf = case.build(tmp_path_factory.mktemp("pointers"))
    certificate = verify(elf, case.policy()).certificate
    assert certificate is not None
    functions = certificate.sandboxes["box"].functions
    assert TRUE in functions[CODE].blocks[LOOP].facts
    return elf, functions


def claiming(functions: Mapping[int, Function], fact: Fact | None) -> dict[int, Function]:
    """The claims with another one, or none, in the place of the pointer's."""
    f = functions[CODE]
    facts = tuple(fact if known == TRUE else known for known in f.blocks[LOOP].facts)
    block = replace(f.blocks[LOOP], facts=tuple(known for known in facts if known is not None))
    return {**functions, CODE: replace(f, blocks={**f.blocks, LOOP: block})}


CLAIMS: dict[str, tuple[Fact | None, set[tuple[str, int]]]] = {
    "the truth": (TRUE, set()),
    "nothing": (None, {("call", CALL)}),
    "a slot too many": (replace(TRUE, width=64), {("call", CALL)}),
    "a slot too many before the table": (replace(TRUE, low=SLOTS - 3, width=64), {("call", CALL)}),
    "steps of a halfword": (replace(TRUE, step=2), {("call", CALL)}),
    "no steps": (replace(TRUE, step=1), {("call", CALL)}),
    "larger steps than there are": (replace(TRUE, step=8), {("invariant", LOOP)}),
    "fewer slots than there are": (replace(TRUE, width=56), {("invariant", LOOP)}),
    "without Thumb bit": (replace(TRUE, low=SLOTS), {("invariant", LOOP)}),
    "one slot": (replace(TRUE, width=0, step=1), {("invariant", LOOP)}),
    "of another register": (replace(TRUE, register=5), {("invariant", LOOP), ("invariant", BACK), ("call", CALL)}),
    "measured from s": (replace(TRUE, base="s"), {("invariant", LOOP), ("call", CALL)}),
}  # fmt: skip


@pytest.mark.parametrize("what", CLAIMS)
def test_claims_about_the_pointer(what: str, built: tuple[bytes, Mapping[int, Function]]) -> None:
    elf, functions = built
    fact, wrong = CLAIMS[what]
    assert {(f.rule, f.address) for f in judge(elf, claiming(functions, fact)).failures} == wrong


@pytest.mark.parametrize("slot", [SLOTS, SLOTS + 4, SLOTS + 60])
def test_a_slot_that_is_not_said_to_keep_it(slot: int, built: tuple[bytes, Mapping[int, Function]]) -> None:
    elf, functions = built
    claims = {**functions, CODE: replace(functions[CODE], keeps=()), slot: replace(functions[slot], keeps=())}
    assert {(f.rule, f.address) for f in judge(elf, claims).failures} == {("invariant", BACK)}
