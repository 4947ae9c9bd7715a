"""alloca and variable-length arrays: the same behaviour, certified; what does not fit the stack traps."""

from __future__ import annotations

import pytest

from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.graphs import immediate_dominators
from support import rewriter_lab as lab

SHAPES = r"""
#include <alloca.h>
#include <string.h>
#define FUNCTION __attribute__((noinline)) static
extern void out(int);
FUNCTION void use(void *p, int n) { char *c = p; for (int i = 0; i < n; i++) c[i] += i * 3; out(c[0]); }
FUNCTION int sum(const int *p, int n) { int t = 0; for (int i = 0; i < n; i++) t += p[i]; return t; }
FUNCTION int six(int a, int b, int c, int d, int e, int f) { return a + 2*b + 3*c + 4*d + 5*e + 6*f; }
FUNCTION int array(int n) { int a[n]; for (int i = 0; i < n; i++) a[i] = i * i; return sum(a, n); }
FUNCTION int twice(int n) {
    char *p = alloca(n); memset(p, 1, n); use(p, n);
    char *q = alloca(n * 2); memset(q, 1, 2*n); use(q, n); return p[0] + q[1]; }
FUNCTION int in_a_loop(int n) {
    int t = 0; for (int i = 1; i < n; i++) { int a[i]; memset(a, 0, 4*i); use(a, i); t += sum(a, i); } return t; }
FUNCTION int two(int n, int m) {
    int a[n]; short b[m]; memset(a, 0, 4*n); memset(b, 0, 2*m); use(a, n); use(b, m); return a[0] + b[0]; }
FUNCTION int nested(int n) {
    int a[n]; memset(a, 0, 4*n); use(a, n); int r = a[0];
    for (int i = 0; i < n; i++) {
        int b[i + 1]; memset(b, 0, 4*i + 4); use(b, i); r += b[0];
        { int c[(r & 7) + 1]; memset(c, 0, 4*(r & 7) + 4); use(c, r & 7); r += c[0]; } }
    return r + a[n - 1]; }
FUNCTION int list(int n) {
    char *l = 0; int t = 0;
    for (int i = 0; i < n; i++) { char *p = alloca(16); memset(p, i, 16); *(char **)p = l; l = p; use(p + 4, 3); }
    while (l) { t += l[5]; l = *(char **)l; }
    return t; }
FUNCTION int switched(int k, int n) {
    int a[n]; memset(a, 0, 4*n); use(a, n);
    switch (k) { case 0: return a[0]; case 1: return sum(a, n); case 2: return a[1] * 3; case 3: use(a, 1); return 2;
                 case 4: return a[4]; case 5: return sum(a, 2); default: return 0; } }
FUNCTION int arguments(int n, int b, int c, int d, int e, int f) {
    char a[n]; memset(a, 0, n); use(a, n); return six(a[0], b, c, d, e, f) + six(a[1], f, e, d, c, b); }
FUNCTION int sometimes(int n) { if (n > 10) { char *p = alloca(n); memset(p, 0, n); use(p, n); n = p[3]; } use(&n, 1); return n; }
FUNCTION int either(int n) {
    char *p; if (n & 1) { p = alloca(16); memset(p, 2, 16); } else { p = alloca(40); memset(p, 3, 40); } use(p, 16); return p[2]; }
FUNCTION int beside_a_big_one(int n) {
    int big[300]; char v[n]; big[3] = n; big[299] = 1; memset(v, 0, n); use(big, n); use(v, n); return big[3] + v[0]; }
FUNCTION int leaf(int n, int k) { unsigned char t[n]; memset(t, 0, n); t[k] = 3; return t[n - 1]; }
FUNCTION int recursive(int n) { if (n <= 0) return 1; int a[n]; memset(a, 0, 4*n); a[n - 1] = n; int r = recursive(n - 1); return r + a[n - 1]; }
static int by_pointer(int n); static int (*volatile next)(int) = by_pointer;
static int by_pointer(int n) { if (n <= 0) return 1; int a[n]; memset(a, 0, 4*n); a[n - 1] = n; use(a, n); return next(n - 2) + a[n - 1]; }
int run(int n) {
    out(next(n)); out(array(n)); out(twice(n)); out(in_a_loop(n)); out(two(n, n + 1)); out(nested(n)); out(list(n));
    for (int i = 0; i < 7; i++) out(switched(i, n));
    out(arguments(n, 1, 2, 3, 4, 5)); out(sometimes(n)); out(sometimes(n + 20)); out(either(n)); out(either(n + 1));
    out(beside_a_big_one(n)); out(leaf(n, 2)); out(recursive(n));
    return 7; }
"""
BUILDS: dict[str, dict[str, str | int]] = {
    "-O0": {"level": "-O0"},
    "-O1": {"level": "-O1"},
    "-O2": {"level": "-O2"},
    "-Os": {"level": "-Os"},
    "-O3, shadow stack near": {"level": "-O3", "stack": 0x780},
    "trap mode": {"level": "-O2", "mode": "trap"},
    "clang -O2": {"level": "-O2", "compiler": "clang"},
}


@pytest.mark.parametrize("how", BUILDS)
def test_programs_with_dynamic_frames_run_the_same_and_are_certified(how: str) -> None:
    image = lab.build(SHAPES, window=0x8000, **BUILDS[how])  # type: ignore[arg-type]
    lab.same(image, 9)
    result = lab.rewritten(image)
    assert {"array", "twice", "list", "nested"} <= set(result.needs["t"].dynamic)
    assert lab.verdict(image, result) == []


SIZED = """
extern void out(int);
static volatile int seen;
__attribute__((noinline)) static void touch(char *p, int n) { p[n - 1] = 1; seen += p[n - 1]; }
__attribute__((noinline)) static int sized(int n) { char a[n]; touch(a, n); return a[n - 1]; }
int run(int n) { out(sized(8)); out(sized(n)); return 5; }
"""


@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
def test_what_does_not_fit_the_stack_traps(level: str) -> None:
    """Up to the last byte that the limit leaves it runs; beyond it, and for amounts that wrap or are negative, it traps."""
    image = lab.build(SIZED, level, window=0x10000, stack=0x800)
    result = lab.rewritten(image)
    assert lab.verdict(image, result) == []

    def run(n: int) -> tuple[bool, list[int], list[str]]:
        done = lab.execute(result.elf, image.request, result.exports["t"]["run"], n)
        assert done.lowest_sp >= image.request.stack_low + image.request.room
        return done.fault is None, done.output, done.breaches

    fits = max(n for n in range(0x700, 0x800, 8) if run(n)[0])
    assert 0x800 - image.request.room - fits < result.needs["t"].stack + 16
    assert run(fits) == (True, [1, 1], [])
    for n in (fits + 8, 0x800, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFF000, 0xFFFFFFF8 - 0x800, 0xFFFFFF00):
        assert run(n) == (False, [1], []), hex(n)


def test_the_limit_holds_what_is_called_from_the_frame() -> None:
    """The same with a callee that needs 512 bytes more: so much less fits."""
    image = lab.build(SIZED, "-O2", window=0x10000, stack=0x800)
    deep = "char big[512]; big[n & 511] = p[0]; __asm__ volatile (\"\" : : \"r\"(big) : \"memory\"); p[n - 1] = 1;"
    deeper = lab.build(SIZED.replace("p[n - 1] = 1;", deep, 1), "-O2", window=0x10000, stack=0x800)
    most = []
    for one in (image, deeper):
        result = lab.rewritten(one)
        entry = result.exports["t"]["run"]
        sizes = range(0x400, 0x800, 16)
        runs = [lab.execute(result.elf, one.request, entry, n) for n in sizes]
        assert not any(r.breaches for r in runs)
        most.append(max(n for n, r in zip(sizes, runs, strict=True) if r.fault is None))
    assert 500 <= most[0] - most[1] <= 540


def function(code: str) -> lab.Image:
    head = ".syntax unified\n.thumb\n.text\n.global run\n.type run, %function\n.thumb_func\nrun:\n"
    return lab.build(f"{head} {code}\n.size run, . - run\n", assembly=True, window=0x10000, libs="-lgcc")


@pytest.mark.parametrize("amount", ["r0, lsl #3", "r0"])
@pytest.mark.parametrize("saved", ["r7", "r6, r7"])
def test_frames_in_assembly(amount: str, saved: str) -> None:
    """The shadow word must not be the return slot even if nothing is taken off SP: where one word is saved, more is."""
    image = function(f"push {{{saved}}}\n mov r7, sp\n sub.w sp, sp, {amount}\n str r0, [sp, #-4]!\n mov sp, r7\n pop {{{saved}}}\n bx lr")
    for n in (0, 8, 16):
        lab.same(image, n)
    assert lab.verdict(image, lab.rewritten(image)) == []


REFUSED = {
    "SP from a pointer at entry": ("mov sp, r0\n bx lr", "size of this stack frame"),
    "SP loaded at entry": ("ldr sp, [r0]\n bx lr", "size of this stack frame"),
    "SP never restored": ("push {r4, lr}\n sub sp, sp, r0\n pop {r4, pc}", "SP not where it was at entry"),
    "no register": (
        "push {r4-r7, lr}\n mov r7, sp\n subs r6, r0, r1\n sub sp, sp, r0\n"
        " adc r0, r0, r1\n add r0, r2\n add r0, r3\n add r0, r4\n add r0, r5\n add r0, r6\n add r0, r8\n add r0, r9\n"
        " add r0, r10\n add r0, r11\n add r0, r12\n mov sp, r7\n pop {r4-r7, pc}", "registers are free"),
    "SP moved up beyond the frame": ("push {r4-r7, lr}\n sub sp, sp, r0\n add sp, #8\n udf #0", "moves up beyond"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_a_dynamic_frame_is_refused_with_its_place(case: str) -> None:
    code, message = REFUSED[case]
    with pytest.raises(RingfenceError, match=message) as caught:
        lab.rewritten(function(code))
    assert "(in __rf_t_export_run)" in str(caught.value)
    assert caught.value.hint


def test_dominators() -> None:
    graph = {0: (1,), 1: (2, 3), 2: (4,), 3: (4, 3), 4: (5, 1), 5: (), 6: (5,)}
    assert immediate_dominators(0, graph) == {0: 0, 1: 0, 2: 1, 3: 1, 4: 1, 5: 4}
