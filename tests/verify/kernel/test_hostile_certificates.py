"""Certificates made by hand to get unsafe code accepted: whatever they claim, the kernel replays it and refuses."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from ringfence.verify.kernel.check import check
from ringfence.verify.kernel.image import read_image
from ringfence.verify.kernel.proof import Certificate, Fact, Function, Invariant, SandboxProof
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.recheck import read_certificate
from support.corpus import CODE, CODE_END
from support.judge import POLICY_BYTES, RA, entry, image, judge

RETURN = 0x4770
STORE = 0x6008  # str r0, [r1]
TRAP = 0xDEF0
WINDOW = Fact(1, "0", 0x20020000)


def test_honest_claims_are_accepted() -> None:
    assert judge(image(RETURN), {CODE: entry()}).accepted
    with_block = entry(blocks={CODE + 2: Invariant(0, False, 0, RA)})
    assert judge(image(0xBF00, RETURN), {CODE: with_block}).accepted


UNSAFE: dict[str, tuple[tuple[int, ...], Function]] = {
    "a fact from nowhere": (
        (0xBF00, STORE, RETURN),
        entry(blocks={CODE + 2: Invariant(0, False, 0, (*RA, WINDOW))}),
    ),
    "two facts from nowhere that contradict each other": (
        (0xBF00, STORE, TRAP),
        entry(blocks={CODE + 2: Invariant(0, False, 0, (*RA, Fact(0, "0", 1), Fact(0, "0", 2)))}),
    ),
    "a return address that is not exactly one": (  # true of LR where it comes from, false of a term that is not RA
        (0xBF00, STORE, TRAP),
        entry(blocks={CODE + 2: Invariant(0, False, 0, (Fact(14, "ra", 0, 1),))}),
    ),
    "a return address with a step": (
        (0xBF00, STORE, TRAP),
        entry(blocks={CODE + 2: Invariant(0, False, 0, (Fact(14, "ra", 0, 0xFFFFFFFF, 4),))}),
    ),
    "a return address that is a number, too": (  # movw r3, #1; cmp lr, r3; bne out; (block) str r0, [r1]; out: bx lr
        (0xF240, 0x0301, 0x459E, 0xD100, STORE, RETURN),
        entry(
            blocks={CODE + 8: Invariant(0, False, 0, (*RA, Fact(14, "0", 1))), CODE + 10: Invariant(0, False, 0, RA)}
        ),
    ),
    "a return address that is SP, too": (
        (0xBF00, STORE, TRAP),
        entry(blocks={CODE + 2: Invariant(0, False, 0, (*RA, Fact(14, "s")))}),
    ),
    "a register measured from one that changes": (  # movw r2, #0; movt r2, #0x2002; mov r1, r2; adds r2, #8 ... (block) str
        (0xF240, 0x0200, 0xF2C2, 0x0202, 0x4611, 0xBF00, STORE, TRAP),
        entry(blocks={CODE + 12: Invariant(0, False, 0, (*RA, Fact(1, "r2")))}),
    ),
    "registers measured from each other": (
        (0xBF00, STORE, TRAP),
        entry(blocks={CODE + 2: Invariant(0, False, 0, (*RA, Fact(1, "r2"), Fact(2, "r1", 4)))}),
    ),
    "a range that wraps": (  # uxth r1, r1: 0 to 0xffff, said to be 0x20020000 and less than 2^32 - 1 more
        (0xB289, STORE, TRAP),
        entry(blocks={CODE + 2: Invariant(0, False, 0, (*RA, Fact(1, "0", 0x20020000, 0xFFFF)))}),
    ),
    "a step that is not there": (  # adds r1, #1; (block): r1 a multiple of 4
        (0x3101, RETURN),
        entry(blocks={CODE + 2: Invariant(0, False, 0, (*RA, Fact(1, "0", 0, 0xFFFFFFFF, 4)))}),
    ),
    "a scale that is not there": (
        (0x1C11, RETURN),  # adds r1, r2, #0; (block): r1 = 4 * r2
        entry(blocks={CODE + 2: Invariant(0, False, 0, (*RA, Fact(1, "r2", 0, 0, 1, 4)))}),
    ),
    "LR that is not the return address": (  # mov lr, r0; (block) bx lr
        (0x4686, RETURN),
        entry(blocks={CODE + 2: Invariant(0, False, 0, RA)}),
    ),
    "a saved return address that is not": (
        (0xBF00, RETURN),
        entry(blocks={CODE + 2: Invariant(0, True, 0, RA)}),
    ),
    "another depth": ((0xBF00, 0xB001, RETURN), entry(8, blocks={CODE + 2: Invariant(4, False, 8, RA)})),
    "a depth below nothing": ((0xBF00, RETURN), entry(blocks={CODE + 2: Invariant(0xFFFFFFFC, False, 0xFFFFFFFC, RA)})),
    "more stack than the need": (
        (0xBF00, 0xB081, 0xB001, RETURN),
        entry(blocks={CODE + 2: Invariant(0, False, 4, RA)}),
    ),
    "more stack than there is": (
        (0xBF00, 0xB081, 0xB001, RETURN),
        entry(blocks={CODE + 2: Invariant(0, False, 0xFFFFFF00, RA)}),
    ),
    "a need larger than the stack": ((RETURN,), entry(need=0xFFFFFFFC)),
    "a need that leaves no room for an interrupt": ((RETURN,), entry(need=0xD00)),
    "a need of nothing for code that pushes": ((0xB401, 0xBC01, RETURN), entry()),
    "a block outside the code": ((RETURN,), entry(blocks={0x400: Invariant(0, False, 0, RA)})),
    "a block in the data of the host": (
        (0xF000 - 0x1000 | 0xE000, RETURN),
        entry(blocks={0xFFFFFFFE: Invariant(0, False, 0)}),
    ),
    "a block at an odd address": ((RETURN,), entry(blocks={CODE + 1: Invariant(0, False, 0, RA)})),
    "a block in the middle of an instruction": (  # movw r0, #0x608, whose second half is a store
        (0xF240, STORE, RETURN),
        entry(blocks={CODE + 2: Invariant(0, False, 0, RA)}),
    ),
    "a table longer than its bound": (  # cmp r0, #2; bhs out; tbb [pc, r0]; .byte 1, 1; bx lr
        (0x2802, 0xD202, 0xE8DF, 0xF000, 0x0101, RETURN),
        entry(blocks={CODE + 10: Invariant(0, False, 0, RA)}, tables={CODE + 4: 1}),
    ),
    "a table without end": (
        (0xE8DF, 0xF000, 0x0101, RETURN),
        entry(blocks={CODE + 6: Invariant(0, False, 0, RA)}, tables={CODE: 0xFFFFFFFF}),
    ),
    "a table of nothing": ((0xE8DF, 0xF000, 0x0101, RETURN), entry(tables={CODE: 0})),
}


@pytest.mark.parametrize("what", UNSAFE)
def test_refused(what: str) -> None:
    code, function = UNSAFE[what]
    report = judge(image(*code), {CODE: function})
    assert not report.accepted
    assert report.failures


INDEXED_STORE = (
    0xF240,
    0x0300,
    0xF2C2,
    0x0302,
    0xF843,
    0x0021,
)  # movw r3, #0; movt r3, #0x2002; str r0, [r3, r1, lsl #2]


@pytest.mark.parametrize("conditional", [0x3201, RETURN], ids=["adds r2, #1", "bx lr"])
@pytest.mark.parametrize("condition", [2, 3], ids=["hs", "lo"])
def test_the_condition_of_an_it_block_is_no_fact_for_what_follows(conditional: int, condition: int) -> None:
    """cmp r1, #16; it C; (conditional); a block that claims r1 < 16."""
    block = {CODE + 6: Invariant(0, False, 0, (*RA, Fact(1, "0", 0, 15)))}
    code = image(0x2910, 0xBF08 | condition << 4, conditional, *INDEXED_STORE, RETURN)
    report = judge(code, {CODE: entry(blocks=block)})
    if conditional == RETURN and condition == 2:  # who has not returned has r1 < 16
        assert report.accepted
    else:
        assert {(f.rule, f.address) for f in report.failures} == {("invariant", CODE + 6)}


def test_functions_that_need_each_other_cannot_lend_each_other_stack() -> None:
    """push {r4, lr}; bl self: a need that contains itself does not exist."""
    for need in (0, 8, 16, 0xC00):
        report = judge(image(0xB510, 0xF7FF, 0xFFFD, 0xDEF0), {CODE: entry(need)})
        assert "stack" in {f.rule for f in report.failures}


@pytest.mark.parametrize("address", [CODE + 1, 0x400, CODE_END, 0xFFFFFFFE], ids=hex)
def test_a_function_that_is_no_code_is_refused(address: int) -> None:
    report = judge(image(RETURN), {CODE: entry(), address: Function(address, 0, {}, {})})
    assert {(f.rule, f.address) for f in report.failures} == {("code", address)}


def test_a_function_under_another_address_is_refused() -> None:
    """Objects are not parsed: the need of what is called must be that of what is executed."""
    report = judge(image(RETURN, STORE), {CODE: Function(CODE, 0, {}, {}), CODE + 2: Function(CODE, 0, {}, {})})
    assert {(f.rule, f.address) for f in report.failures} == {("certificate", CODE + 2)}


RELATED: dict[str, tuple[tuple[int, ...], tuple[Fact, ...], int]] = {  # true claims of each form, at a block
    "equal registers": ((0x0011, 0xBF00, RETURN), (Fact(1, "r2"),), 2),  # movs r1, r2
    "scaled": ((0x0091, 0xBF00, RETURN), (Fact(1, "r2", 0, 0, 1, 4),), 2),  # lsls r1, r2, #2
    "negated": ((0x4251, 0xBF00, RETURN), (Fact(1, "r2", 0, 0, 1, -1),), 2),  # negs r1, r2
    "stepped": ((0x0091, 0xBF00, RETURN), (Fact(1, "0", 0, 0xFFFFFFFC, 4),), 2),
    "a number and a distance": ((0x2105, 0x2203, 0xBF00, RETURN), (Fact(1, "0", 5), Fact(1, "r2", 2)), 4),
}


@pytest.mark.parametrize("what", RELATED)
def test_true_claims_of_every_form_are_accepted(what: str) -> None:
    code, facts, at = RELATED[what]
    assert judge(image(*code), {CODE: entry(blocks={CODE + at: Invariant(0, False, 0, (*RA, *facts))})}).accepted


def test_what_is_left_out_is_missed() -> None:
    elf = image(RETURN)
    assert {f.rule for f in judge(elf, {}).failures} == {"entry"}
    claims = Certificate(read_image(elf).sha256(), hashlib.sha256(POLICY_BYTES).hexdigest(), {})
    assert {f.rule for f in check(elf, POLICY_BYTES, claims).failures} == {"certificate"}
    alone = replace(claims, sandboxes={"box": SandboxProof({CODE: entry()})})
    assert {f.rule for f in check(elf, POLICY_BYTES, alone).failures} == {"slots"}


def _change(*path: str | int) -> Callable[[dict[str, object], object], None]:
    def change(certificate: dict[str, object], value: object) -> None:
        target: object = certificate
        for key in path[:-1]:
            target = target[key]  # type: ignore[index]
        target[path[-1]] = value  # type: ignore[index]

    return change


BLOCK = ("sandboxes", "box", 0, "blocks", 0)
MALFORMED: list[tuple[Callable[[dict[str, object], object], None], object]] = [
    (_change(*BLOCK, 4), [[13, "0", 0, 0, 1, 1]]),  # SP is not a register with facts
    (_change(*BLOCK, 4), [[15, "0", 0, 0, 1, 1]]),
    (_change(*BLOCK, 4), [[-1, "0", 0, 0, 1, 1]]),
    (_change(*BLOCK, 4), [[1, "0", -1, 0, 1, 1]]),
    (_change(*BLOCK, 4), [[1, "0", 0, 1 << 32, 1, 1]]),
    (_change(*BLOCK, 4), [[1, "anything", 0, 0, 1, 1]]),
    (_change(*BLOCK, 4), [[1, "r1", 0, 0, 1, 1]]),
    (_change(*BLOCK, 4), [[1, "r13", 0, 0, 1, 1]]),
    (_change(*BLOCK, 4), [[1, "r15", 0, 0, 1, 1]]),
    (_change(*BLOCK, 4), [[1, "0", 0, 9, 3, 1]]),
    (_change(*BLOCK, 4), [[1, "0", 0, 9, 0, 1]]),
    (_change(*BLOCK, 4), [[1, "0", 0, 9, 1 << 32, 1]]),
    (_change(*BLOCK, 4), [[1, "r2", 0, 9, 1, 0]]),
    (_change(*BLOCK, 4), [[1, "r2", 0, 9, 1, 3]]),
    (_change(*BLOCK, 4), [[1, "r2", 0, 9, 1, -(1 << 32)]]),
    (_change(*BLOCK, 4), [[1, "0", 0, 0, True, 1]]),
    (_change(*BLOCK, 4), [[1, "0", 0, 0, 1]]),
    (_change(*BLOCK, 4), [[1, "0", 0, 0, 1, 1, 1]]),
    (_change(*BLOCK, 4), [[1, "0", 0.0, 0, 1, 1]]),
    (_change(*BLOCK, 1), -4),
    (_change(*BLOCK, 1), 4.0),
    (_change(*BLOCK, 2), 2),
    (_change(*BLOCK, 3), 1 << 32),
    (_change("sandboxes", "box", 0, "need"), -4),
    (_change("sandboxes", "box", 0, "need"), True),
    (_change("sandboxes", "box", 0, "tables"), [[0, -1]]),
    (_change("sandboxes", "box", 0, "more"), 1),
    (_change("sandboxes", "box"), {}),
    (_change("version"), 2),
    (_change("theorems"), []),
    (_change("theorems"), {"x": [[[1], [True]]]}),
    (_change("more"), 1),
]


@pytest.mark.parametrize(("change", "value"), MALFORMED)
def test_malformed_certificates_are_refused(change: Callable[[dict[str, object], object], None], value: object) -> None:
    function = {"entry": CODE, "need": 0, "blocks": [[CODE, 0, 0, 0, []]], "tables": []}
    good: dict[str, object] = {
        "version": 1, "elf_sha256": "", "policy_sha256": "", "sandboxes": {"box": [function]}, "theorems": {}
    }  # fmt: skip
    assert read_certificate(gzip.compress(json.dumps(good).encode()))
    change(good, value)
    with pytest.raises(Rejected):
        read_certificate(gzip.compress(json.dumps(good).encode()))
