"""Programs as other compilers make them, windows of every size and place, C++, and very large functions: the same
behaviour, certified."""

from __future__ import annotations

import pytest

from ringfence.toolchain.errors import RingfenceError
from support import rewriter_lab as lab

MIXED = """
#include <stdlib.h>
extern void out(int);
static int one(int n) { return n + 1; }
static int two(int n) { return n + 2; }
int (*table[4])(int) = {one, two, one, two};
void (*volatile import)(int) = out;
static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
__attribute__((noinline)) static int choose(int x) {
    switch (x) { case 0: return 5; case 1: return 9; case 2: out(7); return 1; case 3: return x * 3; case 4: out(1);
    case 5: return 2; case 6: return 99; case 7: out(3); return 8; default: return -1; } }
struct big { char name[12]; int values[40]; short last[3]; }; static struct big shelf[3];
static int values[20]; static long long wide[4]; static unsigned char bytes[64];
int run(int n) {
    for (int i = 0; i < 20; i++) values[i] = (i * 7919 + n) % 101;
    qsort(values, 20, 4, by_value);
    for (int i = 0; i < 20; i++) out(values[i]);
    for (int i = -1; i < 9; i++) out(choose(i));
    for (int i = 0; i < 3; i++) { shelf[i].values[i * 7] = n + i; shelf[i].last[2] = i; shelf[(i + 1) % 3] = shelf[i]; }
    for (int i = 0; i < 4; i++) wide[i] = (long long)n * i << 20;
    for (int i = 0; i < 64; i++) bytes[(i * 5) & 63] ^= i;
    import((int)(wide[3] >> 16)); import(shelf[1].values[0]); import(bytes[9]);
    return table[n & 3](n) + (int)(n * 1.5);
}"""

SMALL = """
extern void out(int);
static int values[8]; static short halves[4]; static char bytes[9];
__attribute__((noinline)) static void fill(int *p, short *h, char *b, int n) {
    for (int i = 0; i < 8; i++) p[i ^ 1] = n * i;
    for (int i = 0; i < 4; i++) h[i] = p[i] + n;
    for (int i = 8; i >= 0; i--) *b++ = i; }
int run(int n) { fill(values, halves, bytes, n); for (int i = 0; i < 4; i++) out(values[i] + halves[i] + bytes[i]); return n; }"""

CPP = """
extern "C" { void out(int); extern void (*__ringfence_init_array_start[])(), (*__ringfence_init_array_end[])(); }
void operator delete(void *, unsigned) {}
struct Shape { virtual ~Shape() {} virtual int area() const = 0; virtual int sides() const { return 4; } int id = 3; };
struct Named { virtual ~Named() {} virtual int name() const { return 'n'; } int key = 9; };
struct Square : Shape, Named { int a; Square(int n) : a(n) {} int area() const override { return a * a; }
    int name() const override { return 's' + a; } };
struct Triangle final : Shape { int a; Triangle(int n) : a(n) {} int area() const override { return a * a / 2; }
    int sides() const override { return 3; } };
template <class T, int N> struct Ring { T items[N]; int n = 0; void push(T t) { items[n++ % N] = t; }
    template <class F> int sum(F f) const { int s = 0; for (auto i : items) s += f(i); return s; } };
static Square square(5); static Triangle triangle(7); static Ring<Shape *, 4> ring;
static int started = square.area() + 1;
int (Shape::*volatile member)() const = &Shape::sides; Named *volatile named = &square;
int &counter() { static int n = started; return n; }
extern "C" int run(int n) {
    for (auto f = __ringfence_init_array_start; f < __ringfence_init_array_end; f++) (*f)();
    for (int i = 0; i < 4; i++) ring.push(i & 1 ? (Shape *)&square : (Shape *)&triangle);
    out(ring.sum([n](Shape *s) { return s->area() * n + s->sides(); }));
    for (auto s : ring.items) out((s->*member)());
    out(named->name()); out(counter()++); out(counter());
    return static_cast<Named *>(&square)->key;
}"""  # fmt: skip


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_code_from_clang(level: str) -> None:
    """Function addresses come from movw and movt, jump tables from another index register, frames from r7."""
    image = lab.build(MIXED, level, window=0x10000, compiler="clang")
    for argument in (5, 2):
        lab.same(image, argument)
    assert lab.verdict(image, lab.rewritten(image)) == []


@pytest.mark.parametrize("flags", ["-mpure-code", "-mslow-flash-data", "-mlong-calls", "-fshort-enums -mno-unaligned-access"])
def test_code_from_gcc_with_other_ways_to_form_addresses(flags: str) -> None:
    image = lab.build(MIXED, "-O2", window=0x10000, flags=flags)
    lab.same(image, 5)
    assert lab.verdict(image, lab.rewritten(image)) == []


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_cpp_with_virtual_calls_thunks_and_constructors(level: str) -> None:
    image = lab.build(CPP, level, window=0x10000, compiler="g++", libs="-lstdc++_nano -lc_nano -lgcc",
                      flags="-fno-threadsafe-statics")
    lab.same(image, 6)
    assert lab.verdict(image, lab.rewritten(image)) == []


@pytest.mark.parametrize("bits", range(10, 21))
def test_windows_of_every_size_from_1_kib_to_1_mib(bits: int) -> None:
    """At a base that is aligned to the size and to nothing more."""
    size = 1 << bits
    base = 0x20080000 + size if bits < 19 else 0x20080000 if bits == 19 else 0x20100000
    image = lab.build(SMALL, "-O2", window=size, stack=0x80, base=base)
    lab.same(image, 3)
    assert lab.verdict(image, lab.rewritten(image)) == []


def large_function(cases: int) -> str:
    """A switch of many cases with many literals: branches, tables and pools beyond the reach of short forms."""
    lines = [f"case {n}: x += {0x12345 + n * 0x10001}; v[x & 63] = x ^ {0x7654321 - n * 0x313}; if (x > {n * 1001}) goto done; "
             f"out(x * {n + 3}); break;" for n in range(cases)]  # fmt: skip
    return f"""extern void out(int); static int v[64];
    int run(int n) {{ unsigned x = n; for (int i = 0; i < 4; i++) {{ switch (x % {cases}) {{ {' '.join(lines)} }} if (x == 77) return 1; x = x * 5 + i; }}
    done: for (int i = 0; i < 64; i++) out(v[i]); return x; }}"""


@pytest.mark.parametrize(("level", "mode"), [("-O0", "mask"), ("-O2", "trap")])
def test_a_very_large_function(level: str, mode: str) -> None:
    image = lab.build(large_function(150), level, window=0x10000, mode=mode)
    result = lab.rewritten(image)
    assert result.needs["t"].code_bytes > 5_000
    for argument in (5, 1234567):
        lab.same(image, argument)
    assert lab.verdict(image, result) == []


def test_an_address_inside_of_a_function_is_refused_by_name() -> None:
    source = """
    .syntax unified
    .thumb
    .section .text.run, "ax"
    .global run
    .thumb_func
    .type run, %function
run: movw r3, #:lower16:(run + 4)
    movt r3, #:upper16:(run + 4)
    bx r3
    .size run, . - run"""
    image = lab.build(source, window=0x10000, assembly=True)
    with pytest.raises(RingfenceError, match="movw and movt form an address in the code, of '__rf_t_export_run' plus"):
        lab.rewritten(image)


@pytest.mark.parametrize(
    ("source", "line", "what"),
    [
        ("int run(int n) {\n  __asm__ volatile (\"mov sp, %0\" : : \"r\"(n));\n  return n; }", 2, "stack frame"),
        ("int run(int n) {\n  __asm__ volatile (\"svc #1\");\n  return n; }", 2, "svc"),
        ("int run(int n) {\n  static void *at[] = {&&one, &&two};\n  goto *at[n & 1];\n one: return 1;\n two: return 2; }", 0, "computed"),
    ],
    ids=["another stack", "system call", "computed goto"],
)
def test_what_is_refused_is_named_with_its_source_line_and_a_hint(source: str, line: int, what: str) -> None:
    image = lab.build(source, "-O1", window=0x10000, flags="-g")
    with pytest.raises(RingfenceError, match=what) as caught:
        lab.rewritten(image)
    assert caught.value.hint
    assert f"s.c:{line}: " in str(caught.value) if line else "0x000" in str(caught.value)
