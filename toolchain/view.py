"""What the prover is told of a sandbox that is not finished yet: its code as bytes, and what the request says of it."""

from __future__ import annotations

from ringfence.verify.kernel.policy import EVERYTHING, Import, Range, Sandbox, Stack, Window

from .request import RewriteRequest

REACH_BELOW, REACH_ABOVE = 256, 264  # guarded bases are used with offsets up to these distances


class Code:
    """What is read as the image: code at an address, nothing else."""

    def __init__(self, start: int, code: bytes) -> None:
        self._start = start
        self._code = code

    def read(self, address: int, size: int) -> bytes | None:
        at = address - self._start
        return self._code[at : at + size] if 0 <= at <= len(self._code) - size else None


def sandbox_of(request: RewriteRequest, code: Range, slots: Range, ranks: int = 0) -> Sandbox:
    """The request as the prover knows a sandbox; the write set as wide as guards may make it. `ranks`: the highest one,
    for as many words as that if there is no shadow stack."""
    words = Range(request.word(1), request.word(ranks + 1))
    low, high = request.window_base, request.window_base + request.window_size
    return Sandbox(
        name=request.name,
        code=code,
        slots=slots,
        constants=(),
        window=Window(low, high, Range(low - REACH_BELOW, high + REACH_ABOVE)),
        # As large as can be: the stack of a first round is small, and a function that does not fit gives no facts.
        stack=Stack(request.window_base, request.stack_high, request.room),
        shadow_place=request.shadow_offset if request.words is None else words,
        entries=(),
        imports=tuple(Import(name, address & ~1) for name, address in request.imports.items()),
        mmio=tuple(Range(*ends) for ends in request.mmio),
        confine=request.confine,
        extensions=EVERYTHING,
    )
