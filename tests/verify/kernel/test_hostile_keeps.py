"""Registers that a function is claimed to keep: what is known of them over a call, and claims that are not true."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from ringfence.verify.kernel.execute import Context
from ringfence.verify.kernel.image import read_image
from ringfence.verify.kernel.policy import parse_policy
from ringfence.verify.kernel.proof import Function
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.recheck import read_certificate, write_certificate
from ringfence.verify.verifier import verify
from support.corpus import CODE, SLOTS, Case
from support.judge import POLICY_BYTES, TRAPS, judge

# f guards r4 and stores through it behind a call of g, which goes on in h; both keep r4
SOURCE = """
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  bl g
  str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  adds r0, #1
  b.w h
function h
  lsls r0, r0, #1
  it eq
  moveq r5, r0
  bx lr
"""
G, H = CODE + 26, CODE + 32
STORE, INTO_R5 = CODE + 16, CODE + 36


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[int, Function], bytes]:
    """The image, what has to be claimed of its functions, and the prover's certificate."""
    case = Case("keeps", SOURCE, (), ())
    elf = case.build(tmp_path_factory.mktemp("keeps"))
    certificate = verify(elf, case.policy()).certificate
    assert certificate is not None
    functions = dict(certificate.sandboxes["box"].functions)
    assert {a: 4 in f.keeps for a, f in functions.items() if a in (CODE, G, H)} == {CODE: False, G: True, H: True}
    needed = {CODE: (), G: (4,), H: (4,)}
    functions |= {a: replace(functions[a], keeps=registers) for a, registers in needed.items()}
    return elf, functions, write_certificate(certificate)


def keeping(address: int, registers: Sequence[int]) -> Callable[[dict[int, Function]], dict[int, Function]]:
    return lambda functions: functions | {address: replace(functions[address], keeps=tuple(registers))}


CLAIMS: dict[str, tuple[Callable[[dict[int, Function]], dict[int, Function]], set[tuple[str, int]]]] = {
    "the truth": (lambda functions: functions, set()),
    "more that is true": (lambda functions: keeping(G, [4, 7])(keeping(H, [4, 7])(functions)), set()),
    "nothing, so that the store is refused": (keeping(G, []), {("store", STORE)}),
    "a register that the callee's callee writes under a condition": (keeping(H, [4, 5]), {("keeps", INTO_R5)}),
    "a register that the function goes on to lose elsewhere": (keeping(G, [4, 5]), {("keeps", G + 2)}),
    "more than the function behind it says": (keeping(H, []), {("keeps", G + 2)}),
    "a register that it writes itself": (keeping(G, [0, 4]), {("keeps", G)}),
    "a register that it pops": (keeping(CODE, [4]), {("keeps", CODE + 6)}),
    "a register that it does not touch, but the callee does": (keeping(CODE, [5]), {("keeps", CODE + 12)}),
}  # fmt: skip


@pytest.mark.parametrize("what", CLAIMS)
def test_claims_about_registers(what: str, built: tuple[bytes, dict[int, Function], bytes]) -> None:
    elf, functions, _ = built
    change, wrong = CLAIMS[what]
    found = {(f.rule, f.address) for f in judge(elf, change(functions)).failures}
    assert found == wrong


# f guards r4 and stores through it behind a call through the pointer table and one of g, which goes on there; one slot traps
THROUGH_THE_TABLE = """
.macro slot reg
  and \\reg, \\reg, #0x3d
  orr \\reg, \\reg, #0xf00
  orr \\reg, \\reg, #0x10000
.endm
function f
  push {r4, lr}
  str.w lr, [sp, #SLOT+8]
  mov r4, r1
  guard r4
  slot r3
  blx r3
  bl g
  str r0, [r4]
  pop {r4}
  add sp, #4
  ldr.w pc, [sp, #SLOT]
function g
  slot r2
  bx r2
function h
  movs r5, #1
  bx lr
.section .slots, "ax"
.rept 15
  b.w h
.endr
  udf #0xf3
  udf #0xf3
"""
CALL, STORE_BEHIND = CODE + 24, CODE + 30
TO_TABLE, JUMP, SETS_R5 = CODE + 40, CODE + 52, CODE + 54
TO_H, TRAP = SLOTS, SLOTS + 60


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[int, Function]]:
    """The image, and claims that all keep r4, f apart."""
    case = Case("table", THROUGH_THE_TABLE, (), ())
    elf = case.build(tmp_path_factory.mktemp("table"))
    certificate = verify(elf, case.policy()).certificate
    assert certificate is not None
    functions = certificate.sandboxes["box"].functions
    assert all(4 in f.keeps for a, f in functions.items() if a != CODE)
    return elf, {a: replace(f, keeps=() if a == CODE else (4,)) for a, f in functions.items()}


def all_keeping(*registers: int) -> Callable[[dict[int, Function]], dict[int, Function]]:
    return lambda functions: {a: replace(f, keeps=() if a == CODE else registers) for a, f in functions.items()}


Change = Callable[[dict[int, Function]], dict[int, Function]]
CLAIMS_ABOUT_THE_TABLE: dict[str, tuple[Change, set[tuple[str, int]]]] = {
    "the truth": (lambda functions: functions, set()),
    "more that is true": (all_keeping(0, 1, 4, 12), set()),
    "nothing of one slot": (keeping(SLOTS, []), {("store", STORE_BEHIND), ("keeps", JUMP)}),
    "nothing of the slot that traps": (keeping(TRAP, []), {("store", STORE_BEHIND), ("keeps", JUMP)}),
    "what the function of one slot writes": (all_keeping(4, 5), {("keeps", SETS_R5)}),
    "of slots what their function is not said to keep": (
        lambda functions: keeping(SETS_R5, [4])(all_keeping(4, 5)(functions)),
        {("keeps", a) for a in range(SLOTS, TRAP, 4)},
    ),
    "what the table is not said to keep, of who calls through it": (keeping(CODE, [7]), {("keeps", CALL)}),
    "what the table is not said to keep, of who goes on in it": (keeping(TO_TABLE, [4, 7]), {("keeps", JUMP)}),
    "the pointer that is forced": (all_keeping(2, 4), {("keeps", TO_TABLE)}),
}  # fmt: skip


@pytest.mark.parametrize("what", CLAIMS_ABOUT_THE_TABLE)
def test_claims_about_the_pointer_table(what: str, table: tuple[bytes, dict[int, Function]]) -> None:
    elf, functions = table
    change, wrong = CLAIMS_ABOUT_THE_TABLE[what]
    assert {(f.rule, f.address) for f in judge(elf, change(functions)).failures} == wrong


def test_a_slot_that_is_no_function_can_not_be_called(table: tuple[bytes, dict[int, Function]]) -> None:
    elf, functions = table
    sandbox, image = parse_policy(POLICY_BYTES).sandboxes[0], read_image(elf)
    needs, keeps = dict.fromkeys(functions | TRAPS, 0), {a: f.keeps for a, f in (functions | TRAPS).items()}
    assert Context(sandbox, image, needs, keeps).any_slot is not None
    without = {a: need for a, need in needs.items() if a != TO_H}
    assert Context(sandbox, image, without, keeps).any_slot is None


@pytest.mark.parametrize("value", [[13], [14], [15], [-1], [True], [4.0], ["r4"], 4, None, {}, [[4]]])
def test_malformed_claims_are_refused(value: object, built: tuple[bytes, dict[int, Function], bytes]) -> None:
    certificate = json.loads(gzip.decompress(built[2]))
    function = next(f for f in certificate["sandboxes"]["box"] if "keeps" in f)
    function["keeps"] = value
    with pytest.raises(Rejected):
        read_certificate(gzip.compress(json.dumps(certificate).encode()))
