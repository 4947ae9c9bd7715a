"""Functions that stand in the pointer table: which ones, that nothing changes, and that wild pointers do no harm."""

from __future__ import annotations

import pytest

from ringfence.toolchain.elffile import STT_FUNC, LinkedElf
from ringfence.toolchain.recover import recover
from ringfence.toolchain.rewrite import RewriteResult
from support import rewriter_lab as lab

HEAD = """
    .syntax unified
    .thumb
    .macro function name
    .section .text.\\name, "ax"
    .balign 4
    .thumb_func
    .type \\name, %function
\\name:
    .endm
    .macro done name
    .size \\name, . - \\name
    .endm
    .global run
    function leaf
    adds r0, #3
    bx lr
    done leaf
    function run
    push {r4, lr}
    ldr r3, =tested
    blx r3
    ldr r3, =leaf
    blx r3
    pop {r4, pc}
    .ltorg
    done run
    function tested
"""
# The body of `tested`, and whether it may stand in the table
BODIES = {
    "leaf": ("adds r0, r0, r0\n bx lr", True),
    "loop": ("movs r1, #0\n1: adds r1, r0\n subs r0, #1\n bgt 1b\n mov r0, r1\n bx lr", True),
    "under conditions": ("cmp r0, #4\n ite gt\n movgt r0, #9\n addle r0, #2\n bx lr", True),
    "two ways out": ("cbz r0, 1f\n lsls r0, r0, #2\n bx lr\n1: movs r0, #77\n bx lr", True),
    "a load through a pointer": ("cbz r0, 1f\n mov r0, sp\n ldr r0, [r0, #-4]\n movs r0, #1\n1: bx lr", True),
    "a store": ("str r0, [sp, #-4]\n bx lr", False),
    "a frame": ("push {r4}\n mov r4, r0\n adds r0, r4, r0\n pop {r4}\n bx lr", False),
    "a register of the caller": ("mov r1, r4\n adds r4, r0, #1\n mov r0, r4\n mov r4, r1\n bx lr", False),
    "a call": ("push {r4, lr}\n bl leaf\n pop {r4, pc}", False),
    "a literal": ("ldr r1, 1f\n adds r0, r1\n bx lr\n .balign 4\n1: .word 0x12345", False),
    "goes on elsewhere": ("adds r0, #1\n b.w leaf", False),
    "a conditional return": ("cmp r0, #9\n it eq\n bxeq lr\n adds r0, #1\n bx lr", False),
    "a half that is no store": ("adds r0, #1\n .inst.w 0xf1000001\n bx lr", True),  # add.w r0, r0, #1 at 2 modulo 4
    "a half that is a store": ("adds r0, #1\n .inst.w 0xf1006001\n bx lr", False),  # the second half: str r1, [r0]
    "the same at a word": (".inst.w 0xf1006001\n adds r0, #1\n bx lr", True),
    "a half that writes r4": ("adds r0, #1\n .inst.w 0xf1000004\n bx lr", False),  # the second half: movs r4, r0
    "too large": ("adds r0, #1\n" * 26 + "bx lr", False),
}  # fmt: skip


def source(name: str) -> str:
    return HEAD + BODIES[name][0] + "\n done tested\n"


def built(text: str, mode: str = "mask", confine: str = "writes") -> tuple[lab.Image, RewriteResult]:
    image = lab.build(text, assembly=True, window=0x10000, mode=mode, confine=confine)
    return image, lab.rewritten(image)


def standing(image: lab.Image) -> set[str]:
    """The functions in the table."""
    linked = LinkedElf(image.elf)
    names = {s.value & ~1: s.name for s in linked.symbols if s.kind == STT_FUNC}
    return {names[label.address] for label in recover(linked, image.request).program.standing}


@pytest.mark.parametrize("name", BODIES)
def test_which_functions_stand_in_the_table(name: str) -> None:
    image, result = built(source(name))
    assert standing(image) == {"leaf"} | ({"tested"} if BODIES[name][1] else set())
    assert lab.verdict(image, result) == []
    for argument in (0, 1, 4, 5, 9, 100):
        lab.same(image, argument)


@pytest.mark.parametrize("mode", ["mask", "trap"])
@pytest.mark.parametrize("name", ["loop", "under conditions", "a half that is no store"])
def test_a_pointer_to_anywhere_in_the_table(name: str, mode: str) -> None:
    text = source(name).replace("ldr r3, =tested", "mov r3, r0")
    text += " .section .text.run\n ldr r3, =tested\n"  # its address is taken still
    image, result = built(text, mode)
    assert "leaf" in standing(image)
    assert lab.verdict(image, result) == []
    for address in range(lab.SLOTS - 4, lab.SLOTS + 48):
        assert lab.execute(result.elf, image.request, result.exports["t"]["run"], address).breaches == []


def test_what_is_called_directly_stays_where_it_is_too() -> None:
    text = source("loop").replace("pop {r4, pc}\n    .ltorg", "bl leaf\n pop {r4, pc}\n    .ltorg")
    image, result = built(text)
    assert standing(image) == {"leaf", "tested"}
    places = {s.name: s.value & ~1 for s in LinkedElf(result.elf).symbols if s.kind == STT_FUNC}
    assert places["leaf"] < lab.SLOTS <= places["tested"] < lab.SLOTS + lab.SLOT_BYTES
    assert lab.verdict(image, result) == []
    lab.same(image, 6)


def test_with_confined_reads_loads_keep_a_function_out() -> None:
    image, result = built(source("a load through a pointer"), confine="reads")
    assert standing(image) == {"leaf"}
    assert lab.verdict(image, result) == []


def test_reports_find_the_source_of_what_stands_in_the_table() -> None:
    image, result = built(source("loop"))
    places = {s.name: s.value & ~1 for s in LinkedElf(image.elf).symbols}
    inside = [original for new, original in result.address_map if lab.SLOTS <= new < lab.SLOTS + lab.SLOT_BYTES]
    assert {places["leaf"], places["tested"]} <= set(inside)


BODY = "x * {n} + (x >> {n} % 7)"
FUNCTIONS = [f"static int f{n}(int x) {{ return {BODY.format(n=n) if n % 2 else f'x ^ {n}'}; }}" for n in range(40)]
MANY = "\n".join(FUNCTIONS) + "\nint (*volatile all[])(int) = {" + ", ".join(f"f{n}" for n in range(40)) + "};\n" + """
int run(int x) { int s = 0; for (int n = 0; n < 40; n++) s = s * 3 + all[n](x + n); return s; }
"""


@pytest.mark.parametrize("level", ["-O1", "-O2", "-Os"])
def test_a_table_does_not_grow_beyond_what_a_mask_holds(level: str) -> None:
    image = lab.build(MANY, level, window=0x10000)
    result = lab.rewritten(image)
    assert 40 < result.needs["t"].slots <= 64
    assert lab.verdict(image, result) == []
    for argument in (0, 5, 12345):
        lab.same(image, argument)


def test_a_function_that_falls_into_the_next_one_stays() -> None:
    text = source("leaf").replace("adds r0, r0, r0\n bx lr", "adds r0, r0, r0") + '    .type next, %function\nnext: adds r0, #7\n bx lr\n'
    image, result = built(text)
    assert standing(image) == {"leaf"}
    assert lab.verdict(image, result) == []
    lab.same(image, 6)
