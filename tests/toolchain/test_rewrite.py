"""Rewritten C programs do what they did, stay in their sandbox, and are certified."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from support import rewriter_lab as lab

LEVELS = ["-O0", "-O1", "-O2", "-O3", "-Og", "-Os"]

PROGRAMS = {
    "sorting": """
#include <stdlib.h>
extern void out(int);
static int ints(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
static int doubles(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return x < y ? -1 : x > y; }
int run(int seed) {
    int v[50]; double d[20]; unsigned s = seed * 7919 + 1;
    for (int i = 0; i < 50; i++) { s = s * 1103515245 + 12345; v[i] = (s >> 8) % 1000; }
    qsort(v, 50, 4, ints);
    for (int i = 0; i < 50; i++) out(v[i]);
    for (int i = 0; i < 20; i++) { s = s * 1103515245 + 12345; d[i] = (s >> 8) / 3.0; }
    qsort(d, 20, 8, doubles);
    for (int i = 0; i < 20; i++) out((int)d[i]);
    return v[3];
}""",
    "printing": """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern void out(int);
int run(int a) {
    char b[100]; int n = sprintf(b, "hello %d %x %s %c|%5u|%-5d|", a, a * 77, "str", 'z', a, a);
    for (int i = 0; i < n; i++) out(b[i]);
    char *p = malloc(100); strcpy(p, b); strcat(p, "x"); out(strlen(p)); out(memcmp(p, b, 10)); free(p);
    printf("num %d %ld %08x\\n", a, (long)a * 1000, a); fflush(stdout);
    return n;
}""",
    "arithmetic": """
extern void out(int);
volatile double x = 1.5, y = -2.25; volatile float f = 3.5f, g = -0.1f;
volatile long long l = 123456789012345LL, m = -987; volatile unsigned long long u = 0xfedcba9876543210ULL, w = 12345;
static void o64(long long v) { out((int)v); out((int)(v >> 32)); }
static void od(double d) { union { double d; long long l; } v; v.d = d; o64(v.l); }
static void of(float d) { union { float d; int l; } v; v.d = d; out(v.l); }
int run(int a) {
    x += a; double t = x;
    for (int i = 1; i < 20; i++) {
        od(t + y); od(t - y); od(t * y); od(t / y); od((double)i * 1e-310); od(t * 1e-300 * 1e-10);
        out(t < y); out(t > y); out(t == y); out(t <= y); out((int)t); out((unsigned)t); od((double)l); od((double)u);
        o64((long long)(t * 1e3)); of((float)t); t = t * -1.7 + i;
        of(f + g); of(f * g); of(f / g); of(f - g); out(f < g); out((int)f); f = f * 1.3f + g; of((float)i); of((float)l);
        o64(l / m); o64(l % m); o64(u / w); o64(u % w); o64(l * m); o64(u >> i); o64(l << i);
        l = l * 3 + i; u = u * 5 + i; m += 3; w *= 7;
    }
    return 0;
}""",
    "control": """
#include <stdarg.h>
extern void out(int);
__attribute__((noinline)) int choose(int x) {
    switch (x) { case 0: return 5; case 1: return 9; case 2: out(7); return 1; case 3: return x * 3; case 4: out(1);
    case 5: return 2; case 6: return 99; case 7: out(3); return 8; case 8: return 77; case 9: return 1234;
    default: return -1; } }
__attribute__((noinline)) int unbounded(int x, int y) {
    switch (x) { case 10: y += 3; break; case 11: y *= 3; break; case 12: y ^= 55; break; case 13: y -= 9; break;
    case 14: y = y * y; break; case 15: y = ~y; break; case 16: y = 1; break; default: __builtin_unreachable(); }
    out(y); return y; }
typedef int (*fn)(int);
fn table[4] = {choose, choose, 0, choose};
__attribute__((noinline)) int through(fn f, int x) { return f(x) + 1; }
static int recurse(int n); fn volatile pointer = recurse;
static int recurse(int n) { return n <= 0 ? 0 : 1 + pointer(n - 1); }
struct bits { unsigned a : 3, b : 7, c : 13; int d : 9; }; static struct bits field[3];
__attribute__((noinline)) int sum(int n, ...) {
    va_list v; va_start(v, n); int t = 0; while (n--) t += va_arg(v, int); va_end(v); return t; }
static long fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
int run(int a) {
    int t = 0;
    for (int i = -2; i < 12; i++) out(choose(i));
    for (int i = 10; i < 17; i++) t += unbounded(i, a + i);
    for (int i = 0; i < 4; i++) if (table[i]) t += through(table[i], i);
    out(recurse(9)); out(fib(9));
    for (int i = 0; i < 3; i++) { field[i].a = i + a; field[i].b = i * 9; field[i].c = a * 100; field[i].d = -i; }
    for (int i = 0; i < 3; i++) out(field[i].a + field[i].b + field[i].c + field[i].d);
    return t + sum(6, 1, 2, 3, 4, 5, a);
}""",
    "memory": """
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
extern void out(int);
static char one[300], two[300]; static short s16[64]; static char s8[64]; static long long s64[16]; static int grid[8][8];
struct big { char name[12]; int values[40]; struct { short x, y; } at[5]; };
static struct big shelf[3];
__attribute__((noinline)) void mix(int *a, short *b, char *c, long long *d, int i, int j, int k, int l) {
    for (int n = 0; n < 4; n++) { a[i + n] = j; b[j + n] = k; c[k + n] = l; d[n] = (long long)i * j; a[i] ^= k; b[l & 7]++;
        c[j] = c[i] + 1; if (i & 1) a[j] = k; else b[k] = j; if (l > n) c[n] = k; } }
int run(int a) {
    for (int i = 0; i < 256; i++) one[i] = i * a;
    memcpy(two + 3, one + 1, 200); memmove(two + 1, two + 4, 150); memset(two + 50, a, 33);
    for (int i = 0; i < 256; i += 5) out(two[i]);
    strcpy(one, "the quick brown fox jumps over the lazy dog"); out(strstr(one, "brown") - one);
    out(strtol("-1234xyz", 0, 10)); char *p = strtok(one, " "); while (p) { out(strlen(p)); out(toupper(*p)); p = strtok(0, " "); }
    mix(&grid[0][0], s16, s8, s64, 3, 4, 5, a);
    for (int i = 0; i < 64; i++) out(s16[i] + s8[i] * 100 + ((int *)grid)[i]);
    for (int n = 0; n < 3; n++) { struct big *b = &shelf[n]; strcpy(b->name, "abc"); b->values[39] = n; b->at[4].y = a;
        struct big copy = *b; copy.values[n] = 7; shelf[(n + 1) % 3] = copy; }
    for (int n = 0; n < 40; n++) out(shelf[0].values[n]);
    return shelf[0].at[4].y;
}""",
}  # fmt: skip


@pytest.mark.parametrize(
    ("level", "mode"),
    [
        ("-O2", "mask"),
        ("-O2", "trap"),
        *(pytest.param(level, "mask", marks=pytest.mark.slow) for level in LEVELS if level != "-O2"),
        pytest.param("-O0", "trap", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_do_what_they_did_and_are_certified(program: str, level: str, mode: str) -> None:
    image = lab.build(PROGRAMS[program], level, window=0x10000, mode=mode)
    lab.same(image, argument=5)
    assert lab.verdict(image, lab.rewritten(image)) == []


@pytest.mark.parametrize("window", [0x4000, 0x8000, 0x20000, 0x40000])
def test_windows_of_other_sizes(window: int) -> None:
    image = lab.build(PROGRAMS["memory"], "-O2", window=window, stack=0x1000)
    lab.same(image, argument=3)
    assert lab.verdict(image, lab.rewritten(image)) == []


def test_a_small_stack_needs_one_instruction_more_for_each_return() -> None:
    small, large = (lab.rewritten(lab.build(PROGRAMS["sorting"], "-O2", 0x10000, stack=s)) for s in (0x800, 0x3000))
    assert small.needs["t"].code_bytes < large.needs["t"].code_bytes


def test_the_stack_need_is_what_a_run_uses() -> None:
    """Without recursion and pointers the worst case is reached."""
    source = """
    extern void out(int);
    __attribute__((noinline)) static int leaf(int *p) {
        volatile int a[20]; for (int i = 0; i < 20; i++) a[i] = p[i]; return a[3]; }
    __attribute__((noinline)) static int middle(int n) { int a[30]; for (int i = 0; i < 30; i++) a[i] = n; return leaf(a) + a[29]; }
    int run(int n) { return middle(n) + 1; }"""
    image = lab.build(source, "-O1", window=0x10000)
    result = lab.rewritten(image)
    run = lab.execute(result.elf, image.request, result.exports["t"]["run"], 1)
    assert image.request.stack_high - run.lowest_sp == result.needs["t"].stack


def test_unbounded_recursion_traps_inside_its_stack() -> None:
    source = "int run(int n) { volatile int a[8]; a[n & 7] = n; return run(n + 1) + a[3]; }"
    image = lab.build(source, "-O0", window=0x10000)
    result = lab.rewritten(image)
    run = lab.execute(result.elf, image.request, result.exports["t"]["run"])
    assert run.fault is not None and "INSN_INVALID" in run.fault
    assert run.breaches == []
    assert run.lowest_sp >= image.request.stack_low + image.request.room
    assert result.needs["t"].recursive == ("__rf_t_export_run",)


HOSTILE = """
extern void out(int);
int run(int where) { *(volatile int *)where = 0x12345678; return 7; }"""


def test_a_stray_store_is_redirected_into_the_window() -> None:
    image = lab.build(HOSTILE, "-O2", window=0x10000)
    result = lab.rewritten(image)
    run = lab.execute(result.elf, image.request, result.exports["t"]["run"], 0x20000100)
    assert (run.fault, run.breaches, run.result) == (None, [], 7)


@pytest.mark.parametrize(
    ("where", "traps"), [(0x20000100, True), (0x2003FFFF, True), (0x20050000, True), (0x20040200, False)]
)
def test_mode_trap_stops_at_a_stray_store_and_only_there(where: int, traps: bool) -> None:
    image = lab.build(HOSTILE, "-O2", window=0x10000, mode="trap")
    result = lab.rewritten(image)
    run = lab.execute(result.elf, image.request, result.exports["t"]["run"], where)
    assert (run.fault is not None and "INSN_INVALID" in run.fault) == traps
    assert run.breaches == []


def test_an_overwritten_return_address_is_not_returned_to() -> None:
    source = """
    __attribute__((noinline)) void smash(int *p) { for (int i = 0; i < 12; i++) p[i] = 0x101; }
    int run(int n) { int a[2]; smash(a); return a[1]; }"""
    image = lab.build(source, "-O1", window=0x10000, stack=0x800)
    result = lab.rewritten(image)
    run = lab.execute(result.elf, image.request, result.exports["t"]["run"])
    assert run.result == 0x101 and run.output == []
    assert all("preserved" in breach for breach in run.breaches)


def test_an_overwritten_function_pointer_stays_in_the_table() -> None:
    source = """
    static int one(int n) { return n + 1; }
    int (*volatile f)(int) = one; int other[2];
    int run(int n) { f = (int (*)(int))n; return f(3); }"""
    image = lab.build(source, "-O2", window=0x10000)
    result = lab.rewritten(image)
    for target in (lab.OUT | 1, 0xFFFFFFFF, 0x20040001):
        run = lab.execute(result.elf, image.request, result.exports["t"]["run"], target)
        assert run.output == [] and run.breaches == []


def test_the_address_map_leads_back_to_every_function() -> None:
    image = lab.build(PROGRAMS["control"], "-O2", window=0x10000)
    result = lab.rewritten(image)
    assert result.address_map == sorted(result.address_map)
    assert (result.exports["t"]["run"] & ~1, image.request.exports["run"] & ~1) in result.address_map


def test_symbols_and_sizes_follow_the_code() -> None:
    image = lab.build(PROGRAMS["control"], "-O2", window=0x10000)
    result = lab.rewritten(image)
    symbols = {s.name: s for s in lab.LinkedElf(result.elf).symbols}
    assert symbols["__rf_t_export_run"].value == result.exports["t"]["run"]
    functions = sorted(
        (s.value & ~1, s.size) for s in symbols.values() if s.kind == 2 and s.value < lab.SLOTS and s.size
    )
    ends = [address + size for address, size in functions]
    assert all(end <= following for end, (following, _) in zip(ends, functions[1:], strict=False))


STB = """
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_NO_THREAD_LOCALS
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#include "/usr/include/stb/stb_image.h"
extern void out(int);
int run(int n) {
    int x = 0, y = 0, c = 0; unsigned char *p = stbi_load_from_memory((const unsigned char *)0x90000, n, &x, &y, &c, 3);
    out(x); out(y); out(c); if (!p) return 1;
    unsigned h = 0; for (int i = 0; i < x * y * 3; i++) h = h * 31 + p[i]; out(h); stbi_image_free(p); return 0;
}"""


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_a_real_image_decoder_decodes_and_is_certified(level: str) -> None:
    image = lab.build(STB, level, window=0x40000, stack=0x4000)
    result = lab.rewritten(image)
    picture = Image.radial_gradient("L").resize((24, 16)).convert("RGB")
    for kind in ("PNG", "JPEG", "BMP"):
        buffer = io.BytesIO()
        picture.save(buffer, kind)
        plain = lab.execute(
            image.elf, image.request, image.request.exports["run"], buffer.tell(), data=buffer.getvalue(), watch=False
        )
        boxed = lab.execute(
            result.elf, image.request, result.exports["t"]["run"], buffer.tell(), data=buffer.getvalue()
        )
        assert plain.result == 0 and plain.output[:2] == [24, 16]
        assert (boxed.fault, boxed.breaches, boxed.result, boxed.output) == (None, [], 0, plain.output)
    assert lab.verdict(image, result) == []
