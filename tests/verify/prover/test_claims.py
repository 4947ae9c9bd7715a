"""What a certificate claims: as little as proves what depends on it, so that certificates stay small."""

from __future__ import annotations

from collections import Counter

import pytest

from ringfence.verify.kernel.proof import Certificate, Fact
from ringfence.verify.recheck import write_certificate
from ringfence.verify.verifier import verify
from support import rewriter_lab as lab
from support.loops import LEVELS, rewritten_loops


def certified(image: lab.Image) -> Certificate:
    result = lab.rewritten(image)
    outcome = verify(result.elf, lab.policy(image, result))
    assert outcome.certificate is not None, outcome.report.failures[:3]
    return outcome.certificate


def facts_of(certificate: Certificate) -> list[tuple[Fact, ...]]:
    """Those of every block."""
    return [b.facts for f in certificate.sandboxes["t"].functions.values() for b in f.blocks.values()]


NO_RANGES = {
    "guarded stores": "void f(int *p, int n) { while (n--) *p++ = n; }",
    "constant addresses": "int a, b; void f(int *p, int n) { if (n > 3) a = n; else b = n; while (n > 7) n -= a; b = n; }",
    "no stores": "int f(int *p, int n) { int s = 0; for (int i = 0; i < n; i++) s += p[i]; return s; }",
    "the stack": "extern void out(int); void f(int *p, int n) { volatile int x = n; while (x > 1) { out(x); x = x / 2; } }",
}


@pytest.mark.parametrize("what", NO_RANGES)
def test_code_whose_safety_depends_on_no_range_claims_none(what: str) -> None:
    text = NO_RANGES[what].replace(" f(", " __attribute__((noipa)) f(", 1)
    image = lab.build(text + "\nint run(int x) { f((int *)x, x); return x; }", "-O2", window=0x10000, libs="-lgcc")
    facts = facts_of(certified(image))
    assert facts
    assert [f for block in facts for f in block if not f.exact] == []


COUNTED = """
int words[100];
__attribute__((noipa)) void f(int n) {{ {body} }}
int run(int x) {{ f(x); return words[0]; }}
"""


@pytest.mark.parametrize(
    ("body", "most"),
    [
        ("for (int i = 0; i < 100; i++) words[i] = n;", 1),  # the pointer, up to its end
        ("for (unsigned i = 0; i < 100; i++) { if (n == i) break; words[i] = i; }", 2),
        ("if ((unsigned)n < 100) words[n] = 1;", 1),
        ("for (unsigned i = 0; i < 100; i++) { words[i] = n; if (n & i) n++; else n--; n ^= i; }", 2),
    ],
)
def test_a_loop_claims_what_its_store_needs_and_no_more(body: str, most: int) -> None:
    facts = facts_of(certified(lab.build(COUNTED.format(body=body), "-O2", window=0x10000, libs="-lgcc")))
    assert max(sum(not f.exact for f in block) for block in facts) <= most


def test_no_claim_is_made_twice() -> None:
    for block in facts_of(certified(rewritten_loops("-O2").image)):
        counts = Counter((f.register, f.base, f.scale) for f in block)
        assert max(counts.values(), default=0) <= 1
        exact = {f.register for f in block if f.exact}
        assert not [f for f in block if not f.exact and f.register in exact]


@pytest.mark.parametrize("level", LEVELS)
def test_certificates_of_loops_stay_small(level: str) -> None:
    """Two ranges a block are plenty, and the claims are a few bytes per instruction.

    Most of a certificate are proofs, and most of those a handful about rows of arrays: 10 KB each, packed."""
    certificate = certified(rewritten_loops(level).image)
    facts = facts_of(certificate)
    ranges = [sum(not f.exact for f in block) for block in facts]
    assert sum(ranges) > 20
    assert sum(ranges) / len(ranges) < 1
    assert max(ranges) <= 5
    assert len(write_certificate(certificate)) < 96 * 1024
