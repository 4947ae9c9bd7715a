"""Growing code: every distance that becomes too long is bridged, and the program still does what it did."""

from __future__ import annotations

import pytest

from ringfence.toolchain.insn import ALWAYS, Insn, Label
from ringfence.toolchain.layout import lay_out
from ringfence.toolchain.program import Function, Item, Program, Word
from support import rewriter_lab as lab

HEAD = """
    .syntax unified
    .thumb
    .section .text.run, "ax"
    .global run
    .thumb_func
    .type run, %function
run:
    push {r4, lr}
    ldr r1, =place
    ldr r1, [r1]
    movs r2, #4
"""
TAIL = """
    .ltorg
    .size run, . - run
    .data
    .balign 4
place: .word buffer
    .bss
    .balign 4
buffer: .space 64
"""


def stores(count: int) -> str:
    """Two bytes each before rewriting, twelve or more after."""
    return f".rept {count}\n strb r0, [r1, r2]\n .endr\n"


GROWING = {
    "cbz": "cbz r0, 1f\n" + stores(50) + "adds r0, #3\n1: adds r0, #1\n pop {r4, pc}",
    "cbnz just too far": "cbnz r0, 1f\n" + stores(12) + "adds r0, #3\n1: adds r0, #1\n pop {r4, pc}",
    "cbz very far": "cbz r0, 2f\n b 3f\n2: b 1f\n3:" + stores(600) + "adds r0, #3\n1: adds r0, #1\n pop {r4, pc}",
    "conditional branch": "cmp r0, #0\n beq 1f\n" + stores(100) + "adds r0, #3\n1: adds r0, #1\n pop {r4, pc}",
    "branch back": "movs r4, #3\n2:" + stores(120) + "subs r4, #1\n bne 2b\n pop {r4, pc}",
    "branch": "cmp r0, #0\n it eq\n beq 1f\n b 2f\n1:" + stores(800) + "2: adds r0, #1\n pop {r4, pc}",
    "literal": "ldr r3, 9f\n" + stores(300) + "add r0, r3\n pop {r4, pc}\n .balign 4\n9: .word 0x12345",
    "wide literal": "ldr.w r3, 9f\n" + stores(150) + "add r0, r3\n pop {r4, pc}\n .balign 4\n9: .word 0x12345",
    "literal far away": "ldr.w r3, 9f\n" + stores(1200) + "add r0, r3\n pop {r4, pc}\n .balign 4\n9: .word 0x12345",
    "conditional literal": "cmp r0, #0\n itee ne\n ldrne.w r3, 9f\n ldreq.w r3, 8f\n addeq r0, #1\n" + stores(1200)
    + "add r0, r3\n pop {r4, pc}\n .balign 4\n9: .word 0x12345\n8: .word 0x777",
    "address": "adr r3, 9f\n" + stores(200) + "ldr r3, [r3]\n add r0, r3\n pop {r4, pc}\n .balign 4\n9: .word 5, 6",
    "address far away": "adr.w r3, 9f\n" + stores(1500) + "ldr r3, [r3]\n add r0, r3\n pop {r4, pc}\n .balign 4\n9: .word 5, 6",
    "pair of literals": "ldr r3, 9f\n nop\n .balign 4\n ldrd r4, r3, 9f\n" + stores(300)
    + "add r0, r3\n add r0, r4\n pop {r4, pc}\n .balign 4\n9: .word 0x111, 0x222",
    "byte table": "and r3, r0, #3\n cmp r3, #3\n bhi 4f\n tbb [pc, r3]\n8: .byte (1f-8b)/2, (2f-8b)/2, (3f-8b)/2, (4f-8b)/2\n"
    "1:" + stores(40) + "2:" + stores(40) + "adds r0, #9\n3:" + stores(40) + "adds r0, #1\n4: pop {r4, pc}",
}  # fmt: skip


@pytest.mark.parametrize("window", [0x10000, 0x40000])
@pytest.mark.parametrize("case", GROWING)
def test_growing_code(case: str, window: int) -> None:
    image = lab.build(HEAD + GROWING[case] + TAIL, "-O2", window=window, assembly=True)
    for argument in (0, 1, 2, 3):
        lab.same(image, argument)
    assert lab.verdict(image, lab.rewritten(image)) == []


def branch(target: Label, condition: int = ALWAYS) -> Insn:
    return Insn("branch", "b", b"", condition=condition, target=target)


def program(*bodies: Insn | Word) -> Program:
    """Items two addresses apart, the first being the function."""
    items = tuple(Item(body, 0x1000 + 2 * n, (Label(0x1000 + 2 * n),)) for n, body in enumerate(bodies))
    start = Label(0x1000)
    return Program("t", items, (Function("f", 0x1000, 0x1000 + 2 * len(items)),), (), {"f": start}, {0x100: "import"})


NOP = Insn("plain", "nop", bytes.fromhex("00bf"))
MOVE = Insn("plain", "mov", bytes.fromhex("0846"))


def test_short_branches_stay_short() -> None:
    code = lay_out(program(branch(Label(0x1004)), NOP, branch(Label(0x1000))), 0x1000).code
    assert code == bytes.fromhex("00e0 00bf fce7")


def test_conditional_neighbours_share_one_it_instruction() -> None:
    code = lay_out(program(MOVE.under(0), MOVE.under(1), MOVE.under(0), NOP), 0x1000).code
    assert code == bytes.fromhex("0abf 0846 0846 0846 00bf")


@pytest.mark.parametrize("kinds", [(0, 2), (0,) * 5])
def test_other_conditions_and_a_fifth_instruction_begin_a_new_block(kinds: tuple[int, ...]) -> None:
    placed = lay_out(program(*(MOVE.under(c) for c in kinds), NOP), 0x1000)
    assert len(placed.code) == 2 * (len(kinds) + 1) + 2 * 2


def test_a_block_is_never_entered_sideways() -> None:
    placed = lay_out(program(MOVE.under(0), MOVE.under(0), branch(Label(0x1002))), 0x1000)
    assert placed.code[:8] == bytes.fromhex("08bf 0846 08bf 0846")
    assert placed.address_of(Label(0x1002)) == 0x1004


def test_words_are_aligned_and_labels_in_them_resolved() -> None:
    placed = lay_out(program(NOP, Word(7), Word(0, Label(0x1000)), NOP), 0x1000)
    assert placed.addresses == (0x1000, 0x1004, 0x1008, 0x100C)
    assert placed.code[4:12] == bytes.fromhex("07000000 00100000")


def test_imports_stay_where_they_are() -> None:
    placed = lay_out(program(branch(Label(0x100)), NOP), 0x1000)
    assert placed.code[:4] == bytes.fromhex("fff77eb8")


WIDE = Insn("plain", "movt", bytes.fromhex("c0f20100"))


@pytest.mark.parametrize("pad", range(3))
@pytest.mark.parametrize("condition", [ALWAYS, 0])
def test_loops_begin_at_words_where_that_costs_nothing(condition: int, pad: int) -> None:
    """An instruction of 4 bytes to branch back to: behind a jump a gap is left, a branch that falls into it grows."""
    end = Label(0x1000 + 2 * (pad + 4))
    head = Label(0x1000 + 2 * (pad + 2))
    placed = lay_out(program(*(NOP,) * (pad + 1), branch(end, condition), WIDE, branch(head, 1), NOP), 0x1000)
    assert placed.address_of(head) % 4 == 0
    assert len(placed.code) == 2 * (pad + 1) + 2 + 4 + 2 + 2 + (0 if pad % 2 == 0 else 2)


def test_a_loop_that_another_instruction_falls_into_is_left_where_it_is() -> None:
    placed = lay_out(program(NOP, WIDE, branch(Label(0x1002), 1), NOP), 0x1000)
    assert placed.addresses == (0x1000, 0x1002, 0x1006, 0x1008)
