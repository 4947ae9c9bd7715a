"""A function that may run on into the next one, as far as the code says, ends in a trap."""

from __future__ import annotations

import pytest

from support import rewriter_lab as lab

HEAD = ".syntax unified\n.thumb\n.text\n.global run\n.type run, %function\n.thumb_func\n"
# f's switch has no default: clang lets its table lead to f's end for what cannot happen
SWITCH = """
run:
  push {r4, lr}
  mov r4, r0
  bl f
  add r0, r4
  bl g
  pop {r4, pc}
  .size run, . - run
.type f, %function
.thumb_func
f:
  push {r4, lr}
  sub sp, #8
  and r1, r0, #3
  cmp r1, #3
  beq 3f
  cmp r1, #1
  beq 2f
  add sp, #8
  pop {r4, pc}
2: adds r0, #5
  add sp, #8
  pop {r4, pc}
3: nop
  .size f, . - f
.type g, %function
.thumb_func
g:
  push {r4, r5, r6, lr}
  sub sp, #16
  adds r0, #7
  add sp, #16
  pop {r4, r5, r6, pc}
  .size g, . - g
"""
TABLE = SWITCH.replace("""  cmp r1, #3
  beq 3f
  cmp r1, #1
  beq 2f
  add sp, #8
  pop {r4, pc}
""", """  cmp r1, #3
  bhi 1f
  tbb [pc, r1]
8: .byte (1f-8b)/2, (2f-8b)/2, (1f-8b)/2, (3f-8b)/2
1:
  add sp, #8
  pop {r4, pc}
""").replace("3: nop\n", "3:\n")
# one falls into the next with everything in its place: that is how tail calls look in assembly
FALLS = """
run:
  push {r4, lr}
  bl one
  pop {r4, pc}
  .size run, . - run
.type one, %function
.thumb_func
one:
  adds r0, #1
  .size one, . - one
.type two, %function
.thumb_func
two:
  lsls r0, r0, #1
  bx lr
  .size two, . - two
"""


@pytest.mark.parametrize(
    ("code", "ended"), [(SWITCH, 1), (TABLE, 1), (FALLS, 0)], ids=["with SP moved", "by a table", "as a tail call"]
)
def test_what_runs_on_into_the_next_function(code: str, ended: int) -> None:
    image = lab.build(HEAD + code, assembly=True, window=0x10000, libs="-lgcc")
    result = lab.rewritten(image)
    assert lab.verdict(image, result) == []
    assert result.stats["t"].get("functions ended", 0) == ended
    for argument in (0, 1, 2, 4, 5):
        lab.same(image, argument)


@pytest.mark.parametrize("code", [SWITCH, TABLE])
def test_what_cannot_happen_traps(code: str) -> None:
    image = lab.build(HEAD + code, assembly=True, window=0x10000, libs="-lgcc")
    result = lab.rewritten(image)
    run = lab.execute(result.elf, image.request, result.exports["t"]["run"], 3)
    assert run.fault is not None and run.breaches == []
