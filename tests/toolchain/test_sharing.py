"""Accesses that reach their addresses from one another's: arrays at a known distance, indexed alike."""

from __future__ import annotations

import pytest

from ringfence.toolchain.elffile import LinkedElf
from support import rewriter_lab as lab

GUARDED, BY_EARLIER = "stores guarded", "stores guarded by an earlier guard"
PROGRAM = """
short lower[128], upper[128], third[128], far[4096];
__attribute__((noipa)) void store(int i, int x, int *other) {{ {body} }}
int run(int x) {{
    int other[2] = {{1, 2}};
    store(x & 63, x, other);
    int s = other[0] + other[1];
    for (int i = 0; i < 128; i++) s = s * 31 + lower[i] + 2 * upper[i] + 3 * far[i] + 5 * third[i];
    return s;
}}
"""
# both at once, downwards and upwards; with something in between; not what a branch may leave out; too far apart
BODIES = {
    "lower[i] = x; upper[i] = 2 * x;": [GUARDED, BY_EARLIER],
    "upper[i] = x; lower[i] = 2 * x;": [GUARDED, BY_EARLIER],
    "third[i] = x; lower[i] = 2 * x; upper[i] = 3 * x; third[i + 1] = 4;": None,
    "lower[i] = x; upper[i] = 2 * x; third[i] = 3 * x; lower[i + 1] = 4;": None,
    "upper[i] = x; third[i] = 2 * x; lower[i] = 3 * x; upper[i + 1] = 4;": None,
    "lower[i] = x; if (x != 5) upper[i] = x / 3;": None,
    "upper[i] = x; if (x > other[1]) lower[i] = x / 3;": None,
    "lower[i] = x; far[i] = x; far[i + 4000] = 1;": None,
    "lower[i] = x; i = other[0]; upper[i] = x;": [GUARDED, GUARDED],
}


@pytest.mark.parametrize("level", ["-O1", "-O2", "-Os"])
@pytest.mark.parametrize("body", BODIES)
def test_arrays_that_are_indexed_alike(body: str, level: str) -> None:
    """Same results from every argument, certified; one address for both where that is as good."""
    image = lab.build(PROGRAM.format(body=body), level, window=0x10000)
    result = lab.rewritten(image)
    assert lab.verdict(image, result) == []
    for x in (0, 1, 5, 7, 62, 63, 12345):
        plain = lab.execute(image.elf, image.request, image.request.exports["run"], x, watch=False)
        boxed = lab.execute(result.elf, image.request, result.exports["t"]["run"], x)
        assert (boxed.fault, boxed.breaches, boxed.result) == (None, [], plain.result), x
    wanted = BODIES[body]
    if wanted is not None and level == "-O2":  # elsewhere the bases take turns in one register
        symbols = {s.name: s for s in LinkedElf(result.elf).symbols}
        start = symbols["store"].value & ~1
        span = range(start, start + symbols["store"].size)
        assert [what for pc, what in sorted(result.stores.items()) if pc in span and "stack" not in what] == wanted


LOOP = """
  push {r4-r11, lr}
  mov lr, r0
  ldr r0, =holder
  ldr r0, [r0]
  movs r2, #2
  movs r3, #3
  movs r4, #4
  movs r5, #5
  movs r6, #6
  movs r7, #7
  mov r8, #8
  mov r9, #9
  mov r10, #10
  mov r11, #11
  mov r12, #12
1:
  ldr.w r1, [r0, #1724]
  add r1, lr
  subs lr, #1
  strh.w r1, [r0, #1720]
  str.w r1, [r0, #1724]
  bne 1b
  add r2, r3
  mov r0, r1
  add r4, r5
  add r6, r7
  add r8, r9
  add r10, r11
  add r0, r2
  add r0, r4
  add r0, r6
  add r0, r8
  add r0, r10
  add r0, r12
  pop {r4-r11, pc}
  .pool
  .size run, . - run
  .data
  .balign 4
holder: .word buffer
  .bss
  .balign 4
buffer: .skip 2000
"""


def test_a_register_that_the_next_round_of_a_loop_needs_does_not_become_an_address() -> None:
    """None is free, and the base serves nothing else behind the loop; but the loop goes on with it."""
    head = ".syntax unified\n.thumb\n.text\n.global run\n.type run, %function\n.thumb_func\nrun:\n"
    image = lab.build(head + LOOP, assembly=True, window=0x10000, libs="-lgcc")
    for count in (1, 2, 5):
        lab.same(image, count)
    assert lab.verdict(image, lab.rewritten(image)) == []
