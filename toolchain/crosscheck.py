"""A second opinion on the instructions that the rewriter makes: the only importer of keystone.

The encoders of asm.py are direct, since keystone refuses or miscodes many 32-bit forms. What keystone can assemble,
though, it must assemble to the same bytes: each new instruction is disassembled and put to it. A difference is a defect
of an encoder, found here rather than by the verifier, which would only say that the result is not safe.
"""

from __future__ import annotations

from collections.abc import Iterable

import keystone

from .disasm import assembly
from .errors import RingfenceError
from .insn import Insn


def cross_check(made: Iterable[Insn]) -> int:
    """Compare each instruction with what keystone makes of its text; how many keystone could judge.

    Instructions with a target are left out: their bytes depend on the layout. Raises RingfenceError for a difference.
    """
    assembler = keystone.Ks(keystone.KS_ARCH_ARM, keystone.KS_MODE_THUMB)
    judged = 0
    for insn in made:
        text = assembly(insn.raw)
        theirs = _assemble(assembler, text)
        if theirs is None:
            continue
        if theirs != insn.raw:
            raise RingfenceError(
                f"internal: '{text}' was encoded as {insn.raw.hex(' ')}, and keystone says {theirs.hex(' ')}",
                "please report this: nothing was written",
            )
        judged += 1
    return judged


def _assemble(assembler: keystone.Ks, text: str) -> bytes | None:
    try:
        code, _ = assembler.asm(text, as_bytes=True)
    except keystone.KsError:
        return None
    return bytes(code) if code else None
