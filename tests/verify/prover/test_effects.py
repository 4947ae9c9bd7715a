"""What a function keeps, found from its instructions: never too much, and enough for real code."""

from __future__ import annotations

import pytest

from ringfence.toolchain.elffile import LinkedElf
from ringfence.verify.kernel.policy import parse_policy
from ringfence.verify.verifier import verify
from support import rewriter_lab as lab

PROGRAM = """
int words[64];
__attribute__((noipa)) int leaf(int x) { return x * 3 + 1; }
__attribute__((noipa)) int loop(int x) { int s = 0; while (x > 0) s += x--; return s; }
__attribute__((noipa)) int busy(int a, int b) { int c = leaf(a), d = leaf(b); return c * d + leaf(c - d); }
__attribute__((noipa)) int tail(int x) { return leaf(x + 1); }
int (*chosen)(int) = leaf;
__attribute__((noipa)) int pointer(int x) { return chosen(x) + 1; }
__attribute__((noipa)) void fill(int *p, int n) { for (int i = 0; i < 8; i++) { p[i] = n; n = leaf(n); } }
int run(int x) { fill(words, x); return leaf(x) + loop(x & 15) + busy(x, 3) + tail(x) + pointer(x) + words[5]; }
"""
SAVED = set(range(4, 12))
KEPT = {"leaf": SAVED, "loop": SAVED, "tail": SAVED, "pointer": SAVED}


@pytest.mark.parametrize("level", ["-O1", "-O2", "-Os"])
def test_what_functions_keep(level: str) -> None:
    image = lab.build(PROGRAM, level, window=0x10000)
    result = lab.rewritten(image)
    policy = lab.policy(image, result)
    certificate = verify(result.elf, policy).certificate
    assert certificate is not None
    assert parse_policy(policy).sandboxes[0].name == "t"
    starts = {s.name: s.value & ~1 for s in LinkedElf(result.elf).symbols}
    functions = certificate.sandboxes["t"].functions
    kept = {name: set(functions[starts[name]].keeps) & SAVED for name in (*KEPT, "busy")}
    assert {name: kept[name] for name in KEPT} == KEPT
    assert kept["busy"] and 4 not in kept["busy"]  # it saves some, and so does not keep them


def test_a_guard_serves_stores_behind_a_call_of_a_function_that_keeps_the_register() -> None:
    image = lab.build(PROGRAM, "-O2", window=0x10000)
    result = lab.rewritten(image)
    assert lab.verdict(image, result) == []
    symbols = {s.name: s for s in LinkedElf(result.elf).symbols}
    start = symbols["fill"].value & ~1
    stores = [what for pc, what in result.stores.items() if start <= pc < start + symbols["fill"].size]
    assert "stores guarded" not in stores
    plain = lab.execute(image.elf, image.request, image.request.exports["run"], 7, watch=False)
    boxed = lab.execute(result.elf, image.request, result.exports["t"]["run"], 7)
    assert (boxed.fault, boxed.breaches, boxed.result) == (None, [], plain.result)
