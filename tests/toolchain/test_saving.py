"""The return address is saved where it would be lost, not on ways that never lose it."""

from __future__ import annotations

import pytest

from ringfence.toolchain.elffile import LinkedElf
from support import rewriter_lab as lab

PROGRAM = """
    .syntax unified
    .thumb
    .global run
    .type run, %function
    .thumb_func
run:
    push {{r4, lr}}
    mov r4, r0
    bl f
    add r4, r4, r0
    movs r0, #0
    bl f
    add r0, r0, r4
    pop {{r4, pc}}
    .size run, . - run
    .type g, %function
    .thumb_func
g:
    lsls r0, r0, #1
    bx lr
    .size g, . - g
    .type f, %function
    .thumb_func
f:
{body}
    .size f, . - f
"""
EARLY_RETURN = "push {r4, lr}\n mov r4, r0\n cbz r0, 1f\n bl g\n add r0, r0, r4\n pop {r4, pc}\n1: movs r0, #7\n pop {r4, pc}"
TAIL_CALL = "push {r4, lr}\n cbz r0, 1f\n bl g\n pop {r4, pc}\n1: movs r0, #3\n pop.w {r4, lr}\n b.w g"
SHARED_RETURN = "push {r4, lr}\n mov r4, r0\n cbz r0, 1f\n bl g\n1: adds r0, #1\n pop {r4, pc}"
LEAF = "push {r4, lr}\n mov r4, r0\n adds r0, r4, #5\n pop {r4, pc}"
LINK_AS_SCRATCH = "push {r4, lr}\n mov lr, #3\n cbz r0, 1f\n add r0, r0, lr\n1: pop {r4, pc}"
ALWAYS = "push {r4, lr}\n bl g\n adds r0, #1\n pop {r4, pc}"


def rewritten(body: str) -> tuple[lab.Image, lab.RewriteResult, list[str]]:
    """And the rewritten instructions of f that the rewriter put in for returns."""
    image = lab.build(PROGRAM.format(body=body), window=0x10000, stack=0x800, assembly=True)
    result = lab.rewritten(image)
    return image, result, [what for _, what in sorted(result.made_by.items())]


@pytest.mark.parametrize(
    ("body", "saved"),
    [(EARLY_RETURN, 2), (TAIL_CALL, 2), (SHARED_RETURN, 2), (LEAF, 1), (LINK_AS_SCRATCH, 2), (ALWAYS, 2)],
)
def test_what_is_saved(body: str, saved: int) -> None:
    """Certified, and the same results; `saved`: stores of LR to its slot in the whole program, run's included."""
    image, result, _ = rewritten(body)
    assert lab.verdict(image, result) == []
    assert result.stats["t"]["return addresses saved"] == saved
    for x in (0, 1, 9):
        plain = lab.execute(image.elf, image.request, image.request.exports["run"], x, watch=False)
        boxed = lab.execute(result.elf, image.request, result.exports["t"]["run"], x)
        assert (boxed.fault, boxed.breaches, boxed.result) == (None, [], plain.result), x


@pytest.mark.parametrize(("body", "late"), [(EARLY_RETURN, True), (TAIL_CALL, True), (SHARED_RETURN, False), (ALWAYS, False)])
def test_where_it_is_saved(body: str, late: bool) -> None:
    """Right behind the push where every way needs it, else behind the branch to the way that does not."""
    _, result, _ = rewritten(body)
    start = next(s.value & ~1 for s in LinkedElf(result.elf).symbols if s.name == "f")
    first = min(pc for pc, what in result.made_by.items() if what == "returns" and pc >= start)
    assert (first - start > 2) == late
