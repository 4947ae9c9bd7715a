"""Returns, calls, frames and jumps in every shape: same behaviour, certified; what is not supported is refused."""

from __future__ import annotations

import pytest

from ringfence.toolchain.errors import RingfenceError
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
    .ltorg
    .size \\name, . - \\name
    .endm
    .global run
"""

DOUBLE = """
    function double
    adds r0, r0, r0
    bx lr
    done double
"""

# Each defines run; `double` doubles r0 and `out` is the import.
SHAPES = {
    "pop pc alone": "function run\n push {lr}\n bl double\n pop {pc}\n done run",
    "str and ldr of lr": "function run\n str lr, [sp, #-4]!\n bl double\n ldr pc, [sp], #4\n done run",
    "str lr with padding": "function run\n str lr, [sp, #-8]!\n bl double\n bl out\n ldr lr, [sp], #8\n bx lr\n done run",
    "strd": "function run\n strd r4, lr, [sp, #-8]!\n bl double\n ldrd r4, lr, [sp], #8\n bx lr\n done run",
    "high registers": "function run\n push {r8, r9, lr}\n mov r8, r0\n bl double\n add r0, r8\n pop {r8, r9, pc}\n done run",
    "tail call": "function run\n push {r4, lr}\n bl double\n pop {r4, lr}\n b double\n done run",
    "tail call without saving": "function run\n add r0, #1\n b double\n done run",
    "tail call to an import": "function run\n push {r4, lr}\n bl double\n mov r4, r0\n bl out\n mov r0, r4\n pop {r4, lr}\n b out\n done run",
    "conditional tail call": "function run\n push {r4, lr}\n bl double\n pop {r4, lr}\n cmp r0, #10\n beq double\n adds r0, #3\n bx lr\n done run",
    "tail call through a pointer": "function run\n push {r4, lr}\n bl double\n ldr r3, =double\n pop {r4, lr}\n bx r3\n done run",
    "pointer from memory": """
    function run\n push {r4, lr}\n ldr r3, =place\n ldr r3, [r3]\n blx r3\n pop {r4, pc}\n done run
    .data\n .balign 4\nplace: .word double""",
    "pointer to an import": "function run\n push {r4, lr}\n mov r4, r0\n ldr r3, =out\n blx r3\n mov r0, r4\n pop {r4, pc}\n done run",
    "conditional return": """
    function run\n push {r4, lr}\n bl double\n cmp r0, #10\n itt eq\n addeq r0, #100\n popeq {r4, pc}
    bl double\n pop {r4, pc}\n done run""",
    "conditional call": "function run\n push {r4, lr}\n cmp r0, #5\n it eq\n bleq double\n it ne\n blne out\n pop {r4, pc}\n done run",
    "conditional bx lr": "function run\n cmp r0, #6\n it eq\n bxeq lr\n push {r4, lr}\n bl double\n pop {r4, pc}\n done run",
    "shrink-wrapped": "function run\n cbz r0, 1f\n push {r4, lr}\n bl double\n pop {r4, pc}\n1: bx lr\n done run",
    "saved late": """
    function run\n push {r4, r5}\n movs r4, #3\n str lr, [sp, #-8]!\n bl double\n adds r0, r4\n ldr lr, [sp], #8
    pop {r4, r5}\n bx lr\n done run""",
    "saved in a register": "function run\n push {r4, r5}\n mov r5, lr\n bl double\n mov lr, r5\n pop {r4, r5}\n bx lr\n done run",
    "return through another register": "function run\n push {r4, r5, r6}\n mov r6, lr\n bl double\n mov r3, r6\n pop {r4, r5, r6}\n bx r3\n done run",
    "inner subroutine": """
    function run\n push {r4, lr}\n bl inside\n adds r0, #1\n pop {r4, pc}
inside: adds r0, r0, r0\n cmp r0, #10\n it ne\n bxne lr\n adds r0, #7\n bx lr\n done run""",
    "falling into the next function": """
    function run\n adds r0, #1\n done run\n .thumb_func\n .type second, %function
second: push {r4, lr}\n bl double\n pop {r4, pc}\n .size second, . - second""",
    "shared tail": """
    function run\n push {r4, lr}\n bl other\n adds r0, #1\n bl double\n b ending\n done run
    function other\n push {r4, lr}\n bl double\nending: adds r0, #3\n pop {r4, pc}\n done other""",
    "a call that does not return": """
    function run\n cmp r0, r0\n beq 1f\n bl stop\n .word 0x12345678\n1: push {r4, lr}\n bl double\n pop {r4, pc}\n done run
    function stop\n b stop\n done stop""",
    "frame pointer": """
    function run\n push {r7, lr}\n sub sp, #16\n add r7, sp, #0\n str r0, [r7, #4]\n bl double\n str r0, [r7, #8]
    strb r0, [r7, #12]\n strh r0, [r7, #14]\n ldr r3, [r7, #4]\n add r0, r3\n add r3, r7, #8\n ldr r3, [r3]\n add r0, r3
    adds r7, #16\n mov sp, r7\n pop {r7, pc}\n done run""",
    "large frame": """
    function run\n push {r4, lr}\n ldr r3, =5000\n sub sp, r3\n movw r4, #4900\n add r4, sp\n str r0, [r4]\n bl double
    movw r3, #4900\n add r3, sp\n ldr r3, [r3]\n add r0, r3\n ldr r3, =5000\n add sp, r3\n pop {r4, pc}\n done run""",
    "large frame by frame pointer": """
    function run\n push {r7, lr}\n sub.w sp, sp, #4992\n sub sp, #8\n add r7, sp, #0\n add.w r3, r7, #4096\n str r0, [r3, #8]
    bl double\n add.w r3, r7, #4096\n strb r0, [r3, #20]\n ldr r1, [r3, #8]\n add r0, r1\n addw r7, r7, #904\n add.w r7, r7, #4096
    mov sp, r7\n pop {r7, pc}\n done run""",
    "recursion": """
    function run\n push {r4, lr}\n movs r4, r0\n beq 1f\n subs r0, #1\n bl run\n1: adds r0, r4\n pop {r4, pc}\n done run""",
    "byte table": """
    function run\n push {r4, lr}\n subs r3, r0, #3\n cmp r3, #3\n bhi 9f\n tbb [pc, r3]
8: .byte (1f-8b)/2, (2f-8b)/2, (3f-8b)/2, (9f-8b)/2\n .balign 2\n1: adds r0, #1\n2: adds r0, #2\n3: bl double\n9: pop {r4, pc}\n done run""",
    "halfword table without a bound": """
    function run\n and r3, r0, #3\n tbh [pc, r3, lsl #1]\n8: .hword (1f-8b)/2, (2f-8b)/2, (3f-8b)/2, (9f-8b)/2
1: adds r0, #1\n2: adds r0, #2\n3: adds r0, #50\n9: bx lr\n done run""",
    "address table": """
    function run\n cmp r0, #5\n bhi 9f\n adr r2, 8f\n ldr.w pc, [r2, r0, lsl #2]\n .balign 4
8: .word 1f+1, 2f+1, 3f+1, 9f+1, 9f+1, 2f+1\n1: adds r0, #1\n2: adds r0, #2\n3: adds r0, #50\n9: bx lr\n done run""",
    "constants in the code": """
    function run\n adr r1, 8f\n ldrd r2, r3, [r1]\n ldrh r1, [r1, #8]\n add r0, r2\n add r0, r3\n add r0, r1\n bx lr\n .balign 4
8: .word 77, 0x1234\n .hword 9\n .balign 4\n done run""",
    "pointers to constants in the code": """
    function run\n ldr r1, =numbers\n ldr r2, [r1, #4]\n add r0, r2\n ldr r1, =place\n ldr r1, [r1]\n ldr r2, [r1]\n add r0, r2\n bx lr
    .ltorg\n .balign 4\nnumbers: .word 5, 70, 900\n done run\n .section .rodata\nplace: .word numbers + 8""",
    "literals of every kind": """
    function run\n ldr r1, =0x12345678\n ldrd r2, r3, 8f\n eor r0, r1\n eor r0, r2\n eor r0, r3\n cmp r0, #0\n it ne\n ldrne r1, =0x777
    add r0, r1\n bx lr\n .balign 4\n8: .word 0x1111, 0x2222\n done run""",
}  # fmt: skip


def image_of(body: str, mode: str = "mask") -> lab.Image:
    lines = [part.strip() for part in body.split("\n")]
    return lab.build(HEAD + "\n".join(lines) + DOUBLE, "-O2", window=0x10000, mode=mode, assembly=True, stack=0x3000)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape(shape: str) -> None:
    image = image_of(SHAPES[shape])
    for argument in (5, 6, 0, 3):
        lab.same(image, argument)
    assert lab.verdict(image, lab.rewritten(image)) == []


REFUSED = {
    "setjmp": ("function run\n str sp, [r0]\n ldr r2, [r0]\n mov sp, r2\n bx lr\n done run", "size of this stack frame"),
    "computed goto": ("function run\n ldr r1, =inside + 1\n bx r1\ninside: bx lr\n done run", "computed goto"),
    "address of code": ("function run\n adr r1, inside\n bx lr\n .balign 4\ninside: bx lr\n done run", "address of code"),
    "computed jump": ("function run\n ldr.w pc, [r1, r0, lsl #2]\n done run", "table is not known"),
    "svc": ("function run\n svc #1\n bx lr\n done run", "not supported in a sandbox"),
    "msr": ("function run\n msr primask, r0\n bx lr\n done run", "not supported in a sandbox|system register"),
    "sp loaded": ("function run\n ldr sp, [r0]\n bx lr\n done run", "size of this stack frame"),
    "sp among others loaded": ("function run\n ldr sp, [r0], #4\n bx lr\n done run", "load into SP"),
    "into an it block": ("function run\n cmp r0, #1\n beq 1f\n ite eq\n addeq r0, #1\n1: addne r0, #1\n bx lr\n done run", "IT block"),
    "unbalanced": ("function run\n push {r4}\n bx lr\n done run", None),
    "return with sp elsewhere": ("function run\n push {r4, lr}\n bl double\n ldr lr, [sp, #4]\n bx lr\n done run", "SP not where it was"),
    "host function": ("function run\n push {r4, lr}\n bl 0x200\n pop {r4, pc}\n done run", "neither in the sandbox nor an import"),
}  # fmt: skip


@pytest.mark.parametrize("case", [c for c in REFUSED if REFUSED[c][1]])
def test_what_is_not_supported_is_refused_with_its_place(case: str) -> None:
    body, message = REFUSED[case]
    with pytest.raises(RingfenceError, match=message) as caught:
        lab.rewritten(image_of(body))
    assert "0x000100" in str(caught.value) or "__rf_t_export_run" in str(caught.value)


def test_what_the_rewriter_lets_pass_the_verifier_does_not() -> None:
    image = image_of(REFUSED["unbalanced"][0])
    assert lab.verdict(image, lab.rewritten(image)) != []
