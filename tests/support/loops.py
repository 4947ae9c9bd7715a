"""Small functions with loops over memory, as compilers turn them into code: which need guards and which do not.

FREE: what they store to follows from their own code, and the prover must see it. BEYOND: it follows, too, but not by
what the prover knows (strides that are no power of two up to an end that is only compared for equality, products,
counters that are cut to 8 or 16 bits, relations of three registers). OPEN: it depends on a number or pointer from outside, so a guard must be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ringfence.toolchain.elffile import LinkedElf
from ringfence.toolchain.proved import EARLY
from ringfence.toolchain.rewrite import RewriteResult
from support import rewriter_lab as lab

DECLARATIONS = """
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned u32;
struct twelve { int a; short b, c; char d[4]; };
int words[100]; u16 halves[100]; u8 bytes[256]; int grid[16][24], square[16][32]; struct twelve records[20];
struct sixteen { int a; short b, c; char d[8]; } large[20]; int out_of[100];
volatile int sink; int *somewhere = words; int anywhere = 5;
"""
FREE = {
    "column_of_square": "for (int i = 0; i < 16; i++) square[i][7] = x;",
    "records_of_16": "for (int i = 0; i < 20; i++) { large[i].a = x; large[i].c = i; large[i].d[7] = x; }",
    "by_fours": "for (int i = 0; i < 100; i += 4) words[i] = x;",
    "zeroed_record": "struct twelve *r = records; r->a = 0; r->b = 0; r->d[3] = x;",
    "counting_up": "for (int i = 0; i < 100; i++) words[i] = i * x;",
    "counting_down": "for (int i = 99; i >= 0; i--) words[i] = i ^ x;",
    "to_zero": "for (u32 i = 100; i-- > 0;) halves[i] = i + x;",
    "pointer_and_end": "for (int *p = words; p < words + 100; p++) *p = x;",
    "pointer_not_end": "for (u16 *p = halves; p != halves + 100; p++) *p = x;",
    "unsigned_index": "for (u32 i = 0; i < 256; i++) bytes[i] = x >> (i & 7);",
    "short_index": "for (short i = 0; i < 100; i++) words[i] = x;",
    "byte_index": "for (u8 i = 0; i < 200; i++) bytes[i] = x;",
    "two_arrays": "for (int i = 0; i < 100; i++) words[i] = halves[i] = x + i;",
    "copied": "for (int i = 0; i < 100; i++) words[i] = out_of[i] + x;",
    "two_pointers": "int *p = words, *q = out_of; for (int n = 100; n; n--) *p++ = *q++ + x;",
    "from_both_ends": "for (int i = 0, j = 99; i < j; i++, j--) { int t = words[i]; words[i] = words[j]; words[j] = t; }",
    "do_while": "int i = 0; do words[i] = x; while (++i < 100);",
    "do_while_down": "int i = 99; do halves[i] = x; while (i-- > 0);",
    "early_exit": "for (int i = 0; i < 100; i++) { if (out_of[i] == x) break; words[i] = x; }",
    "continued": "for (int i = 0; i < 100; i++) { if (out_of[i] & 1) continue; words[i] = x; }",
    "masked": "for (int i = 0; i < 1000; i++) bytes[(i * x) & 255] = i;",
    "checked": "if ((u32)x < 100) words[x] = 1;",
    "checked_signed": "if (x >= 0 && x < 100) words[x] = 1;",
    "clamped": "u32 n = x; if (n > 100) n = 100; for (u32 i = 0; i < n; i++) words[i] = i;",
    "clamped_signed": "int n = x; if (n > 100) n = 100; for (int i = 0; i < n; i++) words[i] = i;",
    "byte_sized": "bytes[(u8)x] = 1;",
    "on_the_stack": "u8 local[64]; for (int i = 0; i < 64; i++) local[i] = bytes[i] ^ x; sink = local[x & 63];",
    "histogram": "int count[16] = {0}; for (int i = 0; i < 256; i++) count[bytes[i] & 15]++; sink = count[x & 15];",
    "reversed_bits": "for (int i = 0; i < 256; i++) { u32 r = 0; for (int k = 0; k < 8; k++) if (i >> k & 1) r |= 128u >> k; bytes[i] = r; }",
    "alternatives": "int *p = x ? words : out_of; for (int i = 0; i < 100; i++) p[i] = i;",
    "column": "for (int i = 0; i < 16; i++) grid[i][7] = x;",
    "rows": "for (int i = 0; i < 16; i++) for (int j = 0; j < 32; j++) square[i][j] = x;",
    "rows_of_sums": "for (int i = 0; i < 16; i++) for (int j = 0; j < 32; j++) square[i][j] = i * x + j;",
}  # fmt: skip
BEYOND = {
    "strided": "for (int i = 0; i < 100; i += 3) words[i] = x;",
    "nested": "for (int i = 0; i < 16; i++) for (int j = 0; j < 24; j++) grid[i][j] = i * x + j;",
    "triangle": "for (int i = 0; i < 16; i++) for (int j = 0; j <= i; j++) grid[i][j] = x;",
    "records_of_12": "for (int i = 0; i < 20; i++) { records[i].a = x; records[i].c = i; records[i].d[3] = x; }",
    "sieve": "for (int i = 0; i < 256; i++) bytes[i] = 1; for (u32 i = 2; i < 16; i++) for (u32 j = i * i; j < 256; j += i) bytes[j] = 0;",
}  # fmt: skip
OPEN = {
    "no_check": "words[x] = 1;",
    "checked_too_late": "words[x] = 1; if ((u32)x >= 100) sink = 1;",
    "checked_on_one_side": "if (x < 100) words[x] = 1;",
    "through_a_pointer": "*somewhere = x;",
    "through_an_argument": "*(int *)x = 1;",
    "to_a_length": "for (int i = 0; i < x; i++) words[i] = i;",
    "from_memory": "words[anywhere] = x;",
    "end_from_memory": "for (int *p = words; p != somewhere; p++) *p = x;",
    "stride_from_outside": "for (u32 i = 0; i < 100; i += 3) words[i * (u32)x] = 1;",
    "until_a_value": "int *p = words; while (*p) *p++ = x;",
    "list": "struct node { struct node *next; int v; }; for (struct node *n = (void *)somewhere; n; n = n->next) n->v = x;",
    "not_equal_from_outside": "for (u32 i = x; i != 100; i++) bytes[i] = 0;",
}
NOT_AT = {"-Os": {"short_index", "byte_index", "clamped_signed", "column"}}  # BEYOND in the shape that they have there
LEVELS = ("-O1", "-O2", "-Os")
WINDOW = 0x10000


def source() -> str:
    functions = FREE | BEYOND | OPEN
    texts = [f"__attribute__((noipa)) void {name}(int x) {{ {body} }}" for name, body in functions.items()]
    calls = "".join(f"if (x == {i}) {name}(x); " for i, name in enumerate(functions))
    return DECLARATIONS + "\n".join(texts) + f"\nint run(int x) {{ {calls} return words[3]; }}"


@dataclass(frozen=True)
class Loops:
    """The functions, rewritten. `stores`: of each function the addresses of its stores and what was done about them;
    `early`: of its early guards."""

    image: lab.Image
    result: RewriteResult
    stores: dict[str, dict[int, str]]
    early: dict[str, list[int]]


@lru_cache(maxsize=len(LEVELS))
def rewritten_loops(level: str) -> Loops:
    flags = "-fno-tree-loop-distribute-patterns"  # no memset, no memcpy: the loops are to stay loops
    image = lab.build(source(), level, window=WINDOW, flags=flags)
    result = lab.rewritten(image)
    symbols = {s.name: s for s in LinkedElf(result.elf).symbols}
    spans = {name: (symbols[name].value & ~1, symbols[name].size) for name in FREE | BEYOND | OPEN}
    stores = {
        name: {pc: what for pc, what in result.stores.items() if start <= pc < start + size}
        for name, (start, size) in spans.items()
    }
    early = {
        name: [pc for pc, why in result.made_by.items() if why == EARLY and start <= pc < start + size]
        for name, (start, size) in spans.items()
    }
    return Loops(image, result, stores, early)
