"""The guard of one data address: force it into the window, or trap when it is not there."""

from __future__ import annotations

from .analysis import Analysis
from .errors import RingfenceError
from .guards import force_bits
from .insn import Insn, Label
from .request import RewriteRequest


def window_bits(request: RewriteRequest) -> tuple[int, int]:
    """The bits (mask, value) that every address in the window has."""
    return ~(request.window_size - 1) & 0xFFFFFFFF, request.window_base


def guard(facts: Analysis, n: int, register: int, store: Insn) -> list[Insn | Label]:
    """What must run right before `store`, which addresses memory from `register`, at item n."""
    if facts.request.mode == "mask":
        return list(force_bits(register, *window_bits(facts.request)))
    raise RingfenceError("mode trap: not written yet")
