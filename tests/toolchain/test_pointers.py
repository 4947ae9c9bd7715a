"""Guards of pointer calls that run once for several calls: where they go, that they change nothing, and that what they
leave in place is certified."""

from __future__ import annotations

import re

import pytest

from ringfence.toolchain.graphs import loop_bodies
from ringfence.toolchain.rewrite import RewriteResult
from support import rewriter_lab as lab

HEAD = """
typedef int (*function)(int);
static int twice(int x) { return 2 * x; }
static int odd(int x) { return x & 1; }
static int other(int x) { return x * x - 3; }
function volatile chosen[4] = {twice, odd, other};
"""
LOOP = "__attribute__((noipa)) int sum(function f, int n) { int s = 0; for (int k = 0; k < n; k++) s += f(k) ^ k; return s; }"
RUN = "int run(int x) { return sum(chosen[x & 1], x) + sum(chosen[2], 5); }"
IN_A_LOOP = HEAD + LOOP + RUN
# `busy` saves registers on the stack: what the table keeps cannot be shown
SAVES = HEAD + """
extern void out(int);
static int busy(int x) { int a = x * 3, b = x ^ 5, c = x + 9; out(x); out(a); out(b); return a + b * c; }
""" + LOOP + "int run(int x) { chosen[3] = busy; return sum(chosen[x & 3], 6); }"
# What it is called with decides whether anything is called at all
UNLESS_NULL = HEAD + """
__attribute__((noipa)) int all(function f, int n) { int s = 1; if (f) for (int k = 0; k < n; k++) s += f(k); return s; }
int run(int x) { return all(x & 4 ? 0 : chosen[x & 1], x) * 100 + all(chosen[2], x); }
"""
UNLESS_NULL_INSIDE = HEAD + """
__attribute__((noipa)) int all(function f, int n) { int s = 1; for (int k = 0; k < n; k++) if (f) s += f(k); return s; }
int run(int x) { return all(x & 4 ? 0 : chosen[x & 1], x) * 100 + all(chosen[2], x); }
"""
GIVEN_BACK = HEAD + """
__attribute__((noipa)) int all(function f, int n) { while (n > 0) n -= 1 + (f(n) & 1); return (int)f; }
int run(int x) { return all((function)x, 0) + (all(chosen[1], x & 7) == (int)chosen[1]); }
"""
STORED = HEAD + """
function kept;
__attribute__((noipa)) int all(function f, int n) { int s = 0; kept = f; for (int k = 0; k < n; k++) s += f(k) ^ k; return s; }
int run(int x) { int s = all((function)x, 0); s ^= (int)kept; return s + all(chosen[1], x & 7); }
"""
GIVEN_ON = HEAD + """
__attribute__((noipa)) int last(function f) { return (int)f & 0xFF; }
__attribute__((noipa)) int all(function f, int n) { int s = 0; for (int k = 0; k < n; k++) s += f(k) ^ k; return s + last(f); }
int run(int x) { return all((function)x, 0) + (all(chosen[1], x & 7) > 0); }
"""
RECURSIVE = HEAD + """
__attribute__((noipa)) int tree(int a, int n, function f)
{
    int s = 0;
    for (int k = 0; k < n; k++) s += f(a + k) - k;
    return n > 1 ? s + tree(a + 1, n / 2, f) + tree(a - 1, n / 2, f) : s;
}
int run(int x) { return tree(x, x & 31, chosen[x & 1]) + tree(x, 9, chosen[2]); }
"""
SHARED = "#include <stdlib.h>\n" + HEAD + """
static int words[40];
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
static int reverse(const void *a, const void *b) { return *(const int *)b - *(const int *)a; }
int run(int x)
{
    int h = 0;
    for (int n = 0; n < 40; n++) words[n] = (x = x * 1103515245 + 12345) >> 16 & 0x3FFF;
    qsort(words, 40, 4, x & 64 ? compare : reverse);
    for (int n = 0; n < 40; n++) h = h * 31 + words[n];
    return h;
}
"""
PROGRAMS = {
    "in a loop": IN_A_LOOP, "saves registers": SAVES, "unless null": UNLESS_NULL, "unless null, in the loop": UNLESS_NULL_INSIDE,
    "given back": GIVEN_BACK, "stored": STORED, "given on": GIVEN_ON, "recursive": RECURSIVE, "qsort": SHARED,
}  # fmt: skip
EARLY = "pointer calls guarded early"
# Once before the call, and twice where they follow each other; `late` calls under a condition
ASSEMBLY = """
    .syntax unified
    .thumb
    .macro function name
    .section .text.\\name, "ax"
    .balign 4
    .thumb_func
    .type \\name, %function
\\name:
    .endm
    .global run
    function leaf
    adds r0, r0, #3
    bx lr
    .size leaf, . - leaf
    function run
    push {r4, r5, r6, lr}
    mov r5, r0
    ldr r4, =place
    ldr r6, [r4]
    cbz r6, 1f
    blx r6
    add r0, r5
    blx r6
    blx r6
1:  pop {r4, r5, r6, pc}
    .ltorg
    .size run, . - run
    .data
    .balign 4
place: .word leaf
"""


def built(source: str, level: str = "-O2", mode: str = "mask", assembly: bool = False) -> tuple[lab.Image, RewriteResult]:
    image = lab.build(source, level, window=0x10000, mode=mode, assembly=assembly)
    return image, lab.rewritten(image)


def early(result: RewriteResult) -> int:
    return result.stats["t"].get(EARLY, 0)


@pytest.mark.parametrize("mode", ["mask", "trap"])
@pytest.mark.parametrize("level", ["-O1", "-O2", "-Os"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_changes_and_all_is_certified(name: str, level: str, mode: str) -> None:
    image, result = built(PROGRAMS[name], level, mode)
    assert lab.verdict(image, result) == []
    for argument in (0, 1, 4, 7, 10, 0x12345):
        if name != "saves registers" or argument < 0x1000:
            lab.same(image, argument)


@pytest.mark.parametrize("name", ["in a loop", "recursive", "unless null", "qsort"])
def test_guards_leave_loops(name: str) -> None:
    _, result = built(PROGRAMS[name])
    assert early(result) > 0


@pytest.mark.parametrize("name", ["saves registers", "unless null, in the loop"])
def test_guards_stay_where_nothing_is_gained_or_shown(name: str) -> None:
    _, result = built(PROGRAMS[name], "-O1")
    assert early(result) == 0


def test_the_loop_has_a_plain_call() -> None:
    image, result = built(IN_A_LOOP)
    guards = [at for at, why in result.made_by.items() if why == "pointer calls"]
    plain = lab.execute(image.elf, image.request, image.request.exports["run"], 1000, watch=True)
    boxed = lab.execute(result.elf, image.request, result.exports["t"]["run"], 1000)
    assert plain.result == boxed.result
    assert guards and boxed.instructions - plain.instructions < 1005 + 40  # the slots' branches, and little else


@pytest.mark.parametrize("mode", ["mask", "trap"])
def test_calls_that_follow_each_other_share_a_guard(mode: str) -> None:
    image, result = built(ASSEMBLY, mode=mode, assembly=True)
    assert early(result) == 2
    assert lab.verdict(image, result) == []
    lab.same(image, 5)


@pytest.mark.parametrize("value", [0, 2, 0x10001, 0x60002, 0x60003, 0x60005, 0x20040001, 0xFFFFFFFF])
def test_a_wild_pointer_stays_in_the_table(value: int) -> None:
    source = re.sub(r"int run.*", "int run(int x) { return sum((function)x, 5); }", IN_A_LOOP)
    image, result = built(source)
    assert early(result) > 0
    assert lab.verdict(image, result) == []
    assert lab.execute(result.elf, image.request, result.exports["t"]["run"], value).breaches == []


def test_without_the_early_guard_the_call_is_refused() -> None:
    image, result = built(IN_A_LOOP)
    linked = lab.LinkedElf(result.elf)
    code = next(s for s in linked.sections if s.name == ".ringfence.t.code")
    for at, why in result.made_by.items():
        if why == "pointer calls":
            place = code.place + at - code.address
            broken = bytearray(result.elf)
            broken[place : place + 4] = bytes.fromhex("aff30080")
            failures = lab.verify(bytes(broken), lab.policy(image, result)).report.failures
            assert {f.rule for f in failures} == {"call"}


def test_loop_bodies() -> None:
    graph = {0: [1], 1: [2, 5], 2: [3, 4], 3: [2], 4: [1], 5: []}
    assert loop_bodies(0, graph) == {1: {1, 2, 3, 4}, 2: {2, 3}}
