"""Return addresses in one protected word for each rank of functions: the same behaviour, certified, with little RAM;
programs whose calls may lead back to an active function are refused."""

from __future__ import annotations

import pytest

from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.rewrite import RoomNeeded
from support import rewriter_lab as lab

CALLS = r"""
#include <string.h>
#include <stdlib.h>
#include <stdio.h>
#define FUNCTION __attribute__((noinline)) static
extern void out(int);
FUNCTION int leaf(int a) { return a * 3 + 1; }
FUNCTION int one(int a) { out(a); return leaf(a) + leaf(a + 1); }
FUNCTION int goes_on(int a) { out(one(a)); return one(a + 2); }
FUNCTION int two(int a) { return one(a) - one(leaf(a)); }
FUNCTION int sometimes(int a) { if (a & 1) return a; return two(a) + two(a + 1); }
FUNCTION int big(int a) { int v[2000]; memset(v, a, sizeof v); v[a & 63] = two(a); return v[3] + v[a & 63]; }
FUNCTION int many(int a, int b, int c, int d, int e, int f) { return a + one(b) + c * one(d) + e - one(f); }
FUNCTION int switched(int k) { switch (k) { case 0: return one(k); case 1: return two(k); case 2: return big(k);
    case 3: return goes_on(k); case 4: return many(1, 2, 3, 4, 5, k); default: return leaf(k); } }
static int (*volatile pointer)(int) = two;
int run(int a) {
    char text[80]; int n = sprintf(text, "%d %x %s", a, a * 77, "words");
    for (int i = 0; i < n; i++) out(text[i]);
    for (int i = 0; i < 7; i++) out(switched(i));
    out(sometimes(a)); out(sometimes(a + 1)); out(pointer(a));
    char *p = malloc(40); strcpy(p, text); out(strlen(p)); free(p);
    return goes_on(a);
}"""
ALLOCA = r"""
#include <alloca.h>
#include <string.h>
#define FUNCTION __attribute__((noinline)) static
extern void out(int);
FUNCTION void use(void *p, int n) { char *c = p; for (int i = 0; i < n; i++) c[i] += i * 3; out(c[0]); }
FUNCTION int array(int n) { int a[n]; memset(a, 1, 4 * n); use(a, 4 * n); return a[0] + a[n - 1]; }
FUNCTION int nested(int n) {
    int a[n]; memset(a, 0, 4*n); use(a, n); int r = a[0];
    for (int i = 0; i < n; i++) { int b[i + 1]; memset(b, 0, 4*i + 4); use(b, i); r += b[0] + array(i + 1); }
    return r + a[n - 1]; }
FUNCTION int either(int n) {
    char *p; if (n & 1) { p = alloca(16); memset(p, 2, 16); } else { p = alloca(40); memset(p, 3, 40); } use(p, 16); return p[2]; }
int run(int n) { out(array(n)); out(nested(n)); out(either(n)); out(either(n + 1)); return array(3); }
"""
BACK = {
    "a function that calls itself": "F int f(int n) { return n < 2 ? n : f(n - 1) + f(n - 2); } int run(int n) { return f(n); }",
    "two that call each other": """F int g(int); F int f(int n) { out(n); return n > 0 ? g(n - 1) + 1 : 0; }
        F int g(int n) { out(n); return n > 0 ? f(n - 1) + 2 : 1; } int run(int n) { return f(n); }""",
    "through a pointer": """F int f(int n); static int (*volatile p)(int) = f;
        F int f(int n) { out(n); return n > 0 ? p(n - 1) + 1 : 0; } int run(int n) { return p(n); }""",
}
HEAD = "#define F __attribute__((noinline, noclone)) static\nextern void out(int);\n"


def certified(source: str, words: int, **options: str) -> lab.Run:
    image = lab.build(source, words=words, **options)
    run = lab.same(image, 6)
    assert lab.verdict(image, lab.rewritten(image)) == []
    return run


@pytest.mark.parametrize("confine", ["writes", "reads"])
@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
def test_calls_of_all_kinds(level: str, confine: str) -> None:
    certified(CALLS, 24, level=level, confine=confine)


@pytest.mark.parametrize("confine", ["writes", "reads"])
@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
def test_dynamic_frames(level: str, confine: str) -> None:
    certified(ALLOCA, 24, level=level, confine=confine)


@pytest.mark.parametrize("mode", ["mask", "trap"])
def test_a_loop_of_tail_calls_leads_not_back(mode: str) -> None:
    source = HEAD + """F int g(int n); F int f(int n) { out(n); return n > 0 ? g(n - 1) : 3; }
        F int g(int n) { out(-n); return n > 0 ? f(n - 2) : 4; } int run(int n) { return f(n) + g(n); }"""
    certified(source, 8, mode=mode)


@pytest.mark.parametrize("what", BACK)
def test_calls_that_may_lead_back_are_refused(what: str) -> None:
    image = lab.build(HEAD + BACK[what], words=30)
    with pytest.raises(RingfenceError, match="may lead back") as refused:
        lab.rewritten(image)
    assert 'shadow="stack"' in (refused.value.hint or "")


def test_as_many_words_as_calls_are_deep() -> None:
    image = lab.build(CALLS, words=1)
    with pytest.raises(RoomNeeded, match="words for return addresses") as short:
        lab.rewritten(image)
    words = short.value.needs["t"].words
    assert 4 < words < 16
    certified(CALLS, words)
    with pytest.raises(RoomNeeded):
        lab.rewritten(lab.build(CALLS, words=words - 1))


def test_leaf_functions_need_none() -> None:
    image = lab.build(HEAD + "int run(int n) { return n * 3; }", libs="-nostdlib", words=1)
    result = lab.rewritten(image)
    assert result.needs["t"].words == 0
    assert lab.verdict(image, result) == []
