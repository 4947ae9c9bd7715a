"""The stack check of recursive functions that leave it no register, or whose callers pass something in the flags."""

from __future__ import annotations

import pytest

from support import rewriter_lab as lab

NESTED = """
extern void out(int);
int run(int n) {  /* the inner function's frame comes in ip, its arguments in r0 to r3 */
    int total = n;
    __attribute__((noinline)) int down(int a, int b, int c, int d) {
        total += a + b * c - d; out(total);
        return a > 0 ? down(a - 1, b + 1, c ^ d, d + 2) + down(a - 2, c, b, d) : total; }
    return down(n, 1, 2, 3); }
"""
FLAGS = """
.syntax unified
.thumb
.text
.type down, %function
.thumb_func
down:
    push {r4, lr}
    beq 1f
    adds r0, r0, r1
    REGISTERS
    subs r4, r4, #1
    bl down
1:  pop {r4, pc}
.size down, . - down
.global run
.type run, %function
.thumb_func
run:
    push {r4, lr}
    mov r4, r0
    movs r1, #3
    movs r2, #4
    movs r3, #5
    mov ip, r1
    cmp r4, #0
    bl down
    pop {r4, pc}
.size run, . - run
"""
PROGRAMS: dict[str, tuple[str, bool, int]] = {  # assembly or not, and how often SP is pushed before the check
    "no register is free": (NESTED, False, 1),
    "the flags are in use": (FLAGS.replace("REGISTERS", ""), True, 0),
    "the flags are in use, one register is free": (FLAGS.replace("REGISTERS", "add r0, r3\n add r0, r2"), True, 1),
    "the flags are in use, no register is free": (FLAGS.replace("REGISTERS", "add r0, r3\n add r0, r2\n add r0, ip"), True, 1),
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_a_check_without_free_registers(what: str) -> None:
    source, assembly, pushes = PROGRAMS[what]
    image = lab.build(source, "-O2", window=0x10000, assembly=assembly, libs="-lgcc", stack=0x400)
    lab.same(image, 6)
    result = lab.rewritten(image)
    assert lab.verdict(image, result) == []
    [name] = result.needs["t"].recursive
    assert name.startswith("down")
    limits = [a for a, what_for in result.made_by.items() if what_for == "stack limits"]
    found = [int.from_bytes(lab.LinkedElf(result.elf).read(a, 2), "little") & 0xFE00 for a in limits]
    assert found.count(0xB400) == found.count(0xBC00) == pushes
    too_deep = lab.execute(result.elf, image.request, result.exports["t"]["run"], 1000)
    assert too_deep.fault is not None
    assert too_deep.breaches == []
    assert too_deep.lowest_sp >= image.request.stack_low + image.request.room
