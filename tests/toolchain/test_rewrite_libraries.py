"""Large parts of newlib, libm and libgcc in a sandbox: same results, certified."""

from __future__ import annotations

import re

import pytest

from ringfence.toolchain.elffile import STT_FUNC, LinkedElf
from support import rewriter_lab as lab

PROGRAMS = {
    "full printf and scanf": ("-lc -lm -lgcc", """
#include <stdio.h>
#include <stdlib.h>
extern void out(int);
int run(int a) {
    char b[400]; int n = sprintf(b, "%f %g %e %.3f %Lf %lld %zx %s", a * 1.5, 1e300 / a, 0.1 * a, 3.14159265,
        (long double)1.25, 123456789012345LL, (size_t)a, "x");
    for (int i = 0; i < n; i++) out(b[i]);
    out((int)(strtod("1.2345e-5xyz", 0) * 1e9)); int x, y;
    out(sscanf("12 0x34 abc", "%d %i %s", &x, &y, b)); out(x); out(y); return n;
}"""),
    "mathematics": ("-lm -lc_nano -lgcc", """
#include <math.h>
extern void out(int);
static void od(double d) { union { double d; long long l; } u; u.d = d; out((int)u.l); out((int)(u.l >> 32)); }
static void of(float d) { union { float d; int l; } u; u.d = d; out(u.l); }
int run(int a) {
    for (int i = 1; i < 8; i++) {
        double x = i * 0.37 * a; int e;
        od(sin(x)); od(cos(x)); od(tan(x)); od(exp(x / 9)); od(log(x)); od(pow(x, 1.7)); od(sqrt(x)); od(atan2(x, i));
        od(asin(1.0 / (1 + x))); od(fmod(x * 100, i)); od(floor(x)); od(ceil(-x)); od(cbrt(x)); od(hypot(x, i));
        od(tgamma(1 + x / 20)); od(erf(x)); od(sinh(x / 9)); od(log10(x)); od(ldexp(x, i)); od(frexp(x, &e)); out(e);
        of(sinf(x)); of(powf(x, 0.3f)); of(sqrtf(x)); of(expf(x / 9)); of(logf(x)); od(round(x)); od(remainder(x, 3));
        od(sin(x * 1e10));
    }
    return 0;
}"""),
    "time and memory": ("-lc_nano -lgcc", """
#include <stdlib.h>
#include <string.h>
#include <time.h>
extern void out(int);
static int c(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
int run(int a) {
    time_t t = 1000000000 + a * 86400 * 37; struct tm m; gmtime_r(&t, &m);
    char b[100]; int n = strftime(b, 100, "%Y-%m-%d %H:%M:%S %a %b %j", &m); for (int i = 0; i < n; i++) out(b[i]);
    out(mktime(&m)); char *w[5] = {"pear", "apple", "fig", "kiwi", "date"}; qsort(w, 5, sizeof *w, c);
    for (int i = 0; i < 5; i++) out(w[i][0]);
    char *k = "fig"; char **r = bsearch(&k, w, 5, sizeof *w, c); out(r - w);
    void *p[20]; for (int i = 0; i < 20; i++) { p[i] = malloc(10 + i * 7); memset(p[i], i, 10 + i * 7); }
    for (int i = 0; i < 20; i += 2) free(p[i]);
    for (int i = 0; i < 20; i += 2) p[i] = calloc(i + 1, 9);
    p[1] = realloc(p[1], 300); out(((char *)p[1])[5]); out(div(a, 3).rem); out((int)lldiv(1234567890123LL, 77).rem);
    return 0;
}"""),
    "assembly string functions": ("-lc -lgcc", """
#include <string.h>
extern void out(int);
static char A[2000], B[2000];
int run(int a) {
    for (int al = 0; al < 8; al++) for (int l = 0; l < 70; l += 3) {
        for (int i = 0; i < 100; i++) { A[i] = i + al; B[i] = i * 3; }
        memcpy(B + al, A + (al * 3 & 7), l); memset(A + al, l, l); memmove(A + al + 1, A + al, l);
        int h = 0; for (int i = 0; i < 100; i++) h = h * 31 + A[i] + B[i] * 7;
        out(h); out(memcmp(A, B, l)); strncpy(B, "hello world this is", l % 20); B[20] = 0;
        out(strlen(B)); out(strcmp(A, B) > 0); out((int)(strrchr(B, 'o') - B)); out(memchr(A, l, 100) != 0);
    }
    return 0;
}"""),
    "other programmers' code": ("-lm -lc_nano -lgcc", """
#define STB_SPRINTF_IMPLEMENTATION
#include "/usr/include/stb/stb_sprintf.h"
#define STB_PERLIN_IMPLEMENTATION
#include "/usr/include/stb/stb_perlin.h"
#define STB_DXT_IMPLEMENTATION
#include "/usr/include/stb/stb_dxt.h"
extern void out(int);
int run(int a) {
    char b[300]; int n = stbsp_sprintf(b, "%f %g %e %d %llx %s", a * 1.5, 1e30 / a, 0.1 * a, a, 123456789012345LL, "s");
    for (int i = 0; i < n; i++) out(b[i]);
    for (int i = 0; i < 5; i++) out((int)(stb_perlin_noise3(i * 0.3f, a * 0.7f, 1.1f, 0, 0, 0) * 1e6f));
    unsigned char src[64], dst[16]; for (int i = 0; i < 64; i++) src[i] = i * a * 7;
    stb_compress_dxt_block(dst, src, 1, STB_DXT_HIGHQUAL); for (int i = 0; i < 16; i++) out(dst[i]);
    return 0;
}"""),
}  # fmt: skip


LEVELS = ("-O0", "-O2", "-O3")
COMPILED = ("other programmers' code",)  # with the program; the other libraries are as they were delivered


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "level"),
    [(program, level) for program in PROGRAMS for level in LEVELS if level == "-O2" or program in COMPILED],
)
def test_library_code(program: str, level: str) -> None:
    libraries, source = PROGRAMS[program]
    image = lab.build(source, level, window=0x10000, libs=libraries)
    assert lab.same(image, argument=5).output
    assert lab.verdict(image, lab.rewritten(image)) == []


@pytest.mark.parametrize("program", [program for program in PROGRAMS if program not in COMPILED])
def test_delivered_libraries_are_the_same_code_at_every_level(program: str) -> None:
    """So that one level of the program that calls them is enough. Its own functions apart."""
    libraries, source = PROGRAMS[program]
    own = {"__rf_t_export_run", *re.findall(r"^static \w+ (\w+)\(", source, re.MULTILINE)}
    found = []
    for level in LEVELS:
        symbols = LinkedElf(lab.build(source, level, window=0x10000, libs=libraries).elf).symbols
        found.append(sorted((s.name, s.size) for s in symbols if s.kind == STT_FUNC and s.name not in own))
    assert found[0] == found[1] == found[2] != []
