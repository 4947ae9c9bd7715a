"""Store shapes that compilers seldom emit, one by one: same behaviour, certified, in both modes."""

from __future__ import annotations

import pytest

from support import rewriter_lab as lab

# Each body stores through r4 (a buffer of 600 bytes, r4 is 160 beyond its start) and may change r0-r3, r5, r6 freely;
# r7 is 24, r8 is 3. The flags are the result of cmp r8, #3 (equal) where it says so.
SHAPES = {
    "register offset": "str r0, [r4, r7]",
    "scaled register offset": "strh r0, [r4, r8, lsl #3]",
    "large offset": "str.w r0, [r4, #400]",
    "large negative, by register": "mvn r5, #100\n strb r0, [r4, r5]",
    "pair": "strd r0, r1, [r4, #-8]",
    "pair far away": "strd r0, r1, [r4, #380]",
    "pair, pre-indexed far": "strd r0, r1, [r4, #-160]!\n strd r1, r0, [r4, #320]!\n str r0, [r4]",
    "post-indexed": "str r0, [r4], #100\n str r1, [r4], #-200\n strb r2, [r4]",
    "pre-indexed": "strh r0, [r4, #100]!\n strb r1, [r4, #-200]!",
    "multiple": "stmia r4!, {r0, r1, r7}\n stmdb r4!, {r0, r1, r7, r8}\n stm r4, {r0, r8}",
    "multiple down": "stmdb r4, {r0, r1, r2, r3, r5, r6, r7, r8}",
    "the base itself": "str r4, [r4, #8]\n ldr r0, [r4, #8]\n subs r0, r0, r4",
    "the base itself, by register": "str r4, [r4, r7]\n ldr r0, [r4, r7]\n subs r0, r0, r4",
    "both operands": "str r7, [r4, r7]",
    "base twice": "mov r5, #0\n add r5, r4, r5\n rsb r6, r4, r4\n str r0, [r4, r6]",
    "exclusive": "ldrex r1, [r4]\n strex r2, r0, [r4]\n clrex",
    "exclusive bytes": "ldrexb r1, [r4]\n strexb r2, r0, [r4]\n ldrexh r1, [r4]\n strexh r2, r0, [r4]",
    "exclusive far away": "ldrex r1, [r4, #400]\n strex r2, r0, [r4, #400]\n ldrex r1, [r4, #8]\n strex r3, r0, [r4, #8]",
    "exclusive and pair under a condition": "cmp r8, #3\n ittt eq\n ldrexeq r1, [r4]\n strexeq r2, r0, [r4, #400]\n strdeq r0, r1, [r4, #400]",
    "conditional": "cmp r8, #3\n ite eq\n streq r0, [r4, #4]\n strne r0, [r4, #8]",
    "conditional by register": "cmp r8, #3\n itet ne\n strne r0, [r4, r7]\n streq r1, [r4, r8]\n addne r0, r0, #1",
    "conditional, flags still used": "cmp r8, #3\n itt ls\n strbls r0, [r4, #4]\n strbls r1, [r4, #300]\n adc r0, r0, #0",
    "conditional chain": "cmp r8, #3\n itttt eq\n streq r0, [r4]\n strheq r1, [r4, r7]\n addeq r4, r4, #4\n streq r1, [r4]",
    "moved base": "str r0, [r4]\n adds r5, r4, #40\n str r1, [r5]\n mov r6, r5\n strb r1, [r6, #-20]\n sub r4, r4, #8\n str r0, [r4]",
    "base changed between": "str r0, [r4]\n add r4, r4, r7\n str r1, [r4]",
    "stack by register": "sub sp, sp, #64\n str r0, [sp, r7]\n ldr r1, [sp, #24]\n subs r1, r0\n add sp, #64\n strb r1, [r4]",
    "stack by moved register": "sub sp, sp, #64\n add r5, sp, #8\n str r0, [r5, #4]\n ldr r1, [sp, #12]\n add sp, #64\n str r1, [r4]",
    "large offsets together": "str r0, [r4, #400]\n str r1, [r4, #404]\n adds r5, r0, r1\n strd r0, r1, [r4, #408]\n mov ip, #5\n"
    " str r5, [r4, #412]\n adds r4, #4\n str r5, [r4, #412]\n cmp r8, #3\n it eq\n streq r5, [r4, #432]",
    "halfword loop": "movs r5, #10\n1: strh r5, [r4], #2\n subs r5, #1\n bne 1b",
    "carry kept": "adds r5, r0, r0\n str r0, [r4, r7]\n adc r5, r5, #7\n str r5, [r4]",
}  # fmt: skip

# Callee-saved registers all in use, ip and lr too: no register is free.
PRESSURE = """
    push {{r4-r11, lr}}
    sub sp, sp, #12
    ldr r4, =pointer
    ldr r4, [r4]
    movs r7, #24
    mov r8, #3
    ldr r0, =0x89abcdef
    ldr r1, =0x01234567
    movw r2, #0x1111
    movw r3, #0x2222
    movw r5, #0x3333
    movw r6, #0x4444
    movw r9, #0x5555
    movw r10, #0x6666
    movw r11, #0x7777
    movw ip, #0x8888
    movw lr, #0x9999
    {body}
    {use}
    add sp, sp, #12
    pop {{r4-r11, lr}}
    b result
"""

SOURCE = """
    .syntax unified
    .thumb
    .section .text.run, "ax"
    .global run
    .thumb_func
    .type run, %function
run:{code}
    .ltorg
    .size run, . - run
    .section .text.result, "ax"
    .thumb_func
    .type result, %function
result:
    push {{r4, r5, r6, lr}}
    ldr r4, =buffer
    movs r5, #150
    movs r6, #0
1:  ldr r0, [r4], #4
    eor r6, r0, r6, ror #7
    bl out
    subs r5, #1
    bne 1b
    mov r0, r6
    pop {{r4, r5, r6, pc}}
    .ltorg
    .size result, . - result
    .data
    .balign 4
pointer: .word buffer + 160
    .bss
    .balign 8
    .space 600
buffer: .space 1200
"""

USE_ALL = "\n".join(f"    eor r0, r0, {r}" for r in ("r1", "r2", "r3", "r5", "r6", "r9", "r10", "r11", "ip", "lr"))


def image_of(body: str, use: str, mode: str) -> lab.Image:
    code = PRESSURE.format(body=body, use=use + "\n ldr r1, =buffer + 598\n strb r0, [r1]")
    return lab.build(SOURCE.format(code=code), "-O2", window=0x10000, mode=mode, assembly=True)


@pytest.mark.parametrize("mode", ["mask", "trap"])
@pytest.mark.parametrize("pressure", [False, True], ids=["free", "pressed"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_store(shape: str, pressure: bool, mode: str) -> None:
    image = image_of(SHAPES[shape], USE_ALL if pressure else "nop", mode)
    lab.same(image)
    assert lab.verdict(image, lab.rewritten(image)) == []


def test_one_guard_serves_its_neighbours() -> None:
    image = image_of("str r0, [r4]\n str r0, [r4, #4]\n str r0, [r4, #-4]\n strb r0, [r4, #9]", "nop", "mask")
    stats = lab.rewritten(image).stats["t"]
    assert stats["stores guarded by an earlier guard"] == 3


def test_a_label_between_stores_needs_a_new_guard() -> None:
    image = image_of("str r0, [r4]\n cmp r8, #3\n beq 1f\n str r0, [r4, #4]\n1: str r0, [r4, #8]", "nop", "mask")
    stats = lab.rewritten(image).stats["t"]
    assert (stats["stores guarded"], stats["stores guarded by an earlier guard"]) == (2, 1)


def test_an_address_formed_for_a_large_offset_serves_its_neighbours() -> None:
    image = image_of("str r0, [r4, #400]\n str r1, [r4, #404]\n strb r2, [r4, #390]", "nop", "mask")
    stats = lab.rewritten(image).stats["t"]
    assert (stats["stores guarded"], stats["stores guarded by an earlier guard"]) == (1, 2)
    lab.same(image)
    assert lab.verdict(image, lab.rewritten(image)) == []


def test_a_store_to_a_known_address_needs_no_guard() -> None:
    image = image_of("ldr r5, =buffer\n str r0, [r5, #20]", "nop", "mask")
    assert lab.rewritten(image).stats["t"]["stores at constant addresses"] == 2


def test_slack_is_reported_as_small_as_it_can_be() -> None:
    image = image_of("str r0, [r4, #16]\n strb r0, [r4, #-3]", "nop", "mask")
    needs = lab.rewritten(image).needs["t"]
    assert (needs.slack_below, needs.slack_above) == (3, 20)
