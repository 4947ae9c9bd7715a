"""Certificates made by hand to get unsafe code accepted: whatever they claim, the kernel replays it and refuses."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from ringfence.verify.kernel.check import Report, check
from ringfence.verify.kernel.image import read_image
from ringfence.verify.kernel.proof import Certificate, Fact, Function, Invariant, SandboxProof
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.prover.refutation import find_proof
from ringfence.verify.prover.theorems import ProofStore
from ringfence.verify.recheck import read_certificate
from support.corpus import CODE, CODE_END, POLICY, SLOTS
from support.raw_elf import Load, raw_elf

POLICY_BYTES = json.dumps(POLICY).encode()
TRAPS = {a: Function(a, 0, {}, {}) for a in range(SLOTS, SLOTS + 64, 4)}
RA = {14: Fact("ra")}


def image(*halfwords: int) -> bytes:
    """The given code at the sandbox's entry, traps after it, a host with its two imports."""
    code = struct.pack(f"<{len(halfwords)}H", *halfwords)
    code += b"\xf3\xde" * ((CODE_END - CODE - len(code)) // 2)
    return raw_elf([Load(0x400, b"\x70\x47\x00\xbf" * 16), Load(CODE, code), Load(CODE_END, bytes(256))])


def judge(elf: bytes, functions: Mapping[int, Function]) -> Report:
    """What the kernel says of these claims; true theorems get their proofs."""
    proof = SandboxProof({**TRAPS, **functions})
    claims = Certificate(read_image(elf).sha256(), hashlib.sha256(POLICY_BYTES).hexdigest(), {"box": proof})
    with ProofStore(find_proof, None) as store:
        return check(elf, POLICY_BYTES, claims, store)


def entry(
    need: int = 0, blocks: Mapping[int, Invariant] | None = None, tables: Mapping[int, int] | None = None
) -> Function:
    return Function(CODE, need, blocks or {}, tables or {})


RETURN = 0x4770
STORE = 0x6008  # str r0, [r1]
WINDOW = Fact("const", 0x20020000)


def test_honest_claims_are_accepted() -> None:
    assert judge(image(RETURN), {CODE: entry()}).accepted
    with_block = entry(blocks={CODE + 2: Invariant(0, False, 0, RA)})
    assert judge(image(0xBF00, RETURN), {CODE: with_block}).accepted


UNSAFE: dict[str, tuple[tuple[int, ...], Function]] = {
    "a fact from nowhere": (
        (0xBF00, STORE, RETURN),
        entry(blocks={CODE + 2: Invariant(0, False, 0, {**RA, 1: WINDOW})}),
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
    block = {CODE + 6: Invariant(0, False, 0, {**RA, 1: Fact("range", 0, 15)})}
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
    (_change(*BLOCK, 4), [[13, "const", 0, 0]]),  # SP is not a register with facts
    (_change(*BLOCK, 4), [[15, "const", 0, 0]]),
    (_change(*BLOCK, 4), [[-1, "const", 0, 0]]),
    (_change(*BLOCK, 4), [[1, "const", -1, 0]]),
    (_change(*BLOCK, 4), [[1, "range", 2, 1]]),
    (_change(*BLOCK, 4), [[1, "range", 0, 1 << 32]]),
    (_change(*BLOCK, 4), [[1, "anything", 0, 0]]),
    (_change(*BLOCK, 4), [[1, "const", 0, 0], [1, "const", 1, 0]]),
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
