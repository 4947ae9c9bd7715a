"""Terms that tests need and the kernel does not."""

from __future__ import annotations

from ringfence.verify.kernel.term import Term, const, ult, xor


def slt(a: Term, b: Term) -> Term:
    """Signed a < b."""
    top = const(1 << (a.width - 1), a.width)
    return ult(xor(a, top), xor(b, top))
